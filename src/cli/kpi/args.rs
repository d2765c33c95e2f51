//! The options of `fairdue kpi`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::client::Client;
use crate::cli::error::CliError;

/// The commands of `kpi`.
#[derive(Debug, Subcommand)]
pub enum KpiCommand {
    /// List the KPIs that can be asked for, with formula and dimensions.
    List {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
    },
    /// Print every KPI of a configuration directory as Markdown; no service is asked.
    Page {
        /// A configuration directory, or its directory kpis.
        #[arg(default_value = "config", env = "FAIRDUE_CONFIG")]
        dir: PathBuf,
    },
    /// Compute KPIs by period and group.
    Query {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// What is asked.
        #[command(flatten)]
        ask: Ask,
    },
    /// Compute KPIs beside what they are compared with.
    Compare {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// What is asked.
        #[command(flatten)]
        ask: Ask,
        /// With what: previous, year, baseline:FIRST..AFTER_LAST or before:DATE (with --grain total).
        #[arg(long, value_name = "WHAT", default_value = "previous")]
        with: String,
    },
    /// Compute KPIs for several markets, and over all of them in the tenant's reporting currency.
    Across {
        /// Country of a market; may be given several times. All that the key may read if absent.
        #[arg(long, value_name = "CC")]
        market: Vec<String>,
        /// Where the service is.
        #[command(flatten)]
        service: Service,
        /// What is asked.
        #[command(flatten)]
        ask: Ask,
    },
    /// Print the answer to a question now and whenever it changes, until it is stopped.
    Watch {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// What is asked.
        #[command(flatten)]
        ask: Ask,
        /// Stop after so many answers.
        #[arg(long, value_name = "N")]
        updates: Option<u32>,
    },
    /// Tell how the market stands to the tenant's targets that hold today.
    Scorecard {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
    },
    /// Tell which targets are not on track, and every change after that, until it is stopped.
    Alerts {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// Stop after so many messages.
        #[arg(long, value_name = "N")]
        updates: Option<u32>,
    },
    /// Tell a quarter's figures beside published ones, and beside the quartiles of tenants that share theirs.
    Benchmarks {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// The KPI; may be given several times.
        #[arg(long, value_name = "ID", required = true)]
        kpi: Vec<String>,
        /// First day of a calendar quarter that ended thirty days ago or more.
        #[arg(long, value_name = "DATE")]
        quarter: NaiveDate,
    },
    /// Tell which rules and KPIs say nothing for want of inputs, and what to send so that they speak.
    Quality {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// First day.
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// Day after the last one.
        #[arg(long, value_name = "DATE")]
        to: NaiveDate,
    },
    /// List the records that make a figure.
    Drill {
        /// Where the service is, and which market.
        #[command(flatten)]
        target: Target,
        /// The KPI.
        #[arg(long, value_name = "ID")]
        kpi: String,
        /// First day of the figure's period.
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// Day after its last one.
        #[arg(long, value_name = "DATE")]
        to: NaiveDate,
        /// The figure's group, such as agent=ann; agent= is the group without an agent. May be given several times.
        #[arg(long, value_name = "DIMENSION=VALUE")]
        group: Vec<String>,
        /// The question's filters, such as channel=call,sms. May be given several times.
        #[arg(long = "where", value_name = "DIMENSION=VALUE[,VALUE]")]
        filters: Vec<String>,
        /// The figure's currency, where it is money.
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// First day of the question that the figure answered, with which running totals begin; its period's if absent.
        #[arg(long, value_name = "DATE")]
        question_from: Option<NaiveDate>,
        /// Stop after so many records.
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        limit: u32,
    },
}

/// Which market, where the service is, and how the answer is printed.
#[derive(Debug, Args)]
pub struct Target {
    /// Country of the market: ISO 3166-1 alpha-2 code.
    #[arg(long, value_name = "CC")]
    pub market: String,
    /// Where the service is.
    #[command(flatten)]
    pub service: Service,
}

/// Where the service is, and how the answer is printed.
#[derive(Debug, Args)]
pub struct Service {
    /// The service.
    #[arg(long, default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL")]
    pub url: String,
    /// An API key with the role reader.
    #[arg(long, env = "FAIRDUE_API_KEY", hide_env_values = true)]
    pub key: String,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

impl Service {
    /// A connection.
    ///
    /// # Errors
    /// The address or the key cannot be used, or nobody answers there.
    pub async fn connect(&self) -> Result<Client, CliError> {
        Client::connect(&self.url, &self.key).await
    }
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people, with sparklines over the periods.
    Table,
    /// One line a figure, with a header.
    Csv,
    /// A list of objects; amounts and values are texts, so that no digit is lost.
    Json,
}

/// A question.
#[derive(Debug, Args)]
pub struct Ask {
    /// The KPI; may be given several times.
    #[arg(long, value_name = "ID", required = true)]
    pub kpi: Vec<String>,
    /// Length of a period: day, week, month, quarter, year, fiscal_quarter, fiscal_year or total.
    #[arg(long, value_name = "GRAIN", default_value = "month")]
    pub grain: String,
    /// First day.
    #[arg(long, value_name = "DATE")]
    pub from: NaiveDate,
    /// Day after the last one.
    #[arg(long, value_name = "DATE")]
    pub to: NaiveDate,
    /// A dimension to group by; may be given several times.
    #[arg(long, value_name = "DIMENSION")]
    pub by: Vec<String>,
    /// Count only facts such as channel=call,sms; channel= is facts without one. May be given several times.
    #[arg(long = "where", value_name = "DIMENSION=VALUE[,VALUE]")]
    pub filters: Vec<String>,
    /// Each figure takes in so much up to its period's last day: 30day, 12month.
    #[arg(long, value_name = "COUNT+UNIT", conflicts_with = "to_date")]
    pub rolling: Option<String>,
    /// Each figure takes in the days from the beginning of this span: month, quarter, year.
    #[arg(long, value_name = "GRAIN")]
    pub to_date: Option<String>,
    /// Add a row of all groups together.
    #[arg(long)]
    pub totals: bool,
    /// Order of the groups: name, value_descending or value_ascending.
    #[arg(long, value_name = "ORDER")]
    pub order: Option<String>,
    /// Keep the first so many groups by the first KPI, and make one row of the rest.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub top: Option<i32>,
    /// Leave out what happened after this instant (RFC 3339, or a date: its first instant in UTC).
    #[arg(long, value_name = "WHEN")]
    pub as_of: Option<String>,
    /// Leave out what was recorded after this instant.
    #[arg(long, value_name = "WHEN")]
    pub as_known: Option<String>,
    /// Show figures of closed periods as they were at the closing, too.
    #[arg(long)]
    pub frozen: bool,
    /// Percentiles of all values sorted, and not of steps that lie up to 1.6 percent beside them; told from the history.
    #[arg(long)]
    pub exact: bool,
}

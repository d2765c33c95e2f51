//! The commands and their options.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::kpi::args::KpiCommand;
use super::sync::SinksArgs;
use crate::domain::principal::Role;

/// Debt-collection compliance, KPIs and market sync over gRPC.
#[derive(Debug, Parser)]
#[command(name = "fairdue", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service.
    Serve(ServeArgs),
    /// Run a service of its own over generated markets, show figures and findings, and keep serving.
    Demo(DemoArgs),
    /// Turn a CSV of events into cases and activities and send them to a running service.
    ///
    /// docs/importing.md says how a mapping is written, with every key, operator and field and a whole example. An import may
    /// be broken off and repeated. It ends with 1 if a row or record was refused, or if rows of an event that may become
    /// activities became none and the mapping does not say that this is meant.
    Import(ImportArgs),
    /// Say what candidate rules would change of a running service's history. Nothing is written.
    Simulate(SimulateArgs),
    /// Ask a running service for KPIs: list them, compute, compare, and see the records behind a figure.
    #[command(subcommand)]
    Kpi(KpiCommand),
    /// Check a configuration directory and run every worked example of its rules and KPIs.
    ///
    /// Mistakes are told all at once with file, line, column and remedy: unknown keys, words, currencies and zones; rules
    /// that can never speak; versions of a rule that overlap or leave a gap; hours that leave no instant of a week open.
    Check {
        /// The configuration directory.
        #[arg(default_value = "config", env = "FAIRDUE_CONFIG")]
        dir: PathBuf,
    },
    /// Write a JSON Schema of every configuration file, by which editors complete and check them.
    Schema {
        /// Where to; made if it is missing.
        #[arg(default_value = "config/schema")]
        dir: PathBuf,
    },
    /// Print every row of every jurisdiction as Markdown: the rule that encodes it, or why none does.
    Jurisdictions {
        /// A configuration directory, a directory of packs, or one pack.
        #[arg(default_value = "config", env = "FAIRDUE_CONFIG")]
        dir: PathBuf,
    },
    /// Say in plain words what changed in law between two directories: rules, scopes, calendars, dated tables.
    ///
    /// The exit code is 0 without a difference, 1 with one, 2 if the law of either directory is not sound. Settings,
    /// tenants and KPIs are no law and are not compared.
    Diff {
        /// A configuration directory, a directory of packs, or one pack.
        old: PathBuf,
        /// The same, later.
        new: PathBuf,
        /// Print every change with its fields as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Copies of a market.
    #[command(subcommand)]
    Sync(SyncCommand),
}

/// Where configuration and database are.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The configuration directory.
    #[arg(long, default_value = "config", env = "FAIRDUE_CONFIG")]
    pub config: PathBuf,
    /// The database, instead of the setting database.url: sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where configuration and database are.
    #[command(flatten)]
    pub source: Source,
    /// Address of the gRPC listener, instead of the setting grpc.listen.
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address of the metrics listener, instead of the setting metrics.listen.
    #[arg(long, value_name = "IP:PORT")]
    pub metrics: Option<SocketAddr>,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The configuration directory.
    #[arg(long, default_value = "config", env = "FAIRDUE_CONFIG")]
    pub config: PathBuf,
    /// Keep the database in this directory; without it, it is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Address of the gRPC listener; a taken port is replaced by a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// End after the tables.
    #[arg(long)]
    pub exit: bool,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The mapping file, as config/imports/*.toml; docs/importing.md says how it is written.
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Country of the market: ISO 3166-1 alpha-2 code.
    #[arg(long, value_name = "CC")]
    pub market: String,
    /// The CSV file, plain or gzip.
    #[arg(value_name = "EVENTS.csv[.gz]")]
    pub events: PathBuf,
    /// The service.
    #[arg(long, default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL")]
    pub url: String,
    /// An API key with the roles writer and reader.
    #[arg(long, env = "FAIRDUE_API_KEY", hide_env_values = true, required_unless_present = "dry_run")]
    pub key: Option<String>,
    /// Read and convert only; send nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Show the monthly figures of this year at the end.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=9998))]
    pub report: Option<i32>,
}

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// A directory laid out as the configuration, with the files that differ: jurisdictions/ID/*.toml, rates/*.toml.
    #[arg(value_name = "DIR")]
    pub candidate: PathBuf,
    /// Country of the market: ISO 3166-1 alpha-2 code.
    #[arg(long, value_name = "CC")]
    pub market: String,
    /// Also lay tenants/TENANT.toml of the directory over the tenant's own file. It must be the key's tenant.
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Compare only breaches from this date (in UTC) or instant on.
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Compare only breaches before this date (in UTC) or instant.
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
    /// Replay nothing where a worked example of the candidate fails, and end with an error.
    #[arg(long)]
    pub strict: bool,
    /// Samples of each kind of change to show for each rule.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub samples: u8,
    /// The service.
    #[arg(long, default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL")]
    pub url: String,
    /// An API key with the role reader.
    #[arg(long, env = "FAIRDUE_API_KEY", hide_env_values = true)]
    pub key: String,
}

/// The commands of `tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant in the database.
    Create {
        /// Its id, as in tenants/<id>.toml.
        id: String,
        /// Where configuration and database are.
        #[command(flatten)]
        source: Source,
    },
}

/// The commands of `key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key and print it, this once.
    Create {
        /// The tenant.
        #[arg(long, value_name = "ID")]
        tenant: String,
        /// What the key may do: writer, reader, checker, compliance, partner or admin; may be given several times.
        #[arg(long, value_name = "ROLE", required = true, value_parser = role)]
        role: Vec<RoleArg>,
        /// A market that the key may touch; may be given several times. Without it, all of the tenant's.
        #[arg(long, value_name = "CC")]
        market: Vec<String>,
        /// Whose key it is, as `fairdue key list` is to tell: a person, a desk, a program. At most 64 characters.
        #[arg(long, value_name = "TEXT", value_parser = label)]
        label: Option<String>,
        /// Where configuration and database are.
        #[command(flatten)]
        source: Source,
    },
    /// List a tenant's keys: id, label, roles, markets, when made and when revoked. Their secrets are stored nowhere.
    List {
        /// The tenant.
        #[arg(long, value_name = "ID")]
        tenant: String,
        /// Where configuration and database are.
        #[command(flatten)]
        source: Source,
    },
    /// Revoke an API key.
    Revoke {
        /// The tenant.
        #[arg(long, value_name = "ID")]
        tenant: String,
        /// The key's id: the part between the dots.
        key: String,
        /// Where configuration and database are.
        #[command(flatten)]
        source: Source,
    },
}

/// Options of `sync mirror`.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// The service that is followed.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL")]
    pub from: String,
    /// A key there with the role reader, or partner: then the copy holds what is shared with that partner.
    #[arg(long, env = "FAIRDUE_API_KEY", hide_env_values = true)]
    pub key: String,
    /// Country of the market: ISO 3166-1 alpha-2 code.
    #[arg(long, value_name = "CC")]
    pub market: String,
    /// The copy: a file (SQLite, made if it is missing), or the address of another service.
    #[arg(long, value_name = "FILE|URL")]
    pub to: String,
    /// A key of the other service with the role writer.
    #[arg(long, value_name = "KEY", env = "FAIRDUE_TO_API_KEY", hide_env_values = true)]
    pub to_key: Option<String>,
    /// Where the place in the feed is kept, for a copy on another service.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// End when everything that was there at the beginning is copied.
    #[arg(long)]
    pub once: bool,
}

/// Options of `sync verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The first service.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051", env = "FAIRDUE_URL")]
    pub a: String,
    /// A key there with the role reader, or partner: the one that the copy was made with.
    #[arg(long, value_name = "KEY", env = "FAIRDUE_API_KEY", hide_env_values = true)]
    pub a_key: String,
    /// The second: another service, or a file that `sync mirror` keeps.
    #[arg(long, value_name = "FILE|URL")]
    pub b: String,
    /// A key of the second service with the role reader or partner.
    #[arg(long, value_name = "KEY", env = "FAIRDUE_B_API_KEY", hide_env_values = true)]
    pub b_key: Option<String>,
    /// Country of the market: ISO 3166-1 alpha-2 code.
    #[arg(long, value_name = "CC")]
    pub market: String,
    /// Compare findings of two services too: they are the same where tenant, rules and decisions are.
    #[arg(long)]
    pub findings: bool,
}

/// The commands of `sync`.
#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// Keep a copy of a market in step: in a file, or on another server. May be killed and started again at any moment.
    Mirror(MirrorArgs),
    /// Say whether two copies of a market are the same, and which records differ, without sending the records.
    ///
    /// The exit code is 0 if they are the same, 1 if they differ, 2 if one of them could not be asked.
    Verify(VerifyArgs),
    /// List the receivers to which changes are sent, with how far each has come, or give one an order.
    Sinks(SinksArgs),
    /// Make every copy of a market start again, and have its tallies counted anew, as after records were changed behind the
    /// service's back.
    Reset {
        /// The tenant.
        #[arg(long, value_name = "ID")]
        tenant: String,
        /// Country of the market: ISO 3166-1 alpha-2 code.
        #[arg(long, value_name = "CC")]
        market: String,
        /// Where configuration and database are.
        #[command(flatten)]
        source: Source,
    },
}

/// A role as an option names it.
#[derive(Debug, Clone, Copy)]
pub struct RoleArg(pub Role);

fn role(text: &str) -> Result<RoleArg, String> {
    let names = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::parse(text).map(RoleArg).ok_or_else(|| format!("use one of {}", names()))
}

fn label(text: &str) -> Result<String, String> {
    let count = text.chars().count();
    if text.trim().is_empty() || count > 64 || text.chars().any(char::is_control) {
        return Err(format!("the label has {count} characters: write 1 to 64 in one line"));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_commands_are_sound_and_read_what_the_documentation_shows() {
        Cli::command().debug_assert();
        for line in [
            "fairdue serve --config config --database sqlite://f.db --listen 0.0.0.0:1 --metrics 127.0.0.1:2",
            "fairdue demo --exit",
            "fairdue import --mapping m.toml --market IT e.csv.gz --url http://h:1 --key k --report 2007",
            "fairdue kpi list --market IT --key k",
            "fairdue kpi page config",
            "fairdue kpi query --market IT --key k --kpi cei --from 2026-01-01 --to 2026-07-01 --by agent --top 5",
            "fairdue kpi compare --market IT --key k --kpi cei --from 2026-01-01 --to 2026-07-01 --with year",
            "fairdue kpi drill --market IT --key k --kpi cei --from 2026-01-01 --to 2026-02-01 --currency EUR",
            "fairdue check",
            "fairdue schema config/schema",
            "fairdue jurisdictions config",
            "fairdue diff old new --json",
            "fairdue tenant create t",
            "fairdue key create --tenant t --role writer --role reader --market it",
            "fairdue key create --tenant t --role compliance --label anna",
            "fairdue key list --tenant t",
            "fairdue key revoke --tenant t 0123",
            "fairdue sync reset --tenant t --market IT",
            "fairdue sync mirror --from http://a:1 --key k --market IT --to copy.db --once",
            "fairdue sync sinks --key k",
            "fairdue sync sinks --market IT --key k",
            "fairdue sync sinks replay hub --from 1200 --market IT --key k",
            "fairdue sync sinks pause hub --market IT --key k",
            "fairdue sync sinks resume hub --market IT --key k",
            "fairdue sync verify --a http://a:1 --a-key k --b http://b:1 --b-key k --market IT --findings",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        assert!(Cli::try_parse_from("fairdue key create --tenant t --role owner".split(' ')).is_err());
        assert!(
            Cli::try_parse_from("fairdue import --mapping m --market IT e --key k --report 99999".split(' ')).is_err()
        );
    }
}

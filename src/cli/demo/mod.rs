//! `fairdue demo`: a server of its own, generated markets sent through the real API, then figures and findings.

mod breach;
mod case;
pub(super) mod country;
mod rng;
mod show;
mod story;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::args::DemoArgs;
use super::client::Client;
use super::error::CliError;
use super::send::{self, Batch, Sent};
use super::serve::{Server, listen, next_stop};
use super::signals::{Asked, Signals};
use crate::cli::say::say;
use crate::clock::Clock;
use crate::config::{Config, Holder, Snapshot};
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::MarketKey;
use crate::domain::principal::Role;
use crate::ingest::{Work, keys};
use crate::wire::encode;

/// The tenant of the demo, as config/tenants/demo.toml has it.
const TENANT: &str = "demo";
/// How long the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `fairdue demo`.
///
/// # Errors
/// The configuration, the directory, or the server in this process.
pub async fn run(args: &DemoArgs) -> Result<(), CliError> {
    let mut signals = Signals::listen()?;
    let mut snapshot = Config::load(&args.config)?;
    let directory = Directory::open(args.keep.as_deref())?;
    snapshot.server.database.url = format!("sqlite://{}", directory.path.join("fairdue.db").display());
    let markets = markets(&snapshot)?;
    let server =
        Server::start_on(free_listener(args.listen).await?, Arc::new(Holder::of(&args.config, snapshot))).await?;
    let told = tokio::select! {
        told = tell(&server, &markets) => told,
        Asked::Stop = next_stop(&mut signals) => Err(CliError::new("stopped before the end")),
    };
    match told {
        Ok(key) if !args.exit => {
            say!("\n{}", show::calls(server.address, &key));
            let _ = next_stop(&mut signals).await;
            say!("");
        }
        Ok(_) => {}
        Err(error) => {
            server.stop(GRACE).await;
            return Err(error);
        }
    }
    server.stop(GRACE).await;
    Ok(())
}

/// The countries that the demo's tenant is configured for.
fn markets(snapshot: &Snapshot) -> Result<Vec<country::Country>, CliError> {
    let tenant = TenantId::trusted(TENANT);
    let configured =
        |country: &country::Country| snapshot.market(&tenant, &MarketId::trusted(country.market)).is_some();
    let markets: Vec<_> = country::COUNTRIES.into_iter().filter(configured).collect();
    if markets.is_empty() {
        return Err(CliError::new("the configuration has no tenant \"demo\" with a market of the demo"));
    }
    Ok(markets)
}

/// Makes tenant and key, sends every market's history, shows what came of it; returns the key.
async fn tell(server: &Server, markets: &[country::Country]) -> Result<String, CliError> {
    let tenant = TenantId::trusted(TENANT);
    let store = server.app.ingest.markets().store();
    let now = Clock::system().now();
    store.insert_tenant(&tenant, now).await?;
    let roles = vec![Role::Writer, Role::Reader, Role::Checker, Role::Compliance];
    let key = keys::create(store, &tenant, roles, Vec::new(), now).await;
    let key = key.map_err(|error| CliError::new(error.to_string()))?;
    let client = Client::connect(&format!("http://{}", server.address), &key).await?;

    let started = Instant::now();
    let (mut cases, mut activities) = (0, 0);
    for country in markets {
        let sent = send_history(&client, *country).await?;
        refuse_refusals(country, &sent)?;
        cases += sent.cases.created + sent.cases.duplicates;
        activities += sent.activities.created + sent.activities.duplicates;
        // What time has changed since: broken promises, omitted notices, overdue cases.
        let market = MarketKey { tenant: tenant.clone(), market: MarketId::trusted(country.market) };
        let settled = server.app.ingest.markets().submit(&market, Work::Settle(now)).await;
        settled.map_err(|error| CliError::new(error.to_string()))?;
    }
    let took = started.elapsed();
    say!(
        "{cases} cases and {activities} activities of {} markets went through the API in {} ms\n",
        markets.len(),
        took.as_millis()
    );
    show::figures(&client, markets).await?;
    show::findings(&client, markets).await?;
    Ok(key)
}

/// Sends a market's history through the API.
pub(super) async fn send_history(client: &Client, country: country::Country) -> Result<Sent, CliError> {
    let history = story::tell(country);
    let (batches, inbox) = mpsc::channel(1);
    let cases = history.cases.iter().map(encode::case::case).collect();
    let activities: Vec<_> = history.activities.iter().map(encode::activity::activity).collect();
    let feed = async move {
        let mut cases = Some(cases);
        for part in activities.chunks(1_000) {
            let cases = cases.take().unwrap_or_default();
            let batch = Batch { cases, activities: part.to_vec(), ..Batch::default() };
            if batches.send(batch).await.is_err() {
                return;
            }
        }
    };
    let (sent, ()) = tokio::join!(send::send(client, country.market, inbox, |_| {}), feed);
    sent
}

/// The demo's own records are sound, so a refusal is a fault of the program that must not pass unseen.
fn refuse_refusals(country: &country::Country, sent: &Sent) -> Result<(), CliError> {
    for tally in [&sent.cases, &sent.activities] {
        if let Some((reason, refused)) = tally.refused.first_key_value() {
            let (market, count, first) = (country.market, refused.count, refused.first.join("; "));
            return Err(CliError::new(format!(
                "{count} records of market {market} were refused: {reason}, first {first}"
            )));
        }
    }
    Ok(())
}

/// A listener on the wanted address, or on a free port beside it.
async fn free_listener(wanted: SocketAddr) -> Result<TcpListener, CliError> {
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(listener),
        Err(_) => listen(SocketAddr::new(wanted.ip(), 0)).await,
    }
}

/// Where the demo's database lies; removed at the end unless it is to be kept.
struct Directory {
    path: PathBuf,
    temporary: bool,
}

impl Directory {
    fn open(keep: Option<&Path>) -> Result<Self, CliError> {
        let (path, temporary) = match keep {
            Some(path) => (path.to_owned(), false),
            None => {
                let mut random = [0; 8];
                getrandom::fill(&mut random).map_err(|_| CliError::new("the system gives no random numbers"))?;
                (std::env::temp_dir().join(format!("fairdue-demo-{:016x}", u64::from_ne_bytes(random))), true)
            }
        };
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

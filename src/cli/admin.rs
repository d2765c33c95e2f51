//! `fairdue tenant`, `fairdue key` and `fairdue sync reset`: what only somebody with access to the database may do.

use super::args::{KeyCommand, Source, TenantCommand};
use super::error::CliError;
use crate::cli::say::{self, complain, say};
use crate::clock::Clock;
use crate::config::{Config, Snapshot};
use crate::domain::ids::{KeyId, MarketId, TenantId};
use crate::ingest::keys;
use crate::store::{Store, StoreOptions, missing_file, why_not_opened};

/// The store that the settings name.
///
/// # Errors
/// The database cannot be reached: which, why, and what to do.
pub async fn open_store(snapshot: &Snapshot) -> Result<Store, CliError> {
    let database = &snapshot.server.database;
    let options = StoreOptions {
        max_connections: database.max_connections,
        acquire_timeout: database.acquire_timeout,
        statement_timeout: database.statement_timeout,
        pooled: database.pooled,
        row_security: database.row_security,
        min_free_bytes: u64::from(database.min_free_mib) << 20,
        migration_url: database.migration_url.clone(),
        ..StoreOptions::default()
    };
    match Store::open(&database.url, &options).await {
        Ok(store) => Ok(store),
        Err(error) => Err(CliError::new(why_not_opened(&database.url, &options, &error).await)),
    }
}

/// The database as it is: where a command only reads or changes what is there, a mistyped path makes no file.
async fn open_existing(snapshot: &Snapshot) -> Result<Store, CliError> {
    match missing_file(&snapshot.server.database.url) {
        None => open_store(snapshot).await,
        Some(file) => Err(CliError::new(format!(
            "there is no database {}: name the one that `fairdue serve` uses by the setting database.url, or begin one with \
             `fairdue tenant create`",
            file.display()
        ))),
    }
}

fn tenant_id(text: &str) -> Result<TenantId, CliError> {
    // A key's text puts the tenant before its own parts; spaces would also break the header that carries it.
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !plain {
        return Err(CliError::new("a tenant's id is made of letters, digits, - and _"));
    }
    TenantId::new(text).map_err(|error| CliError::new(format!("the tenant's id {error}")))
}

/// Runs `fairdue tenant ...`.
///
/// # Errors
/// The configuration or the database.
pub async fn tenant(command: &TenantCommand) -> Result<(), CliError> {
    let TenantCommand::Create { id, source } = command;
    let snapshot = source.load()?;
    let tenant = tenant_id(id)?;
    let store = open_store(&snapshot).await?;
    let made = store.insert_tenant(&tenant, Clock::system().now()).await?;
    store.close().await;
    say!("tenant {tenant} {}", if made { "created" } else { "was there before" });
    if !snapshot.tenants.contains_key(&tenant) {
        say!("it has no market yet: write {}/tenants/{tenant}.toml (as tenants/demo.toml)", source.config.display());
    }
    Ok(())
}

/// Runs `fairdue key ...`.
///
/// # Errors
/// The configuration, the database, or a tenant or market that is not known.
pub async fn key(command: &KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::Create { tenant, role, market, label, source } => {
            let snapshot = source.load()?;
            let tenant = tenant_id(tenant)?;
            let markets = known_markets(&snapshot, &tenant, market)?;
            let store = open_existing(&snapshot).await?;
            if !store.tenants().await?.iter().any(|row| row.tenant == tenant) {
                return Err(CliError::new(format!("tenant {tenant} is not known: run fairdue tenant create {tenant}")));
            }
            let mut roles: Vec<_> = role.iter().map(|role| role.0).collect();
            roles.sort_unstable();
            roles.dedup();
            let now = Clock::system().now();
            let text = keys::create_labelled(&store, &tenant, roles, markets, label.clone(), now).await;
            let text = text.map_err(|error| CliError::new(error.to_string()))?;
            complain!("the key is shown once and stored nowhere; send it as \"authorization: Bearer <key>\"");
            if let Err(error) = say::try_to_tell(format_args!("{text}"), true) {
                // What nobody has seen must not open anything.
                let id = KeyId::trusted(key_id(&text));
                let revoked = store.revoke_key(&tenant, &id, Clock::system().now()).await?;
                store.close().await;
                let now = if revoked { "it was revoked" } else { "revoke it" };
                return Err(CliError::new(format!("the key {id} could not be shown ({error}): {now}")));
            }
            store.close().await;
            Ok(())
        }
        KeyCommand::List { tenant, source } => {
            let snapshot = source.load()?;
            let tenant = tenant_id(tenant)?;
            let store = open_existing(&snapshot).await?;
            let listed = list_keys(&store, &tenant).await;
            store.close().await;
            listed
        }
        KeyCommand::Revoke { tenant, key, source } => {
            let snapshot = source.load()?;
            let tenant = tenant_id(tenant)?;
            // The whole key may be pasted too: its middle part is the id.
            let id = KeyId::new(key_id(key)).map_err(|error| CliError::new(format!("the key's id {error}")))?;
            let store = open_existing(&snapshot).await?;
            let revoked = store.revoke_key(&tenant, &id, Clock::system().now()).await?;
            store.close().await;
            if !revoked {
                return Err(CliError::new(format!("tenant {tenant} has no key {id} in force")));
            }
            say!("key {id} revoked: servers refuse it within a second");
            Ok(())
        }
    }
}

/// The id in a key; the text itself if it is none.
fn key_id(key: &str) -> &str {
    key.strip_prefix("fd_").and_then(|rest| rest.rsplit('.').nth(1)).unwrap_or(key)
}

/// Prints the keys of a tenant, one a line, with a tab between columns.
async fn list_keys(store: &Store, tenant: &TenantId) -> Result<(), CliError> {
    if !store.tenants().await?.iter().any(|row| row.tenant == *tenant) {
        return Err(CliError::new(format!("tenant {tenant} is not known: run fairdue tenant create {tenant}")));
    }
    say!("key\tlabel\troles\tmarkets\tcreated\trevoked");
    for key in store.keys(tenant).await? {
        let roles: Vec<&str> = key.roles.iter().map(|role| role.as_str()).collect();
        let markets: Vec<&str> = key.markets.iter().map(MarketId::as_str).collect();
        let markets = if markets.is_empty() { "all".to_owned() } else { markets.join(" ") };
        let revoked = key.revoked.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let label = key.label.as_deref().unwrap_or("-");
        say!("{}\t{label}\t{}\t{markets}\t{}\t{revoked}", key.key, roles.join(" "), key.created);
    }
    Ok(())
}

/// Runs `fairdue sync reset`.
///
/// # Errors
/// The configuration, the database, or a market that is not known or was never written to.
pub async fn reset_feeds(tenant: &str, market: &str, source: &Source) -> Result<(), CliError> {
    let snapshot = source.load()?;
    let tenant = tenant_id(tenant)?;
    let markets = known_markets(&snapshot, &tenant, &[market.to_owned()])?;
    let store = open_existing(&snapshot).await?;
    for market in markets {
        if !store.scope(&tenant).reset_feeds(&market).await? {
            return Err(CliError::new(format!("nothing was ever written to the market {market}: it has no copies")));
        }
        say!("copies of the market {market} are told to start again");
    }
    store.close().await;
    Ok(())
}

fn known_markets(snapshot: &Snapshot, tenant: &TenantId, wanted: &[String]) -> Result<Vec<MarketId>, CliError> {
    let known: Result<Vec<MarketId>, CliError> = wanted
        .iter()
        .map(|text| {
            let unknown = || CliError::new(format!("tenant {tenant} has no market {text} in its configuration"));
            let market = MarketId::new(&text.to_ascii_lowercase()).map_err(|_| unknown())?;
            snapshot.market(tenant, &market).map(|_| market).ok_or_else(unknown)
        })
        .collect();
    let mut known = known?;
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

impl Source {
    /// Loads the configuration, with the options of the command line laid over it.
    ///
    /// # Errors
    /// Every diagnostic.
    pub fn load(&self) -> Result<Snapshot, CliError> {
        let mut snapshot = Config::load(&self.config)?;
        if let Some(url) = &self.database {
            snapshot.server.database.url.clone_from(url);
        }
        Ok(snapshot)
    }
}

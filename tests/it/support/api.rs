//! The real server inside the test's process, over a fresh database, with two tenants and keys for every role.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fairdue::app::App;
use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::ids::{KeyId, MarketId, TenantId};
use fairdue::domain::principal::Role;
use fairdue::domain::time::Timestamp;
use fairdue::ingest::{CheckLine, keys, read_checks};
use fairdue::proto::v1::activity_service_client::ActivityServiceClient;
use fairdue::proto::v1::case_service_client::CaseServiceClient;
use fairdue::proto::v1::compliance_service_client::ComplianceServiceClient;
use fairdue::proto::v1::kpi_service_client::KpiServiceClient;
use fairdue::proto::v1::sync_service_client::SyncServiceClient;
use fairdue::query::Query;
use fairdue::store::{Store, StoreOptions};
use fairdue::transport::server::{ServeError, serve};
use fairdue::transport::service::UseCases;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::codegen::InterceptedService;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::Channel;

use super::config;
use super::database::{Backend, Database};

/// Markets of both tenants.
pub const MARKETS: &str = r#"
[markets.it]
zone = "Europe/Rome"
currency = "EUR"
promise_grace_days = 3
[markets.se]
zone = "Europe/Stockholm"
currency = "SEK"
promise_grace_days = 3
[markets.de]
zone = "Europe/Berlin"
currency = "EUR"
promise_grace_days = 3
[markets.us]
zone = "America/New_York"
currency = "USD"
promise_grace_days = 5

[[facts.licence]]
jurisdiction = "it"
number = "1"
from = 2000-01-01
[[facts.licence]]
jurisdiction = "se"
number = "1"
from = 2020-01-01
[[facts.client_account]]
jurisdiction = "se"
account = "1"
from = 2000-01-01
"#;

/// A rule of every tenant: at most two calls a week about a consumer's case.
pub const HOUSE_RULE: &str = r#"
[[rules.add]]
jurisdiction = "it"
id = "tenant-house-calls"
title = "At most two calls a week"
text = "At most two calls about a case in seven days."
citation = "house rule"
effect = "prohibits"
applies_to = { debt_class = ["consumer"] }
when_missing = { debt_class = "consumer" }
[rules.add.contact_frequency]
max = 2
window = { calendar_days = 7 }
count = "attempts"
per = "case"
channels = ["call"]
"#;
/// Every tenant with what its file says beside markets and the house rule.
const TENANTS: [(&str, &str); 3] =
    [("mine", ""), ("theirs", ""), ("careful", "[findings]\nfour_eyes = [\"waived\"]\n")];

/// A running server.
pub struct Api {
    /// Connection to it.
    pub channel: Channel,
    /// Where it listens.
    pub address: SocketAddr,
    /// Cancelled to ask it to stop.
    pub stop: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
    app: App,
    store: Store,
    holder: Arc<Holder>,
    directory: tempfile::TempDir,
}

/// Puts a key on every call.
#[derive(Clone)]
pub struct Key(MetadataValue<Ascii>);

impl Key {
    /// The credential as its header reads.
    pub fn header(&self) -> MetadataValue<Ascii> {
        self.0.clone()
    }
}

impl Interceptor for Key {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Keyed = InterceptedService<Channel, Key>;

/// One caller's clients.
pub struct Clients {
    /// Cases.
    pub cases: CaseServiceClient<Keyed>,
    /// Activities.
    pub activities: ActivityServiceClient<Keyed>,
    /// Checks, findings, rules.
    pub compliance: ComplianceServiceClient<Keyed>,
    /// Figures.
    pub kpis: KpiServiceClient<Keyed>,
    /// Change feeds.
    pub sync: SyncServiceClient<Keyed>,
}

impl Api {
    /// Starts a server over the database with settings as they are.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts a server with some settings changed, named as in `server.toml`.
    pub async fn start_with(database: &Database, settings: &[(&str, &str)]) -> Self {
        Self::start_at(database, settings, Clock::system()).await
    }

    /// Starts a server where the tenant `mine` has a candidate in shadow: files by their place in the configuration.
    pub async fn start_shadowed(database: &Database, candidate: &[(&str, &str)]) -> Self {
        Self::start_in(database, &[], Clock::system(), candidate).await
    }

    /// The same with a clock of its own.
    pub async fn start_shadowed_at(database: &Database, candidate: &[(&str, &str)], clock: Clock) -> Self {
        Self::start_in(database, &[], clock, candidate).await
    }

    /// Starts a server under rules that the tenant `mine` has in place of the house rule.
    pub async fn start_under(database: &Database, settings: &[(&str, &str)], rules: &str) -> Self {
        let api = Self::start_with(database, settings).await;
        api.change_rule("mine", rules);
        api
    }

    /// Starts a server with some settings changed and a clock of its own.
    pub async fn start_at(database: &Database, settings: &[(&str, &str)], clock: Clock) -> Self {
        Self::start_in(database, settings, clock, &[]).await
    }

    async fn start_in(
        database: &Database,
        settings: &[(&str, &str)],
        clock: Clock,
        candidate: &[(&str, &str)],
    ) -> Self {
        let directory = tempfile::tempdir().expect("make a temporary directory");
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        // Of definitions each file, so that a test may add its own.
        std::fs::create_dir(directory.path().join("kpis")).expect("make a directory");
        let definitions = std::fs::read_dir(package.join("kpis")).expect("definitions");
        let definitions = definitions.map(|file| std::path::Path::new("kpis").join(file.expect("a file").file_name()));
        let whole = ["jurisdictions", "rates", "benchmarks"].map(Into::into);
        for part in whole.into_iter().chain(definitions) {
            std::os::unix::fs::symlink(package.join(&part), directory.path().join(&part)).expect("link");
        }
        let tenants = directory.path().join("tenants");
        std::fs::create_dir(&tenants).expect("make a directory");
        for (tenant, more) in TENANTS {
            let text = format!("tenant = \"{tenant}\"\n{MARKETS}{more}{HOUSE_RULE}");
            std::fs::write(tenants.join(format!("{tenant}.toml")), text).expect("write a tenant");
        }
        for (path, text) in candidate {
            let path = directory.path().join("shadow/mine").join(path);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("make a directory");
            std::fs::write(path, text).expect("write a candidate");
        }
        let environment: HashMap<String, String> = settings
            .iter()
            .map(|(name, value)| (format!("FAIRDUE_{}", name.to_uppercase().replace('.', "__")), (*value).to_owned()))
            .collect();
        let snapshot = config::load(directory.path(), environment);
        let (grpc, query) = (snapshot.server.grpc.clone(), snapshot.server.query.clone());
        let store = Store::open(&database.url, &StoreOptions::default()).await.expect("open the store");
        for (tenant, _) in TENANTS {
            store.insert_tenant(&TenantId::trusted(tenant), Timestamp(0)).await.expect("make a tenant");
        }
        let holder = Arc::new(Holder::of(directory.path(), snapshot));
        let app = App::open(store.clone(), Arc::clone(&holder), clock).expect("open the use cases");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let use_cases = UseCases {
            ingest: app.ingest.clone(),
            advice: app.advice.clone(),
            query: app.query.clone(),
            sync: app.sync.clone(),
        };
        let token = stop.clone();
        let served = tokio::spawn(async move { serve(listener, &grpc, &query, use_cases, token).await });
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("connect");
        Self { channel, address, stop, served, app, store, holder, directory }
    }

    /// Puts another house rule in force for a tenant, as a reload does.
    pub fn change_rule(&self, tenant: &str, rule: &str) {
        let path = self.directory.path().join("tenants").join(format!("{tenant}.toml"));
        std::fs::write(path, format!("tenant = \"{tenant}\"\n{MARKETS}{rule}")).expect("write a tenant");
        self.holder.reload().expect("a good configuration");
    }

    /// The id of a key: the part between its dots.
    pub fn key_id(key: &Key) -> String {
        let text = key.header().to_str().expect("plain characters").to_owned();
        text.rsplit('.').nth(1).expect("a key of three parts").to_owned()
    }

    /// Revokes a key.
    pub async fn revoke(&self, tenant: &str, key: &Key) {
        let id = KeyId::trusted(&Self::key_id(key));
        let now = Clock::system().now();
        assert!(self.store.revoke_key(&TenantId::trusted(tenant), &id, now).await.expect("revoke"));
    }

    /// Puts another file into the configuration, as a reload does with it.
    pub fn configure(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("make a directory");
        std::fs::write(path, text).expect("write a file");
    }

    /// Takes every definition of a KPI out of the configuration, and what is published about them.
    pub fn without_definitions(&self) {
        let files = std::fs::read_dir(self.directory.path().join("kpis")).expect("definitions");
        let benchmarks = self.directory.path().join("benchmarks");
        for path in files.map(|file| file.expect("a file").path()).chain([benchmarks]) {
            std::fs::remove_file(path).expect("a link to the package");
        }
    }

    /// Has the configuration read again.
    pub fn reload(&self) {
        self.holder.reload().expect("a good configuration");
    }

    /// Another tenant with the same markets, and what its file says beside them.
    pub async fn tenant(&self, id: &str, more: &str) {
        self.configure(&format!("tenants/{id}.toml"), &format!("tenant = \"{id}\"\n{MARKETS}{more}"));
        self.store.insert_tenant(&TenantId::trusted(id), Timestamp(0)).await.expect("make a tenant");
        self.holder.reload().expect("a good configuration");
    }

    /// A new key of a tenant, limited to some markets if any are named.
    pub async fn key(&self, tenant: &str, roles: &[Role], markets: &[&str]) -> Key {
        let tenant = TenantId::trusted(tenant);
        let markets = markets.iter().map(|market| MarketId::trusted(market)).collect();
        let text = keys::create(&self.store, &tenant, roles.to_vec(), markets, Timestamp(0)).await.expect("make a key");
        Key(format!("Bearer {text}").parse().expect("plain characters"))
    }

    /// Clients of a key.
    pub fn clients(&self, key: &Key) -> Clients {
        let keyed = || InterceptedService::new(self.channel.clone(), key.clone());
        Clients {
            cases: CaseServiceClient::new(keyed()),
            activities: ActivityServiceClient::new(keyed()),
            compliance: ComplianceServiceClient::new(keyed()),
            kpis: KpiServiceClient::new(keyed()),
            sync: SyncServiceClient::new(keyed()),
        }
    }

    /// Clients of a tenant's key with the roles of a platform.
    pub async fn platform(&self, tenant: &str) -> Clients {
        let key = self.key(tenant, &[Role::Writer, Role::Reader], &[]).await;
        self.clients(&key)
    }

    /// The use cases behind the wire.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// The reading side behind the wire.
    pub const fn query(&self) -> &Query {
        &self.app.query
    }

    /// Makes every copy of a market start again.
    pub async fn reset_feeds(&self, tenant: &str, market: &str) {
        let scope = self.store.scope(&TenantId::trusted(tenant));
        assert!(scope.reset_feeds(&MarketId::trusted(market)).await.expect("the market"));
    }

    /// Runs a statement behind the service's back.
    pub async fn sql(&self, database: &Database, sql: &'static str) {
        use sqlx::{Connection, Executor};
        match database.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&database.url).await.expect("connect");
                connection.execute(sql).await.expect("run");
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("connect");
                connection.execute(sql).await.expect("run");
            }
        }
    }

    /// Every check of a market that is on record, after those that were answered until now.
    pub async fn logged(&self, tenant: &str, market: &str) -> Vec<CheckLine> {
        self.app.advice.flush().await;
        let scope = self.store.scope(&TenantId::trusted(tenant));
        let rows = scope.checks(&MarketId::trusted(market), 0, 10_000).await.expect("the log");
        rows.iter().flat_map(|row| read_checks(&row.body).expect("lines of the log")).collect()
    }

    /// Stops the server and waits for its end.
    pub async fn end(self) {
        self.stop.cancel();
        drop(self.channel);
        tokio::time::timeout(Duration::from_secs(30), self.served)
            .await
            .expect("the server ends")
            .expect("no panic")
            .expect("no failure");
        self.app.close().await;
    }
}

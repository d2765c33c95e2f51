//! Ways in which one history may arrive, and the service that takes it in.

use std::sync::Arc;

use fairdue::clock::Clock;
use fairdue::config::Holder;
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::domain::market::MarketKey;
use fairdue::domain::time::Timestamp;
use fairdue::ingest::{CaseUpsert, ItemResult, Markets, Work};
use fairdue::store::{Store, StoreOptions};

use super::generate::{History, long_after};
use crate::support::config;

/// One thing that happens to the service.
#[derive(Debug, Clone)]
pub enum Act {
    Upsert(Vec<CaseVersion>),
    Record(Vec<Activity>),
    /// Two requests at the same time: mostly they share a commit.
    Together(Vec<CaseVersion>, Vec<Activity>),
    /// The due-queue fires what is due up to here.
    Settle(Timestamp),
    /// The process ends without a word and another one starts.
    Restart,
}

impl Act {
    /// The requests that it stands for, made at the same time; none for a restart.
    pub fn work(&self) -> Option<Vec<Work>> {
        let upserts = |versions: &[CaseVersion]| {
            let upsert = |version: &CaseVersion| CaseUpsert { version: version.clone(), etag: None };
            Work::Cases(versions.iter().map(upsert).collect())
        };
        Some(match self {
            Self::Upsert(versions) => vec![upserts(versions)],
            Self::Record(activities) => vec![Work::Activities(activities.clone())],
            Self::Together(versions, activities) => vec![upserts(versions), Work::Activities(activities.clone())],
            Self::Settle(until) => vec![Work::Settle(*until)],
            Self::Restart => return None,
        })
    }
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let upserted = |versions: &[CaseVersion], f: &mut std::fmt::Formatter<'_>| {
            f.write_str("upsert")?;
            versions.iter().try_for_each(|v| write!(f, " {}/{}@{}", v.case, v.version, v.effective))
        };
        let recorded = |activities: &[Activity], f: &mut std::fmt::Formatter<'_>| {
            f.write_str("record")?;
            activities.iter().try_for_each(|a| write!(f, " {}:{}@{}", a.id, a.detail.kind(), a.occurred))
        };
        match self {
            Self::Upsert(versions) => upserted(versions, f),
            Self::Record(activities) => recorded(activities, f),
            Self::Together(versions, activities) => {
                upserted(versions, f)?;
                f.write_str(" and ")?;
                recorded(activities, f)
            }
            Self::Settle(until) => write!(f, "settle {until}"),
            Self::Restart => f.write_str("restart"),
        }
    }
}

/// Numbers that follow from a seed.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`, by splitmix64.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit.max(1) as u64) as usize
    }
}

/// The plainest way: everything at once, in order, and time passes at the end.
pub fn at_once(history: &History) -> Vec<Act> {
    let mut versions = history.opening.clone();
    versions.extend(history.versions.iter().cloned());
    let mut activities = history.activities.clone();
    activities.sort_by(|a, b| a.order().cmp(&b.order()));
    vec![Act::Upsert(versions), Act::Record(activities)]
}

/// Some other way: any order, any batches, repetitions, restarts and ticks in between.
pub fn scattered(history: &History, seed: u64) -> Vec<Act> {
    enum Item {
        Version(Box<CaseVersion>),
        Activity(Box<Activity>),
    }
    let mut dice = Dice::new(seed);
    let versions = history.versions.iter().cloned().map(|version| Item::Version(Box::new(version)));
    let mut items: Vec<Item> =
        versions.chain(history.activities.iter().cloned().map(|activity| Item::Activity(Box::new(activity)))).collect();
    match dice.below(3) {
        0 => items.reverse(),
        _ => {
            for at in (1..items.len()).rev() {
                items.swap(at, dice.below(at + 1));
            }
        }
    }
    let mut acts = vec![Act::Upsert(history.opening.clone())];
    let largest = 1 + dice.below(12);
    while !items.is_empty() {
        let take = (1 + dice.below(largest)).min(items.len());
        let (mut versions, mut activities) = (Vec::new(), Vec::new());
        for item in items.drain(..take) {
            match item {
                Item::Version(version) => versions.push(*version),
                Item::Activity(activity) => activities.push(*activity),
            }
        }
        if dice.below(4) == 0 && !activities.is_empty() {
            activities.push(activities[dice.below(activities.len())].clone()); // twice in one batch
        }
        if !versions.is_empty() && !activities.is_empty() && dice.below(2) == 0 {
            acts.push(Act::Together(versions, std::mem::take(&mut activities)));
        } else if !versions.is_empty() {
            acts.push(Act::Upsert(versions));
        }
        if !activities.is_empty() {
            acts.push(Act::Record(activities.clone()));
            if dice.below(4) == 0 {
                acts.push(Act::Record(activities)); // and again in another
            }
        }
        match dice.below(10) {
            0 => acts.push(Act::Restart),
            1 | 2 => acts.push(Act::Settle(super::generate::day(dice.below(340) as u16))),
            _ => {}
        }
    }
    acts
}

/// The market of all histories.
pub fn key() -> MarketKey {
    MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("us") }
}

/// One life of the service: its own runtime, so that its end is as sudden as a process's.
pub(super) struct Life {
    runtime: tokio::runtime::Runtime,
    markets: Arc<Markets>,
    hand: Arc<std::sync::atomic::AtomicI64>,
}

impl Life {
    pub(super) fn begin(url: &str, holder: &Arc<Holder>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (clock, hand) = Clock::manual(long_after());
        let options = StoreOptions {
            max_connections: 3,
            acquire_timeout: std::time::Duration::from_secs(60),
            ..StoreOptions::default()
        };
        let markets = runtime.block_on(async {
            let store = Store::open(url, &options).await.expect("open the store");
            Markets::new(store, Arc::clone(holder), clock)
        });
        Self { runtime, markets, hand }
    }

    pub(super) fn submit(&self, work: Vec<Work>) -> Vec<ItemResult> {
        let market = key();
        let all = work.into_iter().map(|one| self.markets.submit(&market, one));
        let done = self.runtime.block_on(futures::future::join_all(all));
        done.into_iter().flat_map(|done| done.expect("a commit").results).collect()
    }

    /// Lets the writer find itself idle, so that it merges what waits into cells.
    pub(super) fn rest(&self) {
        drop(self.submit(vec![Work::Load(Vec::new(), Vec::new())]));
        self.hand.fetch_add(3 * fairdue::domain::time::SECOND, std::sync::atomic::Ordering::SeqCst);
    }

    pub(super) fn end(self) {
        self.runtime.shutdown_background();
    }
}

/// What the packs have no rules for: limits over the contacts of a case, whoever was contacted, that stop and begin to
/// speak with a version; one of them looks back further than any other rule of its country. And limits over the contacts of
/// a household, of a collecting company and of a creditor over all cases; versions change the first two.
const TENANT_RULES: &str = r#"
[[rules.add]]
jurisdiction = "us"
id = "tenant-calls-of-a-case"
title = "At most two calls in seven days"
text = "At most two calls about a consumer's case in seven days."
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

[[rules.add]]
jurisdiction = "us-wa"
id = "tenant-calls-of-a-case-in-wa"
title = "At most three calls in twenty days"
text = "At most three calls about a case in twenty days."
citation = "house rule"
effect = "prohibits"
[rules.add.contact_frequency]
max = 3
window = { calendar_days = 20 }
count = "attempts"
per = "case"
channels = ["call"]

[[rules.add]]
jurisdiction = "us"
id = "tenant-calls-to-a-household"
title = "At most three calls in ten days to a household"
text = "At most three calls to a household in ten days, over all cases."
citation = "house rule"
effect = "prohibits"
[rules.add.contact_frequency]
max = 3
window = { calendar_days = 10 }
count = "attempts"
per = "household"
channels = ["call"]
exclude = ["inbound"]

[[rules.add]]
jurisdiction = "us-ny"
id = "tenant-contacts-of-a-collector"
title = "At most two contacts in fifteen days by one company"
text = "At most two calls and e-mails of one collecting company in fifteen days, over all its cases."
citation = "house rule"
effect = "prohibits"
[rules.add.contact_frequency]
max = 2
window = { calendar_days = 15 }
count = "attempts"
per = "collector"
channels = ["call", "email"]

[[rules.add]]
jurisdiction = "us"
id = "tenant-calls-for-a-creditor"
title = "At most three calls in twelve days for one creditor, from the first conversation on"
text = "After the first conversation at most three calls in twelve days for one creditor, over all its cases."
citation = "house rule"
effect = "prohibits"
[rules.add.contact_frequency]
max = 3
window = { calendar_days = 12 }
count = "attempts"
per = "creditor"
channels = ["call", "email"]
exclude = ["inbound", "before_conversation"]

[[rules.add]]
jurisdiction = "us"
id = "tenant-rest-of-a-household"
title = "Two days without a call to a household after a conversation"
text = "After a conversation with somebody of a household nobody of it is called for two days."
citation = "house rule"
effect = "prohibits"
[rules.add.contact_cooldown]
after = "conversations"
wait = { calendar_days = 2 }
days = "clear_days"
per = "household"
channels = ["call"]
exclude = ["inbound"]
"#;

/// The packs and KPIs of the package, with a tenant of the tests. Hardly a case stays unpacked, and few stay at all.
pub fn configuration() -> (tempfile::TempDir, Arc<Holder>) {
    configuration_with(&[])
}

/// The same with more settings.
pub fn configuration_with(settings: &[(&str, &str)]) -> (tempfile::TempDir, Arc<Holder>) {
    let directory = crate::support::service::configuration();
    let tenant = directory.path().join("tenants/t.toml");
    let mut text = std::fs::read_to_string(&tenant).expect("read the tenant");
    text.push_str(TENANT_RULES);
    std::fs::write(tenant, text).expect("write the tenant");
    let little = [
        ("FAIRDUE_INGEST__RECENT_CASES", "1"),
        ("FAIRDUE_INGEST__UNPACKED_MIB", "0"),
        ("FAIRDUE_INGEST__MEMORY_MIB", "1"),
        // Cells are filled in the smallest steps, with room for commits between them.
        ("FAIRDUE_INGEST__FILL_RECORDS", "1"),
        ("FAIRDUE_INGEST__FILL_PAUSE_MS", "40"),
    ];
    let little = little.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let snapshot = config::load(directory.path(), little);
    let holder = Arc::new(Holder::of(directory.path(), snapshot));
    (directory, holder)
}

/// Lets all of it happen to a service over an empty database, then lets time pass.
pub fn run(url: &str, holder: &Arc<Holder>, acts: &[Act]) {
    let mut life = Life::begin(url, holder);
    let closing = [Act::Settle(long_after())];
    for act in acts.iter().chain(&closing) {
        let Some(work) = act.work() else {
            life.end();
            life = Life::begin(url, holder);
            continue;
        };
        for (at, result) in life.submit(work).into_iter().enumerate() {
            assert!(!matches!(result, ItemResult::Refused(_)), "record {at} of {act:?} was refused: {result:?}");
        }
    }
    life.end();
}

//! An allowed contact is decided without the heap. A test of its own, because the allocator that counts is the process's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fairdue::compliance::{Answered, CaseWatch, Context, PersonLogs};
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use fairdue::domain::money::Currency;
use fairdue::domain::time::{DAY, SECOND, Timestamp};
use fairdue::domain::verdict::Verdict;
use fairdue::rules::{Packs, RuleSet, SourceFile};

thread_local! {
    /// Pieces of memory that this thread has asked for.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what each thread asks for.
struct Counting;

fn count() {
    // The thread may be at its end, where nothing is measured any more.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// 2025-06-03, a Tuesday, 11:00 in Rome.
const MORNING: Timestamp = Timestamp(1_748_941_200 * SECOND);

/// A call; without an outcome one that is only asked about.
fn call(id: &str, at: Timestamp, outcome: Option<&str>) -> Activity {
    serde_json::from_value(serde_json::json!({
        "id": id, "cases": ["c"], "person": "p", "occurred": at, "initiated_by": "collector",
        "actor": {"kind": "human", "agent": "agent-1"},
        "detail": {"kind": "contact", "channel": "call", "outcome": outcome}
    }))
    .expect("an activity")
}

#[test]
fn twelve_rules_allow_a_contact_without_allocating() {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let packs = Packs::compile(&[
        file("it/rules.toml", include_str!("../benches/twelve_rules.toml")),
        file("it/cases.toml", include_str!("../benches/twelve_rules.cases.toml")),
    ]);
    let packs = packs.expect("the twelve rules");
    let rules = RuleSet::for_tenant(&packs, None).expect("a rule set");
    let market = Market {
        key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") },
        region: "IT".to_owned(),
        zone: chrono_tz::Europe::Rome,
        currency: Currency::parse("EUR").expect("an ISO currency"),
        promise_grace_days: 3,
        attribution_days: 30,
        payment_order: DEFAULT_PAYMENT_ORDER,
        payment_orders: Vec::new(),
        buckets: fairdue::domain::buckets::Buckets::default(),
        case_dimensions: Default::default(),
    };
    let version: CaseVersion = serde_json::from_value(serde_json::json!({
        "case": "c", "version": "1", "effective": MORNING.plus(-100 * DAY), "currency": "EUR",
        "identity": {"creditor": "bank", "collector_role": "agency"},
        "class": {"debt_class": "consumer", "debt_type": "loan"},
        "claims": [{"id": "1", "principal": 120_000}],
        "parties": [{
            "person": "p", "role": "primary", "kind": "consumer", "residences": [{"country": "IT", "confirmed": true}],
            "zones": [{"zone": "Europe/Rome"}]
        }]
    }))
    .expect("a case version");
    let persons = PersonLogs::default();
    let context = Context { rules: &rules, market: &market, version: &version, lead: true, persons: &persons };
    let mut out = Vec::new();
    let mut watch = CaseWatch::open(&context, &mut out);
    for day in 1..20 {
        watch.apply(
            &context,
            &call(&format!("a-{day}"), MORNING.plus((2 * day - 41) * DAY), Some("no_answer")),
            &mut out,
        );
    }
    let (asked, mut answer) = (call("asked", MORNING, None), Answered::default());
    watch.check_into(&context, &asked, &mut answer); // makes room for what speaks
    let before = ASKED.get();
    watch.check_into(&context, &asked, &mut answer);
    let allocations = ASKED.get() - before;
    assert_eq!((answer.verdict, answer.speaking.len()), (Verdict::Allowed, 12), "{answer:?}");
    assert_eq!(allocations, 0, "pieces of memory asked for by an allowed decision");
}

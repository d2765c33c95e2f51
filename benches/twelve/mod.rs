//! The twelve rules on random situations: what the bench decides alone, and `peers` beside another engine.

pub mod situations;

use fairdue::compliance::{Answered, CaseWatch, Context, PersonLogs};
use fairdue::domain::activity::Activity;
use fairdue::domain::buckets::Buckets;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use fairdue::domain::money::Currency;
use fairdue::domain::time::Timestamp;
use fairdue::rules::{Packs, RuleSet, SourceFile};
use serde_json::json;

use situations::{Situation, ZONE, local};

/// Fairdue with the twelve rules.
pub struct Fairdue {
    pub rules: RuleSet,
    market: Market,
    persons: PersonLogs,
}

/// A case with its history, and the call that is asked about.
pub struct Scene {
    version: CaseVersion,
    watch: CaseWatch,
    call: Activity,
}

impl Fairdue {
    pub fn new() -> Self {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let packs = Packs::compile(&[
            file("it/rules.toml", include_str!("../twelve_rules.toml")),
            file("it/cases.toml", include_str!("../twelve_rules.cases.toml")),
        ]);
        let packs = packs.unwrap_or_else(|found| panic!("{found}"));
        let key = MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") };
        Self {
            rules: RuleSet::for_tenant(&packs, None).unwrap_or_else(|found| panic!("{found}")),
            market: Market {
                key,
                region: "IT".to_owned(),
                zone: ZONE,
                currency: Currency::parse("EUR").expect("an ISO currency"),
                promise_grace_days: 3,
                attribution_days: 30,
                payment_order: DEFAULT_PAYMENT_ORDER,
                payment_orders: Vec::new(),
                buckets: Buckets::default(),
                case_dimensions: Default::default(),
            },
            persons: PersonLogs::default(),
        }
    }

    fn context<'a>(&'a self, version: &'a CaseVersion) -> Context<'a> {
        Context { rules: &self.rules, market: &self.market, version, lead: true, persons: &self.persons }
    }

    pub fn scene(&self, situation: &Situation) -> Scene {
        let version = version(situation);
        let mut out = Vec::new();
        let mut watch = CaseWatch::open(&self.context(&version), &mut out);
        for (number, earlier) in situation.earlier.iter().enumerate() {
            let outcome = if earlier.conversation { "right_party_no_commitment" } else { "no_answer" };
            let before = call(&format!("before-{number}"), local(earlier.date, 360 + number as u32), Some(outcome));
            watch.apply(&self.context(&version), &before, &mut out);
        }
        Scene { watch, call: call("asked", situation.at(), None), version }
    }

    pub fn decide(&self, scene: &Scene, answer: &mut Answered) {
        scene.watch.check_into(&self.context(&scene.version), &scene.call, answer);
    }
}

fn version(situation: &Situation) -> CaseVersion {
    let placed = local(situation.date - chrono::Days::new(100), 600);
    let states = [
        ("represented", situation.represented),
        ("cease_requested", situation.cease_requested),
        ("insolvency", situation.insolvency),
        ("disputed", situation.disputed),
    ];
    let conditions: Vec<_> = states
        .iter()
        .filter(|(_, set)| *set)
        .map(|(condition, _)| json!({"condition": condition, "from": placed}))
        .collect();
    let permissions = if situation.opted_out {
        json!([{"granted": false, "scope": "channel", "channel": "call", "given": placed}])
    } else {
        json!([])
    };
    serde_json::from_value(json!({
        "case": "c", "version": "1", "effective": placed, "currency": "EUR", "closed": situation.closed,
        "identity": {"creditor": "bank", "collector_role": "agency"},
        "class": {"debt_class": "consumer", "debt_type": "loan"},
        "claims": [{"id": "1", "principal": 120_000}],
        "parties": [{
            "person": "p", "role": "primary", "kind": "consumer", "residences": [{"country": "IT", "confirmed": true}],
            "zones": [{"zone": ZONE.name()}], "conditions": conditions, "permissions": permissions
        }]
    }))
    .expect("a case version")
}

/// A call; without an outcome one that is only asked about.
fn call(id: &str, at: Timestamp, outcome: Option<&str>) -> Activity {
    serde_json::from_value(json!({
        "id": id, "cases": ["c"], "person": "p", "occurred": at, "initiated_by": "collector",
        "actor": {"kind": "human", "agent": "agent-1"},
        "detail": {"kind": "contact", "channel": "call", "outcome": outcome}
    }))
    .expect("an activity")
}

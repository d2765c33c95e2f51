//! The two contestants.

use cel::{Context as CelContext, Program, Value};
use chrono_tz::Tz;
use fairdue::compliance::{Answered, CaseWatch, Context, PersonLogs};
use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::ids::{MarketId, TenantId};
use fairdue::domain::market::{DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use fairdue::domain::money::Currency;
use fairdue::domain::time::Timestamp;
use fairdue::domain::verdict::Answer;
use fairdue::rules::{Packs, RuleSet, SourceFile};
use serde_json::json;

use crate::situations::{Situation, ZONE, local};

/// What a rule says, in the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Silent,
    Kept,
    Broken,
}

/// The ids of the rules, each with what it says to CEL: first what it concerns, then what breaks it.
const RULES: [(&str, &str); 12] = [
    ("it-hours", "!(weekday <= 6 && minute >= 480 && minute < 1260)"),
    ("it-holidays", "holiday"),
    ("it-attempts-week", "attempts_week + 1 > 7"),
    ("it-attempts-day", "attempts_day + 1 > 2"),
    ("it-contacts-month", "contacts_month + 1 > 4"),
    ("it-cooldown", "days_since_conversation < 7"),
    ("it-represented", "represented"),
    ("it-cease", "cease_requested"),
    ("it-insolvency", "insolvency"),
    ("it-disputed", "disputed"),
    ("it-opted-out", "opted_out"),
    ("it-closed", "closed"),
];
/// What all of them concern.
const SCOPE: &str = "channel in ['call'] && outbound && debt_class in ['consumer'] && role in ['agency', 'debt_buyer']";

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
            file("it/rules.toml", include_str!("../../benches/twelve_rules.toml")),
            file("it/cases.toml", include_str!("../../benches/twelve_rules.cases.toml")),
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
                payment_order: DEFAULT_PAYMENT_ORDER,
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

/// What an answer says, in the order of the rules.
pub fn judgements(rules: &RuleSet, answer: &Answered) -> Vec<Judgement> {
    let said = |id: &str| {
        let speaking = answer.speaking.iter().find(|one| rules.numbered(one.rule).is_some_and(|active| active.rule.id.as_str() == id));
        match speaking.map(|one| one.answer) {
            None => Judgement::Silent,
            Some(Answer::Kept) => Judgement::Kept,
            Some(Answer::Broken) => Judgement::Broken,
            Some(other) => panic!("{id} is answered with {other:?}"),
        }
    };
    RULES.iter().map(|(id, _)| said(id)).collect()
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
            "zones": [{"zone": Tz::name(ZONE)}], "conditions": conditions, "permissions": permissions
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

/// The `cel` crate with the twelve rules.
pub struct Cel {
    programs: Vec<Program>,
    /// The rules without what they concern: less than the same rules, and the best that CEL could do.
    bare: Vec<Program>,
    /// The standard library, made once.
    environment: std::sync::Arc<cel::Env>,
}

impl Cel {
    pub fn new() -> Self {
        let compile = |text: String| Program::compile(&text).unwrap_or_else(|found| panic!("{text}: {found}"));
        let rule = |broken: &str| compile(format!("!({SCOPE}) ? 0 : ({broken}) ? 2 : 1"));
        Self {
            programs: RULES.iter().map(|(_, broken)| rule(broken)).collect(),
            bare: RULES.iter().map(|(_, broken)| compile(format!("({broken}) ? 2 : 1"))).collect(),
            environment: std::sync::Arc::new(cel::Env::stdlib()),
        }
    }

    /// The inputs of a situation, as values of CEL.
    pub fn bind(&self, situation: &Situation) -> CelContext<'static, 'static> {
        let mut context = CelContext::with_env(std::sync::Arc::clone(&self.environment));
        let text = |value: &str| Value::String(std::sync::Arc::new(value.to_owned()));
        for (name, value) in [
            ("channel", text("call")),
            ("debt_class", text("consumer")),
            ("role", text("agency")),
            ("outbound", Value::Bool(true)),
            ("weekday", Value::Int(situation.weekday())),
            ("minute", Value::Int(situation.minute.into())),
            ("holiday", Value::Bool(situation.holiday())),
            ("attempts_week", Value::Int(situation.attempts(7))),
            ("attempts_day", Value::Int(situation.attempts(1))),
            ("contacts_month", Value::Int(situation.contacts_of_month())),
            ("days_since_conversation", Value::Int(situation.days_since_conversation())),
            ("represented", Value::Bool(situation.represented)),
            ("cease_requested", Value::Bool(situation.cease_requested)),
            ("insolvency", Value::Bool(situation.insolvency)),
            ("disputed", Value::Bool(situation.disputed)),
            ("opted_out", Value::Bool(situation.opted_out)),
            ("closed", Value::Bool(situation.closed)),
        ] {
            context.add_variable_from_value(name, value);
        }
        context
    }

    pub fn decide(&self, bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
        run(&self.programs, bound, told);
    }

    pub fn decide_bare(&self, bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
        run(&self.bare, bound, told);
    }
}

fn run(programs: &[Program], bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
    told.clear();
    for program in programs {
        told.push(match program.execute(bound) {
            Ok(Value::Int(0)) => Judgement::Silent,
            Ok(Value::Int(1)) => Judgement::Kept,
            Ok(Value::Int(2)) => Judgement::Broken,
            other => panic!("CEL answered {other:?}"),
        });
    }
}

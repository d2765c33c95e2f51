//! Rules with random heads and limits, judged a second time by dates and clocks alone, on acts that stand at the edges of
//! what the rules say: the first and the last instant of a day in force, of a window, a wait, a term, opening hours and
//! holidays; limits reached exactly, and passed by one; dates and amounts of the case on the bounds of its scope.

mod kinds;

use chrono::NaiveDate;
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, market, rules_with, version};
use crate::compliance::{Context, PersonLogs};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Verdict};
use crate::rules::RuleSet;
use kinds::{Act, Kind, OUTCOMES, SECOND, calendar, kind, later, local, midnight};

const ZONES: [Tz; 4] = [Tz::America__New_York, Tz::Europe__Rome, Tz::Asia__Kolkata, Tz::Australia__Sydney];
/// By which date a version is picked, beside the activity's own.
const DATES: [&str; 5] = ["activity_on", "contract_on", "claim_arose_on", "due_on", "mandate_on"];

/// The head of a rule. Days are counted from the first of the history.
#[derive(Debug, Clone)]
struct Head {
    from: Option<i64>,
    until: Option<i64>,
    by: usize,
    agencies: bool,
    taken_for_agency: bool,
    consumers: bool,
    debtors: bool,
    principal: [Option<i64>; 2],
    past_due: [Option<i64>; 2],
    titled: Option<bool>,
    not_at_request: bool,
    no_replies: bool,
    no_guarantors: bool,
}

/// What the case states of what heads ask for.
#[derive(Debug, Clone)]
struct Stated {
    zone: usize,
    agency: Option<bool>,
    consumer: Option<bool>,
    principal: i64,
    /// Due dates of two claims.
    due: [Option<i64>; 2],
    titled: Option<i64>,
    /// The contract, when the claims arose, the mandate.
    dates: [Option<i64>; 3],
}

/// An act before it has a time: which edge it is near, of which act, how near, and what it is.
#[derive(Debug, Clone)]
struct Raw {
    near: usize,
    of: usize,
    shift: i64,
    minutes: i64,
    act: Act,
}

fn one_in(parts: u32) -> impl Strategy<Value = bool> {
    prop::bool::weighted(1.0 / f64::from(parts))
}

fn rarely<T: std::fmt::Debug + Clone>(some: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.25, some)
}

prop_compose! {
    fn head()(
        from in prop::option::of(0..20_i64), length in prop::option::of(0..25_i64), by in prop_oneof![3 => Just(0), 2 => 1..DATES.len()],
        flags in prop::array::uniform7(one_in(4)), principal in (rarely(9_999..10_002_i64), rarely(9_999..10_002_i64)),
        past_due in (rarely(0..30_i64), rarely(0..40_i64)), titled in rarely(any::<bool>()),
    ) -> Head {
        let [agencies, taken_for_agency, consumers, debtors, not_at_request, no_replies, no_guarantors] = flags;
        Head {
            from, until: length.map(|length| from.unwrap_or(5) + length), by, agencies,
            taken_for_agency: agencies && taken_for_agency, consumers, debtors,
            principal: [principal.0, principal.1.map(|most| most.max(principal.0.unwrap_or(0)))],
            past_due: [past_due.0, past_due.1.map(|most| most.max(past_due.0.unwrap_or(0)))],
            titled, not_at_request, no_replies, no_guarantors,
        }
    }
}

prop_compose! {
    fn stated()(
        zone in 0..ZONES.len(), agency in prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)],
        consumer in prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)], principal in 9_998..10_003_i64,
        due in prop::array::uniform2(prop::option::weighted(0.8, -20..20_i64)), titled in prop::option::of(0..30_i64),
        dates in prop::array::uniform3(prop::option::weighted(0.9, -2..45_i64)),
    ) -> Stated {
        Stated { zone, agency, consumer, principal, due, titled, dates }
    }
}

fn raw() -> impl Strategy<Value = Raw> {
    let shift = prop::sample::select(&[-SECOND, -1, 0, 0, 1, SECOND][..]);
    let what = (0..2_usize, one_in(4), 0..OUTCOMES.len(), one_in(6), one_in(6), one_in(8), one_in(4), 0..3_i64);
    (0..8_usize, 0..4_usize, shift, 0..2_880_i64, what).prop_map(|(near, of, shift, minutes, what)| {
        let (person, visit, outcome, inbound, wished, reply, notice, seq) = what;
        let act = Act { at: 0, seq, number: 0, person, visit, outcome: Some(outcome), inbound, wished, reply, notice };
        Raw { near, of, shift, minutes, act }
    })
}

/// Day zero: a Monday, with a change of clocks in most of the zones soon after.
fn day(number: i64) -> NaiveDate {
    later("2026-03-02".parse().unwrap(), number)
}

/// The acts at their times, in their order.
fn placed(raw: &[Raw], head: &Head, stated: &Stated, kind: &Kind) -> Vec<Act> {
    let zone = ZONES[stated.zone];
    let mut acts: Vec<Act> = Vec::new();
    for (number, one) in raw.iter().enumerate() {
        let last = acts.iter().rev().nth(one.of).or(acts.last()).map_or_else(|| midnight(day(3), zone), |act| act.at);
        let due = stated.due.iter().flatten().min().copied().unwrap_or(0);
        let at = match one.near {
            0 => midnight(day(head.from.unwrap_or(0)), zone),
            1 => midnight(day(head.until.map_or(1, |until| until + 1)), zone),
            2 | 3 => kind.edge(last, zone),
            4 => last,
            5 => midnight(later("2026-03-17".parse().unwrap(), one.minutes % 2), zone),
            6 => midnight(
                day(match one.minutes % 3 {
                    0 => due + head.past_due[0].unwrap_or(0),
                    1 => due + head.past_due[1].map_or(0, |most| most + 1),
                    _ => stated.titled.unwrap_or(0),
                }),
                zone,
            ),
            _ => last + one.minutes * 60 * SECOND,
        };
        acts.push(Act { at: at + one.shift, number, ..one.act });
    }
    acts.sort_by_key(|act| (act.at, act.seq, act.number));
    acts
}

impl Head {
    fn written(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| out.push_str(&(text + "\n"));
        self.from.into_iter().for_each(|from| line(format!("valid_from = {}", day(from))));
        self.until.into_iter().for_each(|until| line(format!("valid_until = {}", day(until))));
        line(format!("version_by = \"{}\"", DATES[self.by]));
        let mut scope: Vec<String> = Vec::new();
        let mut asks = |wanted: bool, text: &str| scope.extend(wanted.then(|| text.to_owned()));
        asks(self.agencies, "collector_role = [\"agency\"]");
        asks(self.consumers, "debt_class = [\"consumer\"]");
        asks(self.debtors, "person_role = [\"primary\"]");
        let money = |minor: i64| format!("\"{}.{:02}\"", minor / 100, minor % 100);
        for (key, bound) in ["min_principal", "max_principal"].iter().zip(self.principal) {
            scope.extend(bound.map(|bound| format!("{key} = {}", money(bound))));
        }
        for (key, bound) in ["past_due_min", "past_due_max"].iter().zip(self.past_due) {
            scope.extend(bound.map(|bound| format!("{key} = {bound}")));
        }
        scope.extend(self.titled.map(|titled| format!("titled = {titled}")));
        line(format!("applies_to = {{ {} }}", scope.join(", ")));
        if self.taken_for_agency {
            line("when_missing = { collector_role = \"agency\" }".to_owned());
        }
        let mut exempt = vec![format!("at_debtors_request = {}", self.not_at_request)];
        exempt.extend(self.no_replies.then(|| "purposes = [\"reply\"]".to_owned()));
        exempt.extend(self.no_guarantors.then(|| "person_roles = [\"guarantor\"]".to_owned()));
        line(format!("exempt = {{ {} }}", exempt.join(", ")));
        out
    }

    /// Whether the rule concerns the act, and whether that is certain; `None`: it does not.
    fn concerns(&self, act: &Act, stated: &Stated) -> Option<bool> {
        let today = act.local(ZONES[stated.zone]).date_naive();
        let exempt =
            self.not_at_request && act.wished || self.no_replies && act.reply || self.no_guarantors && act.person == 1;
        if exempt || self.debtors && act.person == 1 {
            return None;
        }
        let mut sure = true;
        // A bound with what is compared with it: nothing is known of it where it is not stated.
        let mut within = |asked: bool, stated: Option<bool>| {
            sure &= !asked || stated.is_some();
            !asked || stated != Some(false)
        };
        let [contract, arose, mandate] = stated.dates.map(|date| date.map(day));
        let in_force = |date: NaiveDate| {
            self.from.is_none_or(|from| day(from) <= date) && self.until.is_none_or(|until| date <= day(until))
        };
        // Of the day of each claim all have to say the same.
        let due: Vec<Option<bool>> = stated.due.iter().map(|due| due.map(|due| in_force(day(due)))).collect();
        let due = due.iter().all(|one| *one == due[0]).then_some(due[0]).flatten();
        let picked =
            [Some(in_force(today)), contract.map(in_force), arose.map(in_force), due, mandate.map(in_force)][self.by];
        let role = stated.agency.or(self.taken_for_agency.then_some(true));
        let titled = self.titled.is_none_or(|wanted| wanted == stated.titled.is_some_and(|on| day(on) <= today));
        let [least, most] = self.principal;
        let owed =
            least.is_none_or(|least| stated.principal >= least) && most.is_none_or(|most| stated.principal <= most);
        let all = within(self.from.is_some() || self.until.is_some(), picked)
            && within(self.agencies, role)
            && within(self.consumers, stated.consumer)
            && titled
            && owed
            && within(self.past_due != [None, None], self.is_past_due(today, stated));
        all.then_some(sure)
    }

    /// The days past due lie between the bounds. `None`: they may. A claim without a date may be older than the others.
    fn is_past_due(&self, today: NaiveDate, stated: &Stated) -> Option<bool> {
        let oldest = stated.due.iter().flatten().min().map(|due| day(*due))?;
        let days = today.signed_duration_since(oldest).num_days();
        let possible: &[i64] = if stated.due.contains(&None) { &[days, 1_000_000] } else { &[days] };
        // With an older claim the debt is past due for any number of days from these on.
        let inside = |days: i64| {
            self.past_due[0].is_none_or(|least| days >= least) && self.past_due[1].is_none_or(|most| days <= most)
        };
        let open = possible.len() > 1 && self.past_due[1].is_none_or(|most| days <= most);
        let all = possible.iter().all(|days| inside(*days));
        if all {
            Some(true)
        } else if inside(days) || open {
            None
        } else {
            Some(false)
        }
    }

    /// What the rule says of an act: broken, not, or that nobody can tell.
    fn says(&self, kind: &Kind, act: &Act, before: &[Act], stated: &Stated) -> Option<bool> {
        let broken = kind.broken(act, before, ZONES[stated.zone]) == Some(true);
        match self.concerns(act, stated) {
            Some(true) => Some(broken),
            Some(false) if broken => None,
            _ => Some(false),
        }
    }
}

impl Stated {
    fn case(&self) -> CaseVersion {
        let word =
            |stated: Option<bool>, yes: &str, no: &str| stated.map(|stated| if stated { yes } else { no }.to_owned());
        let on = |number: Option<i64>| number.map(day);
        let claim = |id: &str, principal: i64, due: Option<i64>| json!({ "id": id, "principal": principal, "due_original": on(due), "arose": on(self.dates[1]) });
        let zones = json!([{ "zone": ZONES[self.zone].name() }]);
        let party = |person: &str, role: &str| json!({ "person": person, "role": role, "zones": zones });
        let mut version = version(
            json!({
                "identity": { "creditor": "creditor", "collector_role": word(self.agency, "agency", "creditor") },
                "class": { "debt_class": word(self.consumer, "consumer", "business"), "titled_on": on(self.titled) },
                "dates": { "contract": on(self.dates[0]) },
                "placement": { "mandate_on": on(self.dates[2]) },
                "claims": [claim("c1", self.principal - 1_000, self.due[0]), claim("c2", 1_000, self.due[1])],
            }),
            json!({ "zones": zones, "residences": [] }),
        );
        version.parties.push(serde_json::from_value(party("q", "guarantor")).unwrap());
        version
    }
}

fn recorded(act: &Act) -> Activity {
    let mut detail = json!({ "kind": "contact", "channel": if act.visit { "visit" } else { "call" } });
    if act.notice {
        detail = json!({ "kind": "contact", "channel": "letter", "notices": ["warned"], "form": "paper" });
    } else if let Some(outcome) = act.outcome {
        detail["outcome"] = Value::from(OUTCOMES[outcome].0);
        if OUTCOMES[outcome].0 == "busy" {
            // The platform takes it for an attempt.
            detail["flags"] =
                json!({ "attempt": true, "connect": false, "right_party": false, "communication": false });
        }
    }
    if act.reply {
        detail["purpose"] = Value::from("reply");
    }
    let head = json!({
        "person": if act.person == 0 { "p" } else { "q" }, "source_seq": act.seq, "at_debtors_request": act.wished,
        "initiated_by": if act.inbound { "debtor" } else { "collector" },
    });
    activity(act.number, Timestamp(act.at), head, detail)
}

fn law(head: &Head, kind: &Kind) -> RuleSet {
    rules_with(&calendar(), &head.written(), &kind.written(), None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, ..ProptestConfig::default() })]

    /// What has happened is found, or told as unknown, exactly where the texts say so.
    #[test]
    fn at_its_edges_a_rule_finds_what_its_text_says(head in head(), kind in kind(), stated in stated(), raw in prop::collection::vec(raw(), 1..14)) {
        let acts = placed(&raw, &head, &stated, &kind);
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (place, act) in acts.iter().enumerate() {
            match head.says(&kind, act, &acts[..place], &stated) {
                Some(true) => broken.push(format!("a{:03}", act.number)),
                None => unknown.push(format!("a{:03}", act.number)),
                Some(false) => {}
            }
        }
        let history: Vec<Activity> = acts.iter().map(recorded).collect();
        let (_, found) = fold(&law(&head, &kind), &stated.case(), &history, Timestamp(acts[acts.len() - 1].at + 1));
        prop_assert_eq!((found.broken, found.unknown), (broken, unknown));
    }

    /// What is asked about is answered as it would be found if it succeeded; what is told as the next lawful instant is
    /// lawful, and what the rule itself names is the first that it allows.
    #[test]
    fn at_its_edges_a_rule_answers_what_its_text_says(head in head(), kind in kind(), stated in stated(), raw in prop::collection::vec(raw(), 1..10)) {
        let acts = placed(&raw, &head, &stated, &kind);
        let Some((last, before)) = acts.split_last() else { return Ok(()) };
        let asked = Act { outcome: None, notice: false, inbound: false, seq: 0, number: 900, ..*last };
        let (rules, case) = (law(&head, &kind), stated.case());
        let history: Vec<Activity> = before.iter().map(recorded).collect();
        let (watch, _) = fold(&rules, &case, &history, Timestamp(asked.at));
        let said = ask(&rules, &case, &watch, &recorded(&asked));
        let answer = match said.as_ref().map(|said| said.answer) {
            Some(Answer::Broken) => Some(true),
            Some(Answer::Unknown) => None,
            _ => Some(false),
        };
        prop_assert_eq!(answer, head.says(&kind, &asked, before, &stated));
        // It allows nothing less when it is out of force.
        let zone = ZONES[stated.zone];
        let over = |at: i64| head.by == 0 && head.until.is_some_and(|until| local(at, zone).date_naive() > day(until));
        let at = |at: i64| kind.broken(&Act { at, ..asked }, before, zone) == Some(true) && !over(at);
        if let Some(from) = said.filter(|said| said.answer == Answer::Broken).and_then(|said| said.allowed_from) {
            prop_assert!(!at(from.0) && at(from.0 - 1), "from {} on", local(from.0, ZONES[stated.zone]));
        }
        let (market, persons) = (market(), PersonLogs::default());
        let context = Context { rules: &rules, market: &market, version: &case, lead: true, persons: &persons };
        let whole = watch.check(&context, &recorded(&asked));
        if let Some(next) = whole.next_allowed {
            let then = head.says(&kind, &Act { at: next.0, ..asked }, before, &stated);
            prop_assert!(whole.verdict > Verdict::AllowedWithDuties && then == Some(false), "{}", local(next.0, ZONES[stated.zone]));
        }
    }
}

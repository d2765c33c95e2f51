//! Activities of which only the date is known: it is the market's, and counts as that date wherever the person lives.

use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{LAW, context};
use crate::compliance::{CaseWatch, Emission, PersonLogs, Speaking};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::market::Market;
use crate::domain::time::{SECOND, Timestamp, add_days};
use crate::domain::verdict::{Answer, Verdict};

/// Where the debtors live, and a state there.
const HOMES: [(Tz, &str); 4] = [
    (Tz::America__Los_Angeles, "CA"),
    (Tz::America__New_York, "NY"),
    (Tz::America__Chicago, "TX"),
    (Tz::Pacific__Honolulu, "HI"),
];
/// Zones of the market, to both sides of where they live. In none of them a date begins before four in the afternoon of the day
/// before where somebody lives: until then things happen, so that they stand in the same order everywhere.
const MARKETS: [Tz; 4] =
    [Tz::America__New_York, Tz::America__Los_Angeles, Tz::America__St_Johns, Tz::Pacific__Pago_Pago];
/// Spring's change of the clock falls among the days.
const FIRST: &str = "2026-02-20";

/// Something that happened: days after what came before, its hour (none: the date alone is known), and what.
type Act = (i64, Option<i64>, usize);

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0_i64..6, prop::option::of(8_i64..16), 0..details().len());
    prop::collection::vec(act, 1..25)
}

fn details() -> Vec<Value> {
    let call = |outcome: &str| json!({ "kind": "contact", "channel": "call", "outcome": outcome });
    let money = json!({ "m": 1000, "c": "USD" });
    vec![
        call("no_answer"),
        call("right_party_no_commitment"),
        call("right_party_promise"),
        json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "notices": ["validation_notice"] }),
        json!({ "kind": "contact", "channel": "email", "outcome": "sent", "purpose": "demand" }),
        json!({ "kind": "dispute", "step": "opened", "written": true }),
        json!({ "kind": "dispute", "step": "verified" }),
        json!({ "kind": "condition", "condition": "cease_requested", "written": true }),
        json!({ "kind": "payment", "amount": money }),
        json!({ "kind": "credit_report", "report": "furnish", "bureau": "b" }),
        json!({ "kind": "credit_report", "report": "withdraw", "bureau": "b" }),
        json!({ "kind": "legal_step", "step": "lawsuit" }),
        json!({ "kind": "document", "document": "contract", "requested": true }),
        json!({ "kind": "document", "document": "contract", "produced": true }),
        json!({ "kind": "condition", "condition": "cease_requested", "ended": true }),
        json!({ "kind": "condition", "condition": "represented" }),
        json!({ "kind": "acknowledgement", "written": true }),
        json!({ "kind": "verification_sent" }),
        json!({ "kind": "case_status", "closed": true }),
        json!({ "kind": "charge", "step": "reminder", "amount": money }),
    ]
}

fn version(zone: Tz, state: &str) -> CaseVersion {
    serde_json::from_value(json!({
        "case": "c", "version": "v1", "effective": 0, "currency": "USD",
        "identity": { "creditor": "creditor", "collector_role": "agency" },
        "class": { "debt_class": "consumer", "debt_type": "sale" },
        "dates": { "default_on": "2022-03-02" },
        "claims": [{ "id": "c1", "principal": 10_000, "arose": "2021-01-01" }],
        "parties": [{ "person": "p", "role": "primary", "kind": "consumer", "zones": [{ "zone": zone.name() }],
                      "residences": [{ "country": "US", "subdivision": state }] }],
    }))
    .unwrap()
}

/// The history as a market in `zone` is told it, of a debtor who lives in `home`.
fn history(acts: &[Act], zone: Tz, home: Tz) -> Vec<Activity> {
    let mut day = FIRST.parse().unwrap();
    let mut told = Vec::new();
    for (number, (wait, hour, what)) in acts.iter().enumerate() {
        day = add_days(day, *wait);
        let at = match hour {
            None => Timestamp::start_of(day, zone),
            Some(hour) => Timestamp::start_of(day, home).plus(hour * 3600 * SECOND),
        };
        let activity = json!({
            "id": format!("a{number:03}"), "cases": ["c"], "person": "p", "occurred": at.0, "source_seq": 0,
            "date_only": hour.is_none(), "detail": details()[*what],
        });
        told.push(serde_json::from_value(activity).unwrap());
    }
    told.sort_by(|a: &Activity, b: &Activity| a.order().cmp(&b.order()));
    told
}

/// What a market in `zone` finds, with instants that tell nothing of the zone, and what it answers to calls at these hours
/// after the first day.
fn told(acts: &[Act], zone: Tz, (home, state): (Tz, &str), hours: &[i64]) -> Vec<String> {
    let market = Market { zone, ..super::market() };
    let version = version(home, state);
    let history = history(acts, zone, home);
    let (mut logs, mut out) = (PersonLogs::default(), Vec::new());
    let mut watch = CaseWatch::open(&context(&LAW, &market, &version, &logs), &mut out);
    let first = FIRST.parse().unwrap();
    let asked = |hour: &i64| {
        let at = Timestamp::start_of(add_days(first, *hour / 8), home).plus((8 + *hour % 8) * 3600 * SECOND + SECOND);
        let detail = json!({ "kind": "contact", "channel": if hour % 3 == 0 { "email" } else { "call" } });
        let value = json!({ "id": "asked", "cases": ["c"], "person": "p", "occurred": at.0, "detail": detail });
        serde_json::from_value::<Activity>(value).unwrap()
    };
    let mut questions: Vec<Activity> = hours.iter().map(asked).collect();
    questions.sort_by_key(|one| one.occurred);
    let mut questions = questions.into_iter().peekable();
    let mut answers = Vec::new();
    for activity in &history {
        while let Some(asked) = questions.next_if(|asked| asked.occurred < activity.occurred) {
            answers.push(watch.check(&context(&LAW, &market, &version, &logs), &asked));
        }
        watch.advance(&context(&LAW, &market, &version, &logs), activity.occurred, &mut out);
        watch.apply(&context(&LAW, &market, &version, &logs), activity, &mut out);
        logs.note(activity, &version);
    }
    answers.extend(questions.map(|asked| watch.check(&context(&LAW, &market, &version, &logs), &asked)));
    let end = Timestamp::start_of(add_days(first, 400), home);
    watch.advance(&context(&LAW, &market, &version, &logs), end, &mut out);
    let when = |at: Timestamp| match history.iter().find(|one| one.occurred == at) {
        Some(one) if one.date_only => at.date(zone).to_string(),
        // Terms end at midnight where the debtor lives, and so may such a date begin.
        _ if at == Timestamp::start_of(at.date(home), home) => at.date(home).to_string(),
        _ => at.to_string(),
    };
    let lines = out.iter().map(|emission| match emission {
        Emission::Opened(one) => {
            let at = when(one.at);
            format!("{at} {} {:?} {:?} {:?} {:?}", one.rule, one.activity, one.severity, one.observed, one.evidence)
        }
        Emission::Test { rule, outcome, at, missing, .. } => format!("{} {rule} {outcome:?} {missing:?}", when(*at)),
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    for (number, answer) in answers.into_iter().enumerate() {
        lines.push(format!(
            "{number}: {:?}, next {:?}, missing {:?}",
            answer.verdict, answer.next_allowed, answer.missing
        ));
        for one in answer.speaking {
            let rule = LAW.numbered(one.rule).map(|rule| rule.rule.id.to_string());
            // Whether a rule may be skipped in the search for a later time is no part of what it says.
            lines.push(format!("{number}: {rule:?} {:?}", Speaking { steady: false, ..one }));
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever the zone in which a platform writes its dates, findings, tests and answers are those of a market in the
    /// debtor's own zone.
    #[test]
    fn a_date_is_that_date_where_the_debtor_lives(
        acts in acts(),
        home in prop::sample::select(HOMES.to_vec()),
        zone in prop::sample::select(MARKETS.to_vec()),
        hours in prop::collection::vec(0_i64..8 * 90, 12),
    ) {
        let (there, here) = (told(&acts, zone, home, &hours), told(&acts, home.0, home, &hours));
        let other: Vec<_> = there.iter().zip(&here).filter(|(there, here)| there != here).collect();
        prop_assert!(other.is_empty() && there.len() == here.len(), "{} and {} lines: {other:#?}", there.len(), here.len());
    }
}

/// A debtor at home, of whom a market in `zone` is told that things happened on these days.
fn after(zone: Tz, (home, state): (Tz, &str), told: &[(&str, Value)]) -> (CaseWatch, PersonLogs, Vec<Emission>) {
    let (market, version) = (Market { zone, ..super::market() }, version(home, state));
    let (mut logs, mut out) = (PersonLogs::default(), Vec::new());
    let mut watch = CaseWatch::open(&context(&LAW, &market, &version, &logs), &mut out);
    for (number, (day, detail)) in told.iter().enumerate() {
        let at = Timestamp::start_of(day.parse().unwrap(), zone);
        let one = json!({ "id": format!("a{number}"), "cases": ["c"], "person": "p", "occurred": at.0, "date_only": true,
                          "detail": detail });
        let one: Activity = serde_json::from_value(one).unwrap();
        watch.advance(&context(&LAW, &market, &version, &logs), one.occurred, &mut out);
        watch.apply(&context(&LAW, &market, &version, &logs), &one, &mut out);
        logs.note(&one, &version);
    }
    (watch, logs, out)
}

/// What a rule says of a call to the debtor at an hour of a day at home, after a talk on 3 May.
fn said(zone: Tz, home: (Tz, &str), rule: &str, (day, hour): (&str, i64)) -> Speaking {
    let talk = json!({ "kind": "contact", "channel": "call", "outcome": "right_party_no_commitment" });
    let (watch, logs, _) = after(zone, home, &[("2026-05-03", talk)]);
    let at = Timestamp::start_of(day.parse().unwrap(), home.0).plus(hour * 3600 * SECOND);
    let asked = json!({ "id": "asked", "cases": ["c"], "person": "p", "occurred": at.0,
                        "detail": { "kind": "contact", "channel": "call" } });
    let asked: Activity = serde_json::from_value(asked).unwrap();
    let (market, version) = (Market { zone, ..super::market() }, version(home.0, home.1));
    let answer = watch.check(&context(&LAW, &market, &version, &logs), &asked);
    let named = |one: &Speaking| LAW.numbered(one.rule).is_some_and(|one| one.rule.id.as_str() == rule);
    answer.speaking.into_iter().find(named).expect("it speaks")
}

/// 12 CFR 1006.14(b)(2)(i)(B) by hand: a conversation on 3 May, the first day of seven, of which only the date is known. A call
/// may be made on 10 May, on the debtor's own clock, and not on the 9th.
#[test]
fn a_conversation_known_by_its_date_keeps_its_seven_days_in_every_zone() {
    for zone in MARKETS {
        for home in HOMES {
            let cooldown = |day| said(zone, home, "us-reg-f-conversation-cooldown", (day, 12)).verdict;
            assert_eq!(cooldown("2026-05-09"), Verdict::NotPermitted, "{zone} {}", home.0);
            assert_eq!(cooldown("2026-05-10"), Verdict::Allowed, "{zone} {}", home.0);
        }
    }
}

/// Whether a call follows within minutes, the date does not tell: neither on it nor, where it has not begun yet, before it.
#[test]
fn a_date_tells_no_minutes() {
    let (zone, home) = (Tz::America__New_York, HOMES[0]);
    let answer = |day, hour| said(zone, home, "us-reg-f-rapid-succession", (day, hour)).answer;
    assert_eq!(answer("2026-05-02", 22), Answer::Unknown);
    assert_eq!(answer("2026-05-03", 12), Answer::Unknown);
    assert_eq!(answer("2026-05-04", 1), Answer::Kept);
}

/// 12 CFR 1006.34(a)(1): the notice within five days of the first communication. One of the sixth day is late, though the
/// market's sixth day begins before the debtor's fifth is over.
#[test]
fn a_notice_of_the_day_after_a_term_is_late() {
    let talk = json!({ "kind": "contact", "channel": "call", "outcome": "right_party_no_commitment" });
    let notice = json!({ "kind": "contact", "channel": "letter", "outcome": "sent", "notices": ["validation_notice"] });
    for (day, late) in [("2026-05-08", false), ("2026-05-09", true)] {
        let told = [("2026-05-03", talk.clone()), (day, notice.clone())];
        let (_, _, out) = after(Tz::America__St_Johns, HOMES[0], &told);
        let found =
            |one: &Emission| matches!(one, Emission::Opened(one) if one.rule.as_str() == "us-validation-notice");
        assert_eq!(out.iter().any(found), late, "{day}");
    }
}

//! Client money, reports, records, licences, complaints, time to pay: random histories against a count by hand.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::bench::{act, at, date, euros, fold, rules, version};
use crate::compliance::TestOutcome;
use crate::domain::activity::Activity;

const END: i64 = 500;

fn label(id: &str, day: i64) -> String {
    format!("{id} due:{}", date(day))
}

/// Activities at random days, in the order of their time; one minute apart on the same day.
fn dated(acts: &[(i64, Value)]) -> Vec<(i64, Activity)> {
    let mut days: Vec<(i64, Value)> = acts.to_vec();
    days.sort_by_key(|(day, _)| *day);
    let numbered = days.into_iter().enumerate();
    numbered
        .map(|(number, (day, detail))| {
            (day, act(&format!("a{number:02}"), at(day, i64::try_from(number).unwrap()), detail))
        })
        .collect()
}

fn activities(history: &[(i64, Activity)]) -> Vec<Activity> {
    history.iter().map(|(_, activity)| activity.clone()).collect()
}

fn kind(activity: &Activity) -> Value {
    serde_json::to_value(&activity.detail).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Money is handed over first in, first out; what of a payment is left on the day after its term is an omission, and
    /// when time passed between the facts changes nothing.
    #[test]
    fn money_is_handed_over(
        acts in prop::collection::vec((0..120_i64, 0..4_u8, 1..50_i64), 1..30), term in 0..40_i64,
        ticks in prop::collection::vec(0..END, 0..8),
    ) {
        let limits = format!("[rule.client_funds]\nwithin = {{ days = {term}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}");
        let law = rules("", &limits, "", "");
        let history = dated(&acts.iter().map(|(day, what, amount)| (*day, match what {
            0 => json!({ "kind": "remittance", "amount": euros(*amount), "withheld": amount / 2 }),
            1 => json!({ "kind": "payment", "amount": euros(*amount), "received_by": "creditor" }),
            _ => json!({ "kind": "payment", "amount": euros(*amount) }),
        })).collect::<Vec<_>>());
        let (mut queue, mut late): (Vec<(i64, String, i64)>, Vec<String>) = (Vec::new(), Vec::new());
        let mut miss = |queue: &mut Vec<(i64, String, i64)>, day: i64| {
            late.extend(queue.iter().filter(|one| one.0 + term < day && one.2 > 0).map(|one| label(&one.1, one.0 + term)));
            queue.retain(|one| one.0 + term >= day && one.2 > 0);
        };
        for (day, activity) in &history {
            miss(&mut queue, *day);
            let detail = kind(activity);
            let amount = detail["amount"]["m"].as_i64().unwrap();
            if detail["kind"] == "remittance" {
                let mut over = amount + detail["withheld"].as_i64().unwrap();
                for one in &mut queue {
                    let taken = over.min(one.2);
                    one.2 -= taken;
                    over -= taken;
                }
            } else if detail["received_by"].is_null() {
                queue.push((*day, activity.id.to_string(), amount));
            }
        }
        miss(&mut queue, END);
        late.sort();
        let plain = fold(&law, &version(json!({})), &activities(&history), &[], END);
        prop_assert_eq!(&plain.1, &late);
        prop_assert_eq!(plain, fold(&law, &version(json!({})), &activities(&history), &ticks, END));
    }

    /// Each matter is acknowledged and answered in time or not, by its own reference, with the longer term only if that
    /// was told in time.
    #[test]
    fn matters_are_answered(
        acts in prop::collection::vec((0..100_i64, 0..7_usize, 0..3_u8), 1..25), ack in 0..10_i64, term in 10..30_i64,
        ticks in prop::collection::vec(0..END, 0..8),
    ) {
        const STEPS: [&str; 7] = ["opened", "acknowledged", "extended", "forwarded", "resolved_upheld", "withdrawn", "notified"];
        let long = term * 2;
        let days = |days: i64| format!("{{ days = {days}, count = \"clear_days\", from = \"received\", roll = \"none\" }}");
        let limits = format!(
            "[rule.complaint_handling]\nof = [\"complaint\"]\nacknowledge = {}\nanswer = {}\nextended = {}",
            days(ack), days(term), days(long),
        );
        let law = rules("", &limits, "", "");
        // Each reference is opened at most once, and first: what belongs to what is then plain.
        let mut seen = [false; 3];
        let mut sorted = acts.clone();
        sorted.sort_by_key(|one| one.0);
        let plain: Vec<(i64, Value)> = sorted.iter().map(|(day, step, reference)| {
            let first = !std::mem::replace(&mut seen[usize::from(*reference)], true);
            let step = if first { "opened" } else { STEPS[1 + step % 6] };
            (*day, json!({ "kind": "complaint", "step": step, "reference": format!("r{reference}") }))
        }).collect();
        let history = dated(&plain);
        let mut late = Vec::new();
        for reference in 0..3 {
            let name = json!(format!("r{reference}"));
            let own: Vec<(i64, String, String)> = history.iter().filter(|(_, one)| kind(one)["reference"] == name)
                .map(|(day, one)| (*day, kind(one)["step"].as_str().unwrap().to_owned(), one.id.to_string())).collect();
            let Some((opened, _, id)) = own.first() else { continue };
            let by = |last: i64, steps: &[&str]| own.iter().any(|one| one.0 <= last && steps.contains(&one.1.as_str()));
            let told = ["acknowledged", "extended", "resolved_upheld", "withdrawn", "notified"];
            if !by(opened + ack, &told) {
                late.push(label(id, opened + ack));
            }
            let last = if by(opened + term, &["extended"]) { opened + long } else { opened + term };
            let ended = own.iter().find(|one| one.1 == "resolved_upheld" || one.1 == "withdrawn").map(|one| one.0);
            // An extension told after the answer extends nothing.
            let extended = own.iter().find(|one| one.1 == "extended").map(|one| one.0);
            let last = if ended.is_some_and(|ended| extended.is_some_and(|extended| ended < extended)) { opened + term } else { last };
            if ended.is_none_or(|ended| ended > last) {
                late.push(label(id, last));
            }
        }
        late.sort();
        let told = fold(&law, &version(json!({})), &activities(&history), &[], END);
        prop_assert_eq!(&told.1, &late);
        prop_assert_eq!(told, fold(&law, &version(json!({})), &activities(&history), &ticks, END));
    }

    /// A report needs so many notices after the due date, the first so long ago, and none of it if there is a title;
    /// one that stands when its time is over is an omission, one made after it a breach.
    #[test]
    fn reports_after_notices(
        acts in prop::collection::vec((0..150_i64, 0..6_u8), 1..25), needed in 1..4_usize, wait in 0..40_i64,
        due in 0..60_i64, life in 60..200_i64,
    ) {
        let days = |days: i64| format!("{{ days = {days}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}");
        let limits = format!(
            "[rule.credit_reporting]\nnotices = [\"reminder\"]\nmin_notices = {needed}\nforms = [\"paper\"]\nafter_due = true\n\
             wait = {}\nwait_from = \"first\"\ninstead = [\"title\"]\nerase = {}\nerase_from = \"due\"",
            days(wait), days(life),
        );
        let law = rules("", &limits, "", "");
        let letter = |form: &str| json!({ "kind": "contact", "channel": "letter", "purpose": "reminder", "form": form });
        let history = dated(&acts.iter().map(|(day, what)| (*day, match what {
            0 | 1 => letter("paper"),
            2 => letter("oral"),
            3 => json!({ "kind": "title_obtained", "on": date(day + 3) }),
            4 => json!({ "kind": "credit_report", "report": "withdraw" }),
            _ => json!({ "kind": "credit_report", "report": "furnish" }),
        })).collect::<Vec<_>>());
        let mut wrong = Vec::new();
        let (mut sent, mut titled, mut standing): (Vec<i64>, Option<i64>, Vec<String>) = (Vec::new(), None, Vec::new());
        let last = due + life;
        let mut expired = false;
        for (day, activity) in &history {
            if *day > last && !std::mem::replace(&mut expired, true) {
                wrong.extend(standing.drain(..).map(|id| label(&id, last)));
            }
            let detail = kind(activity);
            match detail["kind"].as_str().unwrap() {
                "contact" if detail["form"] == "paper" && *day >= due => sent.push(*day),
                "title_obtained" => titled = Some(day + 3),
                "credit_report" if detail["report"] == "withdraw" => standing.clear(),
                "credit_report" => {
                    let by_title = titled.is_some_and(|on| on <= *day);
                    let by_notice = sent.len() >= needed && *day > sent[0] + wait;
                    if !by_title && !by_notice || *day > last {
                        wrong.push(activity.id.to_string());
                    }
                    if *day <= last {
                        standing.push(activity.id.to_string());
                    }
                }
                _ => {}
            }
        }
        if !expired {
            wrong.extend(standing.drain(..).map(|id| label(&id, last)));
        }
        wrong.sort();
        let version = version(json!({ "claims": [{ "id": "c1", "principal": 1_000, "due_original": date(due) }] }));
        prop_assert_eq!(fold(&law, &version, &activities(&history), &[], END).1, wrong);
    }

    /// A contact is lawful exactly on the days of a licence of the right place and word, no longer than it may last, or
    /// of an exemption; and a tenant that declares more is never found to break more.
    #[test]
    fn licences_hold_on_their_days(
        held in prop::collection::vec((0..60_i64, 0..60_i64, any::<bool>(), any::<bool>()), 0..4),
        exempt in prop::option::of((0..60_i64, 0..30_i64)), day in 0..100_i64, anywhere in any::<bool>(),
    ) {
        let limits = format!("[rule.licence]\nlicence = \"l\"\nanywhere = {anywhere}");
        let mut tenant = String::new();
        for (from, length, here, word) in &held {
            // One of no stated kind is not of the kind that is asked for.
            let kind = if *word { "licence = \"l\"\n" } else { "" };
            let number = if *here { "" } else { "authority = \"elsewhere\"\n" };
            tenant.push_str(&format!(
                "[[facts.licence]]\njurisdiction = \"it\"\n{kind}number = \"1\"\n{number}from = {}\nuntil = {}\n",
                date(*from), date(from + length),
            ));
        }
        let without = rules("", &limits, "", &tenant);
        if let Some((from, length)) = exempt {
            tenant.push_str(&format!("[[facts.exemption]]\nrule = \"it-x\"\nreason = \"r\"\nfrom = {}\nuntil = {}\n", date(from), date(from + length)));
        }
        let law = rules("", &limits, "", &tenant);
        let licensed = held.iter().any(|(from, length, _, word)| *word && (*from..=from + length).contains(&day));
        let freed = exempt.is_some_and(|(from, length)| (from..=from + length).contains(&day));
        let history = [act("call", at(day, 0), json!({ "kind": "contact", "channel": "call" }))];
        let (more, less) = (fold(&law, &version(json!({})), &history, &[], END), fold(&without, &version(json!({})), &history, &[], END));
        prop_assert_eq!(more.1.is_empty(), licensed || freed);
        prop_assert!(more.1.len() <= less.1.len());
    }

    /// Records are erased too early exactly until the term after the collector's last step has passed; records that the
    /// rule does not name may go, and a closed case that is kept too long is an omission unless it is opened again.
    #[test]
    fn records_are_kept(steps in prop::collection::vec((0..100_i64, 0..3_u8), 0..6), erased in 0..200_i64, term in 0..80_i64, named in any::<bool>()) {
        let limits = format!(
            "[rule.record_retention]\nrecords = [\"recording\"]\nstart = \"last_activity\"\n\
             keep_at_least = {{ days = {term}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}"
        );
        let law = rules("", &limits, "", "");
        let mut acts: Vec<(i64, Value)> = steps.iter().map(|(day, what)| (*day, match what {
            0 => json!({ "kind": "contact", "channel": "call" }),
            1 => json!({ "kind": "legal_step", "step": "lawsuit" }),
            _ => json!({ "kind": "payment", "amount": euros(1) }),
        })).collect();
        let word = if named { "recording" } else { "mandate" };
        acts.push((erased, json!({ "kind": "records_erased", "records": [word] })));
        let history = dated(&acts);
        let last = steps.iter().filter(|one| one.1 < 2 && one.0 <= erased).map(|one| one.0).max();
        let early = named && last.is_some_and(|last| erased <= last + term);
        let found = fold(&law, &version(json!({})), &activities(&history), &[], END).1;
        prop_assert_eq!(found.len(), usize::from(early));
    }

    /// A closed case is erased in time or an omission, unless it is opened again before.
    #[test]
    fn closed_cases_are_erased(acts in prop::collection::vec((0..150_i64, 0..3_u8), 1..12), term in 0..60_i64) {
        let limits = format!(
            "[rule.record_retention]\nstart = \"case_closed\"\n\
             erase_by = {{ days = {term}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}"
        );
        let law = rules("", &limits, "", "");
        let history = dated(&acts.iter().map(|(day, what)| (*day, match what {
            0 => json!({ "kind": "case_status", "closed": true }),
            1 => json!({ "kind": "case_status", "closed": false }),
            _ => json!({ "kind": "records_erased" }),
        })).collect::<Vec<_>>());
        let (mut open, mut late): (Vec<(i64, String)>, Vec<String>) = (Vec::new(), Vec::new());
        for (day, activity) in &history {
            late.extend(open.iter().filter(|one| one.0 + term < *day).map(|one| label(&one.1, one.0 + term)));
            open.retain(|one| one.0 + term >= *day);
            match kind(activity)["closed"].as_bool() {
                Some(true) => open.push((*day, activity.id.to_string())),
                Some(false) | None => open.clear(),
            }
        }
        late.extend(open.iter().map(|one| label(&one.1, one.0 + term)));
        late.sort();
        prop_assert_eq!(fold(&law, &version(json!({})), &activities(&history), &[], END).1, late);
    }

    /// The time to pay, by invoice date or receipt, agreed or not; what is not recorded is unknown.
    #[test]
    fn time_to_pay(
        received in prop::option::weighted(0.9, 0..30_i64), off in -2..=3_i64, agreed in prop::option::of(any::<bool>()),
        longest in 0..80_i64, more in prop::option::of(0..80_i64),
    ) {
        // Around the last lawful day, the agreed one where that counts.
        let extra = if agreed == Some(true) { more.unwrap_or(0) } else { 0 };
        let due = received.unwrap_or(10) + longest + extra + off;
        let days = |days: i64| format!("{{ days = {days}, count = \"clear_days\", from = \"received\", roll = \"none\" }}");
        let mut limits = format!("[rule.payment_term]\nlongest = {}\nunless_agreed = true\n", days(longest));
        if let Some(more) = more {
            limits.push_str(&format!("longest_agreed = {}\n", days(longest + more)));
        }
        let law = rules("", &limits, "", "");
        let mut claim = json!({ "id": "c1", "principal": 1_000, "due_original": date(due) });
        if let Some(received) = received {
            claim["invoice_received"] = json!(date(received));
        }
        let terms = agreed.map_or(json!({}), |agreed| json!({ "payment_term_agreed": agreed }));
        let version = version(json!({ "claims": [claim], "terms": terms }));
        let wanted = match (received.map(|received| due > received + longest), agreed) {
            (None, _) => TestOutcome::Unknown,
            (Some(false), _) => TestOutcome::Passed,
            (Some(true), None) => TestOutcome::Unknown,
            (Some(true), Some(false)) => TestOutcome::Failed,
            (Some(true), Some(true)) if more.is_some_and(|more| due > received.unwrap() + longest + more) => TestOutcome::Failed,
            (Some(true), Some(true)) => TestOutcome::Passed,
        };
        let (out, found) = fold(&law, &version, &[], &[], END);
        let outcomes: Vec<TestOutcome> = out.iter().filter_map(|one| match one {
            crate::compliance::Emission::Test { outcome, .. } => Some(*outcome),
            _ => None,
        }).collect();
        prop_assert_eq!(outcomes, vec![wanted]);
        prop_assert_eq!(found.len(), usize::from(wanted == TestOutcome::Failed));
    }
}

/// Only the opening of a dispute is a dispute: telling how it stands begins nothing.
#[test]
fn news_of_a_dispute_open_none() {
    let limits = "[rule.notice_period]\nafter = [\"dispute\"]\nbefore = [\"legal_step\"]\n\
                  term = { days = 10, count = \"clear_days\", from = \"sent\", roll = \"none\" }";
    let law = rules("", limits, "", "");
    let dispute = |id, day, step: &str| act(id, at(day, 0), json!({ "kind": "dispute", "step": step }));
    let sued = |id, day| act(id, at(day, 0), json!({ "kind": "legal_step", "step": "lawsuit" }));
    let history = [
        dispute("d", 0, "opened"),
        sued("early", 10),
        dispute("u", 11, "updated"),
        dispute("x", 12, "extended"),
        sued("late", 13),
    ];
    assert_eq!(fold(&law, &version(json!({})), &history, &[], END).1, ["early"]);
}

//! A tenant tightens and never loosens: under a stricter rule no history has fewer breaches, and no contact is answered
//! better.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules_with, version};
use crate::domain::activity::Activity;
use crate::domain::time::{DAY, SECOND};
use crate::domain::verdict::Answer;

const HOUR: i64 = 3_600 * SECOND;

/// A rule's limits in a pack, and what a tenant writes to tighten it.
fn limits() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (1..6_u8, 1..15_u8, 0..6_u8, 0..10_u8, 0..3_usize).prop_map(|(max, days, less, more, what)| {
            let count = ["attempts", "contacts", "conversations"][what];
            let law = format!(
                "[rule.contact_frequency]\nmax = {max}\nwindow = {{ calendar_days = {days} }}\ncount = \"{count}\"\nper = \"case\""
            );
            (law, format!("max = {}\nwindow_days = {}", max.saturating_sub(less), days + more))
        }),
        (1..10_u8, 0..10_u8, any::<bool>()).prop_map(|(days, more, clear)| {
            let count = if clear { "clear_days" } else { "from_nth_day" };
            let law = format!(
                "[rule.contact_cooldown]\nafter = \"conversations\"\nwait = {{ calendar_days = {days} }}\ndays = \"{count}\"\nper = \"case\""
            );
            (law, format!("wait_days = {}", days + more))
        }),
        (1..200_u16, 0..100_u16).prop_map(|(hours, more)| {
            let law = format!(
                "[rule.contact_cooldown]\nafter = \"contacts\"\nwait = {{ hours = {hours} }}\nper = \"case\""
            );
            (law, format!("wait_hours = {}", hours + more))
        }),
        (0..12_u8, 1..12_u8, 0..5_u8, 0..5_u8).prop_map(|(from, length, later, sooner)| {
            let span = |days: &str, from: u8, to: u8| {
                format!("open = [{{ days = [\"{days}\"], from = \"{from:02}:00\", to = \"{to:02}:00\" }}]")
            };
            let (from, to) = (from, from + length);
            let (inner, end) = ((from + later).min(to - 1), to.saturating_sub(sooner));
            let law = format!("[rule.contact_hours]\nholidays = \"ignored\"\n{}", span("mon-sat", from, to));
            (law, span("mon-fri", inner, end.max(inner + 1)))
        }),
        (1..20_u8, 0..20_u8).prop_map(|(days, more)| {
            let term = format!("term = {{ days = {days}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}");
            let law = format!("[rule.notice_period]\nafter = [\"demand\"]\nbefore = [\"legal_step\"]\nrequired = true\n{term}");
            (law, format!("term = {}", days + more))
        }),
        (1..20_u8, 0..20_u8).prop_map(|(days, less)| {
            let term = format!("term = {{ days = {days}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}");
            let law = format!("[rule.required_notice]\nnotices = [\"demand\"]\nevent = [\"contact:call\"]\ntiming = \"within\"\n{term}");
            (law, format!("term = {}", days.saturating_sub(less)))
        }),
        (1..9_000_u32, 0..9_000_u32).prop_map(|(amount, less)| {
            let euros = |minor: u32| format!("\"{}.{:02}\"", minor / 100, minor % 100);
            let law = format!(
                "[rule.fee_cap]\nsteps = [\"demand\"]\nbound = \"ceiling\"\namount = {}\nper = \"case\"",
                euros(amount)
            );
            (law, format!("maximum = {}", euros(amount.saturating_sub(less))))
        }),
    ]
}

/// What happened: the hour since the beginning, and which of the kinds of activities.
fn history() -> impl Strategy<Value = Vec<(i64, usize)>> {
    prop::collection::vec((0..24 * 40_i64, 0..7_usize), 1..24)
}

fn detail(what: usize, hour: i64) -> Value {
    let call = |outcome: &str| json!({ "kind": "contact", "channel": "call", "outcome": outcome });
    match what {
        0 => call("no_answer"),
        1 => call("voicemail_full_message"),
        2 => call("right_party_no_commitment"),
        3 => json!({ "kind": "contact", "channel": "letter", "outcome": "delivered", "purpose": "demand" }),
        4 => json!({ "kind": "legal_step", "step": "lawsuit" }),
        5 => json!({ "kind": "charge", "step": "demand", "amount": { "m": hour % 97 * 100, "c": "EUR" } }),
        _ => json!({ "kind": "contact", "channel": "call", "outcome": "busy" }),
    }
}

/// How bad an answer is for whoever means to make the contact.
const fn rank(answer: Option<Answer>) -> u8 {
    match answer {
        None | Some(Answer::Kept | Answer::Duty) => 0,
        Some(Answer::Unknown) => 1,
        Some(Answer::Broken) => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_stricter_overlay_never_admits_more((law, stricter) in limits(), mut hours in history(), asked in 0..24 * 45_i64) {
        hours.sort_unstable();
        let tenant = format!("[[rules.tighten]]\nrule = \"fr-rule\"\n{stricter}\n");
        let (by_law, tightened) = (rules_with("", "", &law, None), rules_with("", "", &law, Some(&tenant)));
        let version = version(json!({}), json!({}));
        let at = |hour: i64| noon(0).plus(hour * HOUR);
        let history: Vec<Activity> = (0..).zip(&hours).map(|(number, (hour, what))| activity(number, at(*hour), json!({}), detail(*what, *hour))).collect();
        let end = at(24 * 40).plus(30 * DAY);
        let found = |rules| {
            let (watch, found) = fold(rules, &version, &history, end);
            let omitted: BTreeSet<String> = found.omitted.into_iter().map(|(activity, _)| activity).collect();
            (watch, found.broken.into_iter().collect::<BTreeSet<_>>(), omitted)
        };
        let ((before, broken, omitted), (after, more_broken, more_omitted)) = (found(&by_law), found(&tightened));
        prop_assert!(broken.is_subset(&more_broken), "{broken:?} against {more_broken:?}");
        prop_assert!(omitted.is_subset(&more_omitted), "{omitted:?} against {more_omitted:?}");
        for what in [2, 3, 4, 5] {
            let mut wish = detail(what, asked);
            if let Some(fields) = wish.as_object_mut() {
                fields.remove("outcome");
            }
            let wish = activity(999, at(asked), json!({ "initiated_by": "collector" }), wish);
            let answer = |rules, watch| rank(ask(rules, &version, watch, &wish).map(|one| one.answer));
            prop_assert!(answer(&tightened, &after) >= answer(&by_law, &before), "{wish:?}");
        }
    }
}

//! Consents and opt-outs against a recount that asks of each instant what stood.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::activity::Activity;
use crate::domain::verdict::Answer;

/// A consent or opt-out, or a contact, on a day.
#[derive(Debug, Clone)]
enum Act {
    Permit { granted: bool, scope: usize, channel: usize, point: Option<usize>, lasts: Option<i64> },
    Contact { channel: usize, point: Option<usize> },
}

const SCOPES: [&str; 3] = ["all", "channel", "point"];
const CHANNELS: [&str; 2] = ["email", "sms"];
const POINTS: [&str; 2] = ["e1", "e2"];

fn acts() -> impl Strategy<Value = Vec<(i64, Act)>> {
    let point = || prop::option::of(0_usize..2);
    let permit = (any::<bool>(), 0_usize..3, 0_usize..2, point(), prop::option::of(1_i64..20))
        .prop_map(|(granted, scope, channel, point, lasts)| Act::Permit { granted, scope, channel, point, lasts });
    let contact = (0_usize..2, point()).prop_map(|(channel, point)| Act::Contact { channel, point });
    prop::collection::vec((0_i64..6, prop_oneof![permit, contact]), 1..24)
}

/// A permission as the recount keeps it.
#[derive(Clone)]
struct Kept {
    granted: bool,
    scope: usize,
    channel: usize,
    point: Option<usize>,
    given: i64,
    ends: i64,
}

/// Whether it concerns the contact: yes, no, or only the contact point could tell.
fn concerns(one: &Kept, channel: usize, point: Option<usize>) -> Option<bool> {
    if SCOPES[one.scope] == "channel" && one.channel != channel {
        return Some(false);
    }
    match (one.point, point) {
        (None, _) => Some(true),
        (Some(a), Some(b)) => Some(a == b),
        // The points are addresses of e-mail: a text message goes to none of them.
        (Some(_), None) => (channel != 0).then_some(false),
    }
}

/// `Some(true)`: a breach; `None`: unknown. Days are dates, ten days of grace end with the tenth day after.
fn expected(kept: &[Kept], channel: usize, point: Option<usize>, day: i64) -> (Option<bool>, bool) {
    let stands = |one: &&Kept| one.given < day && day < one.ends;
    let (mut sure, mut maybe, mut soon) = (false, false, false);
    for one in kept.iter().filter(|one| !one.granted).filter(stands) {
        let anew = kept
            .iter()
            .filter(|other| other.granted)
            .filter(stands)
            .any(|other| other.given > one.given && concerns(other, channel, point) == Some(true));
        match concerns(one, channel, point) {
            Some(true) if !anew => {
                if day > one.given + 10 {
                    sure = true
                } else {
                    soon = true
                }
            }
            None if !anew => {
                if day > one.given + 10 {
                    maybe = true
                } else {
                    soon = true
                }
            }
            _ => {}
        }
    }
    let consents: Vec<_> =
        kept.iter().filter(|one| one.granted).filter(stands).map(|one| concerns(one, channel, point)).collect();
    if sure {
        return (Some(true), false);
    }
    if consents.contains(&Some(true)) {
        return (if maybe { None } else { Some(false) }, soon);
    }
    (if consents.contains(&None) { None } else { Some(true) }, soon)
}

/// An activity's id, and two answers that the history gives by itself.
type Expected = (String, Option<bool>, bool);

fn history(acts: &[(i64, Act)]) -> (Vec<Activity>, Vec<Expected>) {
    let mut day = 0;
    let (mut out, mut kept, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (wait, act)) in acts.iter().enumerate() {
        // A day of its own for each act, so that before and after are plain.
        day += wait + 1;
        let detail: Value = match act {
            Act::Permit { granted, scope, channel, point, lasts } => {
                let ends = lasts.map_or(i64::MAX, |lasts| day + lasts);
                kept.push(Kept {
                    granted: *granted,
                    scope: *scope,
                    channel: *channel,
                    point: *point,
                    given: day,
                    ends,
                });
                let mut permission = json!({ "granted": granted, "scope": SCOPES[*scope], "channel": CHANNELS[*channel], "given": noon(day).0 });
                if lasts.is_some() {
                    permission["expires"] = json!(noon(ends).0);
                }
                let mut detail = json!({ "kind": "permission", "permission": permission });
                if let Some(point) = point {
                    detail["contact_point"] = json!(POINTS[*point]);
                }
                detail
            }
            Act::Contact { channel, point } => {
                let (broken, soon) = expected(&kept, *channel, *point, day);
                wanted.push((format!("a{number:03}"), broken, soon));
                let mut detail = json!({ "kind": "contact", "channel": CHANNELS[*channel], "outcome": "sent" });
                if let Some(point) = point {
                    detail["contact_point"] = json!(POINTS[*point]);
                }
                detail
            }
        };
        out.push(activity(number, noon(day), json!({}), detail));
    }
    (out, wanted)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Contacts are found in breach exactly where the recount finds no consent or an opt-out that binds, and answered
    /// alike when they are asked about first.
    #[test]
    fn consents_as_recounted(acts in acts()) {
        let rules = rules(
            "[rule.channel_consent]\nchannels = [\"email\", \"sms\"]\nrequire = [\"all\", \"channel\", \"point\"]\nopt_out = \"channel\"\n\
             honour_within = { days = 10, count = \"clear_days\", from = \"received\", roll = \"none\" }",
        );
        let points = json!({ "contact_points": [{ "id": "e1", "kind": "email" }, { "id": "e2", "kind": "email" }] });
        let version = version(json!({}), points);
        let (history, wanted) = history(&acts);
        let (_, found) = fold(&rules, &version, &history, noon(300));
        let of = |which: Option<bool>| -> Vec<String> {
            wanted.iter().filter(|(_, broken, _)| *broken == which).map(|(id, ..)| id.clone()).collect()
        };
        prop_assert_eq!(&found.broken, &of(Some(true)));
        prop_assert_eq!(&found.unknown, &of(None));
        for (at, contact) in history.iter().enumerate() {
            let Some((_, broken, soon)) = wanted.iter().find(|(id, ..)| *id == contact.id.as_str()) else { continue };
            let (watch, _) = fold(&rules, &version, &history[..at], contact.occurred);
            let answer = ask(&rules, &version, &watch, contact).unwrap().answer;
            let asked = match (broken, soon) {
                (Some(true), _) => Answer::Broken,
                (None, _) => Answer::Unknown,
                (Some(false), true) => Answer::Duty,
                (Some(false), false) => Answer::Kept,
            };
            prop_assert_eq!(answer, asked);
        }
    }

    /// Without a consent, at most so many contacts ask for one in a window.
    #[test]
    fn asking_is_counted(waits in prop::collection::vec((0_i64..5, any::<bool>()), 1..20), max in 0_usize..4) {
        let rules = rules(&format!(
            "[rule.channel_consent]\nchannels = [\"sms\"]\nrequire = [\"channel\"]\nasking = {{ max = {max}, window = {{ calendar_days = 7 }} }}"
        ));
        let version = version(json!({}), json!({}));
        let (mut day, mut sent, mut broken) = (0, Vec::<i64>::new(), Vec::new());
        let history: Vec<_> = waits.iter().enumerate().map(|(number, (wait, asks))| {
            day += wait + 1;
            let before = sent.iter().filter(|one| **one > day - 7).count();
            if !asks || before >= max {
                broken.push(format!("a{number:03}"));
            }
            sent.push(day);
            let items = if *asks { vec!["consent_request"] } else { Vec::new() };
            let detail = json!({ "kind": "contact", "channel": "sms", "outcome": "sent", "content_items": items });
            activity(number, noon(day), json!({}), detail)
        }).collect();
        prop_assert_eq!(fold(&rules, &version, &history, noon(300)).1.broken, broken);
    }
}

#[test]
fn a_way_of_dialling_that_is_not_stated_is_a_duty_before_and_unknown_after() {
    let rules = rules(
        "[rule.channel_consent]\nchannels = [\"call\"]\ntechnologies = [\"dialler\", \"prerecorded\"]\nrequire = [\"all\"]",
    );
    let version = version(json!({}), json!({}));
    let call = |technology: Option<&str>| {
        let detail = json!({ "kind": "contact", "channel": "call", "outcome": "no_answer", "technology": technology });
        activity(0, noon(0), json!({}), detail)
    };
    let asked = |technology| {
        let (watch, _) = fold(&rules, &version, &[], noon(0));
        ask(&rules, &version, &watch, &call(technology)).map(|one| (one.answer, one.duties))
    };
    let (answer, duties) = asked(None).unwrap();
    assert_eq!((answer, &*duties.unwrap()[0]), (Answer::Duty, "not_by:dialler|prerecorded"));
    assert!(asked(Some("manual")).is_none());
    assert_eq!(asked(Some("dialler")).unwrap().0, Answer::Broken);
    assert_eq!(fold(&rules, &version, &[call(None)], noon(1)).1.unknown, ["a000"]);
}

//! Where a contact is: hours and counts that hold for a place, against a list of what each contact may have been.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules, version};
use crate::domain::time::{DAY, SECOND};
use crate::domain::verdict::Answer;

/// Contacts by what they state, and whether they are at work: certainly, perhaps, or not.
fn kinds() -> [(Value, Option<bool>); 6] {
    [
        (json!({ "channel": "call", "place": "workplace" }), Some(true)),
        (json!({ "channel": "call", "place": "home", "contact_point": "work" }), None),
        (json!({ "channel": "call", "contact_point": "work" }), Some(true)),
        (json!({ "channel": "sms", "contact_point": "own" }), None),
        (json!({ "channel": "email" }), Some(false)),
        (json!({ "channel": "visit" }), Some(false)),
    ]
}

fn points() -> Value {
    json!({ "contact_points": [
        { "id": "work", "kind": "phone", "workplace": true },
        { "id": "own", "kind": "phone", "number_type": "mobile" },
    ] })
}

fn contact(number: usize, at: i64, fields: &Value) -> crate::domain::activity::Activity {
    let mut detail = json!({ "kind": "contact", "outcome": "no_answer" });
    for (key, value) in fields.as_object().unwrap() {
        detail[key] = value.clone();
    }
    activity(number, noon(0).plus(at), json!({}), detail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A contact at work is one too many if two certainly were there within five days; where it takes contacts that only
    /// may have been there, or it may be elsewhere itself, nothing is said. What is asked is answered as it would be found.
    #[test]
    fn counted_by_place(acts in prop::collection::vec((0_i64..3, 0_usize..6), 1..30), person in any::<bool>()) {
        let per = if person { "person" } else { "person_and_case" };
        let rules = rules(&format!(
            "[rule.contact_frequency]\nmax = 2\nwindow = {{ calendar_days = 5 }}\ncount = \"attempts\"\nper = \"{per}\"\nplaces = [\"workplace\"]"
        ));
        let (version, kinds) = (version(json!({}), points()), kinds());
        let (mut day, mut history) = (0, Vec::new());
        let mut done: Vec<(i64, Option<bool>)> = Vec::new();
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for (number, (wait, kind)) in acts.iter().enumerate() {
            day += wait;
            let (fields, at_work) = &kinds[*kind];
            let one = contact(number, day * DAY + number as i64 * SECOND, fields);
            let near = done.iter().filter(|(on, _)| *on > day - 5);
            let certain = near.clone().filter(|(_, at)| *at == Some(true)).count();
            let possible = near.filter(|(_, at)| at.is_some()).count();
            let expected = match at_work {
                None => None,
                Some(true) if certain >= 2 => Some(Answer::Broken),
                Some(_) if possible >= 2 => Some(Answer::Unknown),
                Some(_) => Some(Answer::Kept),
            };
            if !person {
                let (watch, _) = fold(&rules, &version, &history, one.occurred);
                let mut asked = one.clone();
                asked.detail = serde_json::from_value({
                    let mut detail = serde_json::to_value(&one.detail).unwrap();
                    detail.as_object_mut().unwrap().remove("outcome");
                    detail
                }).unwrap();
                prop_assert_eq!(ask(&rules, &version, &watch, &asked).map(|said| said.answer), expected);
            }
            match expected {
                Some(Answer::Broken) => broken.push(one.id.to_string()),
                Some(Answer::Unknown) => unknown.push(one.id.to_string()),
                _ => {}
            }
            done.push((day, *at_work));
            history.push(one);
        }
        let (_, found) = fold(&rules, &version, &history, noon(day + 1));
        if person {
            // The log of a person knows stated places, this case's contacts are in no log of the case: only a breach that
            // is certain by what was stated is found, and nothing that may be one passes.
            prop_assert!(found.broken.iter().all(|one| broken.contains(one)));
            let told = |one: &String| found.broken.contains(one) || found.unknown.contains(one);
            prop_assert!(broken.iter().chain(&unknown).all(told));
        } else {
            prop_assert_eq!(found.broken, broken);
            prop_assert_eq!(found.unknown, unknown);
        }
    }

    /// Hours at work bind what is at work, leave open what may be, and give way to hours that the person prefers there.
    #[test]
    fn open_by_place(acts in prop::collection::vec((0_usize..6, 0_i64..24), 1..20), preferred in prop::option::of(prop::sample::select(vec!["workplace", "home"]))) {
        let rules = rules(
            "[rule.contact_hours]\nplaces = [\"workplace\"]\nunless_preferred = true\nholidays = \"ignored\"\n\
             open = [{ days = [\"mon-sun\"], from = \"09:00\", to = \"17:00\" }]",
        );
        let mut party = points();
        if let Some(place) = preferred {
            let window = json!({ "preferred": true, "from_minute": 0, "to_minute": 60, "place": place, "received": 0 });
            party["windows"] = json!([window]);
        }
        let (version, kinds) = (version(json!({}), party), kinds());
        let (mut history, mut broken, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (kind, hour)) in acts.iter().enumerate() {
            let (fields, at_work) = &kinds[*kind];
            let one = contact(number, number as i64 * DAY + (hour - 12) * 3600 * SECOND, fields);
            if !(9..17).contains(hour) && preferred != Some("workplace") {
                match at_work {
                    Some(true) => broken.push(one.id.to_string()),
                    Some(false) => unknown.push(one.id.to_string()),
                    None => {}
                }
            }
            history.push(one);
        }
        let (_, found) = fold(&rules, &version, &history, noon(40));
        prop_assert_eq!(found.broken, broken);
        prop_assert_eq!(found.unknown, unknown);
    }
}

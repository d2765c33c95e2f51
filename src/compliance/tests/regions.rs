//! Holidays of a part of a country, and people of whom it is not known whether they live there.

use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules_with, version};
use crate::compliance::Note;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::verdict::Answer;
use crate::rules::words::Attribute;

/// Tuesday 2026-01-06 is a holiday in BY, Wednesday the 7th in ST.
const HOLIDAYS: &str = "[[calendar.holiday]]\nname = \"Epiphany\"\ndate = \"01-06\"\nsubdivisions = [\"BY\"]\n\
                        [[calendar.holiday]]\nname = \"Another\"\ndate = \"01-07\"\nsubdivisions = [\"ST\"]";
const HOURS: &str = "[rule.contact_hours]\nholidays = \"closed\"\n\
                     open = [{ days = [\"mon-fri\"], from = \"08:00\", to = \"20:00\" }, { days = [\"holiday\"], from = \"18:00\", to = \"19:00\" }]";

/// What the hours say of a call on a day, and when they would allow it.
fn said(residences: Value, at: Timestamp) -> (Answer, Note, Option<Timestamp>) {
    let law = rules_with(HOLIDAYS, "", HOURS, None);
    let version = version(json!({}), json!({ "residences": residences, "zones": [{ "zone": "UTC" }] }));
    let (watch, _) = fold(&law, &version, &[], noon(0));
    let call = activity(1, at, json!({}), json!({ "kind": "contact", "channel": "call" }));
    let said = ask(&law, &version, &watch, &call).unwrap();
    (said.answer, said.note, said.allowed_from)
}

fn living(codes: &[Option<&str>]) -> Value {
    codes.iter().map(|code| json!({ "country": "FR", "subdivision": code })).collect()
}

#[test]
fn a_day_that_may_be_a_holiday_is_not_open() {
    let hours = |hours: i64| hours * 3_600 * SECOND;
    assert_eq!(said(living(&[Some("BY")]), noon(1)).0, Answer::Broken);
    assert_eq!(said(living(&[Some("BE")]), noon(1)).0, Answer::Kept);
    let open = Note::Missing(Attribute::Subdivision);
    // Not on the next day either, on which another part of the country has one.
    let thursday = Some(noon(3).plus(-hours(4)));
    assert_eq!(said(living(&[None]), noon(1)), (Answer::Unknown, open.clone(), thursday));
    assert_eq!(said(living(&[None]), noon(3)).0, Answer::Kept);
    assert_eq!(said(living(&[None]), noon(1).plus(hours(6))).0, Answer::Kept, "the hours of holidays");
    // Of two places where the person may live one keeps it.
    let wednesday = Some(noon(2).plus(-hours(4)));
    assert_eq!(said(living(&[Some("BE"), Some("by")]), noon(1)), (Answer::Unknown, open, wednesday));
    assert_eq!(said(living(&[Some("BE"), Some("HH")]), noon(1)).0, Answer::Kept);
}

/// What is too late today is not told to be open on a day that may be a holiday.
#[test]
fn the_next_opening_is_sure() {
    let hours = |hours: i64| hours * 3_600 * SECOND;
    let evening = noon(0).plus(hours(9));
    let next = |residences, at| match said(residences, at) {
        (Answer::Broken, _, allowed_from) => allowed_from,
        other => panic!("{other:?}"),
    };
    let opening = |day| Some(noon(day).plus(-hours(4)));
    assert_eq!(next(living(&[Some("BE")]), evening), opening(1));
    assert_eq!(next(living(&[None]), evening), opening(3));
    assert_eq!(next(living(&[Some("BE"), Some("BY")]), evening), opening(2));
    // Before the hours of a day that is none anywhere they come on the same day.
    assert_eq!(next(living(&[None]), noon(0).plus(-hours(6))), opening(0));
}

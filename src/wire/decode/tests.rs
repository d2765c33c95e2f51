//! Hostile values, one table a type: each is refused with the path of its field, and its neighbours at the edge pass.

use super::amount::Sign;
use super::*;
use crate::domain::detail::Detail;
use crate::domain::ids::CaseId;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::Channel;
use crate::proto::google::r#type::{Date, Decimal, Money as WireMoney};
use crate::proto::v1;

fn run<T>(decode: impl FnOnce(&At<'_>) -> Option<T>) -> Result<T, DecodeError> {
    collect("x", decode)
}

fn money(code: &str, units: i64, nanos: i32) -> WireMoney {
    WireMoney { currency_code: code.to_owned(), units, nanos }
}

fn stamp(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

fn fields(error: &DecodeError) -> Vec<&str> {
    error.violations.iter().map(|violation| violation.field.as_str()).collect()
}

/// A valid activity to spoil.
fn valid() -> v1::Activity {
    v1::Activity {
        activity_id: "a1".to_owned(),
        case_ids: vec!["c1".to_owned()],
        occur_time: stamp(1_700_000_000, 0),
        detail: Some(v1::activity::Detail::Contact(Box::new(v1::Contact {
            channel: v1::Channel::Call.into(),
            ..Default::default()
        }))),
        ..Default::default()
    }
}

fn decode_activity(wire: v1::Activity) -> Result<crate::domain::activity::Activity, DecodeError> {
    collect("activities[3]", |at| activity::activity(at, wire))
}

fn with_detail(detail: v1::activity::Detail) -> Result<crate::domain::activity::Activity, DecodeError> {
    decode_activity(v1::Activity { detail: Some(detail), ..valid() })
}

#[test]
fn ids_are_bounded_and_clean() {
    for bad in ["", "a\nb", "\u{7f}", "\u{0}", &"x".repeat(129), &"ö".repeat(65)] {
        assert!(run(|at| at.id(bad, CaseId::new)).is_err(), "{bad:?}");
    }
    for good in ["x", " ", "Ä/..;'--", &"x".repeat(128), &"ö".repeat(64)] {
        assert!(run(|at| at.id(good, CaseId::new)).is_ok(), "{good:?}");
    }
}

#[test]
fn texts_are_bounded_and_clean() {
    let text = |text: String| run(|at| Some(at.optional_text(text)));
    assert_eq!(text(String::new()), Ok(None));
    assert!(text("x".repeat(1024)).is_ok());
    assert!(text("x".repeat(1025)).is_err());
    assert!(text("a\u{1b}[31m".to_owned()).is_err(), "terminal escapes have no place in records");
}

#[test]
fn instants_lie_between_1970_and_9999() {
    let time = |wire| run(|at| at.time(wire));
    assert_eq!(time(stamp(0, 0)), Ok(Timestamp(0)));
    assert_eq!(time(stamp(1, 999_999_999)), Ok(Timestamp(1_999_999)), "cut to the microsecond");
    assert_eq!(time(stamp(253_402_300_799, 0)), Ok(crate::domain::time::MAX_TIMESTAMP));
    for bad in [
        None,
        stamp(-1, 0),
        stamp(253_402_300_800, 0),
        stamp(i64::MAX, 0),
        stamp(i64::MIN, 0),
        stamp(0, -1),
        stamp(0, 1_000_000_000),
        stamp(0, 2_000_000_000),
        stamp(0, i32::MIN),
    ] {
        assert!(time(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn dates_are_real_days() {
    let date = |wire| run(|at| at.date(wire));
    assert!(date(day(2024, 2, 29)).is_ok());
    assert!(date(day(1, 1, 1)).is_ok());
    assert!(date(day(9999, 12, 31)).is_ok());
    for bad in [
        None,
        day(0, 1, 1),
        day(10_000, 1, 1),
        day(2023, 2, 29),
        day(2024, 2, 30),
        day(2024, 0, 1),
        day(2024, 13, 1),
        day(2024, 1, 0),
        day(2024, -1, 1),
        day(i32::MIN, i32::MAX, i32::MIN),
    ] {
        assert!(date(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn money_is_exact_or_refused() {
    let any = |wire| run(|at| at.money(Some(wire), Sign::Any)).map(|money: Money| money.minor);
    for (wire, minor) in [
        (money("EUR", 12, 500_000_000), 1250),
        (money("eur", 0, 10_000_000), 1),
        (money("EUR", -1, -750_000_000), -175),
        (money("EUR", 0, -10_000_000), -1),
        (money("JPY", 500, 0), 500),
        (money("KWD", 1, 1_000_000), 1001),
        (money("EUR", 10_000_000_000_000, 0), 1_000_000_000_000_000),
        (money("EUR", -10_000_000_000_000, 0), -1_000_000_000_000_000),
        (money("JPY", 1_000_000_000_000_000, 0), 1_000_000_000_000_000),
    ] {
        assert_eq!(any(wire.clone()), Ok(minor), "{wire:?}");
    }
    for (wire, field) in [
        (money("EUR", 0, 1_000_000), "x"),
        (money("EUR", 0, 9_999_999), "x"),
        (money("JPY", 1, 500_000_000), "x"),
        (money("KWD", 1, 100_000), "x"),
        (money("EUR", 1, -500_000_000), "x.nanos"),
        (money("EUR", -1, 500_000_000), "x.nanos"),
        (money("EUR", 0, 1_000_000_000), "x.nanos"),
        (money("EUR", 0, i32::MIN), "x.nanos"),
        (money("EUR", i64::MAX, 0), "x"),
        (money("EUR", i64::MIN, 0), "x"),
        (money("EUR", 92_233_720_368_547_758, 80_000_000), "x"),
        (money("EUR", 10_000_000_000_000, 10_000_000), "x"),
        (money("EUR", -10_000_000_000_000, -10_000_000), "x"),
        (money("JPY", 1_000_000_000_000_001, 0), "x"),
        (money("", 1, 0), "x.currency_code"),
        (money("ZZZ", 1, 0), "x.currency_code"),
        (money("EURO", 1, 0), "x.currency_code"),
        (money("€", 1, 0), "x.currency_code"),
    ] {
        let error = any(wire.clone()).unwrap_err();
        assert_eq!(fields(&error), [field], "{wire:?}");
    }
}

#[test]
fn signs_are_checked() {
    let signed = |minor: i64, sign| run(|at| at.money(Some(money("JPY", minor, 0)), sign)).is_ok();
    assert!(signed(1, Sign::Positive) && !signed(0, Sign::Positive) && !signed(-1, Sign::Positive));
    assert!(signed(0, Sign::NotNegative) && !signed(-1, Sign::NotNegative));
    assert!(signed(-1, Sign::Any));
}

#[test]
fn rates_are_plain_decimals() {
    let rate = |text: &str| run(|at| at.optional_rate(Some(Decimal { value: text.to_owned() })));
    for (text, ppm) in
        [("0", 0), ("0.1175", 117_500), ("0.000001", 1), ("1.000000000", 1_000_000), ("9223372036854.775807", i64::MAX)]
    {
        assert_eq!(rate(text), Ok(ppm), "{text}");
    }
    let digits = "9".repeat(1_000_000);
    for bad in [
        "",
        ".",
        "1.",
        ".5",
        "-0",
        "-1",
        "+1",
        "NaN",
        "inf",
        "1e400",
        "1e-3",
        "0,5",
        "0.0000001",
        " 1",
        "1 ",
        "0x1",
        "١",
        "9223372036854.775808",
        &digits,
    ] {
        let error = rate(bad).unwrap_err();
        assert!(error.violations[0].description.len() < 200, "the answer does not echo the input");
    }
}

#[test]
fn unknown_words_are_refused_and_never_become_the_zero_value() {
    for bad in [-1, 10, 999, i32::MAX, i32::MIN] {
        assert!(run(|at| at.word::<Channel>(bad)).is_err());
        assert!(run(|at| Some(at.optional_word::<Channel>(bad))).is_err());
    }
    assert!(run(|at| at.word::<Channel>(0)).is_err(), "required");
    assert_eq!(run(|at| Some(at.optional_word::<Channel>(0))), Ok(None));
}

#[test]
fn every_violation_of_a_record_is_named_with_its_path() {
    let error = decode_activity(v1::Activity {
        activity_id: String::new(),
        case_ids: vec!["c1".to_owned(), "a\tb".to_owned()],
        occur_time: stamp(-5, 0),
        actor: Some(v1::Actor { kind: 77, ..Default::default() }),
        detail: Some(v1::activity::Detail::Payment(v1::Payment {
            amount: Some(money("EUR", 0, 1)),
            value_date: day(2024, 2, 30),
            ..Default::default()
        })),
        ..Default::default()
    })
    .unwrap_err();
    assert_eq!(
        fields(&error),
        [
            "activities[3].activity_id",
            "activities[3].case_ids[1]",
            "activities[3].occur_time",
            "activities[3].actor.kind",
            "activities[3].payment.amount",
            "activities[3].payment.value_date",
        ]
    );
}

#[test]
fn violations_are_capped_and_the_rest_counted() {
    let wire = v1::Activity { case_ids: vec!["\u{1}".to_owned(); 60], ..valid() };
    let error = decode_activity(wire).unwrap_err();
    assert_eq!(error.violations.len(), MAX_VIOLATIONS + 1);
    // 60 bad ids, and then no case is left for a contact.
    assert_eq!(error.violations[MAX_VIOLATIONS].description, "41 further violations were left out");
}

#[test]
fn lists_are_bounded_before_their_entries_are_read() {
    let error = decode_activity(v1::Activity { case_ids: vec!["\u{1}".to_owned(); 101], ..valid() }).unwrap_err();
    assert_eq!(fields(&error)[0], "activities[3].case_ids");
    assert!(error.violations[0].description.contains("limit is 100"));
    assert!(decode_activity(v1::Activity { case_ids: (0..100).map(|n| format!("c{n}")).collect(), ..valid() }).is_ok());
}

#[test]
fn an_activity_needs_a_kind_and_a_case() {
    assert_eq!(
        fields(&decode_activity(v1::Activity { detail: None, ..valid() }).unwrap_err()),
        ["activities[3].detail"]
    );
    let without_case = v1::Activity { case_ids: Vec::new(), ..valid() };
    assert_eq!(fields(&decode_activity(without_case.clone()).unwrap_err()), ["activities[3].case_ids"]);
    let cost = v1::OperatingCost { amount: Some(money("EUR", 5, 0)), ..Default::default() };
    let market_wide = v1::Activity { detail: Some(v1::activity::Detail::OperatingCost(cost)), ..without_case.clone() };
    assert!(decode_activity(market_wide).is_ok());
    let doubled = v1::Activity { case_ids: vec!["c".to_owned(), "c".to_owned()], ..valid() };
    assert!(decode_activity(doubled).is_err());
    let ended_before = v1::Activity { end_time: stamp(1_699_999_999, 0), ..valid() };
    assert_eq!(fields(&decode_activity(ended_before).unwrap_err()), ["activities[3].end_time"]);
}

#[test]
fn amounts_by_component_stand_in_one_currency_and_once_each() {
    let part =
        |component: v1::Component, money| v1::ComponentAmount { component: component.into(), amount: Some(money) };
    let letter = |amounts| {
        with_detail(v1::activity::Detail::Contact(Box::new(v1::Contact {
            channel: v1::Channel::Letter.into(),
            amounts,
            ..Default::default()
        })))
    };
    let principal = part(v1::Component::Principal, money("EUR", 1, 0));
    assert!(letter(vec![principal.clone(), part(v1::Component::Cost, money("EUR", 2, 0))]).is_ok());
    assert!(letter(vec![principal.clone(), part(v1::Component::Cost, money("SEK", 2, 0))]).is_err());
    assert!(letter(vec![principal.clone(), principal]).is_err());
}

#[test]
fn a_payments_parts_fit_its_amount() {
    let payment = |amount: i64, part: i64, code: &str, original: Option<WireMoney>, rate: Option<&str>| {
        with_detail(v1::activity::Detail::Payment(v1::Payment {
            amount: Some(money("EUR", amount, 0)),
            allocations: vec![v1::ComponentAmount {
                component: v1::Component::Principal.into(),
                amount: Some(money(code, part, 0)),
            }],
            original_amount: original,
            exchange_rate: rate.map(|value| Decimal { value: value.to_owned() }),
            ..Default::default()
        }))
    };
    assert!(payment(5, 5, "EUR", None, None).is_ok());
    assert!(payment(5, 6, "EUR", None, None).is_err());
    assert!(payment(5, 5, "SEK", None, None).is_err());
    assert!(payment(5, 5, "EUR", Some(money("SEK", 60, 0)), None).is_err());
    assert!(payment(5, 5, "EUR", None, Some("0.08")).is_err());
    assert!(payment(5, 5, "EUR", Some(money("SEK", 60, 0)), Some("0.08")).is_ok());
}

#[test]
fn only_a_correction_may_be_negative() {
    let adjust = |kind: v1::AdjustmentKind| {
        with_detail(v1::activity::Detail::Adjustment(v1::Adjustment {
            adjustment: kind.into(),
            amount: Some(money("EUR", -1, 0)),
            component: 0,
        }))
    };
    assert!(adjust(v1::AdjustmentKind::Correction).is_ok());
    assert!(adjust(v1::AdjustmentKind::WriteOff).is_err());
}

#[test]
fn windows_surveys_and_plans_keep_their_ranges() {
    let window = |weekdays: Vec<i32>, start_minute, end_minute| {
        let window =
            v1::PersonalWindow { weekdays, start_minute, end_minute, receive_time: stamp(1, 0), ..Default::default() };
        with_detail(v1::activity::Detail::Window(v1::WindowStated { window: Some(window) })).is_ok()
    };
    assert!(window(vec![1, 7], 0, 1440));
    assert!(!window(vec![0], 0, 1) && !window(vec![8], 0, 1) && !window(vec![2, 2], 0, 1));
    assert!(!window(vec![], 60, 60) && !window(vec![], 1440, 1440) && !window(vec![], -1, 5));
    assert!(!window(vec![], 0, 1441) && !window(vec![], 0, i32::MAX));

    let survey = |survey: v1::SurveyKind, score| {
        with_detail(v1::activity::Detail::Survey(v1::Survey { survey: survey.into(), score })).is_ok()
    };
    assert!(survey(v1::SurveyKind::Csat, 1) && !survey(v1::SurveyKind::Csat, 0) && !survey(v1::SurveyKind::Csat, 6));
    assert!(survey(v1::SurveyKind::Nps, 0) && !survey(v1::SurveyKind::Nps, 11));
    assert!(!survey(v1::SurveyKind::Nps, 300));

    let plan = |codes: &[&str]| {
        let instalments = codes
            .iter()
            .map(|code| v1::Instalment { due_date: day(2024, 5, 1), amount: Some(money(code, 1, 0)) })
            .collect();
        with_detail(v1::activity::Detail::Plan(v1::Plan { instalments, written: true }))
    };
    assert!(matches!(plan(&["EUR", "EUR"]).unwrap().detail, Detail::Plan { .. }));
    assert!(plan(&["EUR", "SEK"]).is_err());
    assert!(plan(&[]).is_err());
}

#[test]
fn a_case_keeps_to_one_currency_and_a_sum_that_fits() {
    let claim = |id: &str, money| v1::Claim { claim_id: id.to_owned(), principal: Some(money), ..Default::default() };
    let case = |claims| {
        let wire = v1::Case {
            case_id: "c".to_owned(),
            version_id: "v".to_owned(),
            effect_time: stamp(0, 0),
            currency_code: "eur".to_owned(),
            identity: Some(v1::Identity { creditor_id: "k".to_owned(), ..Default::default() }),
            claims,
            ..Default::default()
        };
        collect("case", |at| case::case(at, wire))
    };
    assert!(case(vec![claim("1", money("EUR", 1, 0)), claim("2", money("EUR", 1, 0))]).is_ok());
    let other = case(vec![claim("1", money("SEK", 1, 0))]).unwrap_err();
    assert_eq!(fields(&other), ["case.claims[0].principal.currency_code"]);
    let doubled = case(vec![claim("1", money("EUR", 1, 0)), claim("1", money("EUR", 1, 0))]).unwrap_err();
    assert_eq!(fields(&doubled), ["case.claims"]);
    let half = |number| claim(number, money("EUR", 5_000_000_000_000, 0));
    assert!(case(vec![half("1"), half("2")]).is_ok());
    let most_and_a_cent = vec![half("1"), half("2"), claim("3", money("EUR", 0, 10_000_000))];
    assert_eq!(fields(&case(most_and_a_cent).unwrap_err()), ["case.claims"]);
    assert_eq!(fields(&case(vec![claim("1", money("EUR", -1, 0))]).unwrap_err()), ["case.claims[0].principal"]);
}

#[test]
fn maps_are_bounded() {
    let map = |count: usize| (0..count).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    assert!(run(|at| Some(at.texts(map(64)))).is_ok());
    assert!(run(|at| Some(at.texts(map(65)))).is_err());
    assert!(run(|at| Some(at.texts([(String::new(), "v".to_owned())].into()))).is_err());
}

#[test]
fn zones_and_regions_exist() {
    assert!(run(|at| at.zone("Europe/Rome".to_owned())).is_ok());
    assert!(run(|at| at.zone("Mars/Olympus".to_owned())).is_err());
    assert!(run(|at| at.zone("../../etc/passwd".to_owned())).is_err());
    assert_eq!(run(|at| party::region(at, "it")), Ok("IT".to_owned()));
    for bad in ["", "I", "ITA", "1T", "ö"] {
        assert!(run(|at| party::region(at, bad)).is_err(), "{bad:?}");
    }
}

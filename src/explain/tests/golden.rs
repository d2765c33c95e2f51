//! Golden sentences in each language.

use std::path::Path;

use super::*;
use crate::compliance::{IN_ALL, ON};

/// A rule that spoke and held nothing against anything.
fn untested(observed: Observation) -> Said {
    let speaking = speaking(Answer::Kept, observed);
    Said::Spoke(Box::new(Spoken { speaking, severity: None, untested: true, missing: None }))
}

/// What is told of some answers, language by language: held against `tests/data/explanations.expected`.
#[test]
fn sentences_are_the_golden_ones() {
    let broken = |observed: Observation| spoke(Answer::Broken, observed, None);
    let mut lines = Vec::new();
    let mut add = |name: &str, told: Vec<String>| {
        lines.push(format!("# {name}"));
        lines.extend(told);
        lines.push(String::new());
    };
    let frequency = rule("us-reg-f-call-frequency");
    add("one too many", told(&frequency, &broken(seen(8, 7, Unit::Attempts))));
    add("the first", told(&frequency, &spoke(Answer::Kept, seen(1, 7, Unit::Attempts), None)));
    for per in [Per::Case, Per::Person, Per::Collector, Per::Creditor, Per::HouseholdAndCase, Per::Household] {
        let mut together = frequency.clone();
        if let Limits::ContactFrequency(limits) = &mut together.limits {
            limits.per = per;
        }
        add(&format!("one too many per {per}"), told(&together, &broken(seen(8, 7, Unit::Attempts))));
    }
    let cooldown = rule("us-reg-f-conversation-cooldown");
    add("one day after", told(&cooldown, &broken(seen(1, 8, Unit::Days))));
    let mut after_contacts = cooldown.clone();
    if let Limits::ContactCooldown(limits) = &mut after_contacts.limits {
        limits.after = Counted::Contacts;
    }
    add("one day after a contact", told(&after_contacts, &broken(seen(1, 8, Unit::Days))));
    let succession = rule("us-reg-f-rapid-succession");
    add("a minute after a call", told(&succession, &broken(seen(1, 5, Unit::Minutes))));
    add("nine days after the due date", told(&rule("no-fee-reminder-wait"), &broken(seen(9, 15, Unit::Days))));
    add(
        "long after the due date",
        told(&rule("no-fee-reminder-wait"), &spoke(Answer::Kept, Observation::default(), None)),
    );
    add(
        "too late in the evening",
        told(
            &rule("fr-contact-hours"),
            &broken(Observation { note: Some("Europe/Paris".to_owned()), ..seen(1305, 1200, Unit::MinuteOfDay) }),
        ),
    );
    add(
        "too late by the clock that the law names",
        told(
            &rule("ca-ab-hours"),
            &broken(Observation { note: Some("America/Edmonton".to_owned()), ..seen(1350, 1320, Unit::MinuteOfDay) }),
        ),
    );
    add(
        "on a closed day",
        told(
            &rule("fr-contact-hours"),
            &broken(Observation { observed: Some(65), unit: Some(Unit::MinuteOfDay), ..noted("Europe/Paris") }),
        ),
    );
    add(
        "zone not known",
        told(&rule("fr-contact-hours"), &spoke(Answer::Unknown, noted("missing: zone"), Some(Attribute::Zone))),
    );
    add(
        "insolvent",
        told(
            &rule("de-insolvency"),
            &broken(Observation { note: Some("insolvency".to_owned()), ..seen(1, 0, Unit::Flag) }),
        ),
    );
    add("fees above the table", told(&rule("de-fee-table-2025"), &broken(seen(123_450, 9_900, Unit::MinorUnits))));
    add(
        "time-barred",
        told(
            &rule("de-limitation"),
            &broken(Observation { note: Some("last day passed".to_owned()), ..seen(1, 0, Unit::Days) }),
        ),
    );
    add("rate", told(&rule("de-interest-consumer"), &broken(seen(101_500, 62_700, Unit::RatePpm))));
    add(
        "content",
        told(
            &rule("de-first-letter-content"),
            &broken(noted("lacks client_name, claim_reason|claim_basis; language fr")),
        ),
    );
    // A clause ends before what comes after it.
    let lacking = |words: &str| told(&rule("de-first-letter-content"), &broken(noted(&format!("lacks {words}"))));
    add("clauses", lacking("debt_collection_attempt, from_debt_collector"));
    add("a choice of clauses", lacking("from_debt_collector|client_name, creditor_name"));
    add("a clause at the end", lacking("client_name, from_debt_collector"));
    add("deadline", told(&rule("de-first-letter-content"), &broken(noted("deadline before 2026-04-01"))));
    add("other case", told(&frequency, &Said::Nothing(Silence::OtherCase, Some("debt_class"))));
    add("exempt", told(&frequency, &Said::Nothing(Silence::Exempt, Some("at_debtors_request"))));
    let with_next = Outcome {
        verdict: Verdict::NotPermitted,
        next: Some(EVENING.plus(43_200_000_000)),
        missing: &[],
        because: &["12 CFR 1006.14".to_owned()],
    };
    add(
        "planned contact",
        each(|language| Teller::new(language).summary(&scene(), About::Contact(Channel::Call), &with_next)),
    );
    // It is lawful already: what comes is no lawful time.
    let advised = Outcome { verdict: Verdict::AdvisedAgainst, because: &[], ..with_next };
    add(
        "planned contact that is advised against",
        each(|language| Teller::new(language).summary(&scene(), About::Contact(Channel::Call), &advised)),
    );
    let money = crate::domain::money::Money::new(1_250_000, Currency::parse("EUR").unwrap());
    let unknown = Outcome {
        verdict: Verdict::Unknown,
        next: None,
        missing: &["due_date".to_owned(), "pack:XX".to_owned()],
        because: &[],
    };
    add("planned charge", each(|language| Teller::new(language).summary(&scene(), About::Charge(money), &unknown)));
    let finding = Finding {
        id: FindingId([7; 16]),
        rule: RuleId::trusted("us-validation-notice"),
        jurisdiction: JurisdictionId::trusted("us"),
        pack_digest: String::new(),
        pack_version: String::new(),
        severity: Severity::Violation,
        effect: Effect::Prohibits,
        case: None,
        person: None,
        activity: Some(ActivityId::trusted("a1")),
        agent: None,
        client: None,
        at: EVENING,
        steered: Default::default(),
        omission: true,
        known_at_time: true,
        observed: Observation { limit: Some(5), unit: Some(Unit::Days), ..noted("not sent by 2026-03-01") },
        evidence: Vec::new(),
    };
    let notice = rule("us-validation-notice");
    add("omitted notice", each(|language| Teller::new(language).finding(&scene(), &notice, &finding)));
    let none = Outcome { verdict: Verdict::Allowed, next: None, missing: &[], because: &[] };
    add(
        "withdrawn finding",
        each(|language| Teller::new(language).summary(&scene(), About::Finding(&finding, false), &none)),
    );
    add(
        "the rate of a ceiling is not in its table",
        told(
            &rule("be-interest-cap"),
            &spoke(Answer::Unknown, noted("missing: table_rate"), Some(Attribute::TableRate)),
        ),
    );
    add(
        "the rate that would be shown is not in its table",
        told(&rule("de-interest-consumer"), &untested(noted("missing: table_rate"))),
    );
    add("the text states no figure", told(&rule("de-interest-consumer"), &untested(noted("no figure"))));
    for (name, note, id) in [("base", ON, "be-interest-cap"), ("all interest", IN_ALL, "se-interest-credit-cap")] {
        let observed = |amount| Observation { note: Some(note.to_owned()), ..seen(amount, 600_000, Unit::MinorUnits) };
        add(&format!("{name} within"), told(&rule(id), &spoke(Answer::Kept, observed(590_000), None)));
        add(&format!("{name} beyond"), told(&rule(id), &broken(observed(900_000))));
    }
    add("a fee two days after another", told(&rule("fi-fee-reminder"), &broken(seen(2, 14, Unit::Days))));
    let advised = Finding { severity: Severity::Advisory, omission: false, ..finding.clone() };
    add(
        "advisory finding",
        each(|language| Teller::new(language).summary(&scene(), About::Finding(&advised, true), &none)),
    );
    let worst = Worst::Broken(Severity::Advisory);
    add(
        "advisory activity",
        each(|language| Teller::new(language).summary(&scene(), About::Activity("a1", worst), &none)),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/explanations.expected");
    // No-break spaces look like others: they are shown.
    let got = lines.join("\n").replace('\u{a0}', "·").replace('\u{202f}', "¦");
    if std::env::var_os("FAIRDUE_BLESS").is_some() {
        std::fs::write(&path, format!("{}\n", got.trim_end())).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(got.trim_end(), expected.trim_end(), "\n{got}");
}

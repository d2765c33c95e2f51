//! The head of a rule in words.

use super::super::model::Rule;
use super::super::words::{BindFrom, Word};
use super::line::Line;
use super::words::{day, plain, scope, set, word};
use crate::rules::head::{Attributes, Exempt, Review};

/// Everything that a rule says before its limits. Its id and where it stands are what it is known by, and not told.
pub(super) fn lines(rule: &Rule) -> Vec<Line> {
    let Rule {
        id: _,
        jurisdiction: _,
        title,
        text,
        citation,
        source,
        effect,
        status,
        confidence,
        membership,
        valid_from,
        valid_until,
        version_by,
        subject,
        from,
        review,
        scope: cases,
        exempt,
        assume,
        limits,
        // The limits as the file writes them: what they say is told by their kind.
        written: _,
        position: _,
        limits_position: _,
    } = rule;
    let Review { by, on, next } = review;
    let binds = match from {
        BindFrom::Occurred => "from when it happened",
        BindFrom::Received => "from when the collector learnt of it",
        BindFrom::Effective => "from when it takes effect",
    };
    let mut lines = vec![
        Line::phrase("kind", "kind of rule", plain(limits.kind().as_str())),
        word("effect", "what the text does", *effect),
        word("status", "status", *status),
        Line::phrase(
            "valid_from",
            "in force",
            valid_from.map_or("from whenever".to_owned(), |date| format!("from {}", day(date))),
        ),
        Line::phrase(
            "valid_until",
            "in force",
            valid_until.map_or("until further notice".to_owned(), |date| format!("until {}", day(date))),
        ),
        word("version_by", "date that picks the version", *version_by),
        word("subject", "judged for each", *subject),
        Line::phrase("from", "what is recorded binds", binds),
    ];
    lines.extend(scope(cases));
    lines.extend(exempted(exempt));
    lines.extend(assumed(assume));
    lines.extend([
        word("source", "source", *source),
        Line::text("citation", "citation", citation),
        word("confidence", "confidence", *confidence),
        Line::optional("membership", "membership under which it binds", membership.clone()),
        Line::optional("reviewed_by", "reviewed by", by.clone()),
        Line::optional("reviewed_on", "reviewed on", on.map(day)),
        Line::optional("next_review_on", "next review on", next.map(day)),
        Line::text("title", "title", title),
        Line::text("text", "text", text),
    ]);
    lines
}

fn exempted(exempt: &Exempt) -> Vec<Line> {
    let Exempt { initiated_by_debtor, at_debtors_request, purposes, person_roles } = *exempt;
    vec![
        Line::flag("exempt.initiated_by_debtor", initiated_by_debtor, "not for contacts that the debtor began"),
        Line::flag("exempt.at_debtors_request", at_debtors_request, "not for contacts that the debtor asked for"),
        set("exempt.purposes", "purposes left alone", purposes, "none"),
        set("exempt.person_roles", "persons left alone", person_roles, "none"),
    ]
}

/// What is taken for attributes that a case does not state.
pub(super) fn assumed(assume: &Attributes) -> Vec<Line> {
    let Attributes {
        collector_role,
        ownership,
        debt_class,
        debt_type,
        creditor_type,
        debtor_kind,
        person_role,
        regulated_credit,
        eu_bank_npl,
        secured,
    } = *assume;
    let yes = |key: &str, name: &str, value: Option<bool>| {
        let said = |value| if value { "yes" } else { "no" }.to_owned();
        Line::optional(&format!("when_missing.{key}"), &format!("{name}, if not stated, is taken as"), value.map(said))
    };
    vec![
        taken("collector_role", "the collector's role", collector_role),
        taken("ownership", "the ownership", ownership),
        taken("debt_class", "the class of debt", debt_class),
        taken("debt_type", "the type of debt", debt_type),
        taken("creditor_type", "the type of creditor", creditor_type),
        taken("debtor_kind", "the kind of debtor", debtor_kind),
        taken("person_role", "the person's role", person_role),
        yes("regulated_credit", "regulated credit", regulated_credit),
        yes("eu_bank_npl", "non-performing loan of an EU bank", eu_bank_npl),
        yes("secured", "secured", secured),
    ]
}

fn taken<T: Word>(key: &str, name: &str, value: Option<T>) -> Line {
    let said = value.map(|word| plain(word.name()));
    Line::optional(&format!("when_missing.{key}"), &format!("{name}, if not stated, is taken as"), said)
}

//! What a language must hold: every template by its path, with the slots that it may name.

use crate::compliance::trace::Silence;
use crate::domain::finding::Severity;
use crate::domain::party::Condition;
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::Channel;
use crate::rules::model::{Kind, Limits};
use crate::rules::words::{Attribute, Counted, FeeCondition, OtherFlag, Per};

/// Units whose figures are written with a noun in the right number.
pub const NOUNS: &[&str] = &["attempts", "contacts", "conversations", "charges", "days", "minutes"];
const COUNTS: &[&str] = &["attempts", "contacts", "conversations"];
const CHARGES: &[&str] = &["charges"];
const DAYS: &[&str] = &["days"];
const STRETCHES: &[&str] = &["days", "minutes"];

/// A slot that a template may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// The nouns that its figure may be of; none: it is no such figure.
    pub nouns: &'static [&'static str],
    /// It has a value whenever the template is used.
    pub always: bool,
}

const fn text(name: &'static str) -> Named {
    Named { name, nouns: &[], always: true }
}

const fn maybe(name: &'static str) -> Named {
    Named { name, nouns: &[], always: false }
}

const fn figure(name: &'static str, nouns: &'static [&'static str]) -> Named {
    Named { name, nouns, always: true }
}

/// One of the templates of a rule kind.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its key.
    pub name: &'static str,
    /// The slots that it may name beside [`EVERYWHERE`].
    pub slots: &'static [Named],
}

/// Slots of every template of a rule kind.
pub const EVERYWHERE: &[Named] = &[text("when"), text("zone")];

const NOTE: &[Named] = &[text("note")];
const MAYBE_NOTE: &[Named] = &[maybe("note")];
const HOUR: &[Named] = &[text("observed"), maybe("limit"), maybe("note")];
/// The time on the clock that the law names.
const CLOCK: &[Named] = &[text("observed"), text("clock"), maybe("limit"), maybe("note")];
const AMOUNT: &[Named] = &[text("observed"), text("limit"), maybe("remaining"), maybe("note")];
const PART: &[Named] = &[text("observed"), text("limit"), text("note")];
const NUMBERS: &[Named] = &[text("observed"), text("limit")];
const SPENT: &[Named] = &[figure("observed", DAYS), figure("limit", DAYS), maybe("note")];
const SPENT_NOTE: &[Named] = &[figure("observed", DAYS), figure("limit", DAYS), text("note")];
/// How long ago something was, and how long it is to be.
const WAITED: &[Named] = &[figure("observed", STRETCHES), figure("limit", STRETCHES), maybe("note")];
const OVER: &[Named] = &[figure("observed", DAYS), maybe("note")];
const COUNTED: &[Named] =
    &[figure("observed", COUNTS), figure("limit", COUNTS), maybe("window"), maybe("circle"), maybe("note")];
const COUNTED_NOTE: &[Named] = &[figure("observed", COUNTS), figure("limit", COUNTS), text("note")];
const CHARGED: &[Named] = &[figure("observed", CHARGES), figure("limit", CHARGES)];

const KEPT: Variant = Variant { name: "kept", slots: &[] };
const DUTY: Variant = Variant { name: "duty", slots: &[text("duties")] };
const UNKNOWN: Variant = Variant { name: "unknown", slots: &[text("missing")] };
const BROKEN: Variant = Variant { name: "broken", slots: MAYBE_NOTE };
const NOTED: Variant = Variant { name: "broken", slots: NOTE };
const OMITTED: Variant = Variant { name: "omitted", slots: &[text("last_day"), maybe("note")] };
const BROKEN_WAIT: Variant = Variant { name: "broken_days", slots: WAITED };
const BROKEN_DAYS: Variant = Variant { name: "broken_days", slots: SPENT };
const BROKEN_AMOUNT: Variant = Variant { name: "broken_amount", slots: AMOUNT };
/// The figure is of a dated table, which has none for the day.
const UNKNOWN_RATE: Variant = Variant { name: "unknown_rate", slots: &[] };
const KEPT_AMOUNT: Variant = Variant { name: "kept_amount", slots: AMOUNT };

/// The template of that name as the rule has it: hours may be those of a clock that the law names, what a wait follows may be a contact that was no conversation, what a
/// step comes after may be a day, and what is dealt with may be no dispute.
#[must_use]
pub fn turned(limits: &Limits, name: &'static str) -> &'static str {
    match (limits, name) {
        (Limits::ContactHours(limits), "broken") if limits.zone.is_some() => "broken_clock",
        (Limits::ContactCooldown(limits), _) if limits.after == Counted::Conversations => name,
        (Limits::ContactCooldown(_), "kept") => "kept_contact",
        (Limits::ContactCooldown(_), "broken_days") => "broken_days_contact",
        (Limits::ContactCooldown(_), "broken") => "broken_contact",
        // A hardship, a complaint or a request is dealt with as a dispute is, and is none.
        (Limits::DisputeHandling(limits), _) if limits.conditions.has(Condition::Disputed) => name,
        (Limits::DisputeHandling(_), "kept") => "kept_matter",
        (Limits::DisputeHandling(_), "broken") => "broken_matter",
        (Limits::DisputeHandling(_), "omitted") => "omitted_matter",
        (Limits::DisputeHandling(_), "unknown") => "unknown_matter",
        (Limits::NoticePeriod(limits), "kept") if limits.since.is_some() => "kept_day",
        (Limits::NoticePeriod(limits), "broken_days") if limits.since.is_some() => "broken_days_day",
        _ => name,
    }
}

/// The templates of a kind. Of several for one answer, the first whose slots all have a value is used.
#[must_use]
pub const fn variants(kind: Kind) -> &'static [Variant] {
    match kind {
        Kind::ContactHours => {
            &[KEPT, Variant { name: "broken", slots: HOUR }, Variant { name: "broken_clock", slots: CLOCK }, UNKNOWN]
        }
        Kind::ContactFrequency => &[
            Variant { name: "kept_count", slots: COUNTED },
            KEPT,
            Variant { name: "broken_count", slots: COUNTED },
            BROKEN,
            UNKNOWN,
        ],
        Kind::ContactCooldown => &[
            KEPT,
            BROKEN_WAIT,
            BROKEN,
            Variant { name: "kept_contact", slots: &[] },
            Variant { name: "broken_days_contact", slots: WAITED },
            Variant { name: "broken_contact", slots: MAYBE_NOTE },
            UNKNOWN,
        ],
        Kind::NoticePeriod => &[
            KEPT,
            BROKEN_DAYS,
            BROKEN,
            Variant { name: "kept_day", slots: &[] },
            Variant { name: "broken_days_day", slots: SPENT },
            UNKNOWN,
        ],
        Kind::ContactBlock => &[
            KEPT,
            Variant { name: "representative", slots: NOTE },
            NOTED,
            Variant { name: "unknown_note", slots: NOTE },
            UNKNOWN,
        ],
        Kind::RequiredNotice | Kind::ClientFunds | Kind::ComplaintHandling => &[KEPT, BROKEN, OMITTED, UNKNOWN],
        Kind::DisputeHandling => &[
            KEPT,
            BROKEN,
            OMITTED,
            UNKNOWN,
            Variant { name: "kept_matter", slots: &[] },
            Variant { name: "broken_matter", slots: MAYBE_NOTE },
            Variant { name: "omitted_matter", slots: OMITTED.slots },
            Variant { name: "unknown_matter", slots: UNKNOWN.slots },
        ],
        Kind::FeeCap => &[
            KEPT_AMOUNT,
            Variant { name: "kept_charges", slots: CHARGED },
            KEPT,
            Variant { name: "broken_charges", slots: CHARGED },
            BROKEN_AMOUNT,
            BROKEN_DAYS,
            BROKEN,
            UNKNOWN_RATE,
            UNKNOWN,
        ],
        Kind::LimitationPeriod => &[KEPT, Variant { name: "broken_days", slots: OVER }, BROKEN, UNKNOWN],
        Kind::CallRecording | Kind::ChannelConsent | Kind::Content | Kind::ProhibitedConduct => {
            &[KEPT, DUTY, NOTED, UNKNOWN]
        }
        Kind::DocumentsHeld => &[KEPT, NOTED, OMITTED, UNKNOWN],
        Kind::ThirdParty => &[KEPT, DUTY, Variant { name: "broken_count", slots: COUNTED }, NOTED, UNKNOWN],
        Kind::InterestCap => &[
            Variant { name: "kept_rate", slots: AMOUNT },
            KEPT_AMOUNT,
            Variant { name: "kept_base", slots: NUMBERS },
            Variant { name: "kept_total", slots: NUMBERS },
            KEPT,
            Variant { name: "broken_rate", slots: AMOUNT },
            BROKEN_AMOUNT,
            Variant { name: "broken_base", slots: NUMBERS },
            Variant { name: "broken_total", slots: NUMBERS },
            BROKEN,
            UNKNOWN_RATE,
            UNKNOWN,
        ],
        Kind::PaymentApplication => &[KEPT, Variant { name: "broken_amount", slots: PART }, NOTED, UNKNOWN],
        Kind::PaymentTerm => &[Variant { name: "kept_days", slots: SPENT }, KEPT, BROKEN_DAYS, BROKEN, UNKNOWN],
        Kind::CreditReporting => &[
            KEPT,
            BROKEN_AMOUNT,
            Variant { name: "broken_reports", slots: NUMBERS },
            Variant { name: "broken_days", slots: SPENT_NOTE },
            Variant { name: "broken_count", slots: COUNTED_NOTE },
            NOTED,
            OMITTED,
            UNKNOWN,
        ],
        Kind::RecordRetention => &[KEPT, Variant { name: "broken_days", slots: SPENT_NOTE }, NOTED, OMITTED, UNKNOWN],
        Kind::Licence => &[KEPT, BROKEN, UNKNOWN],
    }
}

/// The words by which the kinds say what they have found, as observations note them. Conditions, flags and the
/// conditions of a fee are further ones.
pub const NOTES: &[&str] = &[
    "a third person",
    "an older claim is open",
    "begins too early",
    "conveyed to a third person",
    "cost",
    "disclosed to a third person",
    "erased too early",
    "exemption declared",
    "identity not verified",
    "inquired before",
    "interest",
    "interest on interest",
    "it was not announced",
    "last day passed",
    "may not be reported",
    "no client account is declared",
    "no consent",
    "no dispute scheme is declared",
    "no licence is declared",
    "nobody was spoken to",
    "not acknowledged by",
    "not answered by",
    "not at all",
    "not erased by",
    "not handed over by",
    "not here",
    "not overdue long enough",
    "not produced by",
    "not recorded",
    "not sent by",
    "not updated by",
    "not withdrawn by",
    "nothing else was tried first",
    "nothing has begun it",
    "notices are missing",
    "opted out",
    "principal",
    "recorded without consent",
    "recorded without notice",
    "reported too early",
    "the case is open",
    "the collector received it",
    "the debt is disputed",
    "the debtor named another debt",
    "the dispute is not marked",
    "the earlier step is missing",
    "the last notice is too old",
    "the licence declared does not hold on this day",
    "the licence declared is of another kind",
    "the licence declared is older than it may become",
    "the notice is missing",
    "the notices are too close",
    "too early",
    "too old",
    "vat",
    "what it requires is missing",
];

/// Every word of [`NOTES`] with those of the closed lists.
pub fn notes() -> impl Iterator<Item = &'static str> {
    let conditions = Condition::ALL.iter().map(|one| one.as_str());
    let flags = OtherFlag::ALL.iter().map(|one| one.as_str());
    let fees = FeeCondition::ALL.iter().map(|one| one.as_str());
    NOTES.iter().copied().chain(conditions).chain(flags).chain(fees)
}

/// Notes that name something in a list of words.
pub const LISTED: &[&str] = &["lacks", "holds", "not_held", "not_produced"];
/// Duties that name something in a list of words.
pub const DUTIES: &[&str] = &["leave_out", "not_by", "form", "language"];
/// Exemptions of rules.
pub const EXEMPTIONS: &[&str] = &["initiated_by_debtor", "at_debtors_request", "person_roles", "purposes"];

/// A template that every language must have.
pub struct Expected {
    /// Its path: tables and key, joined by points.
    pub path: String,
    /// The slots that it may name.
    pub slots: Vec<Named>,
}

/// Every template that a language must have.
#[must_use]
pub fn all() -> Vec<Expected> {
    let mut all = Vec::new();
    let mut add = |path: String, slots: &[Named]| all.push(Expected { path, slots: slots.to_vec() });
    for (key, slots) in [
        ("decimal", &[][..]),
        ("group", &[]),
        ("group_from", &[]),
        ("amount", &[text("number"), text("currency")]),
        ("percent", &[text("number")]),
        ("date", &[text("day"), text("month"), text("year")]),
        ("first_day", &[]),
        ("time", &[text("hour"), text("minute")]),
        ("datetime", &[text("date"), text("time"), text("zone")]),
        ("zone", &[text("zone"), text("offset")]),
        ("list", &[text("first"), text("last")]),
        ("last", &[text("first"), text("last")]),
        ("or", &[text("first"), text("last")]),
        ("last_after_clause", &[text("first"), text("last")]),
        ("or_after_clause", &[text("first"), text("last")]),
        ("faults", &[text("first"), text("last")]),
        ("untranslated", &[text("word")]),
    ] {
        add(format!("format.{key}"), slots);
    }
    (1..=12).for_each(|month| add(format!("months.{month}"), &[]));
    for noun in NOUNS {
        ["one", "other"].iter().for_each(|number| add(format!("units.{noun}.{number}"), &[text("n")]));
    }
    for window in ["days", "hours", "minutes"] {
        ["one", "other"].iter().for_each(|number| add(format!("windows.{window}.{number}"), &[text("n")]));
    }
    ["week", "month"].iter().for_each(|window| add(format!("windows.{window}"), &[]));
    let circles = Per::ALL.iter().filter(|per| **per != Per::PersonAndCase);
    circles.for_each(|per| add(format!("circles.{per}"), &[]));
    Channel::ALL.iter().for_each(|channel| add(format!("channels.{channel}"), &[]));
    Attribute::ALL.iter().for_each(|attribute| add(format!("attributes.{attribute}"), &[]));
    notes().for_each(|note| add(format!("notes.{note}"), &[]));
    LISTED.iter().for_each(|note| add(format!("listed.{note}"), &[text("words")]));
    ["form", "language", "template"].iter().for_each(|note| add(format!("listed.{note}"), &[text("word")]));
    add("listed.deadline".to_owned(), &[text("last_day")]);
    add("listed.since".to_owned(), &[text("word"), text("last_day")]);
    DUTIES.iter().for_each(|duty| add(format!("duties.{duty}"), &[text("words")]));
    for verdict in Verdict::ALL {
        add(format!("summary.contact.{verdict}"), &[text("channel"), text("when")]);
        add(format!("summary.charge.{verdict}"), &[text("amount"), text("when")]);
    }
    for severity in Severity::ALL {
        add(format!("summary.finding.{severity}"), &[text("when"), maybe("id")]);
        add(format!("summary.activity.{severity}"), &[text("when"), text("id")]);
    }
    ["kept", "unknown"]
        .iter()
        .for_each(|answer| add(format!("summary.activity.{answer}"), &[text("when"), text("id")]));
    for (key, slots) in [
        ("withdrawn", &[][..]),
        ("because", &[text("rules")]),
        ("next", &[text("next")]),
        ("no_next", &[]),
        ("next_advised", &[text("next")]),
        ("no_next_advised", &[]),
        ("missing", &[text("missing")]),
    ] {
        add(format!("summary.{key}"), slots);
    }
    for (key, slots) in [
        ("rule", &[text("citation"), text("sentence")][..]),
        ("allowed_from", &[text("allowed_from")]),
        ("remaining", &[text("remaining")]),
        ("conditional", &[text("limit")]),
        ("overridable", &[]),
        ("not_known", &[]),
        ("no_figure", &[]),
        ("no_rate", &[]),
        ("informs", &[text("sentence")]),
        ("untested", &[]),
        ("no_pack", &[]),
        ("an_input", &[]),
    ] {
        add(format!("frame.{key}"), slots);
    }
    for silence in Silence::ALL {
        let slots: &[Named] = match silence {
            Silence::OtherCase | Silence::Exempt => &[text("why")],
            _ => &[],
        };
        add(format!("silent.{silence}"), slots);
    }
    EXEMPTIONS.iter().for_each(|word| add(format!("exemptions.{word}"), &[]));
    for kind in Kind::ALL {
        for variant in variants(*kind) {
            let slots: Vec<Named> = EVERYWHERE.iter().chain(variant.slots).copied().collect();
            add(format!("rules.{kind}.{}", variant.name), &slots);
        }
    }
    all
}

//! One `[[rule]]` table: the head, the scope and the limits of its kind.

use super::model::{Attributes, ContactCooldown, ContactFrequency, Exempt, Kind, Limits, Review, Rule, Scope};
use super::parse_fee::amount;
use super::parse_limits;
use super::rates::RateTables;
use super::reader::Reader;
use super::words::{BindFrom, Per, Status, Subject, VersionBy, Word};
use super::written::Written;
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::money::Currency;
use crate::domain::verdict::{Confidence, Effect, Source};

/// What a rule file says of every rule in it.
pub struct Defaults<'d> {
    /// The jurisdiction of the file.
    pub jurisdiction: &'d JurisdictionId,
    /// Currency of amounts that name none.
    pub currency: Option<Currency>,
    /// The head names a currency that there is none of, which is told there: another stands in for it.
    pub misread: bool,
    /// The country's highest rate of VAT, in millionths.
    pub highest_vat: Option<i64>,
    /// Fee tables that several rules read.
    pub tables: &'d FeeTables,
    /// Dated tables of rates and yearly amounts.
    pub rates: &'d RateTables,
    /// The rules are a tenant's own.
    pub tenant: bool,
}

/// Fee tables of a pack by id.
pub type FeeTables = std::collections::BTreeMap<String, Vec<super::model::Tier>>;

/// Reads a rule; `None` if something without which there is no rule is missing (a diagnostic says so).
pub fn rule(reader: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<Rule> {
    let id = reader.need_text("id");
    if let Some(id) = &id {
        reader.rename(format!("rule {id}"));
    }
    let id = id.and_then(|text| checked_id(reader, &text, defaults));
    let title = reader.need_text("title");
    let text = reader.need_text("text");
    let citation = reader.need_text("citation");
    let source = if defaults.tenant { Some(Source::Tenant) } else { reader.need_word::<Source>("source") };
    if !defaults.tenant && source == Some(Source::Tenant) {
        reader.wrong("source", "source \"tenant\" belongs to a tenant's file", "name the legal source");
    }
    let effect = reader.need_word::<Effect>("effect");
    let confidence =
        if defaults.tenant { Some(Confidence::Read) } else { reader.need_word::<Confidence>("confidence") };
    let status = reader.word::<Status>("status").unwrap_or(Status::InForce);
    let membership = reader.text("membership");
    if source == Some(Source::Code) && membership.is_none() {
        reader.wrong(
            "source",
            "a rule of a code needs the membership under which it binds",
            "add membership = \"...\"",
        );
    }
    let (valid_from, valid_until) = (reader.date("valid_from"), reader.date("valid_until"));
    if let (Some(from), Some(until)) = (valid_from, valid_until)
        && until < from
    {
        reader.wrong("valid_until", "valid_until lies before valid_from", "state the last day in force");
    }
    if status == Status::Superseded && valid_until.is_none() {
        reader.wrong("status", "a superseded rule needs its last day", "add valid_until");
    }
    let version_by = reader.word::<VersionBy>("version_by").unwrap_or(VersionBy::ActivityOn);
    let subject = reader.word::<Subject>("subject");
    let from = reader.word::<BindFrom>("from").unwrap_or(BindFrom::Received);
    let review =
        Review { by: reader.text("reviewed_by"), on: reader.date("reviewed_on"), next: reader.date("next_review_on") };
    let scope = scope(reader, defaults.currency);
    let exempt = exempt(reader);
    let assume = assume(reader);
    let (limits, written, limits_at) = limits(reader, defaults)?;
    let subject = subject.unwrap_or(default_subject(&limits));
    if !subject.is_judged() {
        let remedy = "write activity, case or person (docs/adding-a-jurisdiction.md says why)";
        reader.wrong("subject", "no kind judges campaigns or tenants", remedy);
    }
    if !matches!(source, Some(Source::Practice))
        && effect == Some(Effect::Prohibits)
        && citation.as_deref() == Some("-")
    {
        reader.wrong("citation", "a prohibition needs its text of law", "name statute and section");
    }
    Some(Rule {
        id: id?,
        jurisdiction: defaults.jurisdiction.clone(),
        title: title?,
        text: text?,
        citation: citation?,
        source: source?,
        effect: effect?,
        status,
        confidence: confidence?,
        membership,
        valid_from,
        valid_until,
        version_by,
        subject,
        from,
        review,
        scope,
        exempt,
        assume,
        limits,
        written,
        position: reader.cx.position(reader.offset()),
        limits_position: reader.cx.position(limits_at),
    })
}

fn checked_id(reader: &mut Reader<'_, '_>, text: &str, defaults: &Defaults<'_>) -> Option<RuleId> {
    let prefix = if defaults.tenant { "tenant".to_owned() } else { defaults.jurisdiction.as_str().to_owned() };
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let owned = text.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('-') && rest.len() > 1);
    if !plain || !owned || text.len() > 80 {
        reader.wrong(
            "id",
            &format!("id \"{text}\" is not of the form {prefix}-words-with-hyphens (at most 80 letters)"),
            &format!("begin the id with \"{prefix}-\" and use lower-case letters, digits and hyphens"),
        );
        return None;
    }
    RuleId::new(text).ok()
}

impl Subject {
    /// A rule of some kind may judge it. Of the others the fact sheets speak, and a file that names one is told why not.
    #[must_use]
    pub const fn is_judged(self) -> bool {
        matches!(self, Self::Activity | Self::Case | Self::Person)
    }
}

fn default_subject(limits: &Limits) -> Subject {
    match limits {
        Limits::ContactHours(_) => Subject::Activity,
        // A contact about debts of two creditors is one with each of them.
        Limits::ContactFrequency(ContactFrequency { per: Per::Creditor, .. })
        | Limits::ContactCooldown(ContactCooldown { per: Per::Creditor, .. }) => Subject::Case,
        Limits::ContactFrequency(limits) if limits.per.over_cases() => Subject::Person,
        Limits::ContactCooldown(limits) if limits.per.over_cases() => Subject::Person,
        _ => Subject::Case,
    }
}

fn limits(reader: &mut Reader<'_, '_>, defaults: &Defaults<'_>) -> Option<(Limits, Written, usize)> {
    let present: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| reader.has(kind.as_str())).collect();
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let [kind] = present.as_slice() else {
        let at = reader.offset();
        let found: Vec<&str> = present.iter().map(|kind| kind.as_str()).collect();
        let message = if found.is_empty() {
            "the rule has no table of limits".to_owned()
        } else {
            format!("the rule has several tables of limits: {}", found.join(", "))
        };
        reader.cx.wrong(at, message, format!("write exactly one of the tables [rule.KIND]: {}", names.join(", ")));
        return None;
    };
    let mut table = reader.table(kind.as_str())?;
    let (at, written) = (table.offset(), table.written());
    let limits = parse_limits::limits(*kind, &mut table, defaults);
    table.finish();
    limits.map(|limits| (limits, written, at))
}

/// Which cases are concerned; amounts are of `currency`.
pub fn scope(reader: &mut Reader<'_, '_>, currency: Option<Currency>) -> Scope {
    let Some(mut table) = reader.table("applies_to") else { return Scope::default() };
    let scope = Scope {
        collector_role: table.set("collector_role"),
        ownership: table.set("ownership"),
        debt_class: table.set("debt_class"),
        debt_type: table.set("debt_type"),
        creditor_type: table.set("creditor_type"),
        debtor_kind: table.set("debtor_kind"),
        person_role: table.set("person_role"),
        regulated_credit: table.boolean("regulated_credit"),
        eu_bank_npl: table.boolean("eu_bank_npl"),
        secured: table.boolean("secured"),
        titled: table.boolean("titled"),
        past_due_min: past_due(&mut table, "past_due_min"),
        past_due_max: past_due(&mut table, "past_due_max"),
        min_principal: principal(&mut table, "min_principal", currency),
        max_principal: principal(&mut table, "max_principal", currency),
    };
    if scope.past_due_min > scope.past_due_max && scope.past_due_max.is_some() {
        table.wrong("past_due_min", "past_due_min is more than past_due_max", "no case is both: swap them");
    }
    if scope.min_principal > scope.max_principal && scope.max_principal.is_some() {
        table.wrong("min_principal", "min_principal is more than max_principal", "no case is both: swap them");
    }
    table.finish();
    scope
}

fn past_due(table: &mut Reader<'_, '_>, key: &'static str) -> Option<u16> {
    table.integer(key, 0, 36_525).and_then(|days| u16::try_from(days).ok())
}

/// A bound of the case's principal, in the pack's currency.
pub fn principal(table: &mut Reader<'_, '_>, key: &'static str, currency: Option<Currency>) -> Option<(i64, Currency)> {
    if let Some(currency) = currency {
        return amount(table, key, currency).map(|minor| (minor, currency));
    }
    if table.has(key) {
        table.wrong(key, "the pack has no currency", "add currency to the pack's head");
    }
    None
}

fn exempt(reader: &mut Reader<'_, '_>) -> Exempt {
    let Some(mut table) = reader.table("exempt") else { return Exempt::default() };
    let exempt = Exempt {
        initiated_by_debtor: table.boolean("initiated_by_debtor").unwrap_or(false),
        at_debtors_request: table.boolean("at_debtors_request").unwrap_or(false),
        purposes: table.set("purposes"),
        person_roles: table.set("person_roles"),
    };
    table.finish();
    exempt
}

fn assumed<T: Word>(table: &mut Reader<'_, '_>, key: &'static str) -> Option<T> {
    match table.raw(key) {
        Some((value, _)) if value.as_str() == Some("unknown") => None,
        Some(_) => table.word(key),
        None => None,
    }
}

fn assumed_flag(table: &mut Reader<'_, '_>, key: &'static str) -> Option<bool> {
    match table.raw(key) {
        Some((value, _)) if value.as_str() == Some("unknown") => None,
        Some(_) => table.boolean(key),
        None => None,
    }
}

/// What is taken for missing attributes.
pub fn assume(reader: &mut Reader<'_, '_>) -> Attributes {
    let Some(mut table) = reader.table("when_missing") else { return Attributes::default() };
    let assume = Attributes {
        collector_role: assumed(&mut table, "collector_role"),
        ownership: assumed(&mut table, "ownership"),
        debt_class: assumed(&mut table, "debt_class"),
        debt_type: assumed(&mut table, "debt_type"),
        creditor_type: assumed(&mut table, "creditor_type"),
        debtor_kind: assumed(&mut table, "debtor_kind"),
        person_role: assumed(&mut table, "person_role"),
        regulated_credit: assumed_flag(&mut table, "regulated_credit"),
        eu_bank_npl: assumed_flag(&mut table, "eu_bank_npl"),
        secured: assumed_flag(&mut table, "secured"),
    };
    table.finish();
    assume
}

//! A rule's head: which activities it judges, which version of the law it is, which cases it concerns.

use chrono::NaiveDate;

use super::complaint_handling;
use super::since;
use super::situation::Situation;
use super::which;
use crate::domain::case::{CaseVersion, Claim};
use crate::domain::detail::{Detail, InterestNature, TransferKind};
use crate::domain::verdict::Source;
use crate::domain::vocabulary::Direction;
use crate::rules::interest_cap::TotalOf;
use crate::rules::model::{Attributes, Limits, RequiredNotice, Rule, Scope};
use crate::rules::ruleset::ActiveRule;
use crate::rules::step::Step;
use crate::rules::words::{Attribute, Set, Since, VersionBy, Word};

/// The activity is of a kind that the rule judges, and is not exempt. Cheap: it is asked of every rule.
pub(crate) fn concerns(rule: &Rule, situation: &Situation<'_>) -> bool {
    is_judged(rule, situation) && !exempt(rule, situation)
}

/// The activity is of a kind that the rule judges.
pub(crate) fn is_judged(rule: &Rule, situation: &Situation<'_>) -> bool {
    let activity = situation.activity;
    let any = |steps: &[Step]| steps.iter().any(|step| step.matches(activity));
    let outbound = || activity.direction() == Direction::Outbound;
    match (&rule.limits, &activity.detail) {
        (Limits::ContactHours(limits), Detail::Contact(contact)) => {
            limits.channels.admits(contact.channel) && outbound()
        }
        (Limits::ContactFrequency(limits), Detail::Contact(contact)) => {
            // Without `exclude = ["inbound"]` a frequency rule counts both directions; it accuses only the collector.
            limits.channels.admits(contact.channel) && outbound()
        }
        (Limits::ContactCooldown(limits), Detail::Contact(contact)) => {
            limits.channels.admits(contact.channel) && outbound()
        }
        (Limits::ContactBlock(limits), detail) => {
            let on_channel = match detail {
                Detail::Contact(contact) => limits.channels.admits(contact.channel) && outbound(),
                _ => true,
            };
            let silent = limits.quiet && !limits.flags.meets(situation.known.flags);
            !silent && on_channel && (any(&limits.forbids) || which::may_be_demand(&limits.forbids, situation))
        }
        (Limits::NoticePeriod(limits), _) => any(&limits.before) || which::may_be_demand(&limits.before, situation),
        (Limits::RequiredNotice(limits), detail) if limits.since.is_some() => match limits.term {
            // Its term begins with the case, which comes by a placement.
            Some(_) => matches!(detail, Detail::Transfer { transfer: TransferKind::Place, .. }),
            None => any(&limits.notices),
        },
        (Limits::RequiredNotice(limits), _) => any(&limits.event),
        (Limits::FeeCap(limits), Detail::Charge(charge)) => limits.steps.has(charge.step),
        (Limits::FeeCap(limits), Detail::Payment(_)) => limits.factor_if_paid_on_first_letter.is_some(),
        (Limits::LimitationPeriod(limits), _) => {
            any(&limits.forbids) || which::may_be_demand(&limits.forbids, situation)
        }
        (Limits::CallRecording(limits), Detail::Contact(_)) => which::may_mean(&limits.which, situation),
        (Limits::ChannelConsent(limits), Detail::Contact(_)) => outbound() && which::may_mean(&limits.which, situation),
        (Limits::Content(limits), Detail::Contact(_)) => outbound() && which::may_mean(&limits.which, situation),
        (Limits::ThirdParty(limits), Detail::Contact(contact)) => {
            contact.third_party_disclosure && limits.which.channels.admits(contact.channel)
                || which::may_mean(&limits.which, situation)
        }
        (Limits::ProhibitedConduct(limits), _) => which::may_mean(&limits.which, situation),
        (Limits::DisputeHandling(limits), _) => {
            which::is_step(&limits.stops, situation) || which::may_be_demand(&limits.stops, situation)
        }
        (Limits::DocumentsHeld(limits), _) => {
            which::is_step(&limits.before, situation) || which::is_step(&limits.stops, situation)
        }
        (Limits::InterestCap(limits), Detail::Interest(interest)) => {
            limits.natures.admits(interest.nature.unwrap_or(InterestNature::Default))
        }
        (Limits::InterestCap(limits), Detail::Charge(_)) => {
            limits.total.is_some_and(|total| total.count.has(TotalOf::Charges))
        }
        (Limits::InterestCap(limits), Detail::Transfer { transfer: TransferKind::Place, .. }) => limits.judges_terms(),
        (Limits::PaymentTerm(_), Detail::Transfer { transfer: TransferKind::Place, .. })
        | (Limits::PaymentApplication(_) | Limits::ClientFunds(_), Detail::Payment(_))
        | (Limits::CreditReporting(_), Detail::CreditReport { .. })
        | (Limits::RecordRetention(_), Detail::RecordsErased { .. } | Detail::CaseStatus { .. }) => true,
        (Limits::CreditReporting(limits), Detail::Payment(_)) => limits.erase_paid.is_some(),
        (Limits::Licence(limits), _) => any(&limits.forbids),
        (Limits::ComplaintHandling(limits), detail) => {
            complaint_handling::step(detail).is_some_and(|(matter, ..)| limits.of.has(matter))
        }
        _ => false,
    }
}

/// The activity is one that the rule leaves alone.
pub(crate) fn exempt(rule: &Rule, situation: &Situation<'_>) -> bool {
    exemption(rule, situation).is_some()
}

/// The exemption under which the rule leaves the activity alone, as rule files name it.
pub(crate) fn exemption(rule: &Rule, situation: &Situation<'_>) -> Option<&'static str> {
    let exempt = &rule.exempt;
    let activity = situation.activity;
    if exempt.initiated_by_debtor && activity.direction() == Direction::Inbound {
        return Some("initiated_by_debtor");
    }
    if exempt.at_debtors_request && activity.at_debtors_request {
        return Some("at_debtors_request");
    }
    if situation.role.is_some_and(|role| exempt.person_roles.has(role)) {
        return Some("person_roles");
    }
    let purpose = situation.contact().and_then(|contact| contact.purpose);
    purpose.is_some_and(|purpose| exempt.purposes.has(purpose)).then_some("purposes")
}

/// `None`: the rule does not concern the case. `Some(None)`: it does. `Some(Some(attribute))`: it may, and that
/// attribute is missing to tell.
#[allow(clippy::option_option)] // three answers
pub(crate) fn scope(active: &ActiveRule, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let doubt = in_force(active, situation)?;
    attributes(&active.rule.scope, &active.rule.assume, situation).map(|more| doubt.or(more))
}

/// The same for the dates between which the rule is in force, and the membership that it binds by.
#[allow(clippy::option_option)]
pub(crate) fn in_force(active: &ActiveRule, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let rule = &*active.rule;
    let doubt = version_holds(rule, situation)?;
    if rule.source == Source::Code
        && let Some(code) = &rule.membership
        && !situation.rules.facts().is_member(code, situation.date())
    {
        return None;
    }
    Some(doubt)
}

/// The same for a scope by itself.
#[allow(clippy::option_option)]
pub(crate) fn attributes(scope: &Scope, assume: &Attributes, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let mut doubt = None;
    let (identity, class) = (&situation.version.identity, &situation.version.class);
    let mut doubtful = |attribute: Option<Attribute>| doubt = doubt.or(attribute);
    doubtful(one(scope.collector_role, identity.collector_role, assume.collector_role, Attribute::CollectorRole)?);
    doubtful(one(scope.ownership, identity.ownership, assume.ownership, Attribute::Ownership)?);
    doubtful(one(scope.debt_class, class.debt_class, assume.debt_class, Attribute::DebtClass)?);
    doubtful(one(scope.debt_type, class.debt_type, assume.debt_type, Attribute::DebtType)?);
    doubtful(one(scope.creditor_type, identity.creditor_type, assume.creditor_type, Attribute::CreditorType)?);
    let kind = situation.party.and_then(|party| party.kind);
    doubtful(one(scope.debtor_kind, kind, assume.debtor_kind, Attribute::DebtorKind)?);
    doubtful(one(scope.person_role, situation.role, assume.person_role, Attribute::PersonRole)?);
    let credit = class.regulated_credit;
    doubtful(flag(scope.regulated_credit, credit, assume.regulated_credit, Attribute::RegulatedCredit)?);
    doubtful(flag(scope.eu_bank_npl, class.eu_bank_npl, assume.eu_bank_npl, Attribute::EuBankNpl)?);
    doubtful(flag(scope.secured, class.secured, assume.secured, Attribute::Secured)?);
    doubtful(further(scope, situation)?);
    Some(doubt)
}

/// The same for what a scope asks for that is no word: a title, the principal, days past due.
#[allow(clippy::option_option)]
pub(crate) fn further(scope: &Scope, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    if let Some(wanted) = scope.titled {
        let titled = situation.watch.titled_on(situation.version).is_some_and(|on| on <= situation.date());
        if titled != wanted {
            return None;
        }
    }
    let doubt = principal(scope, situation.version)?;
    past_due(scope, situation).map(|more| doubt.or(more))
}

/// The principal of the case lies between the bounds.
#[allow(clippy::option_option)]
fn principal(scope: &Scope, version: &CaseVersion) -> Option<Option<Attribute>> {
    let bounds = [scope.min_principal, scope.max_principal];
    let mut currencies = bounds.iter().flatten().map(|(_, currency)| *currency).peekable();
    if currencies.peek().is_none() {
        return Some(None);
    }
    if version.claims.is_empty() {
        return Some(Some(Attribute::Principal));
    }
    if currencies.any(|currency| currency != version.currency) {
        return Some(Some(Attribute::Currency));
    }
    let owed = version.principal();
    let inside = scope.min_principal.is_none_or(|(least, _)| owed >= least)
        && scope.max_principal.is_none_or(|(most, _)| owed <= most);
    inside.then_some(None)
}

/// The days since the oldest due date lie between the bounds. A claim whose due date is not known may be older than those
/// whose are.
#[allow(clippy::option_option)]
fn past_due(scope: &Scope, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    let (least, most) = (scope.past_due_min.map(i64::from), scope.past_due_max.map(i64::from));
    if least.is_none() && most.is_none() {
        return Some(None);
    }
    let version = situation.version;
    let Some(oldest) = version.oldest_due() else { return Some(Some(Attribute::DueDate)) };
    let days = situation.date().signed_duration_since(oldest).num_days();
    let older = version.claims.iter().any(|claim| claim.due().is_none());
    match (least.is_none_or(|least| days >= least), most.is_none_or(|most| days <= most)) {
        (_, false) => None,
        (true, true) if !older || most.is_none() => Some(None),
        (false, true) if !older => None,
        (_, true) => Some(Some(Attribute::DueDate)),
    }
}

#[allow(clippy::option_option)]
fn one<T: Word>(
    wanted: Set<T>,
    stated: Option<T>,
    assumed: Option<T>,
    attribute: Attribute,
) -> Option<Option<Attribute>> {
    if wanted.is_empty() {
        return Some(None);
    }
    match stated.or(assumed) {
        Some(value) if wanted.has(value) => Some(None),
        Some(_) => None,
        None => Some(Some(attribute)),
    }
}

#[allow(clippy::option_option)]
fn flag(
    wanted: Option<bool>,
    stated: Option<bool>,
    assumed: Option<bool>,
    attribute: Attribute,
) -> Option<Option<Attribute>> {
    match (wanted, stated.or(assumed)) {
        (None, _) => Some(None),
        (Some(wanted), Some(value)) => (wanted == value).then_some(None),
        (Some(_), None) => Some(Some(attribute)),
    }
}

/// The same for the dates alone.
#[allow(clippy::option_option)]
pub(crate) fn version_holds(rule: &Rule, situation: &Situation<'_>) -> Option<Option<Attribute>> {
    if rule.version_by == VersionBy::DueOn
        && let Limits::RequiredNotice(RequiredNotice { since: Some(Since::Due), .. }) = &rule.limits
        && let Some(day) = situation.version.oldest_due()
    {
        // Its term runs from the oldest due date that is known, and so that one picks its version.
        return within(rule.valid_from, rule.valid_until, day).then_some(None);
    }
    let holds = dated(rule.valid_from, rule.valid_until, rule.version_by, situation);
    if holds.flatten().is_some()
        && matches!(rule.limits, Limits::LimitationPeriod(_))
        && of_claims(rule.version_by).is_some()
        && concerned(situation).any(|claim| holds_for(rule, claim) == Some(None))
    {
        // It asks each claim by itself whether the version holds for it.
        return Some(None);
    }
    holds
}

/// The version of the rule holds for a claim, where a day of the claim picks it; any does where another date decides.
#[allow(clippy::option_option)]
pub(crate) fn holds_for(rule: &Rule, claim: &Claim) -> Option<Option<Attribute>> {
    if rule.valid_from.is_none() && rule.valid_until.is_none() {
        return Some(None);
    }
    let Some((pick, attribute)) = of_claims(rule.version_by) else { return Some(None) };
    match pick(claim) {
        Some(day) => within(rule.valid_from, rule.valid_until, day).then_some(None),
        None => Some(Some(attribute)),
    }
}

fn within(valid_from: Option<NaiveDate>, valid_until: Option<NaiveDate>, day: NaiveDate) -> bool {
    valid_from.is_none_or(|from| from <= day) && valid_until.is_none_or(|until| day <= until)
}

/// The version holds on the date that picks it. A missing date leaves it open whether it does.
#[allow(clippy::option_option)]
pub(crate) fn dated(
    valid_from: Option<NaiveDate>,
    valid_until: Option<NaiveDate>,
    version_by: VersionBy,
    situation: &Situation<'_>,
) -> Option<Option<Attribute>> {
    if valid_from.is_none() && valid_until.is_none() {
        return Some(None);
    }
    if version_by == VersionBy::AccruedOn
        && let Detail::Interest(interest) = &situation.activity.detail
        && let Some((first, last)) = interest.from.zip(interest.to)
    {
        // Each day is judged by itself: the version holds if it does on one of them.
        let overlaps = valid_from.is_none_or(|from| from <= last) && valid_until.is_none_or(|until| first <= until);
        return overlaps.then_some(None);
    }
    if let Some((pick, attribute)) = of_claims(version_by) {
        return claims_dated((valid_from, valid_until), pick, attribute, situation);
    }
    let (date, attribute) = version_date(version_by, situation);
    let Some(date) = date else { return Some(Some(attribute)) };
    within(valid_from, valid_until, date).then_some(None)
}

/// A day of a claim.
type Pick = fn(&Claim) -> Option<NaiveDate>;

/// Days of claims, each with the attribute that is missing without it.
const AROSE: (Pick, Attribute) = (|claim| claim.arose, Attribute::ClaimArose);
const DUE: (Pick, Attribute) = (Claim::due, Attribute::DueDate);

/// The day of a claim by which a version is picked, and the attribute that is missing without it.
fn of_claims(version_by: VersionBy) -> Option<(Pick, Attribute)> {
    match version_by {
        VersionBy::ClaimAroseOn => Some(AROSE),
        VersionBy::DueOn => Some(DUE),
        _ => None,
    }
}

/// The claims that the activity concerns: the one that it names, else all.
fn concerned<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = &'a Claim> {
    let named = since::named(&situation.activity.detail);
    situation.version.claims.iter().filter(move |claim| named.is_none_or(|id| claim.id == *id))
}

/// The version holds for the claims that the activity concerns. Where it does for some of them and not for others, it is
/// which of them is meant that is missing: neither is the one law to hide the other, nor is anybody accused under the wrong one.
#[allow(clippy::option_option)]
fn claims_dated(
    (valid_from, valid_until): (Option<NaiveDate>, Option<NaiveDate>),
    pick: Pick,
    attribute: Attribute,
    situation: &Situation<'_>,
) -> Option<Option<Attribute>> {
    let (mut inside, mut outside, mut open) = (false, false, false);
    for claim in concerned(situation) {
        match pick(claim).map(|day| within(valid_from, valid_until, day)) {
            Some(true) => inside = true,
            Some(false) => outside = true,
            None => open = true,
        }
    }
    match (inside, outside, open) {
        (true, true, _) => Some(Some(Attribute::Claim)),
        (true, false, false) => Some(None),
        (false, true, false) => None,
        // It names a claim that the case does not state.
        (false, false, false) if !situation.version.claims.is_empty() => Some(Some(Attribute::Claim)),
        _ => Some(Some(attribute)),
    }
}

/// The date that picks the version, and the attribute that is missing without it.
pub(crate) fn version_date(version_by: VersionBy, situation: &Situation<'_>) -> (Option<NaiveDate>, Attribute) {
    let version = situation.version;
    let shared = |(pick, attribute): (Pick, Attribute)| {
        let mut days = concerned(situation).map(pick);
        let first = days.next().flatten();
        // Claims of different days have no one date.
        if days.all(|day| day == first) { (first, attribute) } else { (None, Attribute::Claim) }
    };
    match version_by {
        VersionBy::ActivityOn | VersionBy::ActionFiledOn => (Some(situation.date()), Attribute::ClockTime),
        VersionBy::ContractOn => (version.dates.contract, Attribute::ContractDate),
        VersionBy::ClaimAroseOn => shared(AROSE),
        VersionBy::DueOn => shared(DUE),
        VersionBy::MandateOn => (version.placement.mandate_on, Attribute::MandateDate),
        VersionBy::AccruedOn => match &situation.activity.detail {
            Detail::Interest(interest) => (interest.from, Attribute::AccrualPeriod),
            _ => (Some(situation.date()), Attribute::AccrualPeriod),
        },
    }
}

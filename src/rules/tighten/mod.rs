//! What a tenant may make stricter in a rule of a pack, for every kind: each key of an entry `[[rules.tighten]]` bears the
//! name that it has in the rule's own table, and is compared with what stands there.
//!
//! A key is only here if a stricter value can never answer any history or question better than the law's: an earlier step
//! that counts for less, for one, may leave nothing that a later step came too soon after. What is not here, a tenant
//! writes as a rule of its own, which is judged beside the law's and takes nothing from it.

mod change;
mod conduct;
mod contact;
mod duties;
mod money;

use super::compile::Packs;
use super::model::{Kind, Limits, Rule};
use super::reader::Reader;
use super::words::Status;
use change::Change;

/// The keys by which rules of a kind are tightened, beside `block`, which every kind has.
#[must_use]
pub const fn keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ContactHours => &["open", "closed_dates", "holidays", "end_inclusive"],
        Kind::ContactFrequency => &["max", "window_days", "window_hours", "window_minutes", "exclude", "per", "roles"],
        Kind::ContactCooldown => &["wait_days", "wait_hours", "wait_minutes", "exclude", "per"],
        Kind::ContactBlock => &[
            "conditions",
            "flags",
            "also_toward",
            "also_of",
            "forbids",
            "lasts",
            "only_within",
            "written_only",
            "until_verified",
            "lifted_by_direct_consent",
        ],
        Kind::NoticePeriod => &["term", "required", "respect_deadline", "unless_evasion", "unless_due_fixed"],
        Kind::RequiredNotice => &["term", "unless_paid", "forms"],
        Kind::FeeCap => &[
            "maximum",
            "minimum",
            "factor",
            "factor_if_complex",
            "factor_later",
            "factor_if_paid_on_first_letter",
            "max_count",
            "min_days_between",
        ],
        Kind::LimitationPeriod => {
            &["term", "max_years", "titled_years", "interrupted_by", "revived_by", "acknowledged_in_writing", "forbids"]
        }
        Kind::CallRecording => &["require"],
        Kind::ChannelConsent => &[
            "require",
            "written",
            "max_age",
            "verified_within",
            "used_within",
            "used_ever",
            "notice_term",
            "opt_out",
            "honour_within",
            "must_carry",
        ],
        Kind::Content => &["items", "forbidden", "forms", "languages", "least_deadline", "during", "no_others"],
        Kind::DisputeHandling => &["answer_within", "resume", "only_within", "stops", "written_only", "grounded_only"],
        Kind::DocumentsHeld => &["documents", "within", "before"],
        Kind::ProhibitedConduct => &["conduct", "unless", "always", "templates", "needs"],
        Kind::ThirdParty => &["max", "window_days", "unless", "lifted_by", "shown", "disclosure", "verify_identity"],
        Kind::InterestCap => &["percent", "total_percent", "simple"],
        Kind::PaymentApplication => &["order", "claims", "payee", "debtor_choice", "never_disputed"],
        Kind::PaymentTerm => &["longest", "longest_agreed", "unless_agreed"],
        Kind::ClientFunds => &["segregated"],
        Kind::CreditReporting => &[
            "never",
            "wait",
            "max_age",
            "requires_wait",
            "overdue",
            "min_debt",
            "block_if",
            "mark_disputed",
            "max_reports",
            "erase",
            "erase_paid",
            "erase_delay_days",
        ],
        Kind::RecordRetention => &["keep_at_least", "erase_by"],
        Kind::Licence => &["forbids", "accepts", "anywhere", "longest_years"],
        Kind::ComplaintHandling => &["of", "scheme"],
    }
}

/// Reads an entry: the rule as the tenant has it, and whether its breach blocks.
pub fn entry(packs: &Packs, reader: &mut Reader<'_, '_>) -> Option<(Rule, bool)> {
    let id = reader.need_text("rule")?;
    let found = packs.iter().find_map(|pack| {
        let rule = pack.rules.iter().find(|rule| rule.id.as_str() == id)?;
        Some((pack.currency, rule))
    });
    let blocks = reader.boolean("block").unwrap_or(false);
    let judged = found.filter(|(_, law)| law.status != Status::Proposed);
    let Some((currency, law)) = judged else {
        match found {
            Some(_) => reader.wrong(
                "rule",
                &format!("rule \"{id}\" is only proposed and is never judged: nothing of it can be stricter"),
                "write a rule of your own with [[rules.add]], or remove this entry",
            ),
            None => {
                reader.wrong("rule", &format!("no pack has the rule \"{id}\""), "write the id as ListRules shows it");
            }
        }
        for key in Kind::ALL.iter().flat_map(|kind| keys(*kind)) {
            // Keys of some kind: only the rule is wrong.
            let _ = reader.has(key);
        }
        return None;
    };
    let mut rule = Rule::clone(law);
    let mut change = Change { reader, law, currency, touched: blocks };
    limits(&mut change, &mut rule.limits);
    if !change.touched {
        let at = change.reader.offset();
        let kind = law.limits.kind();
        change.reader.cx.wrong(
            at,
            format!("rule {id} of kind {kind} is named and not tightened"),
            format!("give a limit of its kind ({}) or block = true", keys(kind).join(", ")),
        );
    }
    rule.limits_position = change.reader.cx.position(change.reader.offset());
    rule.written = rule.written.tightened(&change.reader.written());
    Some((rule, blocks))
}

fn limits(change: &mut Change<'_, '_, '_>, limits: &mut Limits) {
    match limits {
        Limits::ContactHours(limits) => contact::hours(change, limits),
        Limits::ContactFrequency(limits) => contact::frequency(change, limits),
        Limits::ContactCooldown(limits) => contact::cooldown(change, limits),
        Limits::ContactBlock(limits) => contact::block(change, limits),
        Limits::NoticePeriod(limits) => duties::notice_period(change, limits),
        Limits::RequiredNotice(limits) => duties::required_notice(change, limits),
        Limits::FeeCap(limits) => money::fee_cap(change, limits),
        Limits::LimitationPeriod(limits) => duties::limitation(change, limits),
        Limits::CallRecording(limits) => conduct::recording(change, limits),
        Limits::ChannelConsent(limits) => conduct::consent(change, limits),
        Limits::Content(limits) => conduct::content(change, limits),
        Limits::DisputeHandling(limits) => duties::dispute(change, limits),
        Limits::DocumentsHeld(limits) => duties::documents(change, limits),
        Limits::ProhibitedConduct(limits) => conduct::prohibited(change, limits),
        Limits::ThirdParty(limits) => conduct::third_party(change, limits),
        Limits::InterestCap(limits) => money::interest_cap(change, limits),
        Limits::PaymentApplication(limits) => money::payment_application(change, limits),
        Limits::PaymentTerm(limits) => money::payment_term(change, limits),
        Limits::ClientFunds(limits) => money::client_funds(change, limits),
        Limits::CreditReporting(limits) => duties::credit_reporting(change, limits),
        Limits::RecordRetention(limits) => duties::retention(change, limits),
        Limits::Licence(limits) => duties::licence(change, limits),
        Limits::ComplaintHandling(limits) => duties::complaint(change, limits),
    }
}

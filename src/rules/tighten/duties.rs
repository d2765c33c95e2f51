//! What must be sent, answered, kept, held or declared, and until when a claim can be enforced.

use super::change::Change;
use crate::rules::conduct::{DisputeHandling, DocumentsHeld};
use crate::rules::model::{
    ComplaintHandling, CreditReporting, Licence, LimitationPeriod, NoticePeriod, RecordRetention, RequiredNotice,
};

pub(super) fn notice_period(change: &mut Change<'_, '_, '_>, limits: &mut NoticePeriod) {
    change.longer("term", &mut limits.term);
    if limits.since.is_some() {
        for key in ["required", "respect_deadline", "unless_due_fixed"] {
            if change.reader.has(key) {
                change.unstated(key, "runs from a day and names no earlier step");
            }
        }
    } else {
        change.demands("required", &mut limits.required);
        change.demands("respect_deadline", &mut limits.respect_deadline);
        change.forgoes("unless_due_fixed", &mut limits.unless_due_fixed);
    }
    change.forgoes("unless_evasion", &mut limits.unless_evasion);
}

pub(super) fn required_notice(change: &mut Change<'_, '_, '_>, limits: &mut RequiredNotice) {
    if limits.since.is_some() && change.reader.has("term") {
        change.touched = true;
        // Nobody answers for a term that was over when the case came: a shorter one would be over for more cases.
        change.unstated("term", "runs from a day of the claim, and a shorter term may be over before the case comes");
    } else {
        change.shorter("term", &mut limits.term);
    }
    change.forgoes("unless_paid", &mut limits.unless_paid);
    change.some_of("forms", &mut limits.forms);
}

pub(super) fn limitation(change: &mut Change<'_, '_, '_>, limits: &mut LimitationPeriod) {
    change.shorter("term", &mut limits.term);
    change.at_most("max_years", &mut limits.max_years, (1, 100));
    if limits.titled_years.is_some() {
        change.at_most("titled_years", &mut limits.titled_years, (1, 100));
    } else if change.reader.has("titled_years") {
        change.unstated("titled_years", "states no term of a title: the claim's own term holds");
    }
    change.fewer("interrupted_by", &mut limits.interrupted_by);
    change.fewer("revived_by", &mut limits.revived_by);
    change.demands("acknowledged_in_writing", &mut limits.acknowledged_in_writing);
    change.further_steps("forbids", &mut limits.forbids);
}

pub(super) fn dispute(change: &mut Change<'_, '_, '_>, limits: &mut DisputeHandling) {
    change.shorter("answer_within", &mut limits.answer_within);
    change.longer("resume", &mut limits.resume);
    change.longer("only_within", &mut limits.only_within);
    change.further_steps("stops", &mut limits.stops);
    change.forgoes("written_only", &mut limits.written_only);
    change.forgoes("grounded_only", &mut limits.grounded_only);
}

pub(super) fn documents(change: &mut Change<'_, '_, '_>, limits: &mut DocumentsHeld) {
    change.further_words("documents", &mut limits.documents);
    change.shorter("within", &mut limits.within);
    change.further_steps("before", &mut limits.before);
}

pub(super) fn credit_reporting(change: &mut Change<'_, '_, '_>, limits: &mut CreditReporting) {
    change.demands("never", &mut limits.never);
    change.longer("wait", &mut limits.wait);
    change.shorter("max_age", &mut limits.max_age);
    change.longer("requires_wait", &mut limits.requires_wait);
    change.longer("overdue", &mut limits.overdue);
    change.amount_at_least("min_debt", &mut limits.min_debt);
    change.further("block_if", &mut limits.block_if);
    change.demands("mark_disputed", &mut limits.mark_disputed);
    change.at_most("max_reports", &mut limits.max_reports, (1, 100));
    change.shorter("erase", &mut limits.erase);
    change.shorter("erase_paid", &mut limits.erase_paid);
    change.less("erase_delay_days", &mut limits.erase_delay_days, 3_660);
}

pub(super) fn retention(change: &mut Change<'_, '_, '_>, limits: &mut RecordRetention) {
    change.longer("keep_at_least", &mut limits.keep_at_least);
    change.shorter("erase_by", &mut limits.erase_by);
}

pub(super) fn licence(change: &mut Change<'_, '_, '_>, limits: &mut Licence) {
    change.further_steps("forbids", &mut limits.forbids);
    change.fewer_texts("accepts", &mut limits.accepts);
    change.forgoes("anywhere", &mut limits.anywhere);
    change.at_most("longest_years", &mut limits.longest_years, (1, 100));
}

pub(super) fn complaint(change: &mut Change<'_, '_, '_>, limits: &mut ComplaintHandling) {
    // An answer without a reference is that of the oldest matter whose term runs: a shorter one would make it another's.
    change.further("of", &mut limits.of);
    change.demands("scheme", &mut limits.scheme);
}

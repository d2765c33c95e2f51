//! What a rule says, field by field, in plain English: so that two versions of a rule can be compared in words.
//!
//! Every kind takes its limits apart by name, so a field that is added and not told does not compile.

mod conduct;
mod contact;
mod head;
mod line;
mod matter;
mod money;
mod pack;
mod terms;
mod words;

use super::model::{Limits, Rule};
pub use line::{Difference, Line, Told, differences};
pub use pack::{calendar, clause, pack, rate_table};
pub use words::{dates, day, plain};

/// What a rule says beside its id, in the order in which it is read: head first, limits last.
#[must_use]
pub fn rule(rule: &Rule) -> Vec<Line> {
    let mut lines = head::lines(rule);
    lines.extend(limits(&rule.limits));
    lines
}

/// What the limits of a rule say.
#[must_use]
pub fn limits(limits: &Limits) -> Vec<Line> {
    match limits {
        Limits::ContactHours(limits) => contact::hours(limits),
        Limits::ContactFrequency(limits) => contact::frequency(limits),
        Limits::ContactCooldown(limits) => contact::cooldown(limits),
        Limits::ContactBlock(limits) => contact::block(limits),
        Limits::NoticePeriod(limits) => terms::notice_period(limits),
        Limits::RequiredNotice(limits) => terms::required_notice(limits),
        Limits::LimitationPeriod(limits) => terms::limitation(limits),
        Limits::PaymentTerm(limits) => terms::payment_term(limits),
        Limits::ClientFunds(limits) => terms::client_funds(limits),
        Limits::RecordRetention(limits) => terms::record_retention(limits),
        Limits::ComplaintHandling(limits) => terms::complaint_handling(limits),
        Limits::FeeCap(limits) => money::fee_cap(limits),
        Limits::InterestCap(limits) => money::interest_cap(limits),
        Limits::PaymentApplication(limits) => money::payment_application(limits),
        Limits::CallRecording(limits) => conduct::call_recording(limits),
        Limits::ChannelConsent(limits) => conduct::channel_consent(limits),
        Limits::Content(limits) => conduct::content(limits),
        Limits::ProhibitedConduct(limits) => conduct::prohibited_conduct(limits),
        Limits::ThirdParty(limits) => conduct::third_party(limits),
        Limits::DisputeHandling(limits) => matter::dispute_handling(limits),
        Limits::DocumentsHeld(limits) => matter::documents_held(limits),
        Limits::CreditReporting(limits) => matter::credit_reporting(limits),
        Limits::Licence(limits) => matter::licence(limits),
    }
}

//! The kind of limits, the demands that they stop, and the terms of the kinds about money, licences and data by name: to check their calendar and to
//! prove each of them.

use super::model::{Kind, Limits, Term};
use super::step::Step;

impl Limits {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ContactHours(_) => Kind::ContactHours,
            Self::ContactFrequency(_) => Kind::ContactFrequency,
            Self::ContactCooldown(_) => Kind::ContactCooldown,
            Self::ContactBlock(_) => Kind::ContactBlock,
            Self::NoticePeriod(_) => Kind::NoticePeriod,
            Self::RequiredNotice(_) => Kind::RequiredNotice,
            Self::FeeCap(_) => Kind::FeeCap,
            Self::LimitationPeriod(_) => Kind::LimitationPeriod,
            Self::CallRecording(_) => Kind::CallRecording,
            Self::ChannelConsent(_) => Kind::ChannelConsent,
            Self::Content(_) => Kind::Content,
            Self::DisputeHandling(_) => Kind::DisputeHandling,
            Self::DocumentsHeld(_) => Kind::DocumentsHeld,
            Self::ProhibitedConduct(_) => Kind::ProhibitedConduct,
            Self::ThirdParty(_) => Kind::ThirdParty,
            Self::InterestCap(_) => Kind::InterestCap,
            Self::PaymentApplication(_) => Kind::PaymentApplication,
            Self::PaymentTerm(_) => Kind::PaymentTerm,
            Self::ClientFunds(_) => Kind::ClientFunds,
            Self::CreditReporting(_) => Kind::CreditReporting,
            Self::RecordRetention(_) => Kind::RecordRetention,
            Self::Licence(_) => Kind::Licence,
            Self::ComplaintHandling(_) => Kind::ComplaintHandling,
        }
    }

    /// The steps that it stops or lets wait, where demands or reminders are among them: a contact that does not say what it
    /// is may be one. Kinds by which a demand has to hold something are not among these: each call would get their duties.
    #[must_use]
    pub fn demands(&self) -> Option<&[Step]> {
        let steps = match self {
            Self::ContactBlock(limits) => &limits.forbids,
            Self::NoticePeriod(limits) => &limits.before,
            Self::LimitationPeriod(limits) => &limits.forbids,
            Self::DisputeHandling(limits) => &limits.stops,
            _ => return None,
        };
        steps.iter().any(Step::is_demand).then_some(steps)
    }

    /// Every term with its key.
    pub fn terms_mut(&mut self) -> Vec<(&'static str, &mut Term)> {
        let named: Vec<(&'static str, Option<&mut Term>)> = match self {
            Self::FeeCap(limits) => limits.later.as_mut().map_or_else(Vec::new, |later| {
                vec![
                    ("later_than_step", later.since_step.as_mut()),
                    ("later_than_deadline", later.since_deadline.as_mut()),
                ]
            }),
            Self::ContactBlock(limits) => vec![("lasts", limits.lasts.term.as_mut())],
            Self::InterestCap(limits) => {
                let starts = limits.starts.iter_mut().map(|start| ("starts.term", start.term.as_mut()));
                starts.chain([("lasts", limits.lasts.term.as_mut())]).collect()
            }
            Self::PaymentTerm(limits) => {
                vec![("longest", Some(&mut limits.longest)), ("longest_agreed", limits.longest_agreed.as_mut())]
            }
            Self::ClientFunds(limits) => vec![("within", limits.within.as_mut())],
            Self::CreditReporting(limits) => vec![
                ("spacing", limits.spacing.as_mut()),
                ("wait", limits.wait.as_mut()),
                ("max_age", limits.max_age.as_mut()),
                ("requires_wait", limits.requires_wait.as_mut()),
                ("overdue", limits.overdue.as_mut()),
                ("erase", limits.erase.as_mut()),
                ("erase_paid", limits.erase_paid.as_mut()),
            ],
            Self::RecordRetention(limits) => {
                vec![("keep_at_least", limits.keep_at_least.as_mut()), ("erase_by", limits.erase_by.as_mut())]
            }
            Self::ComplaintHandling(limits) => vec![
                ("acknowledge", limits.acknowledge.as_mut()),
                ("update_every", limits.update_every.as_mut()),
                ("answer", limits.answer.as_mut()),
                ("extended", limits.extended.as_mut()),
            ],
            _ => Vec::new(),
        };
        named.into_iter().filter_map(|(name, term)| Some((name, term?))).collect()
    }
}

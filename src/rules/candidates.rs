//! The rules of a jurisdiction side by side, each with what decides early whether it speaks. Of a country's hundred rules
//! some twenty have anything to say of a call: which they are is told from a few bytes of each, without a look at the rule.

use std::sync::Arc;

use super::consequence::Consequence;
use super::cover::Clause;
use super::head::Exempt;
use super::model::{Kind, Limits};
use super::numbers::RuleNumber;
use super::ruleset::ActiveRule;
use super::step::Step;
use super::topic::{Topic, may_concern};
use super::words::{Subject, VersionBy};
use crate::domain::time::day_number;
use crate::domain::verdict::Source;
use crate::domain::vocabulary::Channel;

/// How it is told whether a rule judges an activity of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// It judges what the collector began, and nothing else.
    Outbound,
    /// It judges a contact that the collector means to make, whose outcome is not stated; of others its steps tell.
    Planned,
    /// Its steps tell.
    Ask,
}

/// A rule that may speak of an activity of some topic.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rule.
    pub active: Arc<ActiveRule>,
    /// First and last day in force as [`day_number`] counts; any day, where another date than the activity's decides.
    pub days: (i32, i32),
    /// Its number.
    pub number: RuleNumber,
    /// The number of its scope in the set.
    pub scope: u32,
    /// The place of its pack's scope among [`Candidates::covers`], plus one; 0: its pack covers every case.
    pub cover: u16,
    /// What a breach means: where its figures were read, and where one was not.
    pub breach: [Consequence; 2],
    /// How it is told whether it judges the activity.
    pub judges: Judges,
    /// It is judged once for an activity or person.
    pub once: bool,
    /// Another date than the activity's picks the version.
    pub dated_otherwise: bool,
    /// It binds members only.
    pub members: bool,
    /// It leaves some activities alone.
    pub exempts: bool,
    /// It is a limitation period, for which the claim's own law may stand.
    pub limitation: bool,
    /// Some activity begins a term of it.
    pub has_terms: bool,
}

/// Topics that there are.
const TOPICS: usize = Channel::ALL.len() + 1;

/// For each topic the rules that may speak of it, in the order of the rules; only those that are judged.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    of: [Box<[Candidate]>; TOPICS],
    covers: Vec<Arc<[Clause]>>,
}

impl Candidates {
    /// Sorts rules by topic. `block_guidelines`: the tenant lets a regulator's expectations block.
    #[must_use]
    pub fn of(rules: &[Arc<ActiveRule>], block_guidelines: bool) -> Self {
        let mut covers: Vec<Arc<[Clause]>> = Vec::new();
        let judged = || rules.iter().filter(|active| active.judged);
        for cover in judged().filter_map(|active| active.cover.as_ref()).filter(|cover| !cover.is_empty()) {
            if !covers.iter().any(|known| Arc::ptr_eq(known, cover)) {
                covers.push(Arc::clone(cover));
            }
        }
        let topics = Channel::ALL.iter().map(|channel| Topic::Contact(*channel)).chain([Topic::Other]);
        let mut of: [Box<[Candidate]>; TOPICS] = Default::default();
        for (slot, topic) in of.iter_mut().zip(topics) {
            let concerned = judged().filter(|active| may_concern(&active.rule.limits, topic));
            *slot = concerned.map(|active| Candidate::new(active, topic, &covers, block_guidelines)).collect();
        }
        Self { of, covers }
    }

    /// The rules that may speak of a topic.
    #[must_use]
    pub fn on(&self, topic: Topic) -> &[Candidate] {
        let slot = match topic {
            Topic::Contact(channel) => channel as usize,
            Topic::Other => TOPICS - 1,
        };
        self.of.get(slot).map_or(&[], AsRef::as_ref)
    }

    /// The scope of a candidate's pack; empty where it covers every case.
    #[must_use]
    pub fn cover(&self, candidate: &Candidate) -> &[Clause] {
        let place = usize::from(candidate.cover).checked_sub(1);
        place.and_then(|place| self.covers.get(place)).map_or(&[], AsRef::as_ref)
    }
}

impl Candidate {
    /// What a breach means; `unconfirmed`: a figure that was used was not read in its source.
    #[must_use]
    #[inline]
    pub const fn consequence(&self, unconfirmed: bool) -> Consequence {
        let [read, not_read] = self.breach;
        if unconfirmed { not_read } else { read }
    }

    fn new(active: &Arc<ActiveRule>, topic: Topic, covers: &[Arc<[Clause]>], block_guidelines: bool) -> Self {
        let rule = &*active.rule;
        let own = |cover: &&Arc<[Clause]>| active.cover.as_ref().is_some_and(|one| Arc::ptr_eq(one, cover));
        let cover = covers.iter().zip(1..).find(|(cover, _)| own(cover)).map_or(0, |(_, place)| place);
        let dated = rule.valid_from.is_some() || rule.valid_until.is_some();
        let by_activity = matches!(rule.version_by, VersionBy::ActivityOn | VersionBy::ActionFiledOn);
        let (from, until) = (rule.valid_from.filter(|_| by_activity), rule.valid_until.filter(|_| by_activity));
        Self {
            active: Arc::clone(active),
            days: (from.map_or(i32::MIN, day_number), until.map_or(i32::MAX, day_number)),
            number: active.number,
            scope: active.same_scope,
            cover,
            breach: [false, true].map(|unconfirmed| Consequence::of(active, block_guidelines, unconfirmed)),
            judges: judges(&rule.limits, topic),
            once: matches!(rule.subject, Subject::Activity | Subject::Person),
            dated_otherwise: dated && !by_activity,
            members: rule.source == Source::Code && rule.membership.is_some(),
            exempts: rule.exempt != Exempt::default(),
            limitation: rule.limits.kind() == Kind::LimitationPeriod,
            has_terms: has_terms(&rule.limits),
        }
    }
}

/// How it is told whether a rule judges an activity of the topic, given that it may concern the topic.
fn judges(limits: &Limits, topic: Topic) -> Judges {
    let Topic::Contact(channel) = topic else { return Judges::Ask };
    let contact = |step: &Step| *step == Step::Contact || *step == Step::ContactOn(channel);
    let planned = |step: &Step| contact(step) || *step == Step::Communication;
    match limits {
        Limits::ContactHours(_) | Limits::ContactFrequency(_) | Limits::ContactCooldown(_) => Judges::Outbound,
        Limits::ContactBlock(limits) if limits.forbids.iter().any(contact) => Judges::Outbound,
        Limits::ChannelConsent(limits) if limits.which.on.iter().any(contact) => Judges::Outbound,
        Limits::Content(limits) if limits.which.on.iter().any(contact) => Judges::Outbound,
        Limits::ChannelConsent(limits) if limits.which.on.iter().any(planned) => Judges::Planned,
        Limits::Content(limits) if limits.which.on.iter().any(planned) => Judges::Planned,
        Limits::CallRecording(limits) if limits.which.on.iter().any(planned) => Judges::Planned,
        Limits::ThirdParty(limits) if limits.which.on.iter().any(planned) => Judges::Planned,
        Limits::ProhibitedConduct(limits) if limits.which.on.iter().any(planned) => Judges::Planned,
        Limits::DisputeHandling(limits) if limits.stops.iter().any(planned) => Judges::Planned,
        Limits::NoticePeriod(limits) if limits.before.iter().any(contact) => Judges::Planned,
        Limits::LimitationPeriod(limits) if limits.forbids.iter().any(contact) => Judges::Planned,
        Limits::Licence(limits) if limits.forbids.iter().any(contact) => Judges::Planned,
        _ => Judges::Ask,
    }
}

/// Some activity begins a term of such a rule.
fn has_terms(limits: &Limits) -> bool {
    match limits {
        Limits::RequiredNotice(limits) => limits.term.is_some(),
        Limits::DisputeHandling(limits) => limits.answer_within.is_some(),
        Limits::DocumentsHeld(limits) => limits.within.is_some(),
        Limits::ClientFunds(_)
        | Limits::CreditReporting(_)
        | Limits::RecordRetention(_)
        | Limits::ComplaintHandling(_) => true,
        _ => false,
    }
}

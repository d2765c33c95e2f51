//! The rules of a jurisdiction side by side, each with what decides early whether it speaks. Of a country's hundred rules
//! some twenty have anything to say of a call: which they are is told from a few bytes of each, without a look at the rule.

use std::sync::Arc;

use super::consequence::Consequence;
use super::cover::Clause;
use super::head::Exempt;
use super::model::{Kind, Limits};
use super::numbers::RuleNumber;
use super::ruleset::ActiveRule;
use super::scope_mask::{Lacks, ScopeMask, asks_further};
use super::step::Step;
use super::topic::{Topic, may_concern, may_match};
use super::words::{OtherFlag, Set, Subject};
use crate::domain::party::Condition;
use crate::domain::time::day_number;
use crate::domain::verdict::Source;
use crate::domain::vocabulary::Channel;

/// How it is told whether a rule judges an activity of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judges {
    /// It judges what the collector began, all of it and nothing else.
    Outbound,
    /// It judges a contact that the collector means to make, whose outcome is not stated; of others its steps tell.
    Planned,
    /// It judges no contact but those that state a notice, or that they are a demand or a reminder, or that may be one, if it
    /// stops demands; of these its steps tell.
    Marked,
    /// Its steps tell.
    Ask,
}

/// A rule that may speak of an activity of some topic.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Whom it concerns, by words, and which activities it judges, as far as words tell.
    pub scope: ScopeMask,
    /// First day in force as [`day_number`] counts, and how many follow; any day, where another date than the activity's
    /// decides.
    days: (i32, u32),
    /// The rule.
    pub active: Arc<ActiveRule>,
    /// Its number.
    pub number: RuleNumber,
    /// The place of its pack's scope among `Candidates::covers`, plus one; 0: its pack covers every case.
    pub cover: u16,
    /// What a breach means: where its figures were read, and where one was not.
    pub breach: [Consequence; 2],
    /// How it is told whether it judges the activity.
    pub judges: Judges,
    /// It is a block wherever the contact is made, and is kept unless one of these flags is set.
    pub blocked_by: Option<(Set<Condition>, Set<OtherFlag>)>,
    /// Conditions of others on the case may block, too.
    pub shares: bool,
    /// Its scope asks for more than words.
    pub asks_further: bool,
    /// More than `scope` and the days in force decides whether it judges the activity.
    pub closely: bool,
    /// It leaves some activities alone.
    pub exempts: bool,
    /// It binds members only, or another date than the activity's picks the version.
    pub closer: bool,
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

    /// Some pack of the jurisdiction covers only some cases.
    #[must_use]
    pub const fn have_scopes(&self) -> bool {
        !self.covers.is_empty()
    }

    /// The scope of a candidate's pack; empty where it covers every case.
    #[must_use]
    pub fn cover(&self, candidate: &Candidate) -> &[Clause] {
        let place = usize::from(candidate.cover).checked_sub(1);
        place.and_then(|place| self.covers.get(place)).map_or(&[], AsRef::as_ref)
    }
}

impl Candidate {
    /// It is in force on a day, as [`day_number`] counts.
    #[must_use]
    #[inline]
    pub const fn holds_on(&self, day: i32) -> bool {
        let (first, more) = self.days;
        day.wrapping_sub(first).cast_unsigned() <= more
    }

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
        let by_activity = rule.version_by.is_of_activity();
        let (from, until) = (rule.valid_from.filter(|_| by_activity), rule.valid_until.filter(|_| by_activity));
        let (first, last) = (from.map_or(i32::MIN, day_number), until.map_or(i32::MAX, day_number));
        let members = rule.source == Source::Code && rule.membership.is_some();
        let once = matches!(rule.subject, Subject::Activity | Subject::Person);
        let quiet = matches!(&rule.limits, Limits::ContactBlock(limits) if limits.quiet);
        let judges = if quiet { Judges::Ask } else { judges(&rule.limits, topic) };
        let scope = ScopeMask::of(&rule.scope, &rule.assume)
            .refusing(Lacks::Lead, once)
            .refusing(Lacks::Flags, quiet)
            .refusing(Lacks::Outbound, judges == Judges::Outbound)
            .refusing(
                if rule.limits.demands().is_some() { Lacks::Demand } else { Lacks::Marks },
                judges == Judges::Marked,
            );
        let asks_further = asks_further(&rule.scope);
        let exempts = rule.exempt != Exempt::default();
        let closer = members || dated && !by_activity;
        Self {
            scope,
            // A rule that ends before it begins is never in force: no pack that loads has one.
            days: (first, last.max(first).wrapping_sub(first).cast_unsigned()),
            active: Arc::clone(active),
            number: active.number,
            cover,
            breach: [false, true].map(|unconfirmed| Consequence::of(active, block_guidelines, unconfirmed)),
            judges,
            blocked_by: match &rule.limits {
                Limits::ContactBlock(limits) if limits.place.is_empty() => Some((limits.conditions, limits.flags)),
                _ => None,
            },
            shares: matches!(&rule.limits, Limits::ContactBlock(limits) if limits.shares()),
            closely: judges != Judges::Outbound || exempts || closer || asks_further,
            asks_further,
            exempts,
            closer,
            limitation: rule.limits.kind() == Kind::LimitationPeriod,
            has_terms: has_terms(&rule.limits),
        }
    }
}

/// How it is told whether a rule judges an activity of the topic, given that it may concern the topic.
fn judges(limits: &Limits, topic: Topic) -> Judges {
    let Topic::Contact(channel) = topic else { return Judges::Ask };
    let contact = |step: &Step| *step == Step::Contact || *step == Step::ContactOn(channel);
    // A contact that is planned is taken as if something is conveyed by it, by those kinds that ask for what is.
    let conveys = |step: &Step| contact(step) || *step == Step::Communication;
    let marked = |step: &Step| matches!(step, Step::Demand | Step::Reminder | Step::Notice(_));
    let (steps, planned, only_outbound): (&[Step], bool, bool) = match limits {
        Limits::ContactHours(_) | Limits::ContactFrequency(_) | Limits::ContactCooldown(_) => return Judges::Outbound,
        Limits::ContactBlock(limits) => (&limits.forbids, limits.forbids.iter().any(contact), true),
        Limits::ChannelConsent(limits) => (&limits.which.on, limits.which.on.iter().any(conveys), true),
        Limits::Content(limits) => (&limits.which.on, limits.which.on.iter().any(conveys), true),
        Limits::CallRecording(limits) => (&limits.which.on, limits.which.on.iter().any(conveys), false),
        Limits::ProhibitedConduct(limits) => (&limits.which.on, limits.which.on.iter().any(conveys), false),
        Limits::DisputeHandling(limits) => (&limits.stops, limits.stops.iter().any(conveys), false),
        Limits::NoticePeriod(limits) => (&limits.before, limits.before.iter().any(contact), false),
        Limits::LimitationPeriod(limits) => (&limits.forbids, limits.forbids.iter().any(contact), false),
        Limits::Licence(limits) => (&limits.forbids, limits.forbids.iter().any(contact), false),
        // What is disclosed to a third person is judged whatever the step is.
        Limits::ThirdParty(limits) if limits.which.on.iter().any(conveys) => return Judges::Planned,
        _ => return Judges::Ask,
    };
    if only_outbound && steps.iter().any(contact) {
        Judges::Outbound
    } else if planned {
        Judges::Planned
    } else if steps.iter().filter(|step| may_match(step, topic)).all(marked) {
        Judges::Marked
    } else {
        Judges::Ask
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

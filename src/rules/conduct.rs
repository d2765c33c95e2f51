//! Limits of the kinds that concern how a contact is made, what it holds and what must be dealt with first.

use serde::{Deserialize, Serialize};

use super::model::{Term, Window};
use super::step::Step;
use super::words::{Set, words};
use crate::domain::ids::RuleId;
use crate::domain::party::Condition;
use crate::domain::verdict::Duties;
use crate::domain::vocabulary::{
    Channel, ConsentScope, Form, MessageLeft, NumberType, PartyRole, Place, Purpose, Technology, vocabulary,
};

/// Most words of one list.
pub const MAX_WORDS: usize = 64;
/// The word by which a contact states that it asks for a consent.
pub const CONSENT_REQUEST: &str = "consent_request";
/// The word by which a contact states that recording was agreed to.
pub const RECORDING_CONSENTED: &str = "recording_consented";
/// The word by which a contact states that no message could be left.
pub const NO_MESSAGE_POSSIBLE: &str = "no_message_possible";
/// Stands for the language recorded of the person.
pub const LANGUAGE_OF_PERSON: &str = "person";

vocabulary!(
    /// Which of a case's contacts are judged.
    Occasion {
        Every = "every", First = "first",
        /// All but the first.
        Later = "later",
    }
);
vocabulary!(
    /// Which opt-outs bind.
    OptOut {
        /// Those of the contact's own point.
        Point = "point",
        /// Also those of its channel.
        Channel = "channel",
        /// Any.
        Everything = "everything",
    }
);
vocabulary!(
    /// What is allowed towards a person.
    Dealing {
        Free = "free",
        /// Only contacts for the purposes named.
        Inquiry = "inquiry",
        Forbidden = "forbidden",
    }
);
vocabulary!(
    /// What lifts a ban on a contact with others or at a place.
    Lift {
        Consent = "consent", WrittenConsent = "written_consent",
        /// Every usable contact point of the person is at the place.
        NoOtherPoint = "no_other_point",
        /// An attempt was made elsewhere before.
        TriedElsewhere = "tried_elsewhere",
        /// Two attempts were.
        TriedElsewhereTwice = "tried_elsewhere_twice",
    }
);
vocabulary!(
    /// What the law asks of recording.
    RecordingDuty {
        /// The contact is recorded.
        Recording = "recording",
        /// Where it is recorded, the person is told.
        Notice = "notice",
        /// Where it is recorded, the person has consented.
        Consent = "consent",
    }
);
words!(Occasion, OptOut, Dealing, Lift, RecordingDuty);

/// A list of words, each of them one word or several (`a|b`) of which either will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(pub Option<Duties>);

impl Words {
    /// No words.
    #[must_use]
    pub const fn none() -> &'static Self {
        &Self(None)
    }

    /// The list; `None` inside if it is empty.
    #[must_use]
    pub fn of(words: Vec<Box<str>>) -> Self {
        Self((!words.is_empty()).then(|| words.into()))
    }

    /// No word was named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|words| words.iter()).map(AsRef::as_ref)
    }
}

/// Which contacts a rule judges. An empty set admits all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which {
    /// Any of these steps.
    pub on: Vec<Step>,
    /// On these channels.
    pub channels: Set<Channel>,
    /// Made in these ways.
    pub technologies: Set<Technology>,
    /// To numbers of these types.
    pub number_types: Set<NumberType>,
    /// At these places.
    pub places: Set<Place>,
    /// That left this.
    pub message_left: Set<MessageLeft>,
    /// The technologies as a duty: not to be used, where a check does not state which one will be.
    pub not_by: Option<Duties>,
}

/// What a contact must hold, and what it must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The contacts judged.
    pub which: Which,
    /// The first such step of the case, the later ones, or all.
    pub occasion: Occasion,
    /// What must be held.
    pub items: Words,
    /// What must be held where it applies, which records do not tell.
    pub where_due: Words,
    /// What must not be held.
    pub forbidden: Words,
    /// Nothing else may be held.
    pub no_others: bool,
    /// It must have one of these forms.
    pub forms: Set<Form>,
    /// It must be in one of these languages.
    pub languages: Vec<Box<str>>,
    /// A deadline that it gives is not before this term's last day.
    pub least_deadline: Option<Term>,
    /// Only where a claim has expired under one of these rules.
    pub if_expired: Vec<RuleId>,
    /// Only inside this term after `during_after`.
    pub during: Option<Term>,
    /// The steps that begin it.
    pub during_after: Vec<Step>,
    /// What must be held where a deadline inside that term is given.
    pub items_if_deadline_inside: Words,
    /// Told in a check of a contact that states no items.
    pub duties: Option<Duties>,
}

/// So many contacts that ask for consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// At most this many.
    pub max: u32,
    /// In this window.
    pub window: Window,
}

/// A consent that must stand, or an opt-out that binds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a key of its own in the file
pub struct ChannelConsent {
    /// The contacts judged.
    pub which: Which,
    /// Only contacts that hold one of these.
    pub carrying: Words,
    /// A consent of one of these scopes must stand; empty: none is required.
    pub require: Set<ConsentScope>,
    /// Only a consent given in writing.
    pub written: bool,
    /// An older consent does not count.
    pub max_age: Option<Term>,
    /// The contact point was verified within this term.
    pub verified_within: Option<Term>,
    /// A revoked consent no longer counts.
    pub judge_revocation: bool,
    /// Instead: the person used the channel within this term.
    pub used_within: Option<Term>,
    /// Instead: the person ever used it.
    pub used_ever: bool,
    /// Instead: one of these notices was given.
    pub after_notice: Vec<Step>,
    /// And this term after it has ended.
    pub notice_term: Option<Term>,
    /// Instead: it asks for the consent.
    pub asking: Option<Asking>,
    /// In any case one of these steps has happened before.
    pub tried_first: Vec<Step>,
    /// Which opt-outs bind; absent: none.
    pub opt_out: Option<OptOut>,
    /// Opt-outs and revocations bind from the end of this term on.
    pub honour_within: Option<Term>,
    /// What each contact must hold.
    pub must_carry: Words,
    /// What is to be left out of a contact that states no items and has no consent.
    pub leave_out: Option<Duties>,
    /// Told while an opt-out need not be honoured yet.
    pub honour: Duties,
}

/// Contacts with others, and what becomes known to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdParty {
    /// The contacts judged.
    pub which: Which,
    /// Who may be told of the debt.
    pub told: Set<PartyRole>,
    /// Only contacts with these third persons.
    pub persons: Set<PartyRole>,
    /// What is allowed with third persons.
    pub contact: Dealing,
    /// Purposes of inquiries.
    pub purposes: Set<Purpose>,
    /// At most so many inquiries of one third person.
    pub max: Option<u32>,
    /// In this window; ever if absent.
    pub window: Option<Window>,
    /// The debt must not become known to third persons.
    pub disclosure: Dealing,
    /// Words that make it known.
    pub shown: Words,
    /// The identity must be verified before anything is conveyed.
    pub verify_identity: bool,
    /// What is allowed with those who may be told.
    pub debtor: Dealing,
    /// What lifts the bans.
    pub unless: Set<Lift>,
    /// Words that lift the bans.
    pub lifted_by: Words,
    /// Told in a check of an inquiry.
    pub inquiry_duty: Duties,
    /// Told in a check of a contact that conveys something.
    pub identity_duty: Duties,
}

/// Recording of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecording {
    /// The contacts judged.
    pub which: Which,
    /// What is asked.
    pub require: Set<RecordingDuty>,
    /// The same as words, for checks.
    pub duties: Duties,
}

/// Methods and statements that are banned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProhibitedConduct {
    /// The steps judged.
    pub which: Which,
    /// Each of these words is a breach.
    pub conduct: Words,
    /// Unless one of these is held too.
    pub unless: Words,
    /// Each contact judged is a breach.
    pub always: bool,
    /// Use of these templates is a breach.
    pub templates: Vec<Box<str>>,
    /// Words without which it is a breach.
    pub needs: Words,
    /// Told in a check.
    pub duties: Option<Duties>,
}

/// What stops after a dispute, and until when it must be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeHandling {
    /// Conditions that open it; a dispute is the condition `disputed`.
    pub conditions: Set<Condition>,
    /// Steps that open it.
    pub opened_by: Vec<Step>,
    /// Only what was stated in writing.
    pub written_only: bool,
    /// Only what states grounds.
    pub grounded_only: bool,
    /// Only what was stated in this term.
    pub only_within: Option<Term>,
    /// After these steps.
    pub only_within_after: Vec<Step>,
    /// What may not be done meanwhile.
    pub stops: Vec<Step>,
    /// What ends the stop, beside the matter's own end.
    pub until: Vec<Step>,
    /// How long the stop goes on after its end.
    pub resume: Option<Term>,
    /// What answers it.
    pub answer: Vec<Step>,
    /// Within this term.
    pub answer_within: Option<Term>,
    /// Only if one of these happened before.
    pub answer_if_before: Vec<Step>,
}

/// Documents that must be held or produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsHeld {
    /// The documents.
    pub documents: Words,
    /// What may only be done while all are held.
    pub before: Vec<Step>,
    /// What asks for them.
    pub request: Vec<Step>,
    /// Produced within this term after the request.
    pub within: Option<Term>,
    /// What rests from the request until all are produced.
    pub stops: Vec<Step>,
}

//! Complaints and disputes: their steps, and how long each was open.

use serde::{Deserialize, Serialize};

use super::books::push_lean;
use super::emit::Sink;
use super::{CaseLedger, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::MatterStep;
use crate::domain::fact::FactKind;
use crate::domain::ids::short_form;
use crate::domain::time::Timestamp;

/// What was brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Matter {
    Dispute,
    Complaint,
}

impl Matter {
    const fn name(self) -> &'static str {
        match self {
            Self::Dispute => "dispute",
            Self::Complaint => "complaint",
        }
    }
}

/// A complaint or dispute that was brought up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OpenMatter {
    matter: Matter,
    /// The short form of its reference; 0 if it has none.
    key: u64,
    since: Timestamp,
    /// The step that ended it, of one with a reference: what is told of it again is known. Others are forgotten.
    over: Option<MatterStep>,
}

impl CaseLedger {
    /// A step of a dispute or complaint; the state is the matter and the step, as `dispute_opened`. A step that ends it
    /// tells how long it was open: the matter of its reference, or the oldest one if it names none. Two systems may tell of one
    /// matter: the opening of what is open counts once, without a reference as with one, and so does an end that is told again of
    /// the same reference. What was over and is opened again is brought up again.
    pub(super) fn matter(
        &mut self,
        activity: &Activity,
        (matter, reference): (Matter, Option<&str>),
        step: MatterStep,
        sink: &mut Sink,
    ) {
        let mut fact = acted(activity, FactKind::Matter, Some(&format!("{}_{step}", matter.name())), sink);
        let key = reference.map_or(0, short_form);
        let all = &mut self.books_mut().matters;
        match step {
            MatterStep::Opened => match all.iter_mut().find(|one| one.matter == matter && one.key == key) {
                Some(known) if known.over.is_none() => return,
                Some(known) => (known.since, known.over) = (activity.occurred, None),
                None => push_lean(all, OpenMatter { matter, key, since: activity.occurred, over: None }),
            },
            MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn => {
                let named = |one: &OpenMatter| one.matter == matter && (key == 0 || one.key == key);
                if let Some(at) = all.iter().position(|one| named(one) && one.over.is_none()) {
                    if let Some(known) = all.get_mut(at) {
                        fact.value = Some(activity.occurred.seconds_since(known.since));
                        known.over = Some(step);
                    }
                    all.retain(|one| one.key != 0 || one.over.is_none());
                } else if key != 0 && all.iter().any(|one| named(one) && one.over == Some(step)) {
                    return;
                }
            }
            _ => {}
        }
        sink.out.push(fact);
    }
}

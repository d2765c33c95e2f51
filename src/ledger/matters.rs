//! Complaints and disputes: their steps, and how long each was open.

use serde::{Deserialize, Serialize};

use super::books::{push_lean, tag_text};
use super::emit::Sink;
use super::{CaseLedger, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::MatterStep;
use crate::domain::fact::FactKind;
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

/// A complaint or dispute that is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OpenMatter {
    matter: Matter,
    /// The short form of its reference; 0 if it has none.
    key: u64,
    since: Timestamp,
}

impl CaseLedger {
    /// A step of a dispute or complaint; the state is the matter and the step, as `dispute_opened`. A step that ends it
    /// tells how long it was open: the matter of its reference, or the oldest one if it names none.
    pub(super) fn matter(
        &mut self,
        activity: &Activity,
        (matter, reference): (Matter, Option<&str>),
        step: MatterStep,
        sink: &mut Sink,
    ) {
        let mut fact = acted(activity, FactKind::Matter, Some(&format!("{}_{step}", matter.name())), sink);
        let key = reference.map_or(0, tag_text);
        let open = &mut self.books_mut().matters;
        let known = open.iter().position(|one| one.matter == matter && (key == 0 || one.key == key));
        match (step, known) {
            (MatterStep::Opened, None) => push_lean(open, OpenMatter { matter, key, since: activity.occurred }),
            (MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn, Some(at)) => {
                let since = open.remove(at).since;
                fact.value = Some(activity.occurred.seconds_since(since));
            }
            _ => {}
        }
        sink.out.push(fact);
    }
}

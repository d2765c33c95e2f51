//! Complaints and disputes: their steps, and how long each was open.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::push_lean;
use super::emit::Sink;
use super::{CaseLedger, acted};
use crate::domain::activity::Activity;
use crate::domain::detail::MatterStep;
use crate::domain::fact::{Dims, Fact, FactKind};
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
    /// What ended it, of one with a reference: what is told of it again is known. Others are forgotten.
    over: Option<Over>,
}

/// How a complaint or dispute ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Over {
    step: MatterStep,
    day: i32,
    /// Seconds since it was brought up.
    value: Option<i64>,
    #[serde(deserialize_with = "super::dims::read_shared")]
    dims: Arc<Dims>,
}

impl CaseLedger {
    /// A step of a dispute or complaint; the state is the matter and the step, as `dispute_opened`. A step that ends it
    /// tells how long it was open: the matter of its reference, or the oldest one if it names none. Two systems may tell of one
    /// matter: the opening of what is open counts once, without a reference as with one, and so does an end that is told again of
    /// the same reference. Another end of the same reference (on appeal, say) takes the place of the former one. What was over and
    /// is opened again is brought up again.
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
                Some(known) => {
                    known.since = activity.occurred;
                    known.over = None;
                }
                None => push_lean(all, OpenMatter { matter, key, since: activity.occurred, over: None }),
            },
            MatterStep::ResolvedUpheld | MatterStep::ResolvedRejected | MatterStep::Withdrawn => {
                let named = |one: &OpenMatter| one.matter == matter && (key == 0 || one.key == key);
                let open = all.iter().position(|one| named(one) && one.over.is_none());
                let known = open.or_else(|| all.iter().position(|one| key != 0 && named(one)));
                if let Some(known) = known.and_then(|at| all.get_mut(at)) {
                    if known.over.as_ref().is_some_and(|over| over.step == step) {
                        return;
                    }
                    fact.value = Some(activity.occurred.seconds_since(known.since));
                    let (day, value, dims) = (sink.day, fact.value, Arc::clone(&fact.dims));
                    if let Some(former) = known.over.replace(Over { step, day, value, dims }) {
                        let (day, value, dims) = (former.day, former.value, former.dims);
                        let told = Fact { sign: -1, day, value, dims, ..fact.clone() };
                        sink.out.push(told);
                    }
                }
                all.retain(|one| one.key != 0 || one.over.is_none());
            }
            _ => {}
        }
        sink.out.push(fact);
    }
}

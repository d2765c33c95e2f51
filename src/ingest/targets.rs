//! What voids name: whether it is voided already, or is a void itself, which is final; and whether what replaces it is voided.

use std::collections::HashSet;

use super::IngestError;
use super::group::{activities, void_target};
use super::work::Work;
use super::writer::ItemResult;
use super::writing::{Writing, is_void};
use crate::domain::activity::Activity;
use crate::domain::error_kind::ErrorKind;
use crate::domain::validation::{Refusal, Violation};

/// The targets of a group's voids and the replacements of its corrections, as far as something is known of them.
pub(super) struct Targets {
    voided: HashSet<String>,
    /// Targets that are stored voids.
    voids: HashSet<String>,
    /// The voids of the group.
    here: HashSet<String>,
}

impl Targets {
    pub(super) async fn of(writing: &Writing<'_>, work: &[Work]) -> Result<Self, IngestError> {
        let mut named: Vec<String> =
            activities(work).filter_map(|(_, activity)| void_target(activity)).map(str::to_owned).collect();
        if named.is_empty() {
            return Ok(Self { voided: HashSet::new(), voids: HashSet::new(), here: HashSet::new() });
        }
        let stored = writing.tx.activities(named.clone()).await?;
        let stored = stored.into_iter().map(|one| one.activity).filter(is_void);
        let voids: HashSet<String> = stored.map(|void| void.id.as_str().to_owned()).collect();
        let here = activities(work).map(|(_, activity)| activity).filter(|activity| is_void(activity));
        let here = here.map(|void| void.id.as_str().to_owned()).collect();
        for correction in work {
            if let Work::Correction(both) = correction {
                named.extend(both.iter().map(|half| half.id.as_str().to_owned()));
            }
        }
        Ok(Self { voided: writing.tx.voided(named).await?, voids, here })
    }

    /// The activity is voided, or will be when it arrives.
    pub(super) fn is_voided(&self, target: &str) -> bool {
        self.voided.contains(target)
    }

    /// What a void that is not stored yet comes to, where it cannot have an effect. `None`: it has one, or may once its target
    /// comes. One that names a void of the same group is taken, as one that came before it would be, and has no effect: a copy is
    /// fed with a commit's records in the order of their ids, and must take what the first server took.
    pub(super) fn without_effect(&self, activity: &Activity) -> Option<ItemResult> {
        // Voiding twice is a duplicate, whatever the second void's own id.
        Self::final_in(activity, &self.voids)
            .or_else(|| self.is_voided(void_target(activity)?).then_some(ItemResult::Duplicate))
    }

    /// The same of the void of a correction, whose replacement would stand beside what the target goes on to void.
    pub(super) fn corrects_nothing(&self, void: &Activity) -> Option<ItemResult> {
        Self::final_in(void, &self.here).or_else(|| self.without_effect(void))
    }

    fn final_in(activity: &Activity, voids: &HashSet<String>) -> Option<ItemResult> {
        let target = void_target(activity)?;
        if voids.contains(target) || target == activity.id.as_str() {
            let text = format!(
                "\"{target}\" is a void, and voids are final: record what it voided again, under an id of its own"
            );
            let violations = vec![Violation::new("void.target_activity_id", text)];
            let kind = ErrorKind::FailedPrecondition;
            return Some(ItemResult::Refused(Refusal { reason: "VOID_IS_FINAL", kind, violations, retryable: false }));
        }
        None
    }
}

//! Corrections: a void and a replacement, of which both are in force or neither.

use super::group::{Group, Place, activities, void_target};
use super::repeated::same_or_conflict;
use super::targets::Targets;
use super::work::Work;
use super::writer::ItemResult;
use super::writing::Writing;
use super::{IngestError, admit};
use crate::domain::activity::Activity;
use crate::domain::error_kind::ErrorKind;
use crate::domain::validation::{Refusal, Violation};

fn refused(reason: &'static str, field: &str, text: String) -> ItemResult {
    let violations = vec![Violation::new(field, text)];
    ItemResult::Refused(Refusal { reason, kind: ErrorKind::FailedPrecondition, violations, retryable: false })
}

/// What is wrong with a replacement that is voided, or will be when it arrives: its target would be gone and nothing stand in
/// its place. A correction that was taken before stays a duplicate, whatever became of its replacement since.
fn out_of_force(
    work: &[Work],
    both: &[Activity; 2],
    place: Place,
    stored: &[&str],
    targets: &Targets,
) -> Option<ItemResult> {
    let [void, replacement] = both;
    let half = both.get(place.1).filter(|half| half.id == replacement.id)?;
    let before = || activities(work).take_while(|(at, _)| *at < (place.0, 0)).map(|(_, other)| other);
    if stored.contains(&void.id.as_str()) || before().any(|other| other.id == void.id) {
        return None;
    }
    let voided =
        targets.is_voided(half.id.as_str()) || before().any(|other| void_target(other) == Some(half.id.as_str()));
    let text = format!("\"{}\" is voided: send what replaces the target under an id of its own", half.id.as_str());
    voided.then(|| refused("ALREADY_VOIDED", "activity_id", text))
}

impl<'w> Group<'w> {
    /// Refuses both halves of every correction of which one half would be refused. Everything that could refuse a half
    /// later is looked at here, under the market's lock, before anything is stored.
    pub(super) async fn judge_corrections(
        &mut self,
        writing: &mut Writing<'_>,
        work: &'w [Work],
        targets: &Targets,
    ) -> Result<(), IngestError> {
        for (job, correction) in work.iter().enumerate() {
            let Work::Correction(both) = correction else { continue };
            let ids = both.iter().map(|half| half.id.as_str().to_owned()).collect();
            let stored = writing.tx.activities(ids).await?;
            let stored_ids: Vec<&str> = stored.iter().map(|known| known.activity.id.as_str()).collect();
            let mut found: Vec<Option<ItemResult>> = Vec::with_capacity(both.len());
            for (index, half) in both.iter().enumerate() {
                let known = stored.iter().find(|known| known.activity.id == half.id).map(|known| &known.activity);
                let problem = match known {
                    Some(known) => Some(same_or_conflict(known, half)),
                    None => self.half(writing, work, (job, index), half, targets),
                };
                let problem = problem.filter(|result| matches!(result, ItemResult::Refused(_)));
                found.push(problem.or_else(|| out_of_force(work, both, (job, index), &stored_ids, targets)));
            }
            if let [void, None] = found.as_mut_slice()
                && void.is_none()
            {
                *void = self.another(work, both, job, &stored_ids);
            }
            if found.iter().all(Option::is_none) {
                continue;
            }
            for (index, problem) in found.into_iter().enumerate() {
                let other = || {
                    refused(
                        "CORRECTION_REFUSED",
                        "",
                        "was not stored, because the other half of the correction was refused".to_owned(),
                    )
                };
                self.results.insert((job, index), problem.unwrap_or_else(other));
            }
        }
        Ok(())
    }

    /// What is wrong with a void that is on record, or comes before, without the replacement: something else stands in the target's
    /// place, or nothing does, and this would stand there beside it.
    fn another(&self, work: &[Work], both: &[Activity; 2], job: usize, stored: &[&str]) -> Option<ItemResult> {
        let [void, replacement] = both;
        let before = |id: &str| {
            let earlier = activities(work).take_while(|(at, _)| *at < (job, 0));
            let mut taken = earlier.filter(|(at, _)| !matches!(self.results.get(at), Some(ItemResult::Refused(_))));
            taken.any(|(_, other)| other.id.as_str() == id)
        };
        let known = |id: &str| stored.contains(&id) || before(id);
        if !known(void.id.as_str()) || known(replacement.id.as_str()) {
            return None;
        }
        let text = format!(
            "\"{}\" voided its target without this replacement: correct what it was replaced by, under a void id of its own; if nothing \
             replaced it, record this by itself",
            void.id.as_str()
        );
        Some(refused("ALREADY_VOIDED", "activity_id", text))
    }

    /// What is wrong with a half whose id is not stored yet.
    fn half(
        &self,
        writing: &Writing<'_>,
        work: &[Work],
        place: Place,
        half: &Activity,
        targets: &Targets,
    ) -> Option<ItemResult> {
        if let Some(target) = void_target(half) {
            let taken = activities(work)
                .take_while(|(at, _)| *at < place)
                .any(|(_, other)| void_target(other) == Some(target) && other.id != half.id);
            if taken || targets.is_voided(target) {
                let text = format!("\"{target}\" is voided already: correct its replacement instead");
                return Some(refused("ALREADY_VOIDED", "void.target_activity_id", text));
            }
            if let Some(result) = targets.corrects_nothing(half) {
                return Some(result);
            }
        }
        let before = activities(work).take_while(|(at, _)| *at < place).find(|(_, other)| other.id == half.id);
        if let Some((_, other)) = before {
            return Some(same_or_conflict(other, half));
        }
        let version = |id: &str| {
            let stored = self.entries.get(id).map(|entry| entry.current());
            stored.or_else(|| self.cases.get(id)?.versions.first().copied())
        };
        admit::activity(half, writing.recorded, writing.market.zone, &writing.dispositions, version)
    }
}

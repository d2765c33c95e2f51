//! Batches: each record is decoded by itself, so that a bad one does not stop the others, and every record gets a
//! result at its own place.

use tonic::Status;

use super::status;
use crate::domain::error_kind::{ErrorKind, Failure as _};
use crate::domain::validation::{Refusal, Violation};
use crate::ingest::{Commit, ItemResult};
use crate::proto::google::rpc::Code;
use crate::proto::v1;
use crate::wire::decode::{self, At, DecodeError};

/// Most bytes of refusal texts in one answer: beyond it, refusals keep their reason and lose their texts, so that an
/// answer about thousands of bad records still fits into one message.
const MAX_REFUSAL_BYTES: usize = 1 << 20;

/// The records of a batch: those that could be read, and those that could not.
pub struct Batch<T> {
    /// Records that could be read, in order.
    pub good: Vec<T>,
    bad: Vec<(usize, DecodeError)>,
    total: usize,
    field: &'static str,
}

impl<T> Batch<T> {
    /// Reads the records of the repeated field of that name.
    ///
    /// # Errors
    /// The batch is empty, or has more than `most` records.
    pub fn read<W>(
        field: &'static str,
        records: Vec<W>,
        most: usize,
        mut record: impl FnMut(&At<'_>, W) -> Option<T>,
    ) -> Result<Self, Status> {
        let total = records.len();
        if total == 0 {
            return Err(status::status(&DecodeError::one(field, "is empty: send at least one record")));
        }
        if total > most {
            let message = format!("{field} has {total} records, the limit is {most}: send smaller batches");
            return Err(status::at_field(ErrorKind::ResourceExhausted, "BATCH_TOO_LARGE", field, message));
        }
        let mut good = Vec::with_capacity(total);
        let mut bad = Vec::new();
        for (index, wire) in records.into_iter().enumerate() {
            // The path's text is made only for a record that is refused.
            match decode::collect("", |at| record(at, wire)) {
                Ok(value) => good.push(value),
                Err(error) => bad.push((index, error)),
            }
        }
        Ok(Self { good, bad, total, field })
    }

    /// Takes the good records out.
    pub fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.good)
    }

    /// Where the records that could be read stood in the request, in order.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        (0..self.total).filter(|index| self.bad.iter().all(|(at, _)| at != index)).collect()
    }

    /// One result for each record of the request, in its order.
    ///
    /// # Errors
    /// The writer answered with another number of results than it was given.
    pub fn results(self, commit: Commit) -> Result<Vec<v1::WriteResult>, Status> {
        let field = self.field;
        let results = self.outcomes(
            commit.results,
            |result| match result {
                ItemResult::Created => Ok(written(v1::WriteStatus::Created)),
                ItemResult::Duplicate => Ok(written(v1::WriteStatus::Duplicate)),
                ItemResult::Refused(refusal) => Err(refusal),
            },
            |refusal| v1::WriteResult { status: v1::WriteStatus::Refused.into(), refusal: Some(refusal) },
        )?;
        count(field, &results);
        Ok(results)
    }

    /// One outcome for each record of the request, in its order: what became of it, or its refusal with fields named
    /// from the request on.
    ///
    /// # Errors
    /// There is another number of results than of good records.
    pub fn outcomes<R, O>(
        self,
        judged: Vec<R>,
        outcome: impl Fn(R) -> Result<O, Refusal>,
        mut refused: impl FnMut(v1::Refusal) -> O,
    ) -> Result<Vec<O>, Status> {
        let Self { bad, total, field, .. } = self;
        let missing = |found: usize| {
            tracing::error!(total, found, "results are missing");
            status::own(ErrorKind::Internal, "INTERNAL", "an internal error, which was logged")
        };
        if judged.len() + bad.len() != total {
            return Err(missing(judged.len()));
        }
        let mut room = MAX_REFUSAL_BYTES;
        let mut bad = bad.into_iter().peekable();
        let mut judged = judged.into_iter();
        let mut outcomes = Vec::with_capacity(total);
        for index in 0..total {
            let found = match bad.next_if(|(at, _)| *at == index) {
                Some((_, error)) => Err(unread(error)),
                None => outcome(judged.next().ok_or_else(|| missing(index))?),
            };
            outcomes.push(found.unwrap_or_else(|refusal| {
                refused(refusal_of(&prefixed(refusal, &format!("{field}[{index}]")), &mut room))
            }));
        }
        Ok(outcomes)
    }
}

/// The status of the only record of a commit.
///
/// # Errors
/// The record was refused: its refusal as a status, with paths below `field`.
pub fn only(commit: &Commit, place: usize, field: &'static str) -> Result<v1::WriteStatus, Status> {
    match commit.results.get(place) {
        Some(ItemResult::Created) => Ok(v1::WriteStatus::Created),
        Some(ItemResult::Duplicate) => Ok(v1::WriteStatus::Duplicate),
        Some(ItemResult::Refused(refusal)) => Err(status::refused(&prefixed(refusal.clone(), field))),
        None => {
            tracing::error!(place, "a result is missing");
            Err(status::own(ErrorKind::Internal, "INTERNAL", "an internal error, which was logged"))
        }
    }
}

/// A record that could not be read, as a refusal.
fn unread(error: DecodeError) -> Refusal {
    Refusal { reason: error.reason(), kind: error.kind(), violations: error.violations, retryable: false }
}

/// The refusal with its fields named from the request on.
fn prefixed(mut refusal: Refusal, prefix: &str) -> Refusal {
    for violation in &mut refusal.violations {
        let dot = if violation.field.is_empty() || prefix.is_empty() { "" } else { "." };
        violation.field = format!("{prefix}{dot}{}", violation.field);
    }
    refusal
}

const fn written(status: v1::WriteStatus) -> v1::WriteResult {
    v1::WriteResult { status: status as i32, refusal: None }
}

fn refusal_of(refusal: &Refusal, room: &mut usize) -> v1::Refusal {
    let message = status::refusal_message(refusal);
    let bytes = |violation: &Violation| violation.field.len() + violation.description.len();
    let needed = message.len() + refusal.violations.iter().map(bytes).sum::<usize>();
    let fits = needed <= *room;
    *room -= if fits { needed } else { 0 };
    let code: Code = (status::code(refusal.kind) as i32).try_into().unwrap_or(Code::Unknown);
    v1::Refusal {
        reason: refusal.reason.to_owned(),
        code: code.into(),
        message: if fits { message } else { String::new() },
        field_violations: if fits { violations(&refusal.violations) } else { Vec::new() },
        retryable: refusal.retryable,
    }
}

fn violations(violations: &[Violation]) -> Vec<v1::FieldViolation> {
    violations
        .iter()
        .map(|violation| v1::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
        })
        .collect()
}

fn count(field: &'static str, results: &[v1::WriteResult]) {
    let mut counts = [0_u64; 4];
    for result in results {
        if let Some(count) = usize::try_from(result.status).ok().and_then(|status| counts.get_mut(status)) {
            *count += 1;
        }
    }
    for (label, count) in ["unspecified", "created", "duplicate", "refused"].into_iter().zip(counts) {
        if count > 0 {
            metrics::counter!("fairdue_records_total", "of" => field, "result" => label).increment(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn commit(results: Vec<ItemResult>) -> Commit {
        Commit { revision: 1, record_time: Timestamp(0), results }
    }

    /// Reads even numbers, refuses odd ones.
    fn batch(records: Vec<i32>, most: usize) -> Result<Batch<i32>, Status> {
        Batch::read("numbers", records, most, |at, number| {
            if number % 2 == 0 {
                return Some(number);
            }
            at.field("value").refuse("is odd");
            None
        })
    }

    #[test]
    fn results_stand_at_the_place_of_their_record() {
        let mut read = batch(vec![1, 2, 4, 3, 6], 5).unwrap_or_else(|_| panic!("fits"));
        assert_eq!(read.take(), [2, 4, 6]);
        let late = Refusal {
            reason: "CASE_UNKNOWN",
            kind: ErrorKind::FailedPrecondition,
            violations: vec![Violation::new("case_ids[0]", "is not known")],
            retryable: true,
        };
        let answer = commit(vec![ItemResult::Created, ItemResult::Refused(late), ItemResult::Duplicate]);
        let results = read.results(answer).unwrap();
        let statuses: Vec<i32> = results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [3, 1, 3, 3, 2]);
        let fields: Vec<&str> = results
            .iter()
            .flat_map(|result| &result.refusal)
            .flat_map(|refusal| &refusal.field_violations)
            .map(|violation| violation.field.as_str())
            .collect();
        assert_eq!(fields, ["numbers[0].value", "numbers[2].case_ids[0]", "numbers[3].value"]);
        let unknown = results[2].refusal.as_ref().unwrap();
        assert!(unknown.retryable && unknown.code() == Code::FailedPrecondition);
    }

    #[test]
    fn empty_and_oversized_batches_are_refused_whole() {
        let code = |records: Vec<i32>| batch(records, 3).err().map(|status| status.code());
        assert_eq!(code(vec![]), Some(tonic::Code::InvalidArgument));
        assert_eq!(code(vec![1; 4]), Some(tonic::Code::ResourceExhausted));
        assert_eq!(code(vec![1; 3]), None);
    }

    #[test]
    fn a_flood_of_refusals_fits_into_one_answer() {
        use prost::Message as _;
        let read = Batch::<i32>::read("numbers", vec![0; 5000], 5000, |at, _| {
            for _ in 0..20 {
                at.field("value").refuse("x".repeat(200));
            }
            None
        });
        let results = read.unwrap_or_else(|_| panic!("fits")).results(commit(vec![])).unwrap();
        let answer = v1::BatchRecordActivitiesResponse { results, ..Default::default() };
        assert!(answer.encoded_len() < 2 << 20, "{}", answer.encoded_len());
        let last = answer.results[4999].refusal.as_ref().unwrap();
        assert_eq!(last.reason, "INVALID_FIELD");
        assert!(last.field_violations.is_empty());
    }

    #[test]
    fn a_missing_result_is_no_success() {
        let read = batch(vec![2, 4], 5).unwrap_or_else(|_| panic!("fits"));
        assert_eq!(read.results(commit(vec![ItemResult::Created])).unwrap_err().code(), tonic::Code::Internal);
        assert!(only(&commit(vec![]), 0, "case").is_err());
    }
}

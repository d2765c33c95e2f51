//! What a candidate in shadow would have said.

use crate::advice::ShadowReport;
use crate::proto::v1;
use crate::wire::encode::scalar::{revision, time};
use crate::wire::words::{Word, number};

/// A report.
#[must_use]
pub fn report(report: ShadowReport) -> v1::ShadowReport {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    v1::ShadowReport {
        rules_digest: report.in_force,
        candidate_digest: report.candidate,
        start_time: report.since.map(time),
        judged_count: count(report.judged),
        skipped_count: count(report.skipped),
        failed_count: count(report.failed),
        verdicts: report
            .verdicts
            .into_iter()
            .map(|((in_force, candidate), number)| v1::VerdictPair {
                in_force: in_force.number(),
                candidate: candidate.number(),
                count: count(number),
            })
            .collect(),
        rules: report
            .rules
            .into_iter()
            .map(|((rule, in_force, candidate), times)| v1::AnswerPair {
                rule_id: rule.to_string(),
                in_force: number(in_force),
                candidate: number(candidate),
                count: count(times),
            })
            .collect(),
        recent: report
            .recent
            .into_iter()
            .map(|one| v1::DifferingCheck {
                check_id: one.check_id,
                revision: revision(one.revision),
                in_force: one.in_force.number(),
                candidate: one.candidate.number(),
            })
            .collect(),
    }
}

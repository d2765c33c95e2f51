//! A question about KPIs, and what is wrong with one that cannot be answered.

use chrono::NaiveDate;

use super::dimension::Dimension;
use super::period::Grain;
use crate::domain::error_kind::{ErrorKind, Failure};
use crate::domain::validation::Violation;

/// The most periods of one question: ten years of days.
pub const MAX_PERIODS: usize = 3_700;
/// The most KPIs of one question.
pub const MAX_KPIS: usize = 50;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Ids of the KPIs, in the order of the answer.
    pub kpis: Vec<String>,
    /// Length of a period.
    pub grain: Grain,
    /// First day, in the market's zone.
    pub from: NaiveDate,
    /// The day after the last one.
    pub to: NaiveDate,
    /// A row for each value of these.
    pub group_by: Vec<Dimension>,
    /// Only facts with one of the values in each of these. The empty text stands for facts without the dimension.
    pub filters: Vec<(Dimension, Vec<String>)>,
}

/// Why a question has no plan. Everything that is wrong is named at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", violations.iter().map(|one| format!("{}: {}", one.field, one.description)).collect::<Vec<_>>().join("; "))]
pub struct QueryError {
    /// Fields as `QueryKpisRequest` names them.
    pub violations: Vec<Violation>,
    /// Whether the question is right and only the cells for it are not declared.
    pub undeclared: bool,
}

impl Failure for QueryError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        if self.undeclared { "KPI_DIMENSIONS_NOT_DECLARED" } else { "INVALID_KPI_QUERY" }
    }

    fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

//! KPI questions, answered from cells and the deltas that wait to be merged into them, or else from the facts.

use std::sync::Arc;

use super::cells::Stretch;
use super::following::{Following, KpiFilling};
use super::frozen::Frozen;
use super::{Query, Reading};
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, View, Work, aside, corrupt_cell};
use crate::kpi::{self, Answer, Block, BlockKey, BlockRange, Catalogue, Plan, QueryError, Shape, Taking};
use crate::store::MarketHead;

/// A question with its view of the history.
#[derive(Debug, Clone)]
pub struct KpiQuestion {
    /// What is asked.
    pub query: kpi::Query,
    /// The shape of the answer; its calendar is replaced by the market's.
    pub shape: Shape,
    /// What happened later is left out.
    pub as_of: Option<Timestamp>,
    /// What was recorded later is left out.
    pub as_known_at: Option<Timestamp>,
    /// Figures of closed periods are told as they were at the closing, too.
    pub frozen: bool,
}

impl KpiQuestion {
    /// Names of what the answer is grouped by.
    #[must_use]
    pub fn group_names(&self) -> Vec<String> {
        let name = |one: &kpi::Dimension| one.name(&self.shape.case_dimensions).to_owned();
        self.query.group_by.iter().map(name).collect()
    }
}

/// What an answer was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureSource {
    /// Kept cells: the time it takes depends on the answer.
    Cells,
    /// The history itself: the time it takes grows with it.
    Facts,
}

/// The answer to a KPI question.
#[derive(Debug, Clone)]
pub struct KpiAnswer {
    /// The figures.
    pub answer: Answer,
    /// Revision that they stand on.
    pub revision: u64,
    /// Timers due up to here have been fired.
    pub settled_to: Timestamp,
    /// Digest of the definitions.
    pub catalogue_digest: String,
    /// What they were made of.
    pub source: FigureSource,
    /// Figures as they were when their periods were closed, by the place of the row that restates them.
    pub frozen: Frozen,
    /// The asked KPIs whose cells are not filled yet, and which definition answered.
    pub filling: Vec<KpiFilling>,
}

impl KpiAnswer {
    /// The answer of cells before its rows are put in.
    pub(super) fn from_cells(reading: &Reading, revision: u64, settled_to: Timestamp) -> Self {
        Self {
            answer: Answer::default(),
            revision,
            settled_to,
            catalogue_digest: reading.catalogue.digest().to_owned(),
            source: FigureSource::Cells,
            frozen: Frozen::new(),
            filling: Vec::new(),
        }
    }

    /// Which of the asked KPIs are not ready, and by which definitions they are answered.
    pub(super) fn stands(&self) -> Vec<(&str, kpi::Stand)> {
        self.filling.iter().map(|one| (one.kpi.as_str(), one.stand)).collect()
    }
}

/// Refuses an answer with more rows than one may have.
///
/// # Errors
/// `ANSWER_TOO_LARGE`.
pub fn limit_rows(rows: usize, most: usize) -> Result<(), IngestError> {
    if rows <= most {
        return Ok(());
    }
    Err(IngestError::Store {
        kind: ErrorKind::ResourceExhausted,
        reason: "ANSWER_TOO_LARGE",
        message: format!("the answer has {rows} rows, the limit is {most}: ask for fewer KPIs, periods or groups"),
        retryable: false,
    })
}

/// What a question is answered from, where the history is told again for it.
pub(super) struct Retold {
    /// How it is answered.
    pub(super) plan: Plan,
    /// What of the history was told.
    pub(super) view: View,
    /// The sums.
    pub(super) blocks: Vec<(BlockKey, Block)>,
}

/// Bytes of cells that are summed in the time in which one record of a case is derived, about.
const SUMMED: usize = 256;

/// Sums cells into an answer: aside, if they are many.
fn summed<'a, R>(cells: impl Iterator<Item = (BlockKey, &'a Block)>, work: impl FnOnce() -> R) -> R {
    aside(cells.map(|(_, block)| block.bytes()).sum::<usize>() / SUMMED, work)
}

/// A question that is refused, as the error of the use case.
pub(super) fn refused(error: QueryError) -> IngestError {
    let reason = if error.undeclared { "KPI_DIMENSIONS_NOT_DECLARED" } else { "INVALID_KPI_QUERY" };
    IngestError::Question { message: error.to_string(), reason, violations: error.violations }
}

impl Reading {
    /// Whether a question is answered from the facts whatever cells there are: of the past, and of exact percentiles.
    pub(super) fn is_of_facts(&self, question: &KpiQuestion) -> bool {
        let exact = || self.catalogue.asks_percentiles(&question.query, &question.shape.calendar.defaults);
        question.as_of.is_some() || question.as_known_at.is_some() || (question.shape.exact && exact())
    }
}

impl Query {
    /// Answers a question about KPIs in the market's calendar, with every timer up to now fired. What is asked as of an
    /// instant, as known at one, or by dimensions that no cells are kept by is answered from the facts.
    ///
    /// # Errors
    /// The question is wrong, or see [`IngestError`].
    pub async fn query_kpis(
        &self,
        who: &Principal,
        market: &MarketId,
        mut question: KpiQuestion,
    ) -> Result<KpiAnswer, IngestError> {
        self.answer(who, market, &mut question, true).await
    }

    /// The same, with each row of the answer taken as it is made: the answer itself has none, and the takers of its parts are
    /// given back in their order. What figures of closed periods were is not told so.
    ///
    /// # Errors
    /// See [`Query::query_kpis`]; what was taken until then is none of an answer.
    pub async fn query_kpis_to<T: Send>(
        &self,
        who: &Principal,
        market: &MarketId,
        mut question: KpiQuestion,
        taking: Taking<'_, T>,
    ) -> Result<(KpiAnswer, Vec<T>), IngestError> {
        let reading = self.open(who, market)?;
        question.shape.calendar = reading.calendar.clone();
        self.guarded(&reading, &mut question).await?;
        let (mut answer, taken, following) = self.figures(&reading, &question, true, taking).await?;
        let asked = question.query.kpis.iter().map(String::as_str);
        answer.filling = self.filling(&reading, &following, asked).await?;
        Ok((answer, taken))
    }

    /// Answers several questions of a market at one revision. Where one of them is not answered from cells, each is answered
    /// by itself, at a revision of its own.
    pub(super) async fn query_kpis_together(
        &self,
        who: &Principal,
        reading: &Reading,
        mut questions: Vec<KpiQuestion>,
    ) -> Result<Vec<KpiAnswer>, IngestError> {
        for question in &mut questions {
            question.shape.calendar = reading.calendar.clone();
            self.guarded(reading, question).await?;
        }
        let settled_to = self.markets.clock().now();
        let plan = |catalogue: &Catalogue| -> Result<Vec<Plan>, QueryError> {
            questions.iter().map(|one| catalogue.plan_shaped(&one.query, &one.shape)).collect()
        };
        let (following, planned) = self.planned(reading, settled_to, plan).await?;
        let Ok((plans, revision, stretches)) = planned else {
            let mut answers = Vec::with_capacity(questions.len());
            for mut question in questions {
                answers.push(self.answer(who, &reading.key.market, &mut question, true).await?);
            }
            return Ok(answers);
        };
        let mut stretches = stretches.iter();
        let mut answers = Vec::with_capacity(questions.len());
        for (plan, question) in plans.iter().zip(&questions) {
            let own: Vec<_> = stretches.by_ref().take(plan.ranges().len()).collect();
            let mut answer = KpiAnswer::from_cells(reading, revision, settled_to);
            let blocks = || own.iter().flat_map(|stretch| stretch.blocks());
            answer.answer = summed(blocks(), || plan.answer(blocks())).map_err(|error| corrupt_cell(&error))?;
            let asked = question.query.kpis.iter().map(String::as_str);
            answer.filling = self.filling(reading, &following, asked).await?;
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Answers a question; from cells alone unless the history may be told again for it.
    pub(super) async fn answer(
        &self,
        who: &Principal,
        market: &MarketId,
        question: &mut KpiQuestion,
        may_tell: bool,
    ) -> Result<KpiAnswer, IngestError> {
        let reading = self.open(who, market)?;
        question.shape.calendar = reading.calendar.clone();
        self.guarded(&reading, question).await?;
        let (mut answer, rows, following) = self.figures(&reading, question, may_tell, Taking::COPIES).await?;
        answer.answer = Answer::joined(rows);
        if question.frozen {
            answer.frozen = self.frozen(&reading, &following, question, &mut answer).await?;
        }
        let asked = question.query.kpis.iter().map(String::as_str);
        answer.filling = self.filling(&reading, &following, asked).await?;
        Ok(answer)
    }

    /// The figures of a question, as far as [`Query::guarded`] lets it ask.
    pub(super) async fn figures<T: Send>(
        &self,
        reading: &Reading,
        question: &KpiQuestion,
        may_tell: bool,
        taking: Taking<'_, T>,
    ) -> Result<(KpiAnswer, Vec<T>, Arc<Following>), IngestError> {
        if reading.is_of_facts(question) {
            let following = self.following(reading, true).await?;
            let (answer, taken) = self.told_again(reading, &following, question, taking).await?;
            return Ok((answer, taken, following));
        }
        let settled_to = self.markets.clock().now();
        let plan = |catalogue: &Catalogue| catalogue.plan_shaped(&question.query, &question.shape);
        let (following, planned) = self.planned(reading, settled_to, plan).await?;
        let (plan, revision, stretches) = match planned {
            Ok(planned) => planned,
            Err(error) if error.undeclared && may_tell => {
                let (answer, taken) = self.told_again(reading, &following, question, taking).await?;
                return Ok((answer, taken, following));
            }
            Err(error) => return Err(self.no_cells(reading, &following, &question.query.kpis, error).await),
        };
        let blocks = || stretches.iter().flat_map(|stretch| stretch.blocks());
        let taken = summed(blocks(), || plan.rows_to(blocks(), taking)).map_err(|error| corrupt_cell(&error))?;
        Ok((KpiAnswer::from_cells(reading, revision, settled_to), taken, following))
    }

    /// Answers a question by telling the history again.
    async fn told_again<T: Send>(
        &self,
        reading: &Reading,
        following: &Following,
        question: &KpiQuestion,
        taking: Taking<'_, T>,
    ) -> Result<(KpiAnswer, Vec<T>), IngestError> {
        let Retold { plan, view, blocks } = self.retold_for(reading, following, question).await?;
        let blocks = || blocks.iter().map(|(key, block)| (*key, block));
        let taken = summed(blocks(), || plan.rows_to(blocks(), taking)).map_err(|error| corrupt_cell(&error))?;
        let from = FigureSource::Facts;
        Ok((KpiAnswer { source: from, ..KpiAnswer::from_cells(reading, view.known, view.now) }, taken))
    }

    /// Tells the history again for a question.
    pub(super) async fn retold_for(
        &self,
        reading: &Reading,
        following: &Following,
        question: &KpiQuestion,
    ) -> Result<Retold, IngestError> {
        let exact = question.shape.exact;
        let defaults = &question.shape.calendar.defaults;
        let catalogue = following.standing.catalogue.for_question(&question.query, exact, defaults).map_err(refused)?;
        let catalogue = Arc::new(catalogue);
        // A wrong question is refused before the history is looked at.
        catalogue.plan_shaped(&question.query, &question.shape).map_err(refused)?;
        let view = self.view(reading, question.as_of, question.as_known_at).await?;
        let mut shape = question.shape.clone();
        shape.calendar.today = Some(view.now.date(reading.market.zone));
        let plan = catalogue.plan_shaped(&question.query, &shape).map_err(refused)?;
        let ranges = plan.ranges();
        let delta = match (question.as_of, question.as_known_at) {
            (None, None) => self.retold_now(reading, &catalogue, view, &plan.days(&catalogue)).await?,
            _ => self.retold(reading, catalogue, view).await?,
        };
        let blocks = delta.blocks_where(|key| ranges.iter().any(|range| range.holds(key)));
        Ok(Retold { plan, view, blocks })
    }

    /// The view of the history as of and as known at these instants; of all of it, as it is now, without them.
    pub(super) async fn view(
        &self,
        reading: &Reading,
        as_of: Option<Timestamp>,
        as_known_at: Option<Timestamp>,
    ) -> Result<View, IngestError> {
        let now = self.settle(reading).await?;
        let mut violations = Vec::new();
        for (field, at) in [("as_of_time", as_of), ("as_known_time", as_known_at)] {
            if let Some(at) = at.filter(|at| *at > now) {
                let text = format!("{at} has not come yet, it is {now}: send an instant of the past, or none");
                violations.push(Violation::new(field, text));
            }
        }
        if !violations.is_empty() {
            return Err(refused(QueryError { violations, undeclared: false }));
        }
        let market = &reading.key.market;
        let (known, now) = match as_known_at {
            Some(at) => (reading.scope.revision_at(market, at).await?, at),
            None => match reading.scope.head(market).await? {
                // A server whose clock is ahead, or a tick since, may have fired what was not due here.
                Some(head) => (head.revision, now.max(head.fired)),
                None => (0, now),
            },
        };
        Ok(View { known, now: as_of.map_or(now, |of| of.min(now)), until: as_of.unwrap_or(Timestamp(i64::MAX)) })
    }

    /// The cells of these ranges with every timer up to `until` fired, and the revision that they stand on; `None` if the
    /// market's row does not bear this mark of its definitions any more.
    pub(super) async fn stretches(
        &self,
        reading: &Reading,
        marker: &str,
        ranges: &[BlockRange],
        until: Timestamp,
    ) -> Result<Option<(u64, Vec<Arc<Stretch>>)>, IngestError> {
        let (scope, key) = (&reading.scope, &reading.key);
        let mut pulse = scope.pulse(&key.market).await?;
        let changed = |head: &MarketHead| head.revision > 0 && head.rules_digest != reading.ground;
        if pulse.as_ref().is_some_and(|(head, _)| head.catalogue_digest == marker && changed(head)) {
            // The rules changed since the cells were written: any write derives the market anew first. Other rules have
            // other timers, some of which may be due by now.
            self.markets.submit(key, Work::Load(Vec::new(), Vec::new())).await?;
            pulse = scope.pulse(&key.market).await?;
        }
        if let Some((head, due)) = pulse {
            if head.catalogue_digest != marker {
                return Ok(None);
            }
            if due.is_some_and(|due| due <= until) {
                self.markets.submit(key, Work::Settle(until)).await?;
            } else if let Some(kept) = self.cells.kept(key, ranges, &head) {
                return Ok(Some((head.revision, kept)));
            }
        }
        let (head, stretches) = self.cells.read(scope, key, ranges).await?;
        let same = head.as_ref().is_none_or(|head| head.catalogue_digest == marker);
        Ok(same.then(|| (head.map_or(0, |head| head.revision), stretches)))
    }
}

//! KPI questions over several markets of a tenant.

use std::sync::Arc;

use super::cells::Stretch;
use super::following::{KpiFilling, being_filled};
use super::kpis::{FigureSource, KpiAnswer, KpiQuestion, Retold, refused};
use super::{Query, Reading};
use crate::domain::agent_figures::AgentFigures;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, corrupt_cell};
use crate::kpi::across::{AcrossError, Part, across};
use crate::kpi::exchange::{DatePolicy, Reporting};
use crate::kpi::{Answer, Block, BlockKey, Catalogue, Dimension, Frame, Grain, Plan, QueryError, Shape};

/// The answer to a question over several markets.
#[derive(Debug)]
pub struct AcrossAnswer {
    /// Each market's own figures, in its own currencies.
    pub markets: Vec<(MarketId, KpiAnswer)>,
    /// The figures over all of them.
    pub across: Answer,
    /// How amounts were converted; `None` if the tenant does not say and no KPI needs it.
    pub reporting: Option<Arc<Reporting>>,
}

fn violation(field: &str, text: String) -> IngestError {
    refused(QueryError { violations: vec![Violation::new(field, text)], undeclared: false })
}

impl Query {
    /// The markets that a question is about: those that it names, or else all that the caller may read.
    ///
    /// # Errors
    /// The caller may read nothing.
    pub fn markets_asked(&self, who: &Principal, named: Vec<MarketId>) -> Result<Vec<MarketId>, IngestError> {
        if !who.has(Role::Reader) {
            return Err(IngestError::RoleMissing(Role::Reader.as_str()));
        }
        if !named.is_empty() {
            return Ok(named);
        }
        let snapshot = self.markets.config().get();
        let all = snapshot.tenants.get(&who.tenant).into_iter().flat_map(|tenant| tenant.markets.keys().cloned());
        Ok(all.filter(|market| who.may_touch(market)).collect())
    }

    /// Answers a question for each of these markets and over all of them; without any, over all that the caller may read.
    ///
    /// # Errors
    /// The question is wrong, the tenant does not say how amounts are converted, or a rate is missing; or see
    /// [`IngestError`].
    pub async fn query_across(
        &self,
        who: &Principal,
        markets: Vec<MarketId>,
        mut question: KpiQuestion,
    ) -> Result<AcrossAnswer, IngestError> {
        let markets = self.markets_asked(who, markets)?;
        let snapshot = self.markets.config().get();
        let reporting = snapshot.tenants.get(&who.tenant).and_then(|tenant| tenant.reporting.clone());
        let readings = markets.iter().map(|market| self.open(who, market)).collect::<Result<Vec<_>, _>>()?;
        let by_day = checked(&readings, &question, reporting.as_deref())?;
        let settled_to = self.markets.clock().now();
        let seen = [question.as_of, question.as_known_at].into_iter().flatten().chain([settled_to]).min();
        let today = |reading: &Reading| Some(seen?.date(reading.market.zone));
        question.shape.compared_until = readings.iter().filter_map(today).min();
        let mut all: Vec<OfMarket> = Vec::with_capacity(readings.len());
        for reading in &readings {
            all.push(self.of_market(reading, &question, by_day, settled_to).await?);
        }
        // Sums of two definitions are not added up.
        let former = |filling: &[KpiFilling]| -> Vec<(String, String)> {
            filling.iter().filter_map(|one| Some((one.kpi.clone(), one.former_digest.clone()?))).collect()
        };
        let mut kinds = all.iter().map(|one| former(&one.filling));
        let first = kinds.next();
        if !kinds.all(|kind| Some(&kind) == first.as_ref())
            && let Some(filling) = all.iter().find_map(|one| one.filling.first())
        {
            return Err(being_filled(filling));
        }
        let mut parts = Vec::with_capacity(all.len());
        let mut own = Vec::with_capacity(all.len());
        for ((market, reading), one) in markets.iter().zip(&readings).zip(&all) {
            let (blocks, source): (Vec<_>, _) = match &one.sums {
                Sums::Cells(cells) => (cells.iter().flat_map(|cells| cells.blocks()).collect(), FigureSource::Cells),
                Sums::Facts(facts) => (facts.iter().map(|(key, block)| (*key, block)).collect(), FigureSource::Facts),
            };
            let answer = KpiAnswer {
                answer: one.plan.answer(blocks.iter().copied()).map_err(|error| corrupt_cell(&error))?,
                source,
                filling: one.filling.clone(),
                ..KpiAnswer::from_cells(reading, one.revision, one.settled_to)
            };
            own.push((market.clone(), answer));
            parts.push(Part { plan: &one.plan, blocks });
        }
        let across = across(&parts, reporting.as_deref()).map_err(|error| match (error, &reporting) {
            (AcrossError::Cells(error), _) => corrupt_cell(&error),
            (AcrossError::Rate(missing), reporting) => {
                let table = reporting.as_ref().map_or("", |reporting| reporting.rates.id.as_str());
                IngestError::Store {
                    kind: ErrorKind::FailedPrecondition,
                    reason: "EXCHANGE_RATE_MISSING",
                    message: format!(
                        "exchange/{table}.toml has no rate of {} for {}: add it, or ask market by market",
                        missing.currency, missing.day
                    ),
                    retryable: false,
                }
            }
        })?;
        Ok(AcrossAnswer { markets: own, across, reporting })
    }
}

/// What one market gives to the answer.
struct OfMarket {
    plan: Plan,
    sums: Sums,
    revision: u64,
    settled_to: Timestamp,
    filling: Vec<KpiFilling>,
}

/// What figures are added up from.
enum Sums {
    Cells(Vec<Arc<Stretch>>),
    Facts(Vec<(BlockKey, Block)>),
}

impl Query {
    /// What a market gives: of its cells, or told again where they do not answer, as [`Query::query_kpis`] does.
    async fn of_market(
        &self,
        reading: &Reading,
        question: &KpiQuestion,
        by_day: bool,
        settled_to: Timestamp,
    ) -> Result<OfMarket, IngestError> {
        let mut question = question.clone();
        (question.shape.calendar, question.shape.by_day) = (reading.calendar.clone(), by_day);
        self.guarded(reading, &mut question).await?;
        let asked = question.query.kpis.iter().map(String::as_str);
        let mut following = self.following(reading, reading.is_of_facts(&question)).await?;
        if !reading.is_of_facts(&question) {
            let plan = |catalogue: &Catalogue| catalogue.plan_shaped(&question.query, &question.shape);
            let planned;
            (following, planned) = self.planned(reading, settled_to, plan).await?;
            let filling = self.filling(reading, &following, asked.clone()).await?;
            match planned {
                Ok((plan, revision, cells)) => {
                    return Ok(OfMarket { plan, sums: Sums::Cells(cells), revision, settled_to, filling });
                }
                // Cells that are being filled are waited for: other markets' may be of another definition.
                Err(error) if !error.undeclared || !filling.is_empty() => {
                    return Err(self.no_cells(reading, &following, &question.query.kpis, error).await);
                }
                Err(_) => {}
            }
        }
        let Retold { plan, view, blocks } = self.retold_for(reading, &following, &question).await?;
        let filling = self.filling(reading, &following, asked).await?;
        Ok(OfMarket { plan, sums: Sums::Facts(blocks), revision: view.known, settled_to: view.now, filling })
    }
}

/// A plan of the question by the definitions in force, whether cells or facts will answer it.
fn planned_anyhow(reading: &Reading, question: &KpiQuestion, shape: &Shape) -> Result<Plan, IngestError> {
    let of_facts = || {
        let defaults = &reading.calendar.defaults;
        let catalogue = reading.catalogue.for_question(&question.query, shape.exact, defaults)?;
        catalogue.plan_shaped(&question.query, shape)
    };
    match reading.catalogue.plan_shaped(&question.query, shape) {
        Err(error) if error.undeclared => of_facts().map_err(refused),
        planned => planned.map_err(refused),
    }
}

/// Refuses what is not answered over several markets; whether amounts must be kept apart by the day of the fact.
fn checked(readings: &[Reading], question: &KpiQuestion, reporting: Option<&Reporting>) -> Result<bool, IngestError> {
    let shape = &question.shape;
    if question.frozen {
        let text = "is answered for one market only, since each closes its periods on days of its own: use QueryKpis, or send \
                    as_known_time";
        return Err(violation("question.frozen", text.to_owned()));
    }
    let grains = [
        Some(question.query.grain),
        match shape.frame {
            Frame::Rolling(_, unit) | Frame::ToDate(unit) => Some(unit),
            Frame::Period => None,
        },
    ];
    let by_fact = reporting.is_some_and(|reporting| reporting.policy == DatePolicy::FactDay);
    let mut by_day = false;
    for reading in readings {
        reading.may_ask(question, "question.")?;
        if reading.agents == AgentFigures::Teams && question.query.group_by.contains(&Dimension::Team) {
            let text = format!(
                "names team, and the market {} tells figures of large teams alone (agent_figures = \"teams\" in the tenant's \
                 file), each month of its own: ask market by market with QueryKpis",
                reading.key.market
            );
            return Err(violation("question.group_by", text));
        }
        if let Some(first) = readings.first() {
            let (a, b) = (&first.calendar, &reading.calendar);
            let weeks = grains.contains(&Some(Grain::Week)) && a.week_start != b.week_start;
            let fiscal = [Grain::FiscalQuarter, Grain::FiscalYear].map(Some).iter().any(|one| grains.contains(one));
            if weeks || (fiscal && a.fiscal_year_start != b.fiscal_year_start) {
                let text = format!(
                    "is not the same in the markets {} and {}, whose weeks or fiscal years begin on different days: \
                     ask by month, quarter or year",
                    first.key.market, reading.key.market
                );
                return Err(violation("question.grain", text));
            }
            let (here, there) = (&a.defaults, &b.defaults);
            if let Some(kpi) = question.query.kpis.iter().find(|kpi| here.meant(kpi) != there.meant(kpi)) {
                let text = format!(
                    "names {kpi}, which is {} in the market {} and {} in {}: ask for one of them by its own id",
                    here.meant(kpi),
                    first.key.market,
                    there.meant(kpi),
                    reading.key.market
                );
                return Err(violation("question.kpi_ids", text));
            }
        }
        let mut shape = shape.clone();
        shape.calendar = reading.calendar.clone();
        let plan = planned_anyhow(reading, question, &shape)?;
        if plan.has_cohorts() && plan.has_money() && by_fact {
            let text = "are of cohorts, whose amounts are kept by the day of placement and not by the day of the rate: ask \
                        market by market, or convert by the period's end";
            return Err(violation("question.kpi_ids", text.to_owned()));
        }
        if plan.has_lifts() {
            let text = "hold variants against the control of one market: ask market by market".to_owned();
            return Err(violation("question.kpi_ids", text));
        }
        let money = plan.has_money();
        if money && reporting.is_none() {
            let text = "hold money, and the tenant's file does not say in which currency markets are added up: add \
                        [reporting] to it"
                .to_owned();
            return Err(violation("question.kpi_ids", text));
        }
        by_day |= money && by_fact;
    }
    Ok(by_day)
}

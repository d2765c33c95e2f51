//! KPI questions over several markets of a tenant.

use std::sync::Arc;

use super::following::{KpiFilling, being_filled};
use super::kpis::{FigureSource, KpiAnswer, KpiQuestion, refused};
use super::{Query, Reading};
use crate::domain::agent_figures::AgentFigures;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::MarketId;
use crate::domain::principal::{Principal, Role};
use crate::domain::validation::Violation;
use crate::ingest::{IngestError, corrupt_cell};
use crate::kpi::across::{AcrossError, Part, across};
use crate::kpi::exchange::{DatePolicy, Reporting};
use crate::kpi::{Answer, Catalogue, Dimension, Frame, Grain, QueryError, Shape};

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
        question: KpiQuestion,
    ) -> Result<AcrossAnswer, IngestError> {
        let markets = self.markets_asked(who, markets)?;
        let snapshot = self.markets.config().get();
        let reporting = snapshot.tenants.get(&who.tenant).and_then(|tenant| tenant.reporting.clone());
        let readings = markets.iter().map(|market| self.open(who, market)).collect::<Result<Vec<_>, _>>()?;
        let by_day = checked(&readings, &question, reporting.as_deref())?;
        let settled_to = self.markets.clock().now();
        let mut cells = Vec::with_capacity(readings.len());
        for reading in &readings {
            let mut shape = Shape { calendar: reading.calendar.clone(), by_day, ..question.shape.clone() };
            if reading.agents == AgentFigures::Pseudonym {
                shape.pseudonyms = Some(self.pseudonyms(reading).await?);
            }
            let plan = |catalogue: &Catalogue| catalogue.plan_shaped(&question.query, &shape);
            let (following, planned) = self.planned(reading, settled_to, plan).await?;
            let asked = question.query.kpis.iter().map(String::as_str);
            let filling = self.filling(reading, &following, asked).await?;
            match planned {
                Ok((plan, revision, stretches)) => cells.push((plan, revision, stretches, filling)),
                Err(error) => return Err(self.no_cells(reading, &following, &question.query.kpis, error).await),
            }
        }
        // Sums of two definitions are not added up.
        let former = |filling: &[KpiFilling]| -> Vec<(String, String)> {
            filling.iter().filter_map(|one| Some((one.kpi.clone(), one.former_digest.clone()?))).collect()
        };
        let mut kinds = cells.iter().map(|(_, _, _, filling)| former(filling));
        let first = kinds.next();
        if !kinds.all(|kind| Some(&kind) == first.as_ref())
            && let Some(filling) = cells.iter().find_map(|(_, _, _, filling)| filling.first())
        {
            return Err(being_filled(filling));
        }
        let mut parts = Vec::with_capacity(cells.len());
        let mut own = Vec::with_capacity(cells.len());
        for ((market, reading), (plan, revision, stretches, filling)) in markets.iter().zip(&readings).zip(&cells) {
            let blocks: Vec<_> = stretches.iter().flat_map(|stretch| stretch.blocks()).collect();
            let answer = KpiAnswer {
                answer: plan.answer(blocks.iter().copied()).map_err(|error| corrupt_cell(&error))?,
                revision: *revision,
                settled_to,
                catalogue_digest: reading.catalogue.digest().to_owned(),
                source: FigureSource::Cells,
                frozen: std::collections::BTreeMap::new(),
                filling: filling.clone(),
            };
            own.push((market.clone(), answer));
            parts.push(Part { plan, blocks });
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

/// Refuses what is not answered over several markets; whether amounts must be kept apart by the day of the fact.
fn checked(readings: &[Reading], question: &KpiQuestion, reporting: Option<&Reporting>) -> Result<bool, IngestError> {
    let shape = &question.shape;
    if question.as_of.is_some() || question.as_known_at.is_some() {
        return Err(violation("question.as_of_time", "is answered for one market only: use QueryKpis".to_owned()));
    }
    if question.frozen {
        return Err(violation("question.frozen", "is answered for one market only: use QueryKpis".to_owned()));
    }
    if shape.exact {
        let text = "is answered for one market only: use QueryKpis".to_owned();
        return Err(violation("question.exact_percentiles", text));
    }
    if shape.top.is_some() || shape.order.is_some() {
        let text = "is answered for one market only: use QueryKpis, or leave top and order out".to_owned();
        return Err(violation("question.top", text));
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
        let plan = reading.catalogue.plan_shaped(&question.query, &shape).map_err(refused)?;
        if plan.has_curves() && plan.has_money() && by_fact {
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

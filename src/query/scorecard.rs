//! How the figures of a market stand to the tenant's targets.

use chrono::{Datelike as _, NaiveDate};

use super::following::KpiFilling;
use super::kpis::{KpiAnswer, KpiQuestion};
use super::{Query, Reading};
use crate::domain::agent_figures::AgentFigures;
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::time::add_days;
use crate::ingest::IngestError;
use crate::kpi::definition::Additivity;
use crate::kpi::target::{Judged, PERIODS, Reached, Target, TargetState, Trend, is_anomaly, trend};
use crate::kpi::{self, Change, Dimension, Exact, Period, Row, RowKind, Shape};

/// A place among others, from 1 for the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// The place; equal figures share one.
    pub place: usize,
    /// How many have a figure.
    pub of: usize,
}

/// One target with its periods.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStatus {
    /// The target.
    pub target: Target,
    /// The periods judged, oldest first; the last one holds today.
    pub periods: Vec<Judged>,
    /// First day of the first period since which the state is what it is.
    pub since: Option<NaiveDate>,
    /// Where the last whole period moves against the mean of those before it, and by how much.
    pub trend: Option<(Trend, Change)>,
    /// Whether the last whole period is out of the ordinary against those before it.
    pub anomaly: Option<bool>,
    /// The place of the target's group among all groups of its dimensions in the last period, or of the market among
    /// the tenant's markets.
    pub rank: Option<Rank>,
    /// Digits behind the point of the figures.
    pub decimals: u32,
}

impl TargetStatus {
    /// How the last period stands.
    #[must_use]
    pub fn state(&self) -> Option<TargetState> {
        self.periods.last().and_then(|last| last.state)
    }
}

/// The targets of a market.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorecard {
    /// Each target, in the order of the tenant's file.
    pub targets: Vec<TargetStatus>,
    /// Revision of the market that it stands on.
    pub revision: u64,
    /// KPIs of the targets and of their guards that are not ready, and by which definition they are judged until then.
    pub filling: Vec<KpiFilling>,
}

impl Scorecard {
    /// By which definitions the KPIs are judged that are not ready: how far these are is left out.
    #[must_use]
    pub fn stands(&self) -> Vec<(&str, kpi::Stand)> {
        self.filling.iter().map(|one| (one.kpi.as_str(), one.stand)).collect()
    }
}

impl Query {
    /// How a market stands to the targets that hold today.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn scorecard(&self, who: &Principal, market: &MarketId) -> Result<Scorecard, IngestError> {
        let reading = self.open(who, market)?;
        let targets = self.markets.config().get().targets(&who.tenant, market);
        let today = self.markets.clock().now().date(reading.market.zone);
        let asked = |target: Target| Some((question(&reading, &target, today)?, target));
        let (questions, targets): (Vec<_>, Vec<_>) = targets.into_iter().filter_map(asked).unzip();
        let mut card = Scorecard { targets: Vec::new(), revision: 0, filling: Vec::new() };
        if targets.is_empty() {
            card.revision = reading.scope.head(market).await?.map_or(0, |head| head.revision);
            return Ok(card);
        }
        // What one commit changes is told of all targets at once: nobody is alarmed by half of it.
        let accounts: Vec<Option<KpiQuestion>> =
            targets.iter().zip(&questions).map(|(target, question)| of_accounts(&reading, target, question)).collect();
        let together = questions.iter().chain(accounts.iter().flatten()).cloned().collect();
        let mut answers = self.query_kpis_together(who, &reading, together).await?;
        card.revision = answers.iter().map(|answer| answer.revision).min().unwrap_or_default();
        let mut told = answers.split_off(questions.len().min(answers.len())).into_iter();
        for (((target, question), answer), accounts) in targets.iter().zip(questions).zip(answers).zip(&accounts) {
            let accounts = if accounts.is_some() { told.next() } else { None };
            let accounts = accounts.map_or_else(Vec::new, |answer| answer.answer.rows);
            card.targets.push(self.status(who, &reading, target, (question, &answer, &accounts)).await?);
            card.filling.retain(|one| answer.filling.iter().all(|newer| newer.kpi != one.kpi));
            card.filling.extend(answer.filling);
        }
        card.filling.sort_by(|a, b| a.kpi.cmp(&b.kpi));
        Ok(card)
    }

    /// How one target stands by the answer to its question, and the one about the accounts of its group.
    async fn status(
        &self,
        who: &Principal,
        reading: &Reading,
        target: &Target,
        (question, answer, accounts): (KpiQuestion, &KpiAnswer, &[Row]),
    ) -> Result<TargetStatus, IngestError> {
        let shape = question.shape.clone();
        let own = |row: &&Row| row.group.iter().zip(&target.group).all(|(a, (_, b))| a.as_deref() == Some(b));
        let of = |kpi: &str, period: Period| {
            let rows = answer.answer.rows.iter().filter(own);
            let mut rows = rows.filter(move |row| row.start == period.first() && *row.kpi == *kpi);
            rows.find(|row| row.currency.is_none() || target.currency.is_none() || row.currency == target.currency)
        };
        let plan =
            reading.catalogue.plan_shaped(&question.query, &Shape { calendar: reading.calendar.clone(), ..shape });
        let periods = plan.map(|plan| plan.periods().to_vec()).unwrap_or_default();
        let info = reading.catalogue.list().find(|info| info.id == target.kpi);
        let additive = info.is_some_and(|info| info.additivity == Additivity::TimeAndGroups);
        let adds_up = info.is_some_and(|info| info.additivity != Additivity::None);
        let apart = tells_large_teams(reading, target);
        // Before there was anything of the market, or of the group, nothing is known, and zero no figure.
        let since = first_told(answer.answer.rows.iter().filter(own).chain(accounts));
        let known = |period: &Period| since.is_some_and(|since| since < period.end_date());
        let today = self.markets.clock().now().date(reading.market.zone);
        let figure = |period: &Period| {
            let value = of(&target.kpi, *period).and_then(|row| row.value);
            // A sum without facts is zero; that of a team that is not told apart is not known.
            let value = value.or((additive && !apart && of(&target.kpi, *period).is_none()).then_some(Exact::ZERO));
            let value = value.filter(|_| apart || !adds_up || known(period));
            let guard = target.guard.as_ref().and_then(|guard| of(&guard.kpi, *period)?.value);
            let whole = reading.calendar.days_of(target.grain, period.first()).unwrap_or(period.days());
            let over = period.whole && period.end_date() <= today;
            Reached { period: *period, value, guard, due: (target.side.due(*period, today), whole), over }
        };
        let figures: Vec<_> = periods.iter().filter(|period| target.concerns(**period)).map(figure).collect();
        let judged = target.judge(&figures, additive);
        let state = judged.last().and_then(|last| last.state);
        let same = judged.iter().rev().take_while(|one| one.state == state).last();
        let told = periods.iter().map(figure).filter(|one| one.over);
        let whole: Vec<Exact> = told.filter_map(|one| one.value).collect();
        let rank = self.rank(who, reading, target, (&answer.answer.rows, accounts), question).await?;
        let decimals = of(&target.kpi, periods.last().copied().unwrap_or(Period { start: 0, end: 0, whole: false }));
        let decimals = decimals.map(|row| row.decimals).or(info.and_then(|info| info.decimals)).unwrap_or(2);
        Ok(TargetStatus {
            target: target.clone(),
            since: same.map(|one| one.period.first()),
            periods: judged,
            trend: trend(&whole),
            anomaly: is_anomaly(&whole),
            rank,
            decimals,
        })
    }

    /// The place of the target's figure among its like in the last period.
    async fn rank(
        &self,
        who: &Principal,
        reading: &Reading,
        target: &Target,
        (rows, accounts): (&[Row], &[Row]),
        question: KpiQuestion,
    ) -> Result<Option<Rank>, IngestError> {
        let currency = |row: &&Row| target.currency.is_none() || row.currency == target.currency;
        if !target.group.is_empty() {
            let rows = rows.iter().filter(|row| *row.kpi == *target.kpi && row.kind == RowKind::Group).filter(currency);
            let Some(last) = rows.clone().map(|row| row.start).max() else { return Ok(None) };
            let rows: Vec<&Row> = rows.filter(|row| row.start == last).collect();
            let own =
                rows.iter().find(|row| row.group.iter().zip(&target.group).all(|(a, (_, b))| a.as_deref() == Some(b)));
            let own = own.and_then(|row| row.value);
            return Ok(own.map(|own| place(own, rows.iter().filter_map(|row| row.value), target)));
        }
        let snapshot = self.markets.config().get();
        let all = snapshot.tenants.get(&who.tenant).map(|tenant| tenant.markets.keys().cloned().collect::<Vec<_>>());
        let last = |rows: &[Row], accounts: &[Row]| {
            let all = rows.iter().chain(accounts);
            let rows = rows.iter().filter(|row| *row.kpi == *target.kpi).filter(currency);
            let value = rows.max_by_key(|row| row.start).and_then(|row| row.value);
            // A market without any record is not the best for having nothing.
            value.filter(|value| !value.is_zero() || first_told(all).is_some())
        };
        let own = last(rows, accounts);
        let mut values: Vec<Exact> = own.into_iter().collect();
        let others = all.unwrap_or_default().into_iter().filter(|other| *other != reading.key.market);
        for market in others.filter(|market| who.may_touch(market)) {
            let mut asked = question.clone();
            asked.query.kpis.truncate(1);
            asked.query.kpis.extend(accounts.iter().map(|row| row.kpi.to_string()).take(1));
            values.extend(last(&self.query_kpis(who, &market, asked).await?.answer.rows, &[]));
        }
        Ok(own.map(|own| place(own, values.into_iter(), target)))
    }
}

/// The first day of the first period of which any of these rows stands on facts.
fn first_told<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<NaiveDate> {
    rows.filter(|row| row.stands_on_facts()).map(|row| row.start).min()
}

/// The question about the accounts of the target's group in the same periods; `None` where no figure counts them, and for teams
/// that are told of in months alone.
fn of_accounts(reading: &Reading, target: &Target, question: &KpiQuestion) -> Option<KpiQuestion> {
    let dimensions: Vec<Dimension> = target.group.iter().map(|(one, _)| *one).collect();
    let (kpi, group_by) = reading.catalogue.accounts_by(&dimensions).filter(|_| !tells_large_teams(reading, target))?;
    let of_group = target.group.iter().filter(|(one, _)| group_by.contains(one));
    let filters = of_group.map(|(one, value)| (*one, vec![value.clone()])).collect();
    let query = kpi::Query { kpis: vec![kpi.to_owned()], group_by, filters, ..question.query.clone() };
    Some(KpiQuestion { query, ..question.clone() })
}

/// Whether the target is for a team of a market whose figures tell only of large ones.
fn tells_large_teams(reading: &Reading, target: &Target) -> bool {
    reading.agents == AgentFigures::Teams && target.group.iter().any(|(one, _)| *one == Dimension::Team)
}

/// The question whose answer tells how a target stands; `None` if it does not hold yet, or not any more.
fn question(reading: &Reading, target: &Target, today: NaiveDate) -> Option<KpiQuestion> {
    if today < target.from || target.until.is_some_and(|until| until < today) {
        return None;
    }
    // Of teams only whole months that are over are told.
    let end = if tells_large_teams(reading, target) { today.with_day(1)? } else { add_days(today, 1) };
    let first = reading.calendar.earlier(target.grain, today, PERIODS).unwrap_or(target.from);
    let mut kpis = vec![target.kpi.clone()];
    kpis.extend(target.guard.iter().map(|guard| guard.kpi.clone()).filter(|guard| *guard != target.kpi));
    let group_by: Vec<_> = target.group.iter().map(|(one, _)| *one).collect();
    let query = kpi::Query { kpis, grain: target.grain, from: first, to: end, group_by, filters: Vec::new() };
    let shape = Shape { case_dimensions: target.case_dimensions.clone(), ..Shape::default() };
    Some(KpiQuestion { query, shape, as_of: None, as_known_at: None, frozen: false })
}

/// The place of a value among others: one more than how many are better.
fn place(own: Exact, values: impl Iterator<Item = Exact>, target: &Target) -> Rank {
    let (mut better, mut of) = (0, 0);
    for value in values {
        of += 1;
        // Better than the own one is what lies strictly beyond it.
        better += usize::from(value != own && target.side.holds(value, own));
    }
    Rank { place: better + 1, of }
}

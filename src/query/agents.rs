//! What a market's figures may tell of agents and teams: each question is held against `agent_figures` of the market when it
//! is answered, and never when facts or cells are made. So another setting holds from the next answer on.
//!
//! Records are told as they are: they are what the work is done with, and whoever reads them knows who did what. This is
//! about figures, which compare people.

use std::sync::Arc;

use super::following::being_filled;
use super::kpis::KpiQuestion;
use super::{Query, Reading};
use crate::domain::agent_figures::{AgentFigures, Pseudonyms};
use crate::domain::ids::MarketId;
use crate::domain::principal::Principal;
use crate::domain::time::day_number;
use crate::domain::validation::Violation;
use crate::ingest::IngestError;
use crate::kpi::definition::Kind;
use crate::kpi::drill::{Drill, Figure};
use crate::kpi::{
    self, Calendar, Defaults, Dimension, FEWEST_ACTIVE, Grain, Period, RowKind, Shape, Stand, Taking, Teams,
};

/// The refusal of what the market does not tell.
/// Reason of what is refused by a market's setting.
const WITHHELD: &str = "AGENT_FIGURES_WITHHELD";

fn withheld(violations: Vec<Violation>) -> IngestError {
    let text: Vec<String> = violations.iter().map(|one| format!("{}: {}", one.field, one.description)).collect();
    IngestError::Question { message: text.join("; "), reason: WITHHELD, violations }
}

/// A refusal of the question that asks for a figure, with the names that the fields have in a request for its records.
fn of_a_figure(error: IngestError) -> IngestError {
    match error {
        IngestError::Question { reason: WITHHELD, mut violations, .. } => {
            let named = violations.iter_mut().filter(|one| one.field == "group_by");
            named.for_each(|one| one.field = "group".to_owned());
            withheld(violations)
        }
        other => other,
    }
}

impl Reading {
    /// The setting in words, for what is refused by it.
    fn setting(&self) -> String {
        let (market, figures) = (&self.key.market, self.agents);
        format!("of the market {market} (agent_figures = \"{figures}\" in the tenant's file)")
    }

    /// Refuses figures by agent or team that the market does not tell: what may be said without looking at the history.
    /// `within`: what stands before the names of the fields.
    ///
    /// # Errors
    /// Every field that asks for such.
    pub(super) fn may_ask(&self, question: &KpiQuestion, within: &str) -> Result<(), IngestError> {
        use AgentFigures as F;
        let query = &question.query;
        let mut found = Vec::new();
        let mut note = |field: &str, text: String| found.push(Violation::new(format!("{within}{field}"), text));
        let own = self.setting();
        let groups = query.group_by.iter().map(|one| ("group_by", *one));
        for (field, dimension) in groups.chain(query.filters.iter().map(|(one, _)| ("filters", *one))) {
            match (dimension, self.agents) {
                (Dimension::Agent, F::Teams) => {
                    note(field, format!("names agent, and figures {own} tell of no agents: ask by team"));
                }
                (Dimension::Agent | Dimension::Team, F::Off) => {
                    let text = format!("names {dimension}, and figures {own} tell of no agents and teams");
                    note(field, format!("{text}: ask without it"));
                }
                _ => {}
            }
        }
        if self.agents == F::Pseudonym {
            let of_agents = query.filters.iter().filter(|(one, _)| *one == Dimension::Agent);
            for value in of_agents.flat_map(|(_, values)| values).filter(|one| !one.is_empty()) {
                if !Pseudonyms::is_one(value) {
                    let shown: String = value.chars().take(40).collect();
                    let text = format!("{shown:?} is no pseudonym, and figures {own} tell of agents by these alone");
                    note("filters", format!("{text}: send one that an answer by agent has told"));
                }
            }
        }
        if self.agents == F::Teams && by_team(question) {
            if query.filters.iter().any(|(one, _)| *one == Dimension::Team) {
                let text = format!("names team, and figures {own} are told of large teams side by side");
                note("filters", format!("{text}: leave it out, group by team, and take the rows of the teams"));
            }
            if query.group_by.iter().any(|one| *one != Dimension::Team)
                || query.filters.iter().any(|(one, _)| *one != Dimension::Team)
            {
                let text = format!("holds team and something else, and figures {own} are told by team alone");
                let why = "what a team does is not told in parts that are of fewer people";
                note("group_by", format!("{text}, for {why}: ask by team, or by the rest"));
            }
            let past = [
                ("as_of_time", question.as_of.is_some()),
                ("as_known_time", question.as_known_at.is_some()),
                ("frozen", question.frozen),
            ];
            for (field, _) in past.iter().filter(|(_, asked)| *asked) {
                let text =
                    format!("is not told by team in figures {own}, for two instants tell what lies between them");
                note(field, format!("{text}: leave it out"));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(withheld(found)) }
    }

    /// Refuses KPIs that run on from month to month: two of their figures tell what lies between, if a team was small then.
    fn may_add_up(&self, kpis: &[String]) -> Result<(), IngestError> {
        let defaults = &self.calendar.defaults;
        let kind = |id: &str| self.catalogue.list_as(defaults).find(|info| info.id == id).map(|info| info.kind);
        let Some(kpi) = kpis.iter().find(|id| kind(id) == Some(Kind::Cumulative)) else { return Ok(()) };
        let text = format!(
            "names {kpi}, which adds up all months to a running total, and figures {} are told by team of each month by itself: \
             ask for the KPI of the month that it adds up",
            self.setting()
        );
        Err(withheld(vec![Violation::new("kpi_ids", text)]))
    }

    /// Refuses periods by which teams are not told of.
    fn may_tell(&self, periods: &[Period]) -> Result<(), IngestError> {
        let today = self.calendar.today.map_or(i32::MIN, day_number);
        let wrong = periods.iter().find(|period| !period.is_of_months() || period.end > today);
        let Some(period) = wrong else { return Ok(()) };
        let (first, end, own) = (period.first(), period.end_date(), self.setting());
        let (field, why) = match period.is_of_months() {
            true => ("end_date", "is not over"),
            false => ("grain", "is not made of whole calendar months"),
        };
        let text = format!(
            "the period from {first} up to {end} {why}, and figures {own} are told by team of whole months that are over: ask \
             by month or a longer grain, with days that begin and end with months"
        );
        Err(withheld(vec![Violation::new(field, text)]))
    }
}

/// Whether a question groups or filters by team.
fn by_team(question: &KpiQuestion) -> bool {
    let query = &question.query;
    query.group_by.iter().chain(query.filters.iter().map(|(one, _)| one)).any(|one| *one == Dimension::Team)
}

impl Query {
    /// In which form figures of a market tell of agents.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub fn agent_figures(&self, who: &Principal, market: &MarketId) -> Result<AgentFigures, IngestError> {
        Ok(self.open(who, market)?.agents)
    }

    /// Holds a question against what the market's figures may tell of agents, and has its answer tell no more.
    ///
    /// # Errors
    /// The question asks for more, or see [`IngestError`].
    pub(super) async fn guarded(&self, reading: &Reading, question: &mut KpiQuestion) -> Result<(), IngestError> {
        reading.may_ask(question, "")?;
        (question.shape.pseudonyms, question.shape.teams) = (None, None);
        match reading.agents {
            AgentFigures::Pseudonym => question.shape.pseudonyms = Some(self.pseudonyms(reading).await?),
            AgentFigures::Teams if by_team(question) => {
                question.shape.teams = Some(Arc::new(self.teams(reading, question).await?));
            }
            AgentFigures::Named | AgentFigures::Teams | AgentFigures::Off => {}
        }
        Ok(())
    }

    /// The names under which the market's figures tell of agents.
    pub(super) async fn pseudonyms(&self, reading: &Reading) -> Result<Pseudonyms, IngestError> {
        let secret = self.markets.secret_of(&reading.key.tenant).await?;
        Ok(Pseudonyms::of_market(&secret, &reading.key))
    }

    /// Who was active in the teams in the months that a question asks for.
    async fn teams(&self, reading: &Reading, question: &KpiQuestion) -> Result<Teams, IngestError> {
        let mut periods = question.shape.days_asked(&question.query);
        let (from, to) = (question.query.from, question.query.to);
        if question.shape.top.is_some() && from < to {
            periods.push(Period { start: day_number(from), end: day_number(to), whole: true });
        }
        reading.may_tell(&periods)?;
        reading.may_add_up(&question.query.kpis)?;
        let first = periods.iter().min_by_key(|period| period.start).map(|period| period.first());
        let end = periods.iter().max_by_key(|period| period.end).map(|period| period.end_date());
        // Without a period the question is wrong, and says so itself.
        let (Some(from), Some(to)) = (first, end) else { return Ok(Teams::default()) };
        let Some(kpi) = reading.catalogue.active_agents().map(str::to_owned) else {
            let text = format!(
                "names team, and figures {} need a KPI that counts active agents, which the definitions lack: add one",
                reading.setting()
            );
            return Err(withheld(vec![Violation::new("group_by", text)]));
        };
        let (group_by, filters) = (vec![Dimension::Team, Dimension::Agent], Vec::new());
        let query = kpi::Query { kpis: vec![kpi.clone()], grain: Grain::Month, from, to, group_by, filters };
        let calendar = Calendar { defaults: Defaults::default(), ..reading.calendar.clone() };
        let shape = Shape { calendar, case_dimensions: question.shape.case_dimensions.clone(), ..Shape::default() };
        let counted = KpiQuestion { query, shape, as_of: None, as_known_at: None, frozen: false };
        let (_, rows, following) = self.figures(reading, &counted, true, Taking::COPIES).await?;
        let filling = self.filling(reading, &following, std::iter::once(kpi.as_str())).await?;
        // A former definition may have counted others.
        if let Some(filling) = filling.iter().find(|one| one.stand == Stand::Former) {
            return Err(being_filled(filling));
        }
        let mut teams = Teams::default();
        for row in rows.iter().flatten().filter(|row| row.kind == RowKind::Group) {
            if let [team, Some(agent)] = &*row.group
                && row.value.is_some_and(|value| value.numerator() > 0)
            {
                teams.note(day_number(row.start), team.clone(), Arc::clone(agent));
            }
        }
        Ok(teams)
    }

    /// Refuses records behind a figure that the market does not tell, and those by which a pseudonym would be no more.
    ///
    /// # Errors
    /// The figure is none that is told, or see [`IngestError`].
    pub(super) async fn may_drill(&self, reading: &Reading, figure: &Figure) -> Result<(), IngestError> {
        let own = reading.setting();
        let group = figure.group.iter().map(|(one, _)| ("group", *one));
        let mut named = group.chain(figure.filters.iter().map(|(one, _)| ("filters", *one)));
        let by_agent = named.clone().find(|(_, one)| *one == Dimension::Agent);
        if let (Some((field, _)), AgentFigures::Pseudonym) = (by_agent, reading.agents) {
            let text = format!(
                "names agent, and figures {own} tell of agents by pseudonyms, which are none beside the records: ask for the \
                 records without it"
            );
            return Err(withheld(vec![Violation::new(field, text)]));
        }
        if !named.any(|(_, one)| matches!(one, Dimension::Agent | Dimension::Team)) {
            return Ok(());
        }
        let query = kpi::Query {
            kpis: vec![figure.kpi.clone()],
            grain: Grain::Total,
            from: figure.period.first(),
            to: figure.period.end_date(),
            group_by: figure.group.iter().map(|(one, _)| *one).collect(),
            filters: figure.filters.clone(),
        };
        let calendar = reading.calendar.clone();
        let shape = Shape { calendar, case_dimensions: figure.case_dimensions.clone(), ..Shape::default() };
        let mut question = KpiQuestion { query, shape, as_of: None, as_known_at: None, frozen: false };
        self.guarded(reading, &mut question).await.map_err(of_a_figure)?;
        if question.shape.teams.is_none() {
            return Ok(());
        }
        let (_, rows, _) = self.figures(reading, &question, true, Taking::COPIES).await?;
        let is_it = |row: &kpi::Row| {
            let same = row.group.iter().zip(&figure.group).all(|(a, (_, b))| a.as_deref() == b.as_deref());
            row.kind == RowKind::Group && same && (row.currency.is_none() || row.currency == figure.currency)
        };
        if rows.iter().flatten().any(is_it) {
            return Ok(());
        }
        let text = format!(
            "names a team that figures {own} do not tell apart there: fewer than {FEWEST_ACTIVE} agents were active in it in a \
             month, or it stands with others that are so few; ask for the records of the market"
        );
        Err(withheld(vec![Violation::new("group", text)]))
    }
}

/// Leaves out of the records behind a figure which agents and teams they count, where figures do not name these.
pub(super) fn withhold(figures: AgentFigures, drill: &mut Drill) {
    match figures {
        AgentFigures::Named => {}
        AgentFigures::Pseudonym | AgentFigures::Teams => drill.withhold([Dimension::Agent]),
        AgentFigures::Off => drill.withhold([Dimension::Agent, Dimension::Team]),
    }
}

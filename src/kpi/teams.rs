//! Which teams figures are told of where a market tells none of agents: teams in which enough were active, and never so that
//! the others follow from what is told.
//!
//! Two answers must not tell by their difference what neither may tell. So the unit is a calendar month: a team is told of
//! in a period if it may be told of in each of its months, whatever period was asked for. Everything that is told is then
//! made of months in which the team was large enough. And what is not told apart is one group, which must be as large itself:
//! it is all groups together less those that are told, for anybody who subtracts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answer::Evaluation;
use super::block::{Block, BlockKey};
use super::catalogue::Catalogue;
use super::definition::{Definition, Root};
use super::dimension::Dimension;
use super::formula::{Leaf, Node, Window};
use super::gather::{Gathered, Kept, Merge, gather};
use super::layout::{Filter, On};
use super::parts::Taking;
use super::period::{Period, next_month};
use super::plan::Plan;
use super::row::{Row, RowKind};
use super::since::month_of;
use super::varint::DecodeError;
use crate::domain::fact::FactKind;

/// The fewest agents that were active in a team of which figures are told.
pub const FEWEST: usize = 5;

/// A team, or what is in none.
type Team = Option<Arc<str>>;
/// Who was active in a month, by team.
type Month = BTreeMap<Team, BTreeSet<Arc<str>>>;

/// Who was active in the teams of a market.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Teams {
    /// By the day number of each month's first day.
    months: BTreeMap<i32, Month>,
}

impl Teams {
    /// Notes that an agent was active in a team on a day.
    pub fn note(&mut self, day: i32, team: Team, agent: Arc<str>) {
        self.months.entry(month_of(day)).or_default().entry(team).or_default().insert(agent);
    }

    /// The teams told of in these periods, which consist of whole months: those that are told of in each of the months. What is
    /// in no team and was done by nobody is told, too. `strict`: what is not told apart is of enough agents even where none of
    /// them was active.
    pub(super) fn told(&self, periods: &[Period], strict: bool) -> Kept {
        let none = Month::new();
        let months: BTreeSet<i32> = periods.iter().flat_map(|period| period.months_within()).collect();
        let mut months = months.iter().map(|month| told_of(self.months.get(month).unwrap_or(&none), strict));
        let first = months.next().unwrap_or_default();
        // What is left out in one month is left out of the others with it: it is large enough there, and so is what it joins.
        let told = months.fold(first, |told, month| told.intersection(&month).cloned().collect());
        told.into_iter().map(|team| Box::from([team])).collect()
    }
}

/// The teams told of in a month.
fn told_of(month: &Month, strict: bool) -> BTreeSet<Team> {
    let unattributed = month.get(&None).map_or(0, BTreeSet::len);
    let apart = unattributed == 0 || unattributed >= FEWEST;
    let mut teams: Vec<(&Team, usize)> = month.iter().map(|(team, agents)| (team, agents.len())).collect();
    teams.retain(|(team, active)| team.is_some() && *active >= FEWEST);
    // The smallest come last, of those alike the last by name.
    teams.sort_by_key(|(_, active)| std::cmp::Reverse(*active));
    let mut told: BTreeSet<Team> = teams.iter().map(|(team, _)| (*team).clone()).collect();
    told.extend(apart.then_some(None));
    let is_safe = |told: &BTreeSet<Team>| {
        let others = month.iter().filter(|(team, _)| !told.contains(*team)).flat_map(|(_, agents)| agents);
        let others = others.collect::<BTreeSet<_>>().len();
        others >= FEWEST || (others == 0 && !strict)
    };
    while let Some((smallest, _)) = teams.pop().filter(|_| !is_safe(&told)) {
        told.remove(smallest);
    }
    told
}

impl Catalogue {
    /// The KPI that counts the agents who were active, whatever they did: that of which [`Teams`] are made.
    #[must_use]
    pub fn active_agents(&self) -> Option<&str> {
        let counts = |leaf: &Leaf| {
            let measure = self.measures.get(leaf.measure);
            leaf.window == Window::Flow
                && measure.is_some_and(|measure| {
                    let source = &measure.source;
                    let all = source.on == On::Fact && source.filter == Filter::default();
                    all && measure.fact == FactKind::AgentActive && measure.distinct() == Some(Dimension::Agent)
                })
        };
        let is_count = |kpi: &&Definition| match &kpi.root {
            Root::Single(Node::Leaf(leaf), _) => kpi.leaves.get(*leaf).is_some_and(counts) && kpi.needs.is_empty(),
            _ => false,
        };
        self.kpis.iter().find(is_count).map(|kpi| kpi.info.id.as_str())
    }
}

impl Plan {
    /// The rows of an answer by team, of large teams alone; the others are the rest. Each period has its own large teams.
    ///
    /// # Errors
    /// If a block is not of the series that its key names.
    pub(super) fn rows_by_team<T: Send>(
        &self,
        blocks: &[(BlockKey, &Block)],
        teams: &Teams,
        taking: Taking<'_, T>,
    ) -> Result<Vec<T>, DecodeError> {
        let again = || blocks.iter().copied();
        let first = match (self.shape.top, self.framed.all.last()) {
            (Some(top), Some(whole)) => {
                let told = teams.told(&[*whole], true);
                Some(self.first_groups(&gather(self, again(), &Merge::AllBut(&told))?, top))
            }
            _ => None,
        };
        let total = if self.shape.totals { Some(gather(self, again(), &Merge::Everything)?) } else { None };
        // Most periods tell of the same teams as the one before.
        let mut known: Option<(Kept, Gathered)> = None;
        let mut rows = |slot: usize, strict: bool| -> Result<Vec<Vec<Row>>, DecodeError> {
            let base = self.framed.base.get(slot).copied().flatten();
            let of = |slot: usize| self.framed.all.get(slot).copied();
            let periods: Vec<Period> = of(slot).into_iter().chain(base.and_then(of)).collect();
            let mut told = teams.told(&periods, strict);
            told.retain(|group| first.as_ref().is_none_or(|first| first.contains(group)));
            let same = known.take().filter(|(of, _)| *of == told);
            let gathered = match same {
                Some((_, gathered)) => gathered,
                None => gather(self, again(), &Merge::AllBut(&told))?,
            };
            let (_, gathered) = known.insert((told, gathered));
            let of_kpi = |kpi| {
                let mut rows = Vec::new();
                let total = total.as_ref().map(|total| Evaluation::new(self, kpi, total, true));
                let groups = Evaluation::new(self, kpi, gathered, false).prepared(total);
                groups.rows(slot..slot + 1, &mut |row| rows.push(row.clone()));
                rows
            };
            Ok(self.kpis.iter().map(|kpi| of_kpi(kpi)).collect())
        };
        let mut by_kpi: Vec<Vec<Row>> = vec![Vec::new(); self.kpis.len()];
        for slot in 0..self.framed.rows {
            let mut made = rows(slot, false)?;
            if made.iter().flatten().any(|row| row.kind == RowKind::Rest) {
                // There are others, if only with what they did before: they must not be few.
                made = rows(slot, true)?;
            }
            by_kpi.iter_mut().zip(made).for_each(|(all, made)| all.extend(made));
        }
        let mut taker = (taking.begin)();
        by_kpi.iter().flatten().for_each(|row| (taking.take)(&mut taker, row));
        Ok(vec![taker])
    }
}

impl Period {
    /// Whether the period consists of whole calendar months.
    #[must_use]
    pub fn is_of_months(self) -> bool {
        month_of(self.start) == self.start && month_of(self.end) == self.end && self.start < self.end
    }

    /// The months that begin before its end, from the one on that holds its first day, by the day numbers of their first days.
    pub(super) fn months_within(self) -> impl Iterator<Item = i32> {
        let next = |month: &i32| Some(next_month(*month)).filter(|next| next > month);
        std::iter::successors(Some(month_of(self.start)), next).take_while(move |month| *month < self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::day_number;
    use proptest::prelude::*;

    fn day(text: &str) -> i32 {
        day_number(text.parse().unwrap())
    }

    fn period(from: &str, to: &str) -> Period {
        Period { start: day(from), end: day(to), whole: true }
    }

    const JANUARY: (&str, &str) = ("2026-01-01", "2026-02-01");

    /// Teams with so many agents in January: their own ones, numbered from zero.
    fn january(of: &[(&str, usize)]) -> Teams {
        let mut teams = Teams::default();
        for (team, agents) in of {
            for agent in 0..*agents {
                let name = Some(Arc::from(*team)).filter(|_| !team.is_empty());
                teams.note(day("2026-01-15"), name, Arc::from(format!("{team}{agent}")));
            }
        }
        teams
    }

    fn told(teams: &Teams, (from, to): (&str, &str), strict: bool) -> Vec<String> {
        let told = teams.told(&[period(from, to)], strict);
        let mut names: Vec<String> =
            told.iter().map(|group| group[0].as_deref().unwrap_or("nobody").to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn small_teams_are_one_group_that_is_large_enough() {
        let of = |teams: &[(&str, usize)]| told(&january(teams), JANUARY, false).join(" ");
        assert_eq!(of(&[("a", 5), ("b", 6)]), "a b nobody", "nothing is left out");
        assert_eq!(of(&[("a", 5), ("b", 6), ("c", 4)]), "b nobody", "c alone would be the total less a and b");
        assert_eq!(of(&[("a", 5), ("b", 6), ("c", 4), ("d", 1)]), "a b nobody", "c and d are five together");
        assert_eq!(of(&[("a", 5), ("b", 5), ("c", 1)]), "a nobody", "of teams alike the last by name joins");
        assert_eq!(of(&[("a", 7), ("c", 4)]), "nobody");
        assert_eq!(of(&[("a", 7), ("", 2)]), "", "two agents of no team are no less people");
        assert_eq!(of(&[("a", 7), ("b", 8), ("", 2)]), "b");
        assert_eq!(of(&[("a", 7), ("", 5)]), "a nobody");
        assert_eq!(of(&[]), "nobody");
    }

    #[test]
    fn what_others_did_before_is_no_single_team_either() {
        let teams = january(&[("a", 5), ("b", 6)]);
        assert_eq!(told(&teams, JANUARY, true), ["b", "nobody"], "figures of a team where nobody was active join a");
    }

    #[test]
    fn an_agent_of_two_small_teams_is_one() {
        let mut teams = january(&[("a", 8), ("b", 3)]);
        for agent in ["b0", "b1"] {
            teams.note(day("2026-01-20"), Some(Arc::from("c")), Arc::from(agent));
        }
        assert_eq!(told(&teams, JANUARY, false), ["nobody"], "b and c are three people");
    }

    #[test]
    fn a_longer_period_tells_of_the_teams_of_all_its_months() {
        let mut teams = january(&[("a", 5), ("b", 6)]);
        for agent in 0..6 {
            teams.note(day("2026-02-03"), Some(Arc::from("b")), Arc::from(format!("b{agent}")));
        }
        teams.note(day("2026-02-03"), Some(Arc::from("a")), Arc::from("a0"));
        assert_eq!(told(&teams, ("2026-01-01", "2026-03-01"), false), ["nobody"], "February tells of no team");
        assert!(
            !period("2026-01-01", "2026-02-15").is_of_months() && period("2026-01-01", "2026-03-01").is_of_months()
        );
    }

    proptest! {
        /// Whatever months are asked for together: nobody can add up and subtract what is told to a figure of fewer than five.
        #[test]
        fn no_difference_of_what_is_told_is_of_few(
            active in prop::collection::vec((0..3_usize, 0..6_usize, 0..30_usize), 0..120), strict: bool
        ) {
            const MONTHS: [&str; 4] = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"];
            let mut teams = Teams::default();
            for (month, team, agent) in &active {
                let name = (*team > 0).then(|| Arc::from(format!("t{team}")));
                teams.note(day(MONTHS[*month]) + 3, name, Arc::from(format!("a{agent}")));
            }
            let of = |team: &Team, month: usize| {
                teams.months.get(&day(MONTHS[month])).and_then(|month| month.get(team)).cloned().unwrap_or_default()
            };
            for (from, to) in [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)] {
                let asked = period(MONTHS[from], MONTHS[to]);
                let told = teams.told(&[asked], strict);
                for month in from..to {
                    let alone = teams.told(&[period(MONTHS[month], MONTHS[month + 1])], strict);
                    prop_assert!(told.is_subset(&alone), "what is told of a span follows from its months");
                    let named = told.iter().filter(|group| group[0].is_some());
                    for group in named.clone() {
                        prop_assert!(of(&group[0], month).len() >= FEWEST);
                    }
                    let others: BTreeSet<_> = (0..6_usize)
                        .map(|team| (team > 0).then(|| Arc::from(format!("t{team}"))))
                        .filter(|team| !told.contains(&Box::from([team.clone()]) as &Box<[Team]>))
                        .flat_map(|team| of(&team, month))
                        .collect();
                    prop_assert!(named.count() == 0 || others.len() >= FEWEST || (others.is_empty() && !strict));
                }
            }
        }
    }
}

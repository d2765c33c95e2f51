//! When an account becomes barred by limitation: the same terms by which acts are judged afterwards, asked ahead.

use chrono::NaiveDate;

use super::limitation_period::{Asked, last_days};
use super::mark::{Mark, short};
use super::situation::Situation;
use super::watch::{CaseWatch, placement};
use super::{Context, applies, cover};
use crate::domain::activity::Activity;
use crate::domain::detail::{Detail, ReversalKind};
use crate::domain::ids::RuleId;
use crate::domain::limitation::{Enforceable, Interruptions, RunsFrom, Until};
use crate::domain::time::Timestamp;
use crate::rules::model::Limits;
use crate::rules::ruleset::{ActiveRule, Jurisdiction};
use crate::rules::words::{Attribute, VersionBy};

impl CaseWatch {
    /// A payment may begin a limitation period anew, until all of it is taken back. What was refunded has been paid all the same.
    pub(super) fn remember_interruption(&mut self, activity: &Activity) {
        match &activity.detail {
            Detail::Payment(payment) => {
                if let Some(mark) = Mark::payment(activity, payment) {
                    self.remember_in().marks.push(mark);
                }
            }
            Detail::Reversal { reverses, amount, reason } if *reason != ReversalKind::Refund => {
                let reversed = short(reverses.as_str());
                self.remember_in().marks.retain_mut(|mark| mark.stays_without(reversed, amount.minor));
            }
            _ => {}
        }
    }

    /// What has happened so far that decides when the account becomes barred.
    #[must_use]
    pub fn interruptions(&self) -> Interruptions {
        let memory = self.memory();
        Interruptions { marks: memory.marks.len(), titled_on: memory.titled_on }
    }

    /// When the first of the claims that are asked about becomes barred, by what is known right after an instant. Of several
    /// rules the one decides whose period ends first; of interruptions those count that are proved. What holds a period without a
    /// recorded end holds it until the day on which it would have ended otherwise; from then on it cannot be told. Where it
    /// cannot, `missing` is what each rule lacks to tell it.
    #[must_use]
    pub fn enforceable(
        &self,
        ctx: &Context<'_>,
        at: Timestamp,
        claim: &dyn Fn(usize) -> bool,
        missing: &mut Vec<(RuleId, Attribute)>,
    ) -> Enforceable {
        let activity = placement(ctx.version, at);
        let situation = Situation::new(&Context { lead: true, ..*ctx }, self, &activity, false);
        let mut found = Found::new(ctx, at, claim, &situation);
        let complete = match situation.governing_law() {
            Some(law) => {
                situation.each_governing(law, &mut |one, possible| found.look_at(one, possible, &situation));
                found.looked
            }
            None => situation.each_jurisdiction(&mut |one, possible| found.look_at(one, possible, &situation)),
        };
        let lacks = std::mem::take(&mut found.lacks);
        let concluded = found.conclude(complete);
        if concluded.until == Until::Unknown {
            missing.extend(lacks.into_iter().map(|(active, attribute)| (active.rule.id.clone(), attribute)));
        }
        concluded
    }
}

/// What the rules have said so far.
struct Found<'a> {
    asked: Asked<'a>,
    /// The rule whose period ends first, of those that concern the account.
    first: Option<(NaiveDate, RunsFrom, &'a ActiveRule)>,
    /// The earliest end that is possible, as far as something is missing to tell.
    possible: Option<NaiveDate>,
    /// What is missing to tell, by rule.
    lacks: Vec<(&'a ActiveRule, Attribute)>,
    /// A rule sets a period without a figure.
    no_figure: bool,
    /// Some jurisdiction was looked at.
    looked: bool,
    look_again: Option<NaiveDate>,
}

impl<'a> Found<'a> {
    fn new(ctx: &Context<'_>, at: Timestamp, claim: &'a dyn Fn(usize) -> bool, situation: &Situation<'_>) -> Self {
        // What happened on the day is known by its end, and so is a letter that came on it.
        let date = situation.date().max(at.date(ctx.market.zone));
        let asked = Asked { date, before: Timestamp(i64::MAX), claim, new_action: false, over: false };
        let (first, possible, lacks, look_again) = (None, None, Vec::new(), None);
        let mut found = Self { asked, first, possible, lacks, no_figure: false, looked: false, look_again };
        found.note_changes(situation);
        found
    }

    /// Notes days to come on which what the case states begins to count.
    fn note_changes(&mut self, situation: &Situation<'_>) {
        let version = situation.version;
        let moves = situation.party.iter().flat_map(|party| &party.residences).filter_map(|one| one.from);
        let events = version.dates.limitation_events.iter().map(|event| event.on);
        let stated = [version.dates.last_payment, version.dates.last_acknowledgement];
        let titled = situation.watch.titled_on(version);
        // A letter that is on its way counts once it has come.
        let marks = situation.watch.memory().marks.iter().filter(|mark| mark.at > situation.at);
        let coming = marks.map(|mark| situation.date_in(mark.at, situation.home_zone()));
        let days = moves.chain(events).chain(stated.into_iter().flatten()).chain(titled).chain(coming);
        let today = self.asked.date;
        days.for_each(|day| self.look_again_on(day, today));
    }

    fn look_again_on(&mut self, day: NaiveDate, today: NaiveDate) {
        if day > today {
            self.look_again = Some(self.look_again.map_or(day, |other| other.min(day)));
        }
    }

    fn look_at(&mut self, jurisdiction: &'a Jurisdiction, possible: bool, situation: &Situation<'_>) {
        self.looked = true;
        for active in jurisdiction.limitations.iter().filter(|active| active.bars()) {
            let Limits::LimitationPeriod(limits) = &active.rule.limits else { continue };
            self.note_versions(active, situation);
            let covered = match active.cover.as_deref() {
                None | Some([]) => Some(None),
                Some(clauses) => cover::covers(clauses, situation),
            };
            let Some(covered) = covered else { continue };
            let Some(scoped) = applies::scope(active, situation) else { continue };
            let doubt = covered.or(scoped).or(possible.then(|| situation.lacking(jurisdiction)));
            let Some(term) = limits.term else {
                self.no_figure = true;
                self.lack(active, Attribute::Pack);
                continue;
            };
            let calendar = Situation::calendar(jurisdiction);
            let (mut first, mut earliest, mut lack) = (self.first, self.possible, None);
            let (today, mut changes) = (self.asked.date, None::<NaiveDate>);
            last_days((&active.rule, limits), &term, situation, calendar, &self.asked, &mut |ends| {
                let day = match ends {
                    Ok(ends) if doubt.is_none() && (!ends.held || today <= ends.proved) => {
                        let (day, by) = if ends.held {
                            changes = changes.into_iter().chain(ends.proved.succ_opt()).min();
                            (NaiveDate::MAX, ends.by)
                        } else {
                            (ends.proved, if ends.proved < ends.possible { RunsFrom::Unproved } else { ends.by })
                        };
                        if first.is_none_or(|(other, ..)| day < other) {
                            first = Some((day, by, active));
                        }
                        return;
                    }
                    Ok(ends) => {
                        lack = lack.or(doubt).or(Some(ends.lacks));
                        ends.proved
                    }
                    Err(attribute) => {
                        lack = Some(attribute);
                        NaiveDate::MIN
                    }
                };
                earliest = Some(earliest.map_or(day, |other| other.min(day)));
            });
            changes.into_iter().for_each(|day| self.look_again_on(day, today));
            (self.first, self.possible) = (first, earliest);
            if let Some(attribute) = lack {
                self.lack(active, attribute);
            }
        }
    }

    /// Notes once what a rule lacks to tell.
    fn lack(&mut self, active: &'a ActiveRule, attribute: Attribute) {
        if !self.lacks.iter().any(|(one, lacked)| one.rule.id == active.rule.id && *lacked == attribute) {
            self.lacks.push((active, attribute));
        }
    }

    /// Notes when another version of the rule, or of its pack's scope, takes force or ends.
    fn note_versions(&mut self, active: &ActiveRule, situation: &Situation<'_>) {
        let rule = &active.rule;
        let clauses = active.cover.as_deref().unwrap_or_default().iter();
        let dated = clauses.map(|clause| (clause.version_by, clause.valid_from, clause.valid_until));
        for (by, from, until) in dated.chain([(rule.version_by, rule.valid_from, rule.valid_until)]) {
            if matches!(by, VersionBy::ActivityOn | VersionBy::ActionFiledOn | VersionBy::AccruedOn) {
                let days = from.into_iter().chain(until.and_then(|last| last.succ_opt()));
                days.for_each(|day| self.look_again_on(day, situation.date()));
            }
        }
    }

    /// `complete`: every country concerned has a pack.
    fn conclude(self, complete: bool) -> Enforceable {
        let decided = self.first.filter(|(day, ..)| {
            // What has ended has ended, whatever else may have.
            *day < self.asked.date || complete && self.possible.is_none_or(|other| *day <= other)
        });
        let until = match decided {
            Some((NaiveDate::MAX, ..)) => Until::Held,
            Some((day, by, _)) => Until::Day(day, by),
            None if complete && self.first.is_none() && self.possible.is_none() && !self.no_figure => Until::NoTerm,
            None => Until::Unknown,
        };
        let rule = decided.map(|(.., active)| (active.rule.id.clone(), active.rule.jurisdiction.clone()));
        Enforceable { until, rule, look_again: self.look_again }
    }
}

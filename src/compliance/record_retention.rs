//! Records kept long enough. What is kept too long is an omission.

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use crate::domain::detail::Detail;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{RecordRetention, RetentionStart};
use crate::rules::words::Attribute;

/// The erasure touches records that the rule speaks of.
pub(crate) fn touches(limits: &RecordRetention, records: &[String]) -> bool {
    limits.records.is_empty() || records.is_empty() || records.iter().any(|one| limits.records.contains(one))
}

pub(crate) fn judge(limits: &RecordRetention, situation: &Situation<'_>, calendar: &Calendar) -> Option<Speaking> {
    let Detail::RecordsErased { records, newest } = &situation.activity.detail else { return None };
    if !touches(limits, records) {
        return None;
    }
    let Some(term) = &limits.keep_at_least else {
        return limits.erase_by.is_none().then(Speaking::no_figure);
    };
    let memory = situation.watch.memory();
    let zone = situation.home_zone();
    let on = |at: Option<Timestamp>| at.map(|at| situation.date_in(at, zone));
    let start = match limits.start {
        RetentionStart::Record => newest.ok_or(Attribute::RecordDate),
        RetentionStart::CaseClosed => match on(memory.closed_at) {
            Some(day) => Ok(day),
            None if situation.version.closed => Err(Attribute::RecordDate),
            None => return Some(broken(situation, "the case is open")),
        },
        RetentionStart::LastActivity => match on(situation.watch.collected()) {
            Some(day) => Ok(day),
            None if situation.version.history_complete_from.is_some() => Err(Attribute::History),
            // Nothing was ever done to collect: there is nothing to prove.
            None => return None,
        },
    };
    let start = match start {
        Ok(start) => start,
        Err(attribute) => return Some(Speaking::missing(attribute)),
    };
    let last = calendar.last_day(term, start, situation.subdivision());
    let days = |date: chrono::NaiveDate| date.signed_duration_since(start).num_days();
    // The day after the term's last is the first on which they may be erased.
    let least = days(last).saturating_add(1);
    let seen = |judgement: Speaking| judgement.seen(days(situation.date()), least, Unit::Days);
    if situation.date() > last {
        return Some(seen(Speaking::new(Answer::Kept)));
    }
    Some(seen(broken(situation, "erased too early")))
}

fn broken(situation: &Situation<'_>, word: &'static str) -> Speaking {
    let mut judgement = Speaking::new(Answer::Broken);
    judgement.note = Note::Word(word);
    judgement.evidence.push(situation.activity.id.clone());
    judgement
}

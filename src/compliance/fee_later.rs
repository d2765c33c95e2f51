//! Whether the time has come from which a fee may be higher.

use chrono::NaiveDate;

use super::notice_period::{Earlier, earlier_steps, term_start};
use super::situation::Situation;
use crate::rules::calendar::Calendar;
use crate::rules::model::{LaterFactor, Term};
use crate::rules::words::Attribute;

/// The terms since one of the steps have ended.
///
/// # Errors
/// The attribute that is missing to tell.
pub(crate) fn reached(later: &LaterFactor, situation: &Situation<'_>, calendar: &Calendar) -> Result<bool, Attribute> {
    let date = situation.date();
    let over = |term: &Option<Term>, start: Option<NaiveDate>, attribute| match (term, start) {
        (None, _) => Ok(true),
        (Some(term), Some(start)) => Ok(calendar.last_day(term, start, situation.subdivision()) < date),
        (Some(_), None) => Err(attribute),
    };
    let ended = |step: &Earlier| {
        let received = later.since_step.as_ref().and_then(|term| term_start(term, step));
        let since_step = over(&later.since_step, received, Attribute::Received);
        let since_deadline = over(&later.since_deadline, step.deadline, Attribute::Deadline);
        match (since_step, since_deadline) {
            // One term that still runs is enough, whatever is not known of the other.
            (Ok(false), _) | (_, Ok(false)) => Ok(false),
            (Ok(true), other) | (other, Ok(true)) => other,
            (unknown, _) => unknown,
        }
    };
    let mut open = situation.version.history_complete_from.is_some().then_some(Attribute::History);
    for step in earlier_steps(situation, &later.after) {
        match ended(&step) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(attribute) => open = Some(attribute),
        }
    }
    open.map_or(Ok(false), Err)
}

//! What must go before a report to a credit bureau, and how long the report may stand.

use chrono::NaiveDate;

use super::conditions;
use super::judgement::{Note, Speaking};
use super::notice_period::{Earlier, earlier_steps, form_fits, term_start};
use super::situation::Situation;
use crate::domain::detail::{CreditReportKind, Detail};
use crate::domain::money::{Currency, Money};
use crate::domain::party::Condition;
use crate::domain::time::{Timestamp, add_days};
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::Calendar;
use crate::rules::model::{CreditReporting, EraseFrom, Rule, Term, WaitFrom};
use crate::rules::step::Step;
use crate::rules::words::{Attribute, Set, Word};

pub(crate) fn judge(
    rule: &Rule,
    limits: &CreditReporting,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Speaking> {
    let Detail::CreditReport { report: CreditReportKind::Furnish, amount, disputed, .. } = &situation.activity.detail
    else {
        return None;
    };
    let mut found = vec![Speaking::new(Answer::Kept)];
    if limits.no_figure {
        found.push(Speaking::no_figure());
    }
    if limits.never {
        found.push(broken("may not be reported"));
    }
    let instead = happened(&limits.instead, situation).is_some();
    if !limits.block_if.is_empty() {
        let disputed = |condition| instead && condition == Condition::Disputed;
        let hit = conditions::any(limits.block_if, rule.from, situation);
        found.extend(hit.filter(|hit| !disputed(*hit)).map(|condition| broken(condition.name())));
    }
    if limits.mark_disputed && !disputed {
        let hit = conditions::any(Set::of(&[Condition::Disputed]), rule.from, situation);
        found.extend(hit.map(|_| broken("the dispute is not marked")));
    }
    found.extend(limits.min_debt.map(|least| large_enough(least, limits.currency, *amount, situation)));
    if let Some(most) = limits.max_reports {
        let standing = i64::try_from(situation.watch.memory().reports.len()).unwrap_or(i64::MAX).saturating_add(1);
        let answer = if standing > i64::from(most) { Answer::Broken } else { Answer::Kept };
        found.push(Speaking::new(answer).seen(standing, most.into(), Unit::Flag));
    }
    if !limits.requires.is_empty() {
        found.push(required(limits, situation, calendar));
    }
    if !instead {
        found.extend(limits.overdue.as_ref().map(|term| overdue(term, situation, calendar)));
        if !(limits.notices.is_empty() || limits.or_spoken && situation.watch.conversed().is_some()) {
            found.push(noticed(limits, situation, calendar));
        } else if limits.notices.is_empty() && limits.or_spoken && situation.watch.conversed().is_none() {
            found.push(broken("nobody was spoken to"));
        }
        if limits.notices.is_empty() && !limits.announced.is_empty() {
            found.push(announced(limits, NaiveDate::MIN, situation));
        }
    }
    if limits.erase_from != EraseFrom::Report
        && let Some(term) = &limits.erase
    {
        found.push(match stands(limits, term, situation, calendar) {
            Ok((_, last)) if situation.date() > last => {
                let over = situation.date().signed_duration_since(last).num_days();
                broken("too old").seen(over, 0, Unit::Days)
            }
            Ok(_) => Speaking::new(Answer::Kept),
            Err(attribute) => Speaking::missing(attribute),
        });
    }
    let rank = |one: &Speaking| match one.answer {
        Answer::Broken => 4,
        Answer::Unknown => 3,
        _ if one.no_figure => 2,
        _ => u8::from(one.limit.is_some()),
    };
    let later = allowed_later(limits, &found, situation, calendar);
    let mut worst = found.into_iter().reduce(|worst, one| if rank(&one) > rank(&worst) { one } else { worst })?;
    if worst.answer == Answer::Broken {
        worst.allowed_from = worst.allowed_from.and(later);
        worst.evidence.push(situation.activity.id.clone());
    }
    Some(worst)
}

/// The first instant at which nothing of what was found stands against the report; `None`: waiting alone does not do it, or
/// it cannot be told.
fn allowed_later(
    limits: &CreditReporting,
    found: &[Speaking],
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Option<Timestamp> {
    let against = || found.iter().filter(|one| matches!(one.answer, Answer::Broken | Answer::Unknown));
    if against().any(|one| one.allowed_from.is_none()) {
        return None;
    }
    let at = against().filter_map(|one| one.allowed_from).max()?;
    let on = situation.date_in(at, situation.home_zone());
    // What is old enough by then may be too old.
    let term = limits.erase.as_ref().filter(|_| limits.erase_from != EraseFrom::Report);
    let stands = term.is_none_or(|term| stands(limits, term, situation, calendar).is_ok_and(|(_, last)| on <= last));
    stands.then_some(at)
}

fn broken(word: &'static str) -> Speaking {
    Speaking { note: Note::Word(word), ..Speaking::new(Answer::Broken) }
}

/// What must have happened did not: unknown if it may have happened elsewhere.
fn absent(word: &'static str, situation: &Situation<'_>) -> Speaking {
    if situation.version.history_complete_from.is_some() {
        return Speaking::missing(Attribute::History);
    }
    broken(word)
}

fn large_enough(
    least: i64,
    currency: Option<Currency>,
    reported: Option<Money>,
    situation: &Situation<'_>,
) -> Speaking {
    let stated = reported.map_or(situation.version.currency, |money| money.currency);
    let amount = match reported {
        _ if currency != Some(stated) => return Speaking::missing(Attribute::Currency),
        Some(money) => money.minor,
        None if situation.version.claims.is_empty() => return Speaking::missing(Attribute::Principal),
        None => situation.watch.balance(),
    };
    let answer = if amount < least { Answer::Broken } else { Answer::Kept };
    Speaking::new(answer).seen(amount, least, Unit::MinorUnits)
}

/// The earliest day on which one of the steps happened, as activities or the case tell it.
fn happened(steps: &[Step], situation: &Situation<'_>) -> Option<NaiveDate> {
    let date = situation.date();
    // A title counts from its own day, not from when it was recorded.
    let others: Vec<Step> = steps.iter().filter(|step| **step != Step::Title).cloned().collect();
    let told: Vec<NaiveDate> = earlier_steps(situation, &others).map(|step| step.sent).collect();
    let stated = steps.iter().filter_map(|step| match step {
        Step::Title => situation.watch.titled_on(situation.version),
        Step::Acknowledgement => situation.version.dates.last_acknowledgement,
        Step::Condition(condition) => {
            let wanted = Set::of(&[*condition]);
            let stretches = conditions::stretches(wanted, crate::rules::words::BindFrom::Occurred, situation);
            stretches.map(|one| situation.date_in(one.from, situation.home_zone())).min()
        }
        _ => None,
    });
    told.into_iter().chain(stated).filter(|on| *on <= date).min()
}

fn required(limits: &CreditReporting, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    let Some(on) = happened(&limits.requires, situation) else {
        return absent("what it requires is missing", situation);
    };
    match &limits.requires_wait {
        Some(term) => waited(term, on, "too early", situation, calendar),
        None => Speaking::new(Answer::Kept),
    }
}

/// The term after `start` has passed.
fn waited(
    term: &Term,
    start: NaiveDate,
    word: &'static str,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Speaking {
    let last = calendar.last_day(term, start, situation.subdivision());
    let days = |date: NaiveDate| date.signed_duration_since(start).num_days();
    let early = situation.date() <= last;
    let judgement = if early { broken(word) } else { Speaking::new(Answer::Kept) };
    let mut judgement = judgement.seen(days(situation.date()), days(last).saturating_add(1), Unit::Days);
    if early {
        judgement.allowed_from = Some(Timestamp::start_of(add_days(last, 1), situation.home_zone()));
    }
    judgement
}

fn overdue(term: &Term, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    match situation.version.oldest_due() {
        Some(due) => waited(term, due, "not overdue long enough", situation, calendar),
        None => Speaking::missing(Attribute::DueDate),
    }
}

/// Enough notices went, far enough apart, long enough ago, and what had to be announced was. Those whose form is not recorded
/// may count or not: only what is so either way is a breach.
fn noticed(limits: &CreditReporting, situation: &Situation<'_>, calendar: &Calendar) -> Speaking {
    let mut open_form = false;
    let told = noticed_by(limits, situation, calendar, &mut |fits| {
        open_form |= fits.is_none();
        fits == Some(true)
    });
    if told.answer != Answer::Broken || !open_form {
        return told;
    }
    let all = noticed_by(limits, situation, calendar, &mut |fits| fits != Some(false));
    if all.answer == Answer::Broken { told } else { Speaking::missing(Attribute::NoticeForm) }
}

/// The same of notices that count by what is known of their form.
fn noticed_by(
    limits: &CreditReporting,
    situation: &Situation<'_>,
    calendar: &Calendar,
    counts: &mut dyn FnMut(Option<bool>) -> bool,
) -> Speaking {
    let date = situation.date();
    let due = situation.version.oldest_due();
    if limits.after_due && due.is_none() {
        return Speaking::missing(Attribute::DueDate);
    }
    let mut notices: Vec<Earlier> = earlier_steps(situation, &limits.notices)
        .filter(|one| one.sent <= date && (!limits.after_due || due.is_some_and(|due| one.sent >= due)))
        .filter(|one| counts(form_fits(limits.forms, one.form)))
        .collect();
    notices.sort_by_key(|one| one.sent);
    let enough = usize::try_from(limits.min_notices).unwrap_or(usize::MAX);
    let (Some(first), true) = (notices.first(), notices.len() >= enough) else {
        let seen = i64::try_from(notices.len()).unwrap_or(i64::MAX);
        return absent("notices are missing", situation).seen(seen, limits.min_notices.into(), Unit::Contacts);
    };
    let apart = |one: &&Earlier| {
        limits.spacing.as_ref().is_none_or(|term| {
            term_start(term, first)
                .is_some_and(|start| one.sent > calendar.last_day(term, start, situation.subdivision()))
        })
    };
    // The notice that makes the number full; later ones do not begin the wait anew.
    let Some(full) = notices.iter().skip(enough.saturating_sub(1)).find(apart) else {
        return broken("the notices are too close");
    };
    let latest = notices.last().map_or(full.sent, |one| one.sent);
    if let Some(term) = &limits.max_age
        && date > calendar.last_day(term, latest, situation.subdivision())
    {
        return broken("the last notice is too old");
    }
    let mut judgement = Speaking::new(Answer::Kept);
    if let Some(term) = &limits.wait {
        let from = if limits.wait_from == WaitFrom::First { first } else { full };
        let Some(start) = term_start(term, from) else { return Speaking::missing(Attribute::Received) };
        judgement = waited(term, start, "reported too early", situation, calendar);
        if judgement.answer == Answer::Broken {
            judgement.evidence.extend(from.id.clone());
        }
    }
    if !limits.announced.is_empty() {
        let announcement = announced(limits, first.sent, situation);
        if judgement.answer == Answer::Kept && announcement.answer != Answer::Kept {
            return announcement;
        }
        // It was not announced then either.
        judgement.allowed_from = judgement.allowed_from.filter(|_| announcement.answer == Answer::Kept);
    }
    // The last notice may be too old by then.
    let fresh = |at: &Timestamp| {
        let last = limits.max_age.as_ref().map(|term| calendar.last_day(term, latest, situation.subdivision()));
        last.is_none_or(|last| situation.date_in(*at, situation.home_zone()) <= last)
    };
    judgement.allowed_from = judgement.allowed_from.filter(fresh);
    judgement
}

/// The report was announced, no earlier than `since`.
fn announced(limits: &CreditReporting, since: NaiveDate, situation: &Situation<'_>) -> Speaking {
    let date = situation.date();
    if earlier_steps(situation, &limits.announced).any(|one| since <= one.sent && one.sent <= date) {
        return Speaking::new(Answer::Kept);
    }
    absent("it was not announced", situation)
}

/// The day from which it is counted how long the report may stand, and the last day on which it may.
pub(crate) fn stands(
    limits: &CreditReporting,
    term: &Term,
    situation: &Situation<'_>,
    calendar: &Calendar,
) -> Result<(NaiveDate, NaiveDate), Attribute> {
    let start = match limits.erase_from {
        EraseFrom::Report => Some(situation.date()),
        EraseFrom::Due => situation.version.oldest_due(),
        EraseFrom::Default => situation.version.dates.default_on,
        EraseFrom::Title => situation.watch.titled_on(situation.version),
    };
    let attribute = match limits.erase_from {
        EraseFrom::Due => Attribute::DueDate,
        EraseFrom::Title => Attribute::TitleDate,
        EraseFrom::Default | EraseFrom::Report => Attribute::DefaultDate,
    };
    let start = add_days(start.ok_or(attribute)?, limits.erase_delay_days.into());
    Ok((start, calendar.last_day(term, start, situation.subdivision())))
}

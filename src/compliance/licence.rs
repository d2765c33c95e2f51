//! The registration that collecting needs, against what the tenant declares.

use super::judgement::{Note, Speaking};
use super::situation::Situation;
use crate::domain::tenant::LicenceHeld;
use crate::domain::verdict::{Answer, Unit};
use crate::rules::calendar::add_months;
use crate::rules::model::{Licence, Rule};

pub(crate) fn judge(rule: &Rule, limits: &Licence, situation: &Situation<'_>) -> Speaking {
    let (facts, date) = (situation.rules.facts(), situation.date());
    if facts.complete {
        return Speaking::kept_on(true);
    }
    if facts.exempt(rule.id.as_str(), date) {
        let mut judgement = Speaking::new(Answer::Kept);
        judgement.note = Note::Word("exemption declared");
        return judgement;
    }
    let here = |held: &LicenceHeld| {
        limits.anywhere
            || held.jurisdiction == rule.jurisdiction.as_str()
            || limits.accepts.contains(&held.jurisdiction)
    };
    let named = |held: &LicenceHeld| here(held) && (limits.licence.is_none() || held.licence == limits.licence);
    let holds = |held: &LicenceHeld| named(held) && held.span.holds(date);
    let lasts = |held: &LicenceHeld| {
        let young = |years: u16| held.span.from.is_some_and(|from| date < add_months(from, u32::from(years) * 12));
        holds(held) && limits.longest_years.is_none_or(young)
    };
    if facts.licences.iter().any(lasts) {
        return Speaking::new(Answer::Kept);
    }
    // Each asks for more than the one before it: the first that nothing meets says what is wrong with what is declared.
    let why = if !facts.licences.iter().any(here) {
        "no licence is declared"
    } else if !facts.licences.iter().any(named) {
        "the licence declared is of another kind"
    } else if !facts.licences.iter().any(holds) {
        "the licence declared does not hold on this day"
    } else {
        "the licence declared is older than it may become"
    };
    let mut judgement = Speaking::new(Answer::Broken).seen(0, 1, Unit::Flag);
    judgement.note = Note::Word(why);
    if !situation.searching {
        judgement.evidence.push(situation.activity.id.clone());
    }
    judgement
}

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
    let serves = |held: &LicenceHeld| {
        let place = limits.anywhere
            || held.jurisdiction == rule.jurisdiction.as_str()
            || limits.accepts.contains(&held.jurisdiction);
        let named = limits.licence.is_none() || held.licence == limits.licence;
        let lasts = limits
            .longest_years
            .is_none_or(|years| held.span.from.is_some_and(|from| date < add_months(from, u32::from(years) * 12)));
        place && named && lasts && held.span.holds(date)
    };
    if facts.licences.iter().any(serves) {
        return Speaking::new(Answer::Kept);
    }
    let mut judgement = Speaking::new(Answer::Broken).seen(0, 1, Unit::Flag);
    judgement.note = Note::Word("no licence is declared");
    if !situation.searching {
        judgement.evidence.push(situation.activity.id.clone());
    }
    judgement
}

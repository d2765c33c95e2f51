//! What differs between two rule sets, and a set of those rules alone: a simulation judges what may come out otherwise.

use std::collections::HashSet;

use super::candidates::Candidates;
use super::model::{Limits, Rule};
use super::reach::Reach;
use super::ruleset::{ActiveRule, Jurisdiction, Map, RuleSet, judges_allocations, judges_placements};
use crate::domain::ids::RuleId;

impl RuleSet {
    /// The rule of that id is another one in the other set, or stands in one of them alone. Where it stands in its file
    /// does not matter.
    #[must_use]
    pub fn edited(&self, other: &Self, id: &RuleId) -> bool {
        match (self.by_id.get(id), other.by_id.get(id)) {
            (Some(own), Some(other)) => differ(own, other),
            (own, other) => own.is_some() != other.is_some(),
        }
    }

    /// Ids of the rules that may say something else of the same history under the other set. `None`: any of them may,
    /// because the sets differ in what all rules look at: the tenant's facts and templates, the jurisdictions, their zones.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<HashSet<RuleId>> {
        let same_ground = self.facts == other.facts
            && self.templates == other.templates
            && self.block_guidelines == other.block_guidelines
            && self.jurisdictions.len() == other.jurisdictions.len();
        if !same_ground {
            return None;
        }
        let mut found = HashSet::new();
        for (id, own) in &self.jurisdictions {
            let other = other.jurisdictions.get(id)?;
            if own.zones != other.zones || own.subdivision_zones != other.subdivision_zones || own.below != other.below
            {
                return None;
            }
            // Holidays and terms of every rule there are counted by its calendar.
            let whole = own.calendar != other.calendar;
            let differs = |active: &ActiveRule, there: &Jurisdiction| {
                let twin = there.rules.iter().find(|one| one.rule.id == active.rule.id);
                whole || twin.is_none_or(|twin| differ(active, twin) || active.cover != twin.cover)
            };
            found.extend(own.rules.iter().filter(|one| differs(one, other)).map(|one| one.rule.id.clone()));
            found.extend(other.rules.iter().filter(|one| differs(one, own)).map(|one| one.rule.id.clone()));
        }
        let all = self.rules.iter().chain(&other.rules);
        let lookers = all.filter(|one| looks_at(&one.rule.limits).iter().any(|id| found.contains(id)));
        let lookers: Vec<RuleId> = lookers.map(|one| one.rule.id.clone()).collect();
        found.extend(lookers);
        Some(found)
    }

    /// The same set with these rules and those that they look at. It judges them as the whole set does.
    #[must_use]
    pub fn only(&self, ids: &HashSet<RuleId>) -> Self {
        let asked = self.rules.iter().filter(|one| ids.contains(&one.rule.id));
        let looked_at: HashSet<&RuleId> = asked.flat_map(|one| looks_at(&one.rule.limits)).collect();
        let stays = |id: &RuleId| ids.contains(id) || looked_at.contains(id);
        let only = |whole: &Jurisdiction| {
            let rules: Vec<_> = whole.rules.iter().filter(|one| stays(&one.rule.id)).cloned().collect();
            let candidates = Candidates::of(&rules, self.block_guidelines);
            Jurisdiction { rules, candidates, ..whole.clone() }
        };
        let jurisdictions: Map<Jurisdiction> =
            self.jurisdictions.iter().map(|(id, whole)| (id.clone(), only(whole))).collect();
        Self {
            reach: Reach::of(jurisdictions.values()),
            placements: judges_placements(&jurisdictions),
            allocations: judges_allocations(&jurisdictions),
            jurisdictions,
            ..self.clone()
        }
    }
}

/// The rules whose answer a rule rests on: whether a claim has expired. They look at none themselves.
fn looks_at(limits: &Limits) -> &[RuleId] {
    match limits {
        Limits::ContactBlock(limits) => &limits.if_expired,
        Limits::Content(limits) => &limits.if_expired,
        Limits::RequiredNotice(limits) => &limits.if_expired,
        _ => &[],
    }
}

fn differ(own: &ActiveRule, other: &ActiveRule) -> bool {
    let moved = Rule {
        position: own.rule.position.clone(),
        limits_position: own.rule.limits_position.clone(),
        ..Rule::clone(&other.rule)
    };
    *own.rule != moved || (own.judged, own.blocks) != (other.judged, other.blocks)
}

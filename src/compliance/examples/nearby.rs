//! The packs that stories have to do with: a change of one rule is proved among them, in place of those of all countries.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::story::Story;
use crate::rules::Packs;

/// The packs of every country that one of the stories may name, and those that countries share. Where a story cannot be looked
/// through, all of them.
pub(super) fn packs<'s>(all: &Packs, stories: impl IntoIterator<Item = &'s Story<'s>>) -> Packs {
    let mut countries = BTreeSet::new();
    if stories.into_iter().all(|story| note_countries(story, &mut countries).is_ok()) {
        all.of_countries(&countries)
    } else {
        all.clone()
    }
}

/// Law is looked for where a party lives, where the market is, and where a claim has its law: whatever of a story may be the id of
/// a place is taken for one.
fn note_countries(story: &Story<'_>, countries: &mut BTreeSet<String>) -> Result<(), serde_json::Error> {
    note(&Value::from(story.market.region.as_str()), countries);
    for version in story.cases.iter().flat_map(super::story::Told::versions) {
        note_all(version, countries)?;
    }
    for activity in story.activities.iter().chain(&story.candidate) {
        note_all(activity, countries)?;
    }
    Ok(())
}

fn note_all(told: &impl Serialize, countries: &mut BTreeSet<String>) -> Result<(), serde_json::Error> {
    note(&serde_json::to_value(told)?, countries);
    Ok(())
}

fn note(value: &Value, countries: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let country = text.split('-').next().unwrap_or_default();
            if country.len() == 2 {
                countries.insert(country.to_ascii_lowercase());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| note(item, countries)),
        Value::Object(fields) => fields.values().for_each(|field| note(field, countries)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RuleSets, followed};
    use super::*;
    use crate::rules::tests::shipped;

    #[test]
    fn a_story_goes_among_the_packs_nearby_as_among_all() {
        let all = shipped();
        let (mut whole, mut tried, mut smaller) = (RuleSets::default(), 0, 0);
        for pack in all.iter() {
            let stories: Vec<Story<'_>> = pack.examples.iter().filter_map(|one| Story::tell(&all, one).ok()).collect();
            let nearby = packs(&all, &stories);
            smaller += usize::from(nearby.iter().count() * 4 < all.iter().count());
            let mut few = RuleSets::default();
            for story in &stories {
                let told = |rules| {
                    let mut told = Vec::new();
                    let held = followed(story, rules, &mut |one| match one {
                        super::super::Told::Fact { watch, context, activity, .. } => {
                            let said = watch.check(context, activity);
                            let speaking = said.speaking.iter().map(|one| {
                                let rule = &context.rules.numbered(one.rule).unwrap().rule.id;
                                format!("{rule} {} {:?} {:?} {:?}", one.answer, one.observed, one.limit, one.remaining)
                            });
                            told.push(format!("{:?} {:?}", said.verdict, said.next_allowed));
                            told.extend(speaking);
                        }
                        super::super::Told::Finding(finding, _) => told.push(format!("{finding:?}")),
                    });
                    (held, told)
                };
                assert_eq!(
                    told(few.of(&nearby, story.example)),
                    told(whole.of(&all, story.example)),
                    "{}",
                    story.example.name
                );
                tried += 1;
            }
        }
        assert!(tried > 2_000 && smaller > 40, "{tried} stories, {smaller} packs");
    }
}

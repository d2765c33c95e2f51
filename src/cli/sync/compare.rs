//! Two sides compared from the whole down to the record: what agrees as a whole is not looked at further.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::CliError;
use super::side::Side;
use crate::domain::digest::Tally;
use crate::domain::feed::SyncEntity;
use crate::domain::time::date_of_day;

/// Records of one day that are named one by one; the rest are counted.
const NAMED: usize = 20;
/// Records that are named in all. Where more differ the days are told, and their records are not asked for.
const NAMED_IN_ALL: usize = 200;

/// What differs, as lines.
///
/// # Errors
/// A side does not answer.
pub(super) async fn differences(a: &Side, b: &Side, entities: &[SyncEntity]) -> Result<Vec<String>, CliError> {
    let (all_a, all_b) = (a.status().await?, b.status().await?);
    let (mut lines, mut named) = (Vec::new(), 0);
    for entity in entities {
        let nothing = Tally::default();
        let of = |tallies: &BTreeMap<SyncEntity, Tally>| tallies.get(entity).unwrap_or(&nothing).clone();
        let (one, two) = (of(&all_a.tallies), of(&all_b.tallies));
        if one == two {
            continue;
        }
        lines.push(format!(
            "{entity}: {} at revision {}, {} at revision {}",
            told(&one),
            all_a.revision,
            told(&two),
            all_b.revision
        ));
        let (days_a, days_b) = (a.days(*entity).await?, b.days(*entity).await?);
        let days: BTreeSet<i32> = days_a.keys().chain(days_b.keys()).copied().collect();
        for day in days.into_iter().filter(|day| days_a.get(day) != days_b.get(day)) {
            if named >= NAMED_IN_ALL {
                let count = |days: &BTreeMap<i32, Tally>| days.get(&day).map_or(0, |tally| tally.count);
                let (one, two, date) = (count(&days_a), count(&days_b), date_of_day(day));
                lines.push(format!("  {date} {entity}: {one} and {two} records, not looked at one by one"));
                continue;
            }
            let found = of_day(a, b, *entity, day).await?;
            named += found.len();
            if found.is_empty() {
                // Records were changed past the service, whose tallies know nothing of it.
                lines.push(format!(
                    "  {} {entity}: the records are the same, the tallies are not: fairdue sync reset has a server count anew",
                    date_of_day(day)
                ));
            }
            lines.extend(found);
        }
    }
    Ok(lines)
}

fn told(tally: &Tally) -> String {
    let sums: Vec<String> = tally.sums.iter().map(|(currency, sum)| format!("{sum} {currency} (minor)")).collect();
    let sums = if sums.is_empty() { String::new() } else { format!(", {}", sums.join(", ")) };
    format!("{} records{sums}", tally.count)
}

async fn of_day(a: &Side, b: &Side, entity: SyncEntity, day: i32) -> Result<Vec<String>, CliError> {
    let (one, two) = (a.leaves(entity, day).await?, b.leaves(entity, day).await?);
    let ids: BTreeSet<&(String, String)> = one.keys().chain(two.keys()).collect();
    let mut found = Vec::new();
    for id in ids {
        let what = match (one.get(id), two.get(id)) {
            (Some(_), None) => "only in the first",
            (None, Some(_)) => "only in the second",
            (Some(a), Some(b)) if a != b => "differs",
            _ => continue,
        };
        let name = if id.1.is_empty() { id.0.clone() } else { format!("{} version {}", id.0, id.1) };
        found.push(format!("  {} {entity} {name}: {what}", date_of_day(day)));
    }
    let left = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if left > 0 {
        found.push(format!("  {} {entity}: {left} more", date_of_day(day)));
    }
    Ok(found)
}

//! Whether packs say what their worked examples promise, without a look at what no example would notice: before a server takes
//! them.

use std::collections::HashSet;

use super::story::Story;
use super::{RuleSets, failed, outcome};
use crate::domain::diagnostic::Diagnostic;
use crate::rules::Packs;
use crate::rules::pack::Pack;

/// Every worked example that gives something else than it promises, until `stopped` says that nobody wants to know any more.
pub fn failing(packs: &Packs, stopped: &dyn Fn() -> bool) -> Vec<Diagnostic> {
    failing_of(packs, &|_| true, stopped)
}

/// The same of packs that are to take the place of others: of those that changed, or rest on one that did.
pub fn failing_anew(packs: &Packs, former: &Packs) -> Vec<Diagnostic> {
    let same = |pack: &Pack| former.get(pack.id.as_str()).is_some_and(|one| one.digest == pack.digest);
    let changed: HashSet<&str> = packs.iter().filter(|pack| !same(pack)).map(|pack| pack.id.as_str()).collect();
    let rests = |pack: &Pack| {
        let id = pack.id.as_str();
        let above = id.match_indices('-').filter_map(|(end, _)| id.get(..end));
        let mut on = above.chain([id]).chain(pack.includes.iter().map(|one| one.as_str()));
        on.any(|one| changed.contains(one))
    };
    failing_of(packs, &rests, &|| false)
}

fn failing_of(packs: &Packs, wanted: &dyn Fn(&Pack) -> bool, stopped: &dyn Fn() -> bool) -> Vec<Diagnostic> {
    let mut sets = RuleSets::default();
    let examples = packs.iter().filter(|pack| wanted(pack)).flat_map(|pack| &pack.examples);
    examples
        .take_while(|_| !stopped())
        .filter_map(|example| {
            let story = Story::tell(packs, example);
            let wrong = story.and_then(|story| outcome(&story, sets.of(packs, example))).err()?;
            Some(failed(example, &wrong))
        })
        .collect()
}

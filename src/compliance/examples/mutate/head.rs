//! The changes of numbers in a rule's head, and in the rows of a pack's scope: each moved by one unit.

use super::{moved_i64, moved_u16};
use crate::rules::model::{Rule, Scope};

/// Every change of a rule's head.
pub fn changes(rule: &Rule) -> Vec<super::Change> {
    let changed = |(name, scope)| (name, Some(Rule { scope, ..rule.clone() }));
    moved(&rule.scope).into_iter().map(changed).collect()
}

/// Every scope with one number moved, and which one it is.
pub fn moved(scope: &Scope) -> Vec<(String, Scope)> {
    let mut out = Vec::new();
    for (step, way) in [(-1, "less"), (1, "more")] {
        let mut with = |name: &str, edit: &dyn Fn(&mut Scope) -> bool| {
            let mut changed = *scope;
            if edit(&mut changed) {
                out.push((format!("its {name} is one unit {way}"), changed));
            }
        };
        with("past_due_min", &|scope| scope.past_due_min.as_mut().is_some_and(|days| moved_u16(days, step)));
        with("past_due_max", &|scope| scope.past_due_max.as_mut().is_some_and(|days| moved_u16(days, step)));
        with("min_principal", &|scope| scope.min_principal.as_mut().is_some_and(|(least, _)| moved_i64(least, step)));
        with("max_principal", &|scope| scope.max_principal.as_mut().is_some_and(|(most, _)| moved_i64(most, step)));
    }
    out
}

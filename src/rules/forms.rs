//! What a writer of answers keeps of each rule. Answers are made by the ten thousand a second and name dozens of rules each,
//! in words that are the same every time.

use std::sync::OnceLock;

use super::numbers::RuleNumber;
use super::ruleset::RuleSet;

/// Bytes kept of each rule, in the order of their numbers; none until somebody asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Forms(OnceLock<Kept>);

#[derive(Debug, Clone, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Where each rule's bytes end.
    ends: Vec<usize>,
}

impl RuleSet {
    /// What `make` writes of a rule, called once for each rule of the set: every caller asks for the same. Nothing for the
    /// number of another set.
    pub fn form(&self, number: RuleNumber, make: impl Fn(&Self, RuleNumber, &mut Vec<u8>)) -> &[u8] {
        let kept = self.forms.0.get_or_init(|| {
            let mut kept = Kept::default();
            for active in &self.rules {
                make(self, active.number, &mut kept.bytes);
                kept.ends.push(kept.bytes.len());
            }
            kept
        });
        let place = number.place();
        let begin = place.checked_sub(1).map_or(Some(0), |before| kept.ends.get(before).copied());
        let end = kept.ends.get(place).copied();
        begin.zip(end).and_then(|(begin, end)| kept.bytes.get(begin..end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnostic::SourceFile;
    use crate::rules::Packs;

    #[test]
    fn each_rule_has_its_own_bytes() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let packs = Packs::compile(&[
            file("it/rules.toml", include_str!("../../benches/twelve_rules.toml")),
            file("it/cases.toml", include_str!("../../benches/twelve_rules.cases.toml")),
        ]);
        let rules = RuleSet::for_tenant(&packs.unwrap(), None).unwrap();
        let make = |rules: &RuleSet, number, out: &mut Vec<u8>| {
            out.extend(rules.numbered(number).unwrap().rule.id.as_str().bytes());
        };
        assert_eq!(rules.rules().len(), 12);
        for active in rules.rules() {
            assert_eq!(rules.form(active.number, make), active.rule.id.as_str().as_bytes());
        }
        assert!(rules.form(RuleNumber::new(u32::MAX), make).is_empty());
    }
}

//! A tenant's own rules: it may add rules and tighten the law's, never loosen them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::compile::Packs;
use super::facts::{self, Known};
use super::model::{Limits, Rule};
use super::pack::Pack;
use super::parse_rule::{self, Defaults, FeeTables};
use super::reader::{Reader, Reading};
use super::spelling::nearest;
use super::words::Status;
use super::{held_words, parse_conduct, sound, tighten};
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::tenant::TenantFacts;
use crate::domain::verdict::Source;

/// The table `[rules]` of a tenant's file.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// Codes that the tenant has signed.
    pub memberships: Vec<String>,
    /// A regulator's expectations block instead of advising.
    pub block_guidelines: bool,
    /// Rules of its own.
    pub added: Vec<Arc<Rule>>,
    /// Rules of the packs with tightened limits, and whether their breach blocks.
    pub tightened: BTreeMap<String, (Arc<Rule>, bool)>,
    /// What the tenant's templates hold, by their ids.
    pub templates: HashMap<Box<str>, Arc<[Box<str>]>>,
    /// What the tenant declares of itself, the codes that it has signed included.
    pub facts: TenantFacts,
    /// Digest of the tables that are read here: whatever else the file says changes nothing that is derived.
    pub digest: String,
}

impl Overlay {
    /// The rule as the tenant has it, and whether its breach blocks.
    #[must_use]
    pub fn tightened(&self, rule: &Arc<Rule>) -> (Arc<Rule>, bool) {
        self.tightened.get(rule.id.as_str()).map_or_else(|| (Arc::clone(rule), false), Clone::clone)
    }

    /// The rule is judged for this tenant.
    #[must_use]
    pub fn speaks(&self, rule: &Rule) -> bool {
        rule.status != Status::Proposed
            && (rule.source != Source::Code
                || rule.membership.as_ref().is_some_and(|code| {
                    self.memberships.contains(code) || self.facts.memberships.iter().any(|one| one.code == *code)
                }))
    }
}

/// Reads `[rules]` of a tenant's file; the file's other tables belong to others.
///
/// # Errors
/// Every diagnostic found.
pub fn read(packs: &Packs, file: &SourceFile) -> Result<Overlay, Diagnostics> {
    let reading = Reading::new(file);
    let parsed = reading.parse();
    let mut overlay = Overlay { digest: digest(parsed.get_ref()), ..Overlay::default() };
    let mut twice = Vec::new();
    let mut root = Reader::new(&reading, parsed.get_ref(), 0..0, "file");
    if let Some(mut table) = root.table("facts") {
        overlay.facts = declared(packs, &licences_asked(packs, parsed.get_ref()), &mut table);
        table.finish();
    }
    if let Some(mut table) = root.table("rules") {
        overlay.memberships = table.texts("memberships");
        for membership in &overlay.memberships {
            let known =
                packs.iter().flat_map(|pack| &pack.rules).any(|rule| rule.membership.as_ref() == Some(membership));
            if !known {
                let message = format!("no pack knows the membership \"{membership}\"");
                table.wrong("memberships", &message, "write it as the packs do, or remove it");
            }
        }
        overlay.block_guidelines = table.boolean("block_guidelines").unwrap_or(false);
        // A rule that cannot be read may ask for any word.
        let mut whole = true;
        for mut reader in table.tables("add") {
            // Without a pack nothing else can be read, and no key is known or unknown.
            let Some(pack) = placed(packs, &mut reader) else {
                whole = false;
                continue;
            };
            if let Some(rule) = add(packs, pack, &mut reader) {
                if let Some(first) = overlay.added.iter().find(|one| one.id == rule.id) {
                    // A finding is known by its rule: two rules would have one finding between them.
                    let message = format!("rule {} stands here already, in {}", rule.id, first.position);
                    twice.push(rule.position.wrong(message, "give each rule an id of its own"));
                }
                overlay.added.push(Arc::new(rule));
            } else {
                whole = false;
            }
            reader.finish();
        }
        for mut reader in table.tables("tighten") {
            if let Some((rule, blocks)) = tighten::entry(packs, &mut reader) {
                let position = rule.limits_position.clone();
                let before = overlay.tightened.insert(rule.id.as_str().to_owned(), (Arc::new(rule), blocks));
                if let Some((first, _)) = before {
                    // The second entry was compared with the law, and would undo the first.
                    let message = format!("rule {} is tightened twice, first in {}", first.id, first.limits_position);
                    twice.push(position.wrong(message, "write one entry with all that is to be stricter"));
                }
            } else {
                whole = false;
            }
            reader.finish();
        }
        let asked = whole.then(|| Asked::of(packs, &overlay));
        for mut reader in table.tables("template") {
            template(&mut reader, &mut overlay, asked.as_ref());
            reader.finish();
        }
        table.finish();
    }
    overlay.facts = std::mem::take(&mut overlay.facts).member_of(&overlay.memberships);
    let mut found = reading.finish();
    found.append(&mut twice);
    if found.is_empty() && !(overlay.added.is_empty() && overlay.tightened.is_empty()) {
        let changed = overlay.tightened.values().map(|(rule, _)| &**rule);
        sound::check_tenant(packs, &|rule| overlay.tightened(rule).0, &overlay.added, changed, &mut found);
    }
    Diagnostics(found).into_result(overlay)
}

/// A hash over what `[rules]` and `[facts]` say. Layout and comments are not said, nor what stands elsewhere in the file:
/// partners, sinks and targets are edited often, and every market is derived anew when this changes.
fn digest(file: &DeTable<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    for name in ["rules", "facts"] {
        if let Some((_, value)) = file.iter().find(|(key, _)| key.get_ref() == name) {
            hash(&mut hasher, name);
            said(&mut hasher, value.get_ref());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// A text so that none runs into the next one.
fn hash(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn said(hasher: &mut blake3::Hasher, value: &DeValue<'_>) {
    match value {
        DeValue::String(text) => {
            hasher.update(b"s");
            hash(hasher, text);
        }
        DeValue::Integer(number) => {
            hasher.update(b"i");
            hash(hasher, &format!("{} {}", number.radix(), number.as_str()));
        }
        DeValue::Float(number) => {
            hasher.update(b"f");
            hash(hasher, number.as_str());
        }
        DeValue::Boolean(flag) => {
            hasher.update(if *flag { b"t" } else { b"n" });
        }
        DeValue::Datetime(instant) => {
            hasher.update(b"d");
            hash(hasher, &instant.to_string());
        }
        DeValue::Array(list) => {
            hasher.update(b"[");
            hasher.update(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|one| said(hasher, one.get_ref()));
        }
        DeValue::Table(table) => {
            hasher.update(b"{");
            hasher.update(&(table.len() as u64).to_le_bytes());
            // In the order of the names, whatever the order of the lines.
            let mut entries: Vec<_> = table.iter().map(|(key, value)| (key.get_ref(), value)).collect();
            entries.sort_unstable_by(|one, other| one.0.cmp(other.0));
            for (key, value) in entries {
                hash(hasher, key);
                said(hasher, value.get_ref());
            }
        }
    }
}

/// The words that rules ask contacts for, those of the tenant among them.
struct Asked {
    words: BTreeSet<Box<str>>,
    /// Some rule bans what it does not name: any word says something to it.
    any: bool,
}

impl Asked {
    fn of(packs: &Packs, overlay: &Overlay) -> Self {
        let own = overlay.added.iter().chain(overlay.tightened.values().map(|(rule, _)| rule));
        let mut asked = Self { words: BTreeSet::new(), any: false };
        for rule in packs.iter().flat_map(|pack| &pack.rules).chain(own) {
            asked.words.extend(held_words::asked(&rule.limits).map(Into::into));
            asked.any |= held_words::bans_others(&rule.limits);
        }
        asked
    }

    /// Refuses a word that no rule asks for: what was meant would be judged as not held. Where a rule bans all that it does not
    /// name, only a word is refused that is written nearly as one that is asked for.
    fn check(&self, reader: &mut Reader<'_, '_>, word: &str) {
        if self.words.contains(word) {
            return;
        }
        let known: Vec<&str> = self.words.iter().map(AsRef::as_ref).collect();
        let meant = nearest(word, &known);
        if self.any && meant.is_empty() {
            return;
        }
        let message = format!("no rule of a pack or of yours asks for the word \"{word}\"{meant}");
        reader.wrong("holds", &message, "write it as the packs do, or remove it");
    }
}

/// What a template of the tenant holds, so that its contacts need not state it one by one.
fn template(reader: &mut Reader<'_, '_>, overlay: &mut Overlay, asked: Option<&Asked>) {
    let id = reader.need_text("id");
    if !reader.has("holds") {
        reader.missing("holds", "[\"creditor_name\", ...], the words that it holds");
    }
    let holds: Vec<Box<str>> = parse_conduct::words(reader, "holds").iter().map(Into::into).collect();
    if holds.iter().any(|word| word.contains('|')) {
        reader.wrong("holds", "a template holds a word or not", "write each word by itself");
    } else if let Some(asked) = asked {
        for word in &holds {
            asked.check(reader, word);
        }
    }
    let Some(id) = id else { return };
    if overlay.templates.insert(id.into(), holds.into()).is_some() {
        reader.wrong("id", "two templates have this id", "state each template once");
    }
}

/// The kinds of licence that rules ask for, the tenant's own among them.
fn licences_asked<'a>(packs: &'a Packs, file: &'a DeTable<'_>) -> Vec<&'a str> {
    let asked = packs.iter().flat_map(|pack| &pack.rules).filter_map(|rule| match &rule.limits {
        Limits::Licence(limits) => limits.licence.as_deref(),
        _ => None,
    });
    let rules = file.iter().find(|(key, _)| key.get_ref() == "rules").map(|(_, value)| value.get_ref());
    let added =
        rules.and_then(|rules| rules.get("add")?.get_ref().as_array()).into_iter().flat_map(|added| added.iter());
    let own = added.filter_map(|rule| rule.get_ref().get("licence")?.get_ref().get("licence")?.get_ref().as_str());
    let mut asked: Vec<&str> = asked.chain(own).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Reads what a tenant declares of itself.
fn declared(packs: &Packs, licences: &[&str], table: &mut Reader<'_, '_>) -> TenantFacts {
    let rules = || packs.iter().flat_map(|pack| &pack.rules);
    let known = Known {
        jurisdiction: &|id| packs.get(id).is_some(),
        rule: &|id| rules().find(|rule| rule.id.as_str() == id).map(|rule| rule.limits.kind()),
        code: &|code| rules().any(|rule| rule.membership.as_deref() == Some(code)),
        licences: Some(licences),
    };
    facts::facts(table, &known)
}

/// The pack beside whose rules one of the tenant's own stands.
fn placed<'p>(packs: &'p Packs, reader: &mut Reader<'_, '_>) -> Option<&'p Pack> {
    let text = reader.need_text("jurisdiction")?;
    let Some(pack) = packs.get(&text) else {
        reader.wrong("jurisdiction", &format!("there is no pack \"{text}\""), "name a jurisdiction that has a pack");
        return None;
    };
    if pack.shared {
        reader.wrong(
            "jurisdiction",
            &format!("\"{text}\" has no residents of its own"),
            "name a country or what lies below one",
        );
    }
    Some(pack)
}

fn add(packs: &Packs, pack: &Pack, reader: &mut Reader<'_, '_>) -> Option<Rule> {
    let jurisdiction = pack.id.clone();
    let tables = FeeTables::new();
    let defaults = Defaults {
        jurisdiction: &jurisdiction,
        currency: pack.currency,
        highest_vat: pack.highest_vat,
        misread: false,
        tables: &tables,
        rates: packs.rates(),
        tenant: true,
    };
    parse_rule::rule(reader, &defaults)
}

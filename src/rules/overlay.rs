//! A tenant's own rules: it may add rules and tighten the law's, never loosen them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::compile::Packs;
use super::facts::{self, Known};
use super::model::{ContactHours, FeeCap, Limits, OpenSpan, Rule, Term, Tier, TierValue, Window};
use super::parse_limits::weekdays;
use super::parse_rule::{self, Defaults, FeeTables};
use super::reader::{Reader, Reading};
use super::words::Status;
use super::{parse_conduct, parse_fee, sound};
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::ids::JurisdictionId;
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
    /// Digest of the file.
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
    let mut overlay = Overlay { digest: blake3::hash(file.text.as_bytes()).to_hex().to_string(), ..Overlay::default() };
    let mut root = Reader::new(&reading, parsed.get_ref(), 0..0, "file");
    if let Some(mut table) = root.table("facts") {
        overlay.facts = declared(packs, &mut table);
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
        for mut reader in table.tables("add") {
            overlay.added.extend(add(packs, &mut reader).map(Arc::new));
            reader.finish();
        }
        for mut reader in table.tables("tighten") {
            if let Some((rule, blocks)) = tighten(packs, &mut reader) {
                overlay.tightened.insert(rule.id.as_str().to_owned(), (Arc::new(rule), blocks));
            }
            reader.finish();
        }
        for mut reader in table.tables("template") {
            template(&mut reader, &mut overlay);
            reader.finish();
        }
        table.finish();
    }
    overlay.facts = std::mem::take(&mut overlay.facts).member_of(&overlay.memberships);
    let mut found = reading.finish();
    if found.is_empty() && !(overlay.added.is_empty() && overlay.tightened.is_empty()) {
        sound::check_tenant(packs, &|rule| overlay.tightened(rule).0, &overlay.added, &mut found);
    }
    Diagnostics(found).into_result(overlay)
}

/// What a template of the tenant holds, so that its contacts need not state it one by one.
fn template(reader: &mut Reader<'_, '_>, overlay: &mut Overlay) {
    let id = reader.need_text("id");
    if !reader.has("holds") {
        reader.missing("holds", "[\"creditor_name\", ...], the words that it holds");
    }
    let holds: Vec<Box<str>> = parse_conduct::words(reader, "holds").iter().map(Into::into).collect();
    if holds.iter().any(|word| word.contains('|')) {
        reader.wrong("holds", "a template holds a word or not", "write each word by itself");
    }
    let Some(id) = id else { return };
    if overlay.templates.insert(id.into(), holds.into()).is_some() {
        reader.wrong("id", "two templates have this id", "state each template once");
    }
}

/// Reads what a tenant declares of itself.
pub fn declared(packs: &Packs, table: &mut Reader<'_, '_>) -> TenantFacts {
    let rules = || packs.iter().flat_map(|pack| &pack.rules);
    let known = Known {
        jurisdiction: &|id| packs.get(id).is_some(),
        rule: &|id| rules().any(|rule| rule.id.as_str() == id),
        code: &|code| rules().any(|rule| rule.membership.as_deref() == Some(code)),
    };
    facts::facts(table, &known)
}

fn add(packs: &Packs, reader: &mut Reader<'_, '_>) -> Option<Rule> {
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
    let jurisdiction = JurisdictionId::trusted(&text);
    let tables = FeeTables::new();
    let defaults = Defaults {
        jurisdiction: &jurisdiction,
        currency: pack.currency,
        tables: &tables,
        rates: packs.rates(),
        tenant: true,
    };
    parse_rule::rule(reader, &defaults)
}

fn tighten(packs: &Packs, reader: &mut Reader<'_, '_>) -> Option<(Rule, bool)> {
    let id = reader.need_text("rule")?;
    let Some(law) = packs.iter().flat_map(|pack| &pack.rules).find(|rule| rule.id.as_str() == id) else {
        reader.wrong("rule", &format!("no pack has the rule \"{id}\""), "write the id as ListRules shows it");
        for key in ["block", "max", "window_days", "wait_days", "wait_hours", "term", "open", "maximum"] {
            // Known keys of some kind: only the rule's name is wrong.
            let _ = reader.has(key);
        }
        return None;
    };
    let blocks = reader.boolean("block").unwrap_or(false);
    let mut rule = Rule::clone(law);
    let mut change = Change { reader, law, touched: blocks };
    match &mut rule.limits {
        Limits::ContactFrequency(limits) => {
            limits.max = change
                .at_most("max", limits.max.map(i64::from), 100_000)
                .and_then(|n| u32::try_from(n).ok())
                .or(limits.max);
            if let Window::CalendarDays(days) = limits.window
                && let Some(wider) = change.at_least("window_days", Some(days.into()), 3660)
            {
                limits.window = Window::CalendarDays(u16::try_from(wider).unwrap_or(days));
            }
        }
        Limits::ContactCooldown(limits) => match limits.wait {
            Some(Window::CalendarDays(days)) => {
                if let Some(longer) = change.at_least("wait_days", Some(days.into()), 3660) {
                    limits.wait = Some(Window::CalendarDays(u16::try_from(longer).unwrap_or(days)));
                }
            }
            Some(Window::Hours(hours)) => {
                if let Some(longer) = change.at_least("wait_hours", Some(hours.into()), 87_840) {
                    limits.wait = Some(Window::Hours(u32::try_from(longer).unwrap_or(hours)));
                }
            }
            _ => {}
        },
        Limits::NoticePeriod(limits) => {
            if let Some(term) = &mut limits.term
                && let Some(longer) = change.at_least("term", Some(term.length.into()), 5000)
            {
                term.length = u16::try_from(longer).unwrap_or(term.length);
            }
        }
        Limits::RequiredNotice(limits) => shorter(&mut change, &mut limits.term),
        Limits::ContactHours(limits) => hours(&mut change, limits),
        Limits::FeeCap(limits) => fee(&mut change, limits),
        Limits::DisputeHandling(limits) => shorter(&mut change, &mut limits.answer_within),
        Limits::DocumentsHeld(limits) => shorter(&mut change, &mut limits.within),
        Limits::CallRecording(_)
        | Limits::ChannelConsent(_)
        | Limits::ContactBlock(_)
        | Limits::Content(_)
        | Limits::LimitationPeriod(_)
        | Limits::ProhibitedConduct(_)
        | Limits::ThirdParty(_) => {}
        limits => terms(&mut change, limits),
    }
    if !change.touched {
        let at = change.reader.offset();
        change.reader.cx.wrong(
            at,
            format!("rule {id} of kind {} is named and not tightened", law.limits.kind()),
            "give a limit of its kind (max, window_days, wait_days, wait_hours, term, open, maximum) or block = true",
        );
    }
    rule.limits_position = change.reader.cx.position(change.reader.offset());
    rule.written = rule.written.tightened(&change.reader.written());
    Some((rule, blocks))
}

/// Terms of the kinds about money and duties: what is waited for may last longer, what is due may come sooner.
fn terms(change: &mut Change<'_, '_, '_>, limits: &mut Limits) {
    let waits = matches!(limits, Limits::CreditReporting(_));
    let Some((_, term)) =
        limits.terms_mut().into_iter().find(|(name, _)| matches!(*name, "wait" | "within" | "answer"))
    else {
        return;
    };
    let law = Some(term.length.into());
    let length = if waits { change.at_least("term", law, 5000) } else { change.at_most("term", law, 5000) };
    term.length = length.and_then(|length| u16::try_from(length).ok()).unwrap_or(term.length);
}

struct Change<'c, 'r, 'a> {
    reader: &'c mut Reader<'r, 'a>,
    law: &'c Rule,
    touched: bool,
}

impl Change<'_, '_, '_> {
    fn loosens(&mut self, key: &'static str, what: &str) {
        let at = self.reader.at(key);
        let message = format!("{key} loosens rule {} of {}: {what}", self.law.id, self.law.limits_position);
        self.reader.cx.wrong(at, message, "a tenant may only tighten: write a stricter limit or remove this entry");
    }

    fn at_most(&mut self, key: &'static str, law: Option<i64>, high: i64) -> Option<i64> {
        let value = self.reader.integer(key, 0, high)?;
        self.touched = true;
        if let Some(limit) = law
            && value > limit
        {
            self.loosens(key, &format!("{value} is more than the {limit} that it allows"));
            return None;
        }
        Some(value)
    }

    fn at_least(&mut self, key: &'static str, law: Option<i64>, high: i64) -> Option<i64> {
        let value = self.reader.integer(key, 0, high)?;
        self.touched = true;
        if let Some(limit) = law
            && value < limit
        {
            self.loosens(key, &format!("{value} is less than the {limit} that it demands"));
            return None;
        }
        Some(value)
    }
}

/// A term within which something must be done.
fn shorter(change: &mut Change<'_, '_, '_>, term: &mut Option<Term>) {
    if let Some(term) = term
        && let Some(shorter) = change.at_most("term", Some(term.length.into()), 5000)
    {
        term.length = u16::try_from(shorter).unwrap_or(term.length);
    }
}

fn hours(change: &mut Change<'_, '_, '_>, law: &mut ContactHours) {
    let mut open = Vec::new();
    let spans = change.reader.tables("open");
    if spans.is_empty() {
        return;
    }
    change.touched = true;
    for mut span in spans {
        let days = weekdays(&mut span, "days");
        if let (Some(from), Some(to)) = (span.minute("from"), span.minute("to")) {
            open.extend(days.iter().map(|day| OpenSpan { day: *day, from, to }));
        }
        span.finish();
    }
    open.sort_unstable();
    let inside =
        |span: &OpenSpan| law.open.iter().any(|one| one.day == span.day && one.from <= span.from && span.to <= one.to);
    if !law.no_figure && !open.iter().all(inside) {
        change.loosens("open", "a span reaches outside the hours that it permits");
        return;
    }
    law.open = open;
    law.no_figure = false;
}

fn fee(change: &mut Change<'_, '_, '_>, law: &mut FeeCap) {
    let currency = law.currency;
    let Some(most) = parse_fee::amount(change.reader, "maximum", currency) else { return };
    change.touched = true;
    let flat = match law.tiers.as_slice() {
        [Tier { up_to: i64::MAX, value: TierValue::Amount(amount) }] => Some(*amount),
        _ => None,
    };
    if let Some(limit) = law.maximum.or(flat)
        && most > limit
    {
        change.loosens("maximum", &format!("{most} minor units are more than the {limit} that it allows"));
        return;
    }
    law.maximum = Some(most);
}

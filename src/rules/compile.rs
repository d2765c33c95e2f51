//! All packs together: files to packs, with the checks that need more than one table or file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::example::{self, ExampleDefaults};
use super::model::{Limits, Rule, Window};
use super::pack::Pack;
use super::parse;
use super::position::Position;
use super::rates::{self, RateTable, RateTables};
use super::reader::Reading;
use super::stated::{Stated, folder};
use super::words::{Exclude, Holidays, Per, Roll, Status, TermUnit};
use crate::domain::diagnostic::{Diagnostics, SourceFile};

/// Every jurisdiction's pack, checked.
#[derive(Debug, Clone, Default)]
pub struct Packs {
    packs: BTreeMap<String, Arc<Pack>>,
    rates: RateTables,
}

impl Packs {
    /// Compiles the files `<id>/rules.toml` and `<id>/cases.toml` of all jurisdictions, and the dated tables of
    /// `rates/*.toml`. A rule without a worked
    /// example is an error; running the examples is [`crate::compliance::examples`]' work.
    ///
    /// # Errors
    /// Every diagnostic of every file.
    pub fn compile(files: &[SourceFile]) -> Result<Self, Diagnostics> {
        let mut found = Vec::new();
        let mut packs: BTreeMap<String, Pack> = BTreeMap::new();
        let (dated, files): (Vec<_>, Vec<_>) = files.iter().partition(|file| folder(&file.path) == "rates");
        let (cases, rules): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.path.ends_with("cases.toml"));
        let mut rates = RateTables::new();
        for file in dated {
            let reading = Reading::new(file);
            rates::read(&reading, reading.parse().get_ref(), &mut rates);
            found.extend(reading.finish());
        }
        let mut texts: BTreeMap<String, blake3::Hasher> = BTreeMap::new();
        let mut stated: BTreeMap<String, Stated> = BTreeMap::new();
        for file in rules {
            let reading = Reading::new(file);
            let table = reading.parse();
            let pack = parse::pack(&reading, table.get_ref(), &rates);
            stated.insert(folder(&file.path).to_owned(), Stated::of(table.get_ref()));
            if let Some(pack) = &pack
                && let Some(other) = packs.get(pack.id.as_str())
            {
                let message =
                    format!("jurisdiction \"{}\" stands in two files, also in {}", pack.id, other.position.file);
                reading.wrong(0, message, "keep one file for each jurisdiction");
            }
            found.extend(reading.finish());
            if let Some(pack) = pack {
                let mut hasher = blake3::Hasher::new();
                hasher.update(file.text.as_bytes());
                for table in pack.rules.iter().flat_map(|rule| rule.limits.rate_tables()) {
                    hasher.update(table.digest.as_bytes());
                }
                texts.insert(pack.id.as_str().to_owned(), hasher);
                packs.insert(pack.id.as_str().to_owned(), pack);
            }
        }
        for file in cases {
            let reading = Reading::new(file);
            let table = reading.parse();
            let folder = folder(&file.path);
            match packs.get_mut(folder) {
                Some(pack) => {
                    let defaults = ExampleDefaults {
                        jurisdiction: &pack.id,
                        zone: pack.zones.first().copied(),
                        currency: pack.currency,
                    };
                    let examples = example::examples(&reading, table.get_ref(), &defaults);
                    pack.examples.extend(examples);
                    if let Some(hasher) = texts.get_mut(folder) {
                        hasher.update(file.text.as_bytes());
                    }
                }
                // Its rules are refused, which is told once.
                None if stated.contains_key(folder) => {}
                None => reading.wrong(
                    0,
                    format!("there is no pack \"{folder}\" for these examples"),
                    "name the folder after the jurisdiction, beside a correct rules.toml",
                ),
            }
            found.extend(reading.finish());
        }
        for (id, pack) in &mut packs {
            if let Some(hasher) = texts.get(id) {
                pack.digest = hasher.finalize().to_hex().to_string();
            }
        }
        let packs = Self { packs: packs.into_iter().map(|(id, pack)| (id, Arc::new(pack))).collect(), rates };
        packs.check(&stated, &mut found);
        super::sound::check(&packs, &mut found);
        Diagnostics(found).into_result(packs)
    }

    /// The dated tables, by id.
    #[must_use]
    pub const fn rates(&self) -> &RateTables {
        &self.rates
    }

    /// The same packs with another table in the place of the one of the same id.
    #[must_use]
    pub fn with_rates(&self, table: &RateTable) -> Self {
        let table = Arc::new(table.clone());
        let mut changed = self.clone();
        for pack in changed.packs.values_mut() {
            let names = |rule: &Arc<Rule>| rule.limits.rate_tables().iter().any(|one| one.id == table.id);
            if pack.rules.iter().any(names) {
                for rule in &mut Arc::make_mut(pack).rules {
                    Arc::make_mut(rule).limits.replace_rate_table(&table);
                }
            }
        }
        changed
    }

    /// The pack of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Pack>> {
        self.packs.get(id)
    }

    /// Every pack, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.values()
    }

    /// The pack above: `us-ny` for `us-ny-nyc`.
    #[must_use]
    pub fn parent(&self, id: &str) -> Option<&Arc<Pack>> {
        id.rsplit_once('-').and_then(|(above, _)| self.packs.get(above))
    }

    /// The same packs with one rule taken out or changed, for the proof that examples depend on it.
    #[must_use]
    pub fn with_rule(&self, id: &str, change: impl Fn(&Rule) -> Option<Rule>) -> Self {
        let packs = self.packs.iter().map(|(name, pack)| {
            if !pack.rules.iter().any(|rule| rule.id.as_str() == id) {
                return (name.clone(), Arc::clone(pack));
            }
            let mut changed = Pack::clone(pack);
            changed.rules = changed
                .rules
                .iter()
                .filter_map(
                    |rule| if rule.id.as_str() == id { change(rule).map(Arc::new) } else { Some(Arc::clone(rule)) },
                )
                .collect();
            (name.clone(), Arc::new(changed))
        });
        Self { packs: packs.collect(), rates: self.rates.clone() }
    }

    /// The same packs with another scope of one of them.
    #[must_use]
    pub fn with_scope(&self, id: &str, scope: Option<Arc<[super::cover::Clause]>>) -> Self {
        let mut packs = self.packs.clone();
        if let Some(pack) = packs.get_mut(id) {
            Arc::make_mut(pack).scope = scope;
        }
        Self { packs, rates: self.rates.clone() }
    }

    /// The packs of these countries (`de`) with those below them, and the shared ones: all that somebody has to do with who is
    /// nowhere else.
    #[must_use]
    pub fn of_countries(&self, countries: &BTreeSet<String>) -> Self {
        let here = |id: &str| id.split('-').next().is_some_and(|country| countries.contains(country));
        let packs = self.packs.iter().filter(|(id, pack)| pack.shared || here(id));
        Self { packs: packs.map(|(id, pack)| (id.clone(), Arc::clone(pack))).collect(), rates: self.rates.clone() }
    }

    fn check(&self, stated: &BTreeMap<String, Stated>, found: &mut Vec<crate::domain::diagnostic::Diagnostic>) {
        let mut ids: BTreeMap<&str, &Rule> = BTreeMap::new();
        let rules = || self.packs.values().flat_map(|pack| &pack.rules);
        for table in self.rates.values() {
            if !rules().any(|rule| rule.limits.rate_tables().iter().any(|one| one.id == table.id)) {
                let message = format!("no rule names the dated table \"{}\"", table.id);
                found.push(table.position.wrong(message, "name it in a rule, or remove it"));
            }
        }
        for pack in self.packs.values() {
            let written = stated.get(folder(&pack.position.file));
            for include in &pack.includes {
                match self.packs.get(include.as_str()) {
                    Some(other) if other.shared && other.includes.is_empty() => {}
                    Some(_) => found.push(pack.position.wrong(
                        format!("pack \"{}\" includes \"{include}\", which is not a shared pack", pack.id),
                        "include only packs with shared = true, which include nothing themselves",
                    )),
                    None if stated.contains_key(include.as_str()) => {}
                    None => found.push(pack.position.wrong(
                        format!("pack \"{}\" includes \"{include}\", of which there is no file", pack.id),
                        "add the file or remove the include",
                    )),
                }
            }
            if let Some((above, _)) = pack.id.as_str().rsplit_once('-')
                && !self.packs.contains_key(above)
                && !stated.contains_key(above)
            {
                found.push(pack.position.wrong(
                    format!("pack \"{}\" has no pack \"{above}\" above it", pack.id),
                    "add the pack of the level above, even if it holds no rule",
                ));
            }
            let calendar = self.calendar_of(pack);
            let partial = calendar.as_ref().is_some_and(|calendar| calendar.partial);
            let calendar = calendar.is_some() || pack.shared;
            if self.zones_of(pack).is_empty() && !pack.shared && !written.is_some_and(|stated| stated.zones) {
                found.push(pack.position.wrong(
                    format!("pack \"{}\" names no zones", pack.id),
                    "add zones = [\"Europe/Rome\"], the zones its residents may be in",
                ));
            }
            for rule in &pack.rules {
                if let Some(other) = ids.insert(rule.id.as_str(), rule) {
                    found.push(rule.position.wrong(
                        format!("rule id \"{}\" is used twice, also in {}", rule.id, other.position),
                        "give each rule an id of its own; ids are never reused",
                    ));
                }
                if !calendar && needs_calendar(rule) {
                    found.push(rule.limits_position.wrong(
                        format!("rule {} speaks of holidays or working days, and the pack has no [calendar]", rule.id),
                        "add [calendar] with weekend and [[calendar.holiday]]",
                    ));
                }
                if partial && needs_calendar(rule) {
                    found.push(rule.limits_position.wrong(
                        format!(
                            "rule {} speaks of holidays or working days, and the calendar says complete = false",
                            rule.id
                        ),
                        "add the holidays that are left out and remove complete = false",
                    ));
                }
                let expired = match &rule.limits {
                    Limits::ContactBlock(limits) => limits.if_expired.as_slice(),
                    Limits::Content(limits) => limits.if_expired.as_slice(),
                    Limits::RequiredNotice(limits) => limits.if_expired.as_slice(),
                    _ => &[],
                };
                for id in expired {
                    let named = pack.rules.iter().find(|one| one.id == *id);
                    if !named.is_some_and(|one| matches!(one.limits, Limits::LimitationPeriod(_))) {
                        found.push(rule.limits_position.wrong(
                            format!("rule {} names \"{id}\", which is no limitation_period rule of the pack", rule.id),
                            "name rules of kind limitation_period of the same pack",
                        ));
                    }
                }
                let shown = pack.examples.iter().any(|example| example.rule == rule.id);
                if !shown && rule.status != Status::Proposed {
                    found.push(rule.position.wrong(
                        format!("rule {} has no worked example", rule.id),
                        "add an [[example]] with this rule to cases.toml",
                    ));
                }
            }
            let mut rows: BTreeMap<&str, &Position> =
                pack.rules.iter().map(|rule| (rule.id.as_str(), &rule.position)).collect();
            for row in &pack.not_encoded {
                if let Some(other) = rows.insert(&row.id, &row.position) {
                    found.push(row.position.wrong(
                        format!("row {} stands a second time, also in {other}", row.id),
                        "keep the rule that encodes it, or one row that says why none does",
                    ));
                }
                // A rule or pack that is refused is there all the same.
                let refused = |id: &str| stated.contains_key(id) || stated.values().any(|one| one.rules.contains(id));
                let known =
                    |id: &str| self.packs.contains_key(id) || refused(id) || rules().any(|rule| rule.id.as_str() == id);
                for id in row.encoded_in.iter().filter(|id| !known(id)) {
                    found.push(row.position.wrong(
                        format!("row {} is encoded in \"{id}\", which is no rule and no pack", row.id),
                        "name rules or packs that there are, or say why it is not encoded",
                    ));
                }
            }
            for example in &pack.examples {
                // A rule that is refused is there all the same.
                if !written.is_some_and(|stated| stated.rules.contains(example.rule.as_str())) {
                    found.push(example.position.wrong(
                        format!(
                            "example \"{}\" proves rule \"{}\", which the pack does not have",
                            example.name, example.rule
                        ),
                        "name a rule of the same pack",
                    ));
                }
            }
        }
    }

    /// The calendar of a pack: its own, else that of the pack above.
    #[must_use]
    pub fn calendar_of(&self, pack: &Pack) -> Option<Arc<super::calendar::Calendar>> {
        pack.calendar.clone().or_else(|| self.parent(pack.id.as_str()).and_then(|above| self.calendar_of(above)))
    }

    /// The zones of a pack: its own, else those that the pack above states for it, else all of the pack above.
    #[must_use]
    pub fn zones_of(&self, pack: &Pack) -> Vec<chrono_tz::Tz> {
        if !pack.zones.is_empty() {
            return pack.zones.clone();
        }
        let Some(above) = self.parent(pack.id.as_str()) else { return Vec::new() };
        let code = pack.id.as_str().rsplit('-').next().unwrap_or("").to_uppercase();
        above.subdivision_zones.get(&code).cloned().unwrap_or_else(|| self.zones_of(above))
    }
}

fn needs_calendar(rule: &Rule) -> bool {
    let term = |term: &Option<super::model::Term>| {
        term.is_some_and(|term| term.roll == Roll::NextWorkingDay || term.unit == TermUnit::WorkingDays)
    };
    match &rule.limits {
        Limits::ContactHours(hours) => hours.holidays == Holidays::Closed && !hours.no_figure,
        Limits::NoticePeriod(limits) => term(&limits.term) || term(&limits.max_age),
        Limits::RequiredNotice(limits) => term(&limits.term),
        Limits::LimitationPeriod(limits) => term(&limits.term),
        Limits::ContactBlock(limits) => term(&limits.only_within) || term(&limits.lasts.term),
        Limits::ChannelConsent(limits) => {
            let terms = [
                &limits.max_age,
                &limits.verified_within,
                &limits.used_within,
                &limits.notice_term,
                &limits.honour_within,
            ];
            terms.into_iter().any(term)
        }
        Limits::Content(limits) => term(&limits.during) || term(&limits.least_deadline),
        Limits::DisputeHandling(limits) => {
            term(&limits.only_within) || term(&limits.resume) || term(&limits.answer_within)
        }
        Limits::DocumentsHeld(limits) => term(&limits.within),
        limits => limits.clone().terms_mut().into_iter().any(|(_, one)| term(&Some(*one))),
    }
}

/// Over how many days a rule looks back at contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookBack {
    /// At those of the case; zero: at none.
    pub case: i64,
    /// At those of the person or household over all cases; zero: at none.
    pub circle: i64,
}

/// Days that stand for all there is: longer than any case lasts.
const EVER: i64 = 36_525;

/// The longest stretch over which a rule looks back at contacts; `None` if at none.
#[must_use]
pub fn look_back(rule: &Rule) -> Option<LookBack> {
    let days = |window: Window| match window {
        // One day more for the zone's offset, one for the day on which clocks change, and one for a date that is known alone.
        Window::CalendarDays(days) => i64::from(days) + 3,
        Window::Minutes(minutes) => i64::from(minutes) / (24 * 60) + 3,
        Window::Hours(hours) => i64::from(hours) / 24 + 3,
        Window::CalendarWeek => 10,
        Window::CalendarMonth => 34,
    };
    let (days, per, ever) = match &rule.limits {
        Limits::ContactFrequency(limits) => {
            limits.max?;
            // The first conversation over the cases may be long ago.
            (days(limits.window), limits.per, limits.exclude.has(Exclude::BeforeConversation))
        }
        Limits::ContactCooldown(limits) => (days(limits.wait?) + 1, limits.per, false),
        Limits::ChannelConsent(limits) => (days(limits.asking?.window), Per::PersonAndCase, false),
        _ => return None,
    };
    Some(LookBack {
        case: if per.over_cases() && per != Per::Creditor { 0 } else { days },
        circle: match (per.over_cases(), ever) {
            (false, _) => 0,
            (true, false) => days,
            (true, true) => EVER,
        },
    })
}

//! The rules of one tenant: packs with the tenant's overlay, immutable, looked up by jurisdiction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::calendar::Calendar;
use super::candidates::Candidates;
use super::compile::Packs;
use super::cover::Clause;
use super::forms::Forms;
use super::model::{Kind, Limits, Rule};
use super::numbers::Numbers;
pub use super::numbers::RuleNumber;
use super::overlay::{self, Overlay};
use super::reach::Reach;
use super::step::Step;
use super::words::Status;
use crate::domain::detail::LegalStepKind;
use crate::domain::diagnostic::{Diagnostics, SourceFile};
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::tenant::TenantFacts;
use crate::domain::verdict::{Confidence, Effect, Source};

/// A rule in a tenant's set.
#[derive(Debug, Clone)]
pub struct ActiveRule {
    /// Its number in the set.
    pub number: RuleNumber,
    /// The rule.
    pub rule: Arc<Rule>,
    /// It is judged: in force or superseded, and a code's rule only for members.
    pub judged: bool,
    /// The tenant wants its breach to block, whatever the default verdict.
    pub blocks: bool,
    /// Version of the pack that holds it.
    pub pack_version: Arc<str>,
    /// Digest of that pack.
    pub pack_digest: Arc<str>,
    /// Scope of that pack.
    pub cover: Option<Arc<[Clause]>>,
}

/// The rules that speak for residents of one jurisdiction (those of the levels above speak for themselves).
#[derive(Debug, Clone)]
pub struct Jurisdiction {
    /// Its id.
    pub id: JurisdictionId,
    /// Zones that a resident may be in.
    pub zones: Vec<Tz>,
    /// Zones of residents of whom the subdivision is known, where it has no pack of its own.
    pub subdivision_zones: BTreeMap<String, Vec<Tz>>,
    /// Its calendar, or that of the level above.
    pub calendar: Option<Arc<Calendar>>,
    /// Its own rules and those of the shared packs it includes.
    pub rules: Vec<Arc<ActiveRule>>,
    /// There are such shared packs.
    pub includes: bool,
    /// Those of them that are judged, by what they may concern.
    pub candidates: Candidates,
    /// Those of the judged ones that are limitation periods.
    pub limitations: Vec<Arc<ActiveRule>>,
    /// Jurisdictions one level below that have a pack.
    pub below: Vec<Box<str>>,
}

/// Jurisdictions by their ids, which come from configuration and need no protection against chosen keys.
pub(super) type Map<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// The rules of one tenant.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    pub(super) digest: String,
    pub(super) jurisdictions: Map<Jurisdiction>,
    pub(super) rules: Vec<Arc<ActiveRule>>,
    pub(super) by_id: HashMap<RuleId, Arc<ActiveRule>>,
    pub(super) block_guidelines: bool,
    pub(super) facts: TenantFacts,
    pub(super) reach: Reach,
    pub(super) placements: bool,
    pub(super) templates: HashMap<Box<str>, Arc<[Box<str>]>>,
    pub(super) allocations: bool,
    pub(super) forms: Forms,
}

/// What is told of a rule to whoever asks which law is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// The rule.
    pub id: RuleId,
    /// Its jurisdiction.
    pub jurisdiction: JurisdictionId,
    /// Its kind.
    pub kind: Kind,
    /// One line.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Text of law or code.
    pub citation: String,
    /// Where it comes from.
    pub source: Source,
    /// What the text does.
    pub effect: Effect,
    /// Whether its numbers were read in the text.
    pub confidence: Confidence,
    /// First day in force.
    pub valid_from: Option<NaiveDate>,
    /// Last day in force.
    pub valid_until: Option<NaiveDate>,
    /// It is judged for this tenant.
    pub judged: bool,
    /// The membership that would make it speak, for rules of codes.
    pub membership: Option<String>,
    /// Who signed it.
    pub reviewed_by: Option<String>,
    /// When.
    pub reviewed_on: Option<NaiveDate>,
    /// When to look again.
    pub next_review_on: Option<NaiveDate>,
    /// The pack's version.
    pub pack_version: String,
    /// The pack's digest.
    pub pack_digest: String,
}

impl ActiveRule {
    /// It says after how long something can no longer be done with a claim.
    #[must_use]
    pub fn is_limitation(&self) -> bool {
        matches!(self.rule.limits, Limits::LimitationPeriod(_))
    }

    /// It says after how long a claim can no longer be taken to court. Others of its kind forbid to threaten that, to report
    /// the claim or to sell it.
    #[must_use]
    pub fn bars(&self) -> bool {
        let acts = |step: &Step| matches!(step, Step::LegalStep(kind) if *kind != Some(LegalStepKind::Threat));
        matches!(&self.rule.limits, Limits::LimitationPeriod(limits) if limits.forbids.iter().any(acts))
    }

    /// What is told of it.
    #[must_use]
    pub fn info(&self) -> RuleInfo {
        let rule = &self.rule;
        RuleInfo {
            id: rule.id.clone(),
            jurisdiction: rule.jurisdiction.clone(),
            kind: rule.limits.kind(),
            title: rule.title.clone(),
            text: rule.text.clone(),
            citation: rule.citation.clone(),
            source: rule.source,
            effect: rule.effect,
            confidence: rule.confidence,
            valid_from: rule.valid_from,
            valid_until: rule.valid_until,
            judged: self.judged,
            membership: rule.membership.clone(),
            reviewed_by: rule.review.by.clone(),
            reviewed_on: rule.review.on,
            next_review_on: rule.review.next,
            pack_version: self.pack_version.to_string(),
            pack_digest: self.pack_digest.to_string(),
        }
    }
}

impl RuleSet {
    /// The packs with a tenant's overlay: the table `[rules]` of the tenant's file. It may add rules and tighten
    /// those of the packs; anything that loosens is refused.
    ///
    /// # Errors
    /// Every diagnostic of the overlay.
    pub fn for_tenant(packs: &Packs, overlay: Option<&SourceFile>) -> Result<Self, Diagnostics> {
        let overlay = match overlay {
            Some(file) => overlay::read(packs, file)?,
            None => Overlay::default(),
        };
        Ok(Self::build(packs, &overlay))
    }

    /// The packs with an overlay that was read before.
    #[must_use]
    pub fn build(packs: &Packs, overlay: &Overlay) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut jurisdictions = Map::default();
        let mut numbers = Numbers::default();
        for pack in packs.iter() {
            hasher.update(pack.digest.as_bytes());
            let mut rules = Vec::new();
            let included = pack.includes.iter().filter_map(|id| packs.get(id.as_str()));
            for source in std::iter::once(pack).chain(included) {
                let (version, digest): (Arc<str>, Arc<str>) =
                    (source.version.as_str().into(), source.digest.as_str().into());
                for rule in &source.rules {
                    let (rule, blocks) = overlay.tightened(rule);
                    rules.push(numbers.give(ActiveRule {
                        number: RuleNumber(0),
                        judged: overlay.speaks(&rule),
                        rule,
                        blocks,
                        pack_version: Arc::clone(&version),
                        pack_digest: Arc::clone(&digest),
                        cover: source.scope.clone(),
                    }));
                }
            }
            for rule in overlay.added.iter().filter(|rule| rule.jurisdiction == pack.id) {
                rules.push(numbers.give(ActiveRule {
                    number: RuleNumber(0),
                    rule: Arc::clone(rule),
                    judged: true,
                    blocks: false,
                    pack_version: "tenant".into(),
                    pack_digest: overlay.digest.as_str().into(),
                    cover: None,
                }));
            }
            let below = packs
                .iter()
                .filter(|other| other.id.as_str().rsplit_once('-').is_some_and(|(above, _)| above == pack.id.as_str()))
                .map(|other| other.id.as_str().into())
                .collect();
            let jurisdiction = Jurisdiction {
                id: pack.id.clone(),
                zones: packs.zones_of(pack),
                subdivision_zones: pack.subdivision_zones.clone(),
                calendar: packs.calendar_of(pack),
                includes: !pack.includes.is_empty(),
                candidates: Candidates::of(&rules, overlay.block_guidelines),
                limitations: rules
                    .iter()
                    .filter(|active| active.judged && active.is_limitation())
                    .map(Arc::clone)
                    .collect(),
                rules,
                below,
            };
            if !pack.shared {
                jurisdictions.insert(pack.id.as_str().into(), jurisdiction);
            }
        }
        hasher.update(overlay.digest.as_bytes());
        let reach = Reach::of(jurisdictions.values());
        let placements = judges_placements(&jurisdictions);
        let all = jurisdictions.values().flat_map(|one: &Jurisdiction| &one.rules);
        let by_id = all.map(|active| (active.rule.id.clone(), Arc::clone(active))).collect();
        let allocations = judges_allocations(&jurisdictions);
        Self {
            digest: hasher.finalize().to_hex().to_string(),
            jurisdictions,
            rules: numbers.given,
            by_id,
            block_guidelines: overlay.block_guidelines,
            facts: overlay.facts.clone(),
            reach,
            placements,
            templates: overlay.templates.clone(),
            allocations,
            forms: Forms::default(),
        }
    }

    /// The words that a template of the tenant holds, if it has told them.
    #[must_use]
    pub fn template(&self, id: &str) -> Option<&[Box<str>]> {
        self.templates.get(id).map(AsRef::as_ref)
    }

    /// Some rule judges a case when it comes: its placement, or the terms that it states.
    #[must_use]
    pub const fn judges_placements(&self) -> bool {
        self.placements
    }

    /// Some rule judges how payments are put to what is owed, or asks what of the principal they leave.
    #[must_use]
    pub const fn judges_allocations(&self) -> bool {
        self.allocations
    }

    /// What the tenant declares of itself.
    #[must_use]
    pub const fn facts(&self) -> &TenantFacts {
        &self.facts
    }

    /// Digest (blake3, hexadecimal) over all packs and the overlay.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The jurisdiction of that id, if there is a pack.
    #[must_use]
    pub fn jurisdiction(&self, id: &str) -> Option<&Jurisdiction> {
        self.jurisdictions.get(id)
    }

    /// Every jurisdiction.
    pub fn jurisdictions(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.jurisdictions.values()
    }

    /// The tenant lets a regulator's expectations block.
    #[must_use]
    pub const fn block_guidelines(&self) -> bool {
        self.block_guidelines
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How far back rules look at contacts.
    #[must_use]
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Which rules are law in a country (its subdivisions included) on a day, sorted by jurisdiction and id.
    #[must_use]
    pub fn list(&self, country: &str, on: NaiveDate) -> Vec<RuleInfo> {
        let country = country.to_ascii_lowercase();
        let here = |id: &str| id == country || id.strip_prefix(&country).is_some_and(|rest| rest.starts_with('-'));
        let mut found = BTreeMap::new();
        for jurisdiction in self.jurisdictions.values().filter(|one| here(one.id.as_str())) {
            for active in &jurisdiction.rules {
                let rule = &active.rule;
                let dated =
                    rule.valid_from.is_none_or(|from| from <= on) && rule.valid_until.is_none_or(|until| on <= until);
                if dated && rule.status != Status::Proposed {
                    found.insert((rule.jurisdiction.clone(), rule.id.clone()), active.info());
                }
            }
        }
        found.into_values().collect()
    }

    /// The rule of that number: that of an answer given by this set.
    #[must_use]
    pub fn numbered(&self, number: RuleNumber) -> Option<&Arc<ActiveRule>> {
        self.rules.get(usize::try_from(number.0).ok()?)
    }

    /// Every rule, in the order of their numbers. One that several jurisdictions include has a number in each.
    #[must_use]
    pub fn rules(&self) -> &[Arc<ActiveRule>] {
        &self.rules
    }

    /// The rule of that id as it is judged; every jurisdiction that includes it holds the same.
    #[must_use]
    pub fn active(&self, id: &RuleId) -> Option<Arc<ActiveRule>> {
        self.by_id.get(id).map(Arc::clone)
    }

    /// Ids of all rules, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &RuleId> {
        self.by_id.keys()
    }

    /// What is told of the rule of that id, wherever it stands.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<RuleInfo> {
        self.by_id.get(&RuleId::trusted(id)).map(|active| active.info())
    }
}

/// Some rule judges a case when it comes, see [`RuleSet::judges_placements`].
pub(super) fn judges_placements(jurisdictions: &Map<Jurisdiction>) -> bool {
    jurisdictions.values().flat_map(|one| &one.rules).any(|active| {
        active.judged
            && match &active.rule.limits {
                Limits::RequiredNotice(limits) => limits.begins_with_a_day() || limits.event.contains(&Step::Placement),
                Limits::Licence(limits) => limits.forbids.contains(&Step::Placement),
                Limits::InterestCap(limits) => limits.judges_terms(),
                Limits::PaymentTerm(_) => true,
                _ => false,
            }
    })
}

/// Some rule judges how payments are put, or what of the principal they leave, see [`RuleSet::judges_allocations`].
pub(super) fn judges_allocations(jurisdictions: &Map<Jurisdiction>) -> bool {
    let mut rules = jurisdictions.values().flat_map(|one| &one.rules);
    rules.any(|active| {
        active.judged
            && match &active.rule.limits {
                Limits::PaymentApplication(_) => true,
                Limits::InterestCap(limits) => limits.base_at_most.is_some(),
                _ => false,
            }
    })
}

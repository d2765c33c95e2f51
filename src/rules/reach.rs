//! How far back the rules of a place look at contacts, and at which: what a service has to remember for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::look_back;
use super::model::{Limits, Rule};
use super::place_id::PlaceId;
use super::ruleset::Jurisdiction;
use super::words::{Exclude, Per, Set};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::detail::Detail;
use crate::domain::party::{Party, Residence};
use crate::domain::time::DAY;
use crate::domain::vocabulary::{Channel, Technology};

/// Contacts by channel and technology; an empty set admits any, also one that is not stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Admitted {
    channels: Set<Channel>,
    technologies: Set<Technology>,
}

impl Admitted {
    fn has(self, channel: Channel, technology: Option<Technology>) -> bool {
        self.channels.admits(channel)
            && (self.technologies.is_empty() || technology.is_some_and(|one| self.technologies.has(one)))
    }
}

/// What decides whether rules that count over cases take a contact in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admittance {
    channel: Channel,
    technology: Option<Technology>,
}

impl Admittance {
    /// That of a contact; `None` for every other kind of activity.
    #[must_use]
    pub fn of(activity: &Activity) -> Option<Self> {
        let Detail::Contact(contact) = &activity.detail else { return None };
        Some(Self { channel: contact.channel, technology: contact.technology })
    }
}

/// What the rules of one jurisdiction look back at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Looking {
    id: Box<str>,
    case_window: i64,
    person_window: i64,
    /// Contacts that are judged by, or counted in, a look over all cases of a person.
    persons: Vec<Admitted>,
    /// Those of them that a look over all cases of a household takes in.
    households: Vec<Admitted>,
    /// The rules that look so.
    rules: Vec<Arc<Rule>>,
    /// The bit of a scope; none without such rules.
    bit: u64,
}

/// What the rules look back at, by jurisdiction; sorted by id, so that what lies below one follows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    jurisdictions: Vec<Looking>,
    /// The subdivisions of countries that list theirs, each under its country's id.
    listed: BTreeMap<Box<str>, Vec<Box<str>>>,
}

/// Jurisdictions whose rules may speak in a case, as bits; those whose rules look at no person's other cases have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
pub struct PersonScope(u64);

impl PersonScope {
    /// No rule looks at a person's other cases.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Everything that `other` concerns, this one does too.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The rule looks over all cases of a household.
const fn of_households(limits: &Limits) -> bool {
    let per = match limits {
        Limits::ContactFrequency(limits) => limits.per,
        Limits::ContactCooldown(limits) => limits.per,
        _ => return false,
    };
    matches!(per, Per::Household)
}

/// Contacts that a rule judges or counts.
fn admitted(rule: &Rule) -> Vec<Admitted> {
    match &rule.limits {
        Limits::ContactFrequency(limits) => {
            let counted = Admitted { channels: limits.channels, technologies: limits.technologies };
            // The first conversation may be on a channel that the rule does not count.
            let spoken = Set::of(&[Channel::Call, Channel::Visit]);
            let first = Admitted { channels: spoken, technologies: Set::default() };
            let looks = limits.exclude.has(Exclude::BeforeConversation) && limits.per.over_cases();
            std::iter::once(counted).chain(looks.then_some(first)).collect()
        }
        Limits::ContactCooldown(limits) => {
            let on = |channels| Admitted { channels, technologies: Set::default() };
            vec![on(limits.channels), on(limits.after_channels)]
        }
        _ => vec![Admitted::default()],
    }
}

impl Reach {
    /// The reach of all rules that are judged.
    pub(super) fn of<'a>(all: impl Iterator<Item = &'a Jurisdiction>) -> Self {
        let mut jurisdictions: Vec<Looking> = Vec::new();
        let mut listed = BTreeMap::new();
        for jurisdiction in all {
            if let Some(codes) = jurisdiction.subdivisions() {
                listed.insert(jurisdiction.id.as_str().into(), codes.map(Into::into).collect());
            }
            let id = jurisdiction.id.as_str().into();
            let mut looking = Looking { id, ..Looking::default() };
            for active in jurisdiction.rules.iter().filter(|active| active.judged) {
                let Some(back) = look_back(&active.rule) else { continue };
                looking.case_window = looking.case_window.max(back.case * DAY);
                if back.circle == 0 {
                    continue;
                }
                looking.person_window = looking.person_window.max(back.circle * DAY);
                looking.rules.push(Arc::clone(&active.rule));
                let home = of_households(&active.rule.limits);
                for one in admitted(&active.rule) {
                    for list in [Some(&mut looking.persons), Some(&mut looking.households).filter(|_| home)] {
                        list.into_iter().filter(|list| !list.contains(&one)).for_each(|list| list.push(one));
                    }
                }
            }
            if looking.case_window > 0 || !looking.rules.is_empty() {
                jurisdictions.push(looking);
            }
        }
        jurisdictions.sort_by(|a, b| a.id.cmp(&b.id));
        // Beyond 64 two share a bit: then more is remembered than need be.
        for (looking, place) in jurisdictions.iter_mut().filter(|one| !one.rules.is_empty()).zip(0_u32..) {
            looking.bit = 1 << (place % 64);
        }
        Self { jurisdictions, listed }
    }

    /// Whether a country may have such a subdivision, as [`Jurisdiction::may_have`] tells.
    fn may_have(&self, country: &[u8], code: &str) -> bool {
        let listed = std::str::from_utf8(country).ok().and_then(|country| self.listed.get(country));
        listed.is_none_or(|codes| codes.iter().any(|listed| listed.eq_ignore_ascii_case(code)))
    }

    /// Calls `visit` for the jurisdictions whose rules may speak where somebody lives: those that contain the place, and,
    /// where a lower level is not known, all that lie in it.
    fn living(&self, country: &str, below: [Option<&str>; 2], visit: &mut dyn FnMut(&Looking)) {
        let mut id = PlaceId::default();
        let levels = std::iter::once(Some(country)).chain(below).map_while(|level| level);
        let mut known = 0;
        for level in levels {
            if known == 1 && !self.may_have(id.as_bytes(), level) {
                break;
            }
            if !id.push(level) {
                // No pack has an id as long.
                return;
            }
            known += 1;
            let from = self.jurisdictions.get(self.begin(id.as_bytes())..).unwrap_or_default();
            from.first().filter(|looking| looking.id.as_bytes() == id.as_bytes()).into_iter().for_each(&mut *visit);
        }
        if known <= below.len() && id.push("") {
            let from = self.jurisdictions.get(self.begin(id.as_bytes())..).unwrap_or_default();
            from.iter().take_while(|looking| looking.id.as_bytes().starts_with(id.as_bytes())).for_each(visit);
        }
    }

    /// The place of the first jurisdiction whose id is not before these bytes.
    fn begin(&self, id: &[u8]) -> usize {
        self.jurisdictions.partition_point(|looking| looking.id.as_bytes() < id)
    }

    /// Calls `visit` for the jurisdictions whose rules may speak in a case: those of its parties, else the market's own.
    fn of_case(&self, version: &CaseVersion, region: &str, visit: &mut dyn FnMut(&Looking)) {
        let residences = version.parties.iter().flat_map(|party| &party.residences);
        let mut last: Option<&Residence> = None;
        for one in residences {
            let same = |last: &Residence| {
                last.country == one.country && last.subdivision == one.subdivision && last.locality == one.locality
            };
            // Mostly all live in one place.
            if !last.is_some_and(same) {
                self.living(&one.country, [one.subdivision.as_deref(), one.locality.as_deref()], visit);
            }
            last = Some(one);
        }
        // Before the first of dated residences begins, a person lives where the market is.
        let anywhere = |party: &Party| party.residences.iter().all(|one| one.from.is_some());
        if version.parties.is_empty() || version.parties.iter().any(anywhere) {
            self.living(region, [None, None], visit);
        }
    }

    /// How far back, in microseconds, rules look over the contacts of a case.
    #[must_use]
    pub fn case_window(&self, version: &CaseVersion, region: &str) -> i64 {
        let mut longest = 0;
        self.of_case(version, region, &mut |looking| longest = longest.max(looking.case_window));
        longest
    }

    /// Which jurisdictions' rules look over all cases of the persons of a case.
    #[must_use]
    pub fn person_scope(&self, version: &CaseVersion, region: &str) -> PersonScope {
        let mut bits = 0;
        self.of_case(version, region, &mut |looking| bits |= looking.bit);
        PersonScope(bits)
    }

    fn in_scope(&self, scope: PersonScope) -> impl Iterator<Item = &Looking> {
        self.jurisdictions.iter().filter(move |looking| looking.bit & scope.0 != 0)
    }

    /// How far back, in microseconds, rules of that scope look over the contacts of a person.
    #[must_use]
    pub fn person_window(&self, scope: PersonScope) -> i64 {
        self.in_scope(scope).map(|looking| looking.person_window).max().unwrap_or(0)
    }

    /// The rules of that scope that look over all cases of a person.
    pub fn person_rules(&self, scope: PersonScope) -> impl Iterator<Item = &Rule> {
        self.in_scope(scope).flat_map(|looking| &looking.rules).map(AsRef::as_ref)
    }

    /// Whether any rule of that scope looks over all cases of a household.
    #[must_use]
    pub fn looks_at_households(&self, scope: PersonScope) -> bool {
        self.in_scope(scope).any(|looking| !looking.households.is_empty())
    }

    /// The circles that rules of that scope look at.
    pub fn circles(&self, scope: PersonScope, all: impl Iterator<Item = Circle>) -> impl Iterator<Item = Circle> {
        let (any, households) = (!scope.is_empty(), self.looks_at_households(scope));
        all.filter(move |circle| if matches!(circle, Circle::Household(_)) { households } else { any })
    }

    /// Whether any rule looks over all cases of a person.
    #[must_use]
    pub fn looks_at_persons(&self) -> bool {
        self.jurisdictions.iter().any(|looking| looking.bit != 0)
    }

    /// Whether a rule of that scope judges or counts such a contact together with those of the circle's other cases.
    #[must_use]
    pub fn counts_for(&self, circle: &Circle, scope: PersonScope, contact: Admittance) -> bool {
        self.in_scope(scope).any(|looking| {
            let lists = match circle {
                Circle::Person(_) => &looking.persons,
                Circle::Household(_) => &looking.households,
            };
            lists.iter().any(|one| one.has(contact.channel, contact.technology))
        })
    }
}

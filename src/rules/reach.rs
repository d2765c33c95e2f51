//! How far back the rules of a country look at contacts, and at which: what a service has to remember for them.

use super::compile::reach;
use super::model::{Limits, Rule};
use super::ruleset::Jurisdiction;
use super::words::Set;
use crate::domain::case::CaseVersion;
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

/// What the rules of one country and of everything below it look back at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CountryReach {
    code: [u8; 2],
    case_window: i64,
    person_window: i64,
    /// Contacts that are judged by, or counted in, a look over all cases of a person.
    persons: Vec<Admitted>,
}

/// What the rules look back at, by country.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    countries: Vec<CountryReach>,
}

/// Countries whose rules may speak in a case, as bits; countries whose rules look at no person's other cases have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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

fn code(country: &str) -> Option<[u8; 2]> {
    let code: [u8; 2] = country.as_bytes().try_into().ok()?;
    Some(code.map(|letter| letter.to_ascii_lowercase()))
}

/// Contacts that a rule judges or counts.
fn admitted(rule: &Rule) -> Vec<Admitted> {
    match &rule.limits {
        Limits::ContactFrequency(limits) => {
            vec![Admitted { channels: limits.channels, technologies: limits.technologies }]
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
    pub(super) fn of<'a>(jurisdictions: impl Iterator<Item = &'a Jurisdiction>) -> Self {
        let mut countries: Vec<CountryReach> = Vec::new();
        for jurisdiction in jurisdictions {
            let Some(code) = jurisdiction.id.as_str().split('-').next().and_then(code) else { continue };
            let place = countries.iter().position(|one| one.code == code).unwrap_or(countries.len());
            if place == countries.len() {
                countries.push(CountryReach { code, case_window: 0, person_window: 0, persons: Vec::new() });
            }
            let Some(country) = countries.get_mut(place) else { continue };
            for active in jurisdiction.rules.iter().filter(|active| active.judged) {
                let Some((days, person)) = reach(&active.rule) else { continue };
                if person {
                    country.person_window = country.person_window.max(days * DAY);
                    for one in admitted(&active.rule) {
                        if !country.persons.contains(&one) {
                            country.persons.push(one);
                        }
                    }
                } else {
                    country.case_window = country.case_window.max(days * DAY);
                }
            }
        }
        countries.sort_by_key(|one| one.code);
        Self { countries }
    }

    /// The countries whose rules may speak in a case: those of its parties, and the market's own.
    fn of_case<'a>(
        &'a self,
        version: &'a CaseVersion,
        region: &'a str,
    ) -> impl Iterator<Item = (usize, &'a CountryReach)> {
        let residences = version.parties.iter().flat_map(|party| &party.residences);
        let mut last = None;
        std::iter::once(region).chain(residences.map(|one| one.country.as_str())).filter_map(move |country| {
            let code = code(country)?;
            // Mostly all live in one country.
            if last.replace(code) == Some(code) {
                return None;
            }
            let place = self.countries.binary_search_by_key(&code, |one| one.code).ok()?;
            self.countries.get(place).map(|one| (place, one))
        })
    }

    /// How far back, in microseconds, rules look over the contacts of a case.
    #[must_use]
    pub fn case_window(&self, version: &CaseVersion, region: &str) -> i64 {
        self.of_case(version, region).map(|(_, country)| country.case_window).max().unwrap_or(0)
    }

    /// Which countries' rules look over all cases of the persons of a case.
    #[must_use]
    pub fn person_scope(&self, version: &CaseVersion, region: &str) -> PersonScope {
        let counting = self.of_case(version, region).filter(|(_, country)| !country.persons.is_empty());
        PersonScope(counting.fold(0, |bits, (place, _)| bits | 1 << (place % 64)))
    }

    fn in_scope(&self, scope: PersonScope) -> impl Iterator<Item = &CountryReach> {
        let has = move |place: usize| scope.0 & (1 << (place % 64)) != 0;
        self.countries.iter().enumerate().filter(move |(place, _)| has(*place)).map(|(_, country)| country)
    }

    /// How far back, in microseconds, rules of that scope look over the contacts of a person.
    #[must_use]
    pub fn person_window(&self, scope: PersonScope) -> i64 {
        self.in_scope(scope).map(|country| country.person_window).max().unwrap_or(0)
    }

    /// Whether a rule of that scope judges or counts such a contact together with those of the person's other cases.
    #[must_use]
    pub fn counts_for_person(&self, scope: PersonScope, channel: Channel, technology: Option<Technology>) -> bool {
        self.in_scope(scope).flat_map(|country| &country.persons).any(|one| one.has(channel, technology))
    }
}

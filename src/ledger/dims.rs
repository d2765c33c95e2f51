//! Dimension sets, shared: a million cases have few distinct ones, so a set is built once and handed out by reference
//! count. The pool is a cache: what it holds never changes a result.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::domain::case::CaseVersion;
use crate::domain::case_dimensions::{OF_SEGMENT, Values, case_words};
use crate::domain::fact::{Dims, SEQUENCES};
use crate::domain::ids::{JurisdictionId, RuleId};
use crate::domain::market::Market;
use crate::domain::money::Currency;
use crate::domain::vocabulary::{Channel, Direction};

/// Sets that one thread keeps at hand before it starts over.
const POOL: usize = 16_384;

thread_local! {
    static SETS: RefCell<Sets> = RefCell::new(Sets::default());
}

/// The pool of one thread.
#[derive(Default)]
struct Sets {
    hasher: foldhash::quality::RandomState,
    sets: HashMap<u64, Arc<Dims>, foldhash::fast::RandomState>,
    /// Sets of rule tests, by the addresses of what they are made of. What is held keeps its address its own.
    tests: HashMap<[usize; 4], Test, foldhash::fast::RandomState>,
}

/// The set of a rule test, with what it is made of.
struct Test {
    _made_of: (Arc<Dims>, RuleId, JurisdictionId),
    dims: Arc<Dims>,
}

/// The set of a rule test: that of what was tested, with the rule and its outcome. A contact has a dozen, most of them
/// like those of the contact before.
#[must_use]
pub fn of_test(tested: &Arc<Dims>, rule: &RuleId, jurisdiction: &JurisdictionId, outcome: &'static str) -> Arc<Dims> {
    let key = [
        Arc::as_ptr(tested) as usize,
        rule.as_str().as_ptr() as usize,
        jurisdiction.as_str().as_ptr() as usize,
        outcome.as_ptr() as usize,
    ];
    SETS.with_borrow_mut(|Sets { tests, .. }| {
        if let Some(test) = tests.get(&key) {
            return Arc::clone(&test.dims);
        }
        if tests.len() >= POOL {
            tests.clear();
        }
        let dims = Dims {
            rule: Some(rule.text()),
            jurisdiction: Some(jurisdiction.text()),
            state: Some(Arc::from(outcome)),
            ..Dims::clone(tested)
        };
        let dims = Arc::new(dims);
        let made_of = (Arc::clone(tested), rule.clone(), jurisdiction.clone());
        tests.insert(key, Test { _made_of: made_of, dims: Arc::clone(&dims) });
        dims
    })
}

/// A dimension set by reference, before it is looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DimRef<'a> {
    /// As in [`Dims`].
    pub agent: Option<&'a str>,
    /// As in [`Dims`].
    pub team: Option<&'a str>,
    /// As in [`Dims`].
    pub client: Option<&'a str>,
    /// As in [`Dims`].
    pub portfolio: Option<&'a str>,
    /// As in [`Dims`].
    pub product: Option<&'a str>,
    /// As in [`Dims`].
    pub stage: Option<&'a str>,
    /// As in [`Dims`].
    pub campaign: Option<&'a str>,
    /// As in [`Dims`].
    pub template: Option<&'a str>,
    /// As in [`Dims`].
    pub variant: Option<&'a str>,
    /// As in [`Dims`].
    pub channel: Option<Channel>,
    /// As in [`Dims`].
    pub direction: Option<Direction>,
    /// As in [`Dims`].
    pub state: Option<&'a str>,
    /// As in [`Dims`].
    pub source: Option<&'a str>,
    /// As in [`Dims`].
    pub sequence: Option<&'a str>,
    /// As in [`Dims`].
    pub segment: Option<&'a str>,
    /// As in [`Dims`].
    pub bucket: Option<&'a str>,
    /// As in [`Dims`].
    pub to_bucket: Option<&'a str>,
    /// As in [`Dims`].
    pub currency: Option<Currency>,
    /// As in [`Dims`].
    pub rule: Option<&'a str>,
    /// As in [`Dims`].
    pub jurisdiction: Option<&'a str>,
    /// As in [`Dims`].
    pub case: Values<'a>,
}

impl Hash for DimRef<'_> {
    /// What is there, and which: of twenty dimensions most facts have a few.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first = [self.agent, self.team, self.client, self.portfolio, self.product, self.stage, self.campaign];
        let second = [self.template, self.variant, self.state, self.source, self.sequence, self.segment];
        let third = [self.bucket, self.to_bucket, self.rule, self.jurisdiction];
        let mut there = 0_u64;
        for (place, word) in first.iter().chain(&second).chain(&third).enumerate() {
            if let Some(word) = word {
                there |= 1 << place;
                state.write(word.as_bytes());
            }
        }
        let number = |word: Option<u8>| word.map_or(0, |word| u64::from(word) + 1);
        let (channel, direction) = (self.channel.map(|one| one as u8), self.direction.map(|one| one as u8));
        state.write_u64(there << 18 | number(channel) << 9 | number(direction));
        self.currency.hash(state);
        self.case.hash(state);
    }
}

/// The word of a placement's number.
fn sequence(number: u16) -> &'static str {
    let [.., last] = SEQUENCES;
    SEQUENCES.get(usize::from(number.saturating_sub(1))).copied().unwrap_or(last)
}

impl<'a> DimRef<'a> {
    /// The dimensions that a case's balance has: those of the version in force.
    #[must_use]
    pub fn of_case(market: &Market, version: &'a CaseVersion) -> Self {
        let steering = &version.steering;
        Self {
            agent: steering.agent.as_deref(),
            team: steering.team.as_deref(),
            client: Some(version.identity.creditor.as_str()).filter(|creditor| !creditor.is_empty()),
            portfolio: steering.portfolio.as_deref(),
            product: steering.product.as_deref(),
            stage: steering.stage.as_deref(),
            sequence: version.placement.sequence.map(sequence),
            segment: steering.segments.get(OF_SEGMENT).map(String::as_str),
            currency: Some(version.currency),
            case: market.case_dimensions.values(version),
            ..Self::default()
        }
    }

    /// The same with another state word.
    pub(super) fn state(self, state: &'a str) -> Self {
        Self { state: Some(state), ..self }
    }

    /// The same with the actor of `other`.
    pub(super) fn acted_by(self, other: &'a Dims) -> Self {
        Self { agent: other.agent.as_deref(), team: other.team.as_deref(), ..self }
    }

    /// The shared set.
    #[must_use]
    pub fn shared(self) -> Arc<Dims> {
        SETS.with_borrow_mut(|Sets { hasher, sets, .. }| {
            let key = hasher.hash_one(self);
            if let Some(found) = sets.get(&key)
                && self.is(found)
            {
                return Arc::clone(found);
            }
            if sets.len() >= POOL {
                sets.clear();
            }
            let made = Arc::new(self.build());
            sets.insert(key, Arc::clone(&made));
            made
        })
    }

    fn is(&self, dims: &Dims) -> bool {
        self.agent == dims.agent.as_deref()
            && self.team == dims.team.as_deref()
            && self.client == dims.client.as_deref()
            && self.portfolio == dims.portfolio.as_deref()
            && self.product == dims.product.as_deref()
            && self.stage == dims.stage.as_deref()
            && self.campaign == dims.campaign.as_deref()
            && self.is_template(dims.template.as_deref())
            && self.channel == dims.channel
            && self.direction == dims.direction
            && self.state == dims.state.as_deref()
            && self.source == dims.source.as_deref()
            && self.sequence == dims.sequence.as_deref()
            && self.segment == dims.segment.as_deref()
            && self.bucket == dims.bucket.as_deref()
            && self.to_bucket == dims.to_bucket.as_deref()
            && self.currency == dims.currency
            && self.rule == dims.rule.as_deref()
            && self.jurisdiction == dims.jurisdiction.as_deref()
            && self.case == dims.case_words()
    }

    fn is_template(&self, held: Option<&str>) -> bool {
        match (self.template, self.variant, held) {
            (None, _, held) => held.is_none(),
            (Some(template), None, held) => held == Some(template),
            (Some(template), Some(variant), Some(held)) => {
                held.strip_prefix(template).and_then(|rest| rest.strip_prefix('/')) == Some(variant)
            }
            (Some(_), Some(_), None) => false,
        }
    }

    fn build(&self) -> Dims {
        let template = match (self.template, self.variant) {
            (Some(template), Some(variant)) => Some(format!("{template}/{variant}").into()),
            (template, _) => template.map(Arc::from),
        };
        Dims {
            agent: self.agent.map(Arc::from),
            team: self.team.map(Arc::from),
            client: self.client.map(Arc::from),
            portfolio: self.portfolio.map(Arc::from),
            product: self.product.map(Arc::from),
            stage: self.stage.map(Arc::from),
            campaign: self.campaign.map(Arc::from),
            template,
            rule: self.rule.map(Arc::from),
            jurisdiction: self.jurisdiction.map(Arc::from),
            channel: self.channel,
            direction: self.direction,
            state: self.state.map(Arc::from),
            source: self.source.map(Arc::from),
            sequence: self.sequence.map(Arc::from),
            segment: self.segment.map(Arc::from),
            bucket: self.bucket.map(Arc::from),
            to_bucket: self.to_bucket.map(Arc::from),
            currency: self.currency,
            case: case_words(self.case),
        }
    }
}

/// Reads a set and shares it with those of its like.
pub(super) fn read_shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Dims>, D::Error> {
    Ok(DimRef::of(&Dims::deserialize(from)?).shared())
}

/// The same for a set that may be absent.
pub(super) fn read_shared_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<Dims>>, D::Error> {
    Ok(Option::<Dims>::deserialize(from)?.map(|dims| DimRef::of(&dims).shared()))
}

impl<'a> DimRef<'a> {
    /// A built set by reference.
    pub(super) fn of(dims: &'a Dims) -> Self {
        Self {
            agent: dims.agent.as_deref(),
            team: dims.team.as_deref(),
            client: dims.client.as_deref(),
            portfolio: dims.portfolio.as_deref(),
            product: dims.product.as_deref(),
            stage: dims.stage.as_deref(),
            campaign: dims.campaign.as_deref(),
            template: dims.template.as_deref(),
            variant: None,
            channel: dims.channel,
            direction: dims.direction,
            state: dims.state.as_deref(),
            source: dims.source.as_deref(),
            sequence: dims.sequence.as_deref(),
            segment: dims.segment.as_deref(),
            bucket: dims.bucket.as_deref(),
            to_bucket: dims.to_bucket.as_deref(),
            currency: dims.currency,
            rule: dims.rule.as_deref(),
            jurisdiction: dims.jurisdiction.as_deref(),
            case: dims.case_words(),
        }
    }
}

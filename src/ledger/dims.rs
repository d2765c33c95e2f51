//! Dimension sets, shared: a million cases have few distinct ones, so a set is built once and handed out by reference
//! count. The pool is a cache: what it holds never changes a result.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::domain::case::CaseVersion;
use crate::domain::fact::Dims;
use crate::domain::money::Currency;
use crate::domain::vocabulary::{Channel, Direction};

/// Sets that one thread keeps at hand before it starts over.
const POOL: usize = 4096;

thread_local! {
    static SETS: RefCell<HashMap<u64, Arc<Dims>>> = RefCell::new(HashMap::new());
}

/// A dimension set by reference, before it is looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct DimRef<'a> {
    pub agent: Option<&'a str>,
    pub team: Option<&'a str>,
    pub client: Option<&'a str>,
    pub portfolio: Option<&'a str>,
    pub product: Option<&'a str>,
    pub stage: Option<&'a str>,
    pub campaign: Option<&'a str>,
    pub template: Option<&'a str>,
    pub variant: Option<&'a str>,
    pub channel: Option<Channel>,
    pub direction: Option<Direction>,
    pub state: Option<&'a str>,
    pub currency: Option<Currency>,
}

impl<'a> DimRef<'a> {
    /// The dimensions that a case's balance has: those of the version in force.
    pub fn of_case(version: &'a CaseVersion) -> Self {
        let steering = &version.steering;
        Self {
            agent: steering.agent.as_deref(),
            team: steering.team.as_deref(),
            client: Some(version.identity.creditor.as_str()).filter(|creditor| !creditor.is_empty()),
            portfolio: steering.portfolio.as_deref(),
            product: steering.product.as_deref(),
            stage: steering.stage.as_deref(),
            currency: Some(version.currency),
            ..Self::default()
        }
    }

    /// The same with another state word.
    pub fn state(self, state: &'a str) -> Self {
        Self { state: Some(state), ..self }
    }

    /// The same with the actor of `other`.
    pub fn acted_by(self, other: &'a Dims) -> Self {
        Self { agent: other.agent.as_deref(), team: other.team.as_deref(), ..self }
    }

    /// The shared set.
    pub fn shared(self) -> Arc<Dims> {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        let key = hasher.finish();
        SETS.with_borrow_mut(|sets| {
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
            && self.currency == dims.currency
            && dims.rule.is_none()
            && dims.jurisdiction.is_none()
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
            rule: None,
            jurisdiction: None,
            channel: self.channel,
            direction: self.direction,
            state: self.state.map(Arc::from),
            currency: self.currency,
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
    pub fn of(dims: &'a Dims) -> Self {
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
            currency: dims.currency,
        }
    }
}

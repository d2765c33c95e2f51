//! Cases, and the contacts of persons, that a question looks at: from memory, or brought there by the market's writer.

use std::sync::Arc;

use super::IngestError;
use super::derive::CaseEntry;
use super::ground::Ground;
use super::market_state::MarketState;
use super::work::Work;
use super::writer::Markets;
use crate::compliance::PersonLogs;
use crate::config::Snapshot;
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::market::{Market, MarketKey};
use crate::domain::time::Timestamp;
use crate::rules::{PersonScope, RuleSet};

/// Times that something is brought into memory: what other replicas commit may displace it before it is looked at.
const TRIES: usize = 16;

/// A case's state and the revision it is right at; `None` if the market has no such case.
///
/// # Errors
/// The database is away.
pub async fn case_at_hand(
    markets: &Arc<Markets>,
    key: &MarketKey,
    case: &CaseId,
) -> Result<Option<(Arc<CaseEntry>, u64)>, IngestError> {
    for _ in 0..TRIES {
        let found = bring(markets, key, (std::slice::from_ref(case), &[]), |state| state.case_at(case)).await?;
        // That memory does not hold it is no proof: what others ask for may displace it as often as it is brought.
        let scope = markets.store().scope(&key.tenant);
        if found.is_some() || scope.known_cases(&key.market, &[case]).await?.is_empty() {
            return Ok(found);
        }
    }
    Err(IngestError::Overloaded)
}

/// The contacts of these persons that rules of the version's countries count over all of a person's cases, as far back
/// as they look from an instant. A person is never taken for uncontacted because memory does not hold enough.
///
/// # Errors
/// The database is away.
pub async fn persons_at_hand(
    markets: &Arc<Markets>,
    key: &MarketKey,
    (market, rules): (&Market, &RuleSet),
    version: &CaseVersion,
    persons: Vec<PersonId>,
    at: Timestamp,
) -> Result<PersonLogs, IngestError> {
    let scope = rules.reach().person_scope(version, &market.region);
    if scope.is_empty() {
        return Ok(PersonLogs::default());
    }
    let since = at.plus(-rules.reach().person_window(scope));
    let all = persons.iter().flat_map(|person| Circle::of_person(person, version));
    let circles: Vec<Circle> = rules.reach().circles(scope, all).collect();
    let look = |state: &MarketState| take(state, &circles, scope, since);
    let found = bring(markets, key, (std::slice::from_ref(&version.case), &persons), look).await?;
    // Further back than the writer keeps: as much as is known is not enough.
    found.ok_or(IngestError::Overloaded)
}

/// Makes sure that what is remembered of a market was derived as this configuration would have it: if not, the market is brought
/// to it first.
///
/// # Errors
/// The market is unknown, the database is away, or another server has loaded other rules since.
pub async fn assure_ground(
    markets: &Arc<Markets>,
    key: &MarketKey,
    state: &MarketState,
    snapshot: &Arc<Snapshot>,
) -> Result<(), IngestError> {
    let tenant = snapshot.tenants.get(&key.tenant);
    let found = tenant.and_then(|tenant| Some((tenant.markets.get(&key.market)?, &tenant.rules)));
    let (market, rules) = found.ok_or_else(|| IngestError::MarketUnknown(key.market.to_string()))?;
    if !state.stands_on(snapshot, || Ground::of(snapshot, market, rules)) {
        markets.submit(key, Work::Load(Vec::new(), Vec::new())).await?;
    }
    Ok(())
}

/// What a look into memory finds, after bringing there what it misses. `None` where it finds nothing although nothing came
/// between: there is no such thing.
async fn bring<T>(
    markets: &Arc<Markets>,
    key: &MarketKey,
    (cases, persons): (&[CaseId], &[PersonId]),
    look: impl Fn(&MarketState) -> Option<T>,
) -> Result<Option<T>, IngestError> {
    let state = &markets.handle(key).state;
    let mut missed = false;
    assure_ground(markets, key, state, &markets.config().get()).await?;
    for _ in 0..TRIES {
        if let Some(found) = look(state) {
            return Ok(Some(found));
        }
        let loaded = markets.submit(key, Work::Load(cases.to_vec(), persons.to_vec())).await?;
        if let Some(found) = look(state) {
            return Ok(Some(found));
        }
        let undisturbed = state.revision() == Some(loaded.revision);
        // Twice, for other questions may displace it too.
        if undisturbed && missed {
            return Ok(None);
        }
        missed |= undisturbed;
    }
    Err(IngestError::Overloaded)
}

fn take(state: &MarketState, circles: &[Circle], scope: PersonScope, since: Timestamp) -> Option<PersonLogs> {
    let mut logs = PersonLogs::default();
    for circle in circles {
        logs.insert(circle.clone(), state.circle(circle).filter(|log| log.covers(scope, since))?);
    }
    Some(logs)
}

//! The contacts of persons that a question looks at: from memory, or brought there by the market's writer.

use std::sync::Arc;

use super::IngestError;
use super::market_state::MarketState;
use super::work::Work;
use super::writer::Markets;
use crate::compliance::PersonLogs;
use crate::domain::case::CaseVersion;
use crate::domain::ids::PersonId;
use crate::domain::market::{Market, MarketKey};
use crate::domain::time::Timestamp;
use crate::rules::{PersonScope, RuleSet};

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
    let mut logs = PersonLogs::default();
    if scope.is_empty() {
        return Ok(logs);
    }
    let state = &markets.handle(key).state;
    let since = at.plus(-rules.reach().person_window(scope));
    if take(&mut logs, state, &persons, scope, since) {
        return Ok(logs);
    }
    markets.submit(key, Work::Load(vec![version.case.clone()], persons.clone())).await?;
    if take(&mut logs, state, &persons, scope, since) {
        return Ok(logs);
    }
    // Further back than the writer keeps, or displaced already: as much as is known is not enough.
    Err(IngestError::Overloaded)
}

fn take(
    logs: &mut PersonLogs,
    state: &MarketState,
    persons: &[PersonId],
    scope: PersonScope,
    since: Timestamp,
) -> bool {
    persons.iter().all(|person| match state.person(person).filter(|log| log.covers(scope, since)) {
        Some(log) => {
            logs.insert(person.clone(), log);
            true
        }
        None => false,
    })
}

//! Goes on with markets that are being derived anew ([`super::rederive`]): before any cells are filled, one market after the
//! other, a while each. Several servers that have loaded the same rules may do so at once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::IngestError;
use super::fill_look::Look;
use super::filling::{AFTER_FAILURE, pause};
use super::work::Work;
use crate::domain::market::MarketKey;
use crate::store::DerivingRow;

/// How long one market is worked on before the others have their turn.
const TURN: Duration = Duration::from_secs(2);

/// Goes on with those of these markets that are being derived anew; whether there is more to do before any cells are filled.
/// What failed a moment ago, or does now, waits.
pub(super) async fn derive_some<'l>(
    looks: impl Iterator<Item = Look<'l>>,
    failed: &mut HashMap<MarketKey, Instant>,
) -> bool {
    let mut partly = false;
    for look in looks {
        if look.is_over() || failed.get(look.key).is_some_and(|since| since.elapsed() < AFTER_FAILURE) {
            continue;
        }
        match derive(&look).await {
            Ok(Derived::Whole) => {}
            Ok(Derived::Partly) => partly = true,
            Ok(Derived::Failed) => {
                failed.insert(look.key.clone(), Instant::now());
            }
            Err(_) if look.is_over() => {}
            Err(error) => {
                tracing::warn!(market = %look.key.market, %error, "a market was not derived anew; it is tried again");
                failed.insert(look.key.clone(), Instant::now());
            }
        }
    }
    partly
}

/// What became of a market's turn.
enum Derived {
    /// All of it is derived by the rules in force here, or that is for others to do.
    Whole,
    /// There is more to do.
    Partly,
    /// The last portion failed.
    Failed,
}

/// Derives some portions of a market that is to be derived anew, and begins to if nobody has. Rules that held there and were
/// replaced by another server's do not come back by themselves: a write brings them ([`super::in_force`]).
async fn derive(look: &Look<'_>) -> Result<Derived, IngestError> {
    let scope = look.markets.store.scope(&look.key.tenant);
    let market = &look.key.market;
    let Some((head, ground)) = scope.head(market).await?.zip(look.ground()) else { return Ok(Derived::Whole) };
    if head.revision == 0 {
        return Ok(Derived::Whole);
    }
    if head.rules_digest != ground {
        if look.has_held(&ground) {
            return Ok(Derived::Whole);
        }
        look.markets.submit(look.key, Work::Load(Vec::new(), Vec::new())).await?;
    }
    let since = Instant::now();
    let mut before: Option<DerivingRow> = None;
    while !look.is_over() {
        let row = scope.deriving(market).await?.filter(|row| row.ground == ground);
        let Some(row) = row else { return Ok(Derived::Whole) };
        if before.is_some_and(|before| before.place == row.place) && !row.error.is_empty() {
            return Ok(Derived::Failed);
        }
        if since.elapsed() > TURN {
            break;
        }
        before = Some(row);
        look.markets.submit(look.key, Work::Derive).await?;
        pause(look).await;
    }
    Ok(Derived::Partly)
}

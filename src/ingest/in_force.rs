//! Which of two servers derives a market that have loaded other rules, as during a rollout: the one that came to it last. The other
//! refuses writes for a while, for deriving a large market anew takes minutes, and by turns it would never end.

use std::sync::{Mutex, PoisonError};

use crate::domain::time::{SECOND, Timestamp};
use crate::store::MarketHead;

/// How long a server leaves a market to other rules than its own once those have taken the place of these. A server whose rules
/// never held there does not wait: it has loaded newer ones.
const HOLD: i64 = 600 * SECOND;

/// What this server has derived the market by.
#[derive(Debug, Default)]
pub(super) struct InForce(Mutex<String>);

impl InForce {
    /// Notes that what is stored is derived by these rules, which are this server's.
    pub(super) fn note(&self, ground: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != ground {
            ground.clone_into(&mut held);
        }
    }

    /// Whether this server has derived the market by these rules before.
    pub(super) fn has_held(&self, ground: &str) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == ground
    }

    /// Whether this server's rules were in force and others have taken their place lately.
    pub(super) fn is_superseded(&self, ground: &str, head: &MarketHead, now: Timestamp) -> bool {
        if head.rules_digest == ground {
            self.note(ground);
            return false;
        }
        self.has_held(ground) && now.0.saturating_sub(head.rules_since.0) < HOLD
    }
}

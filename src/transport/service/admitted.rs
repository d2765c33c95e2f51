//! The caller of a stream, which may live for weeks: its key is looked at again before each message.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tonic::Status;

use super::{Api, failed};
use crate::transport::auth::Caller;

/// A caller whose key was seen to be good. One that is revoked ends the stream before its next message; one that opens
/// less than before is good for no more than that.
pub(super) struct Admitted {
    api: Api,
    seen: Mutex<Seen>,
}

struct Seen {
    /// Shared by the messages in work.
    caller: Arc<Caller>,
    /// When the key is to be looked at again; at once if absent.
    until: Option<Instant>,
}

impl Admitted {
    /// The caller of a stream that is opened.
    pub(super) fn now(api: Api, caller: Caller) -> Self {
        Self { api, seen: Mutex::new(Seen { caller: Arc::new(caller), until: None }) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller as its key says now, looked at again if the last look is too old.
    ///
    /// # Errors
    /// UNAUTHENTICATED, as any key that opens nothing; or the database is away.
    pub(super) async fn still(&self) -> Result<Arc<Caller>, Status> {
        let caller = {
            let seen = self.seen();
            if seen.until.is_some_and(|until| Instant::now() < until) {
                return Ok(Arc::clone(&seen.caller));
            }
            Arc::clone(&seen.caller)
        };
        let key = caller.api_key();
        let (who, until) = self.api.use_cases.ingest.authenticate_until(key).await.map_err(failed)?;
        let mut seen = self.seen();
        // Of two messages that looked beside each other the later look counts.
        if seen.until.is_none_or(|before| before <= until) {
            if seen.caller.who != who {
                seen.caller = Arc::new(caller.again(who));
            }
            seen.until = Some(until);
        }
        Ok(Arc::clone(&seen.caller))
    }
}

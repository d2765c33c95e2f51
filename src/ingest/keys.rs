//! API keys: made once, shown once, stored as a hash.
//!
//! A key reads `fd_<tenant>.<key id>.<secret>`: the secret has 256 random bits, so a fast keyed hash of it is as good as
//! a slow one. A key is looked up in memory for at most one second after it was last read from the database, so a
//! revoked key ends within a second.
//!
//! Anybody can send keys that nobody has. They are looked for a few at a time, apart from those that opened something a moment
//! ago, so that they take neither the database nor the calls of others.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::error::IngestError;
use crate::domain::error_kind::ErrorKind;
use crate::domain::ids::{KeyId, MarketId, TenantId};
use crate::domain::principal::{Principal, Role};
use crate::domain::time::Timestamp;
use crate::store::{KeyRow, Store, StoreError};

/// How long a key that was read is trusted.
const TRUSTED: Duration = Duration::from_secs(1);
/// Keys kept in memory; past it the memory is emptied.
const MOST_KEPT: usize = 10_000;

/// Keys that are read at a time, of those that opened something before and of others.
const READ: [usize; 2] = [4, 2];
/// Others that wait for it; more are told to come again.
const WAITING: usize = 256;

/// Recently read keys.
pub struct Keys {
    secret: [u8; 32],
    /// Each with the instant until which it is trusted. Only keys that open something are here.
    kept: RwLock<HashMap<[u8; 32], (Principal, Instant)>>,
    known: Semaphore,
    others: Semaphore,
    waiting: AtomicUsize,
}

/// One that waits, until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn random<const N: usize>() -> Result<[u8; N], IngestError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| IngestError::Invalid("the system gives no random numbers".to_owned(), Vec::new()))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The stored hash of a secret: bound to tenant and key, so that a row copied elsewhere opens nothing.
fn hash(tenant: &str, key: &str, secret: &str) -> blake3::Hash {
    let mut bound = blake3::Hasher::new_derive_key("fairdue API key, version 1");
    bound.update(&(tenant.len() as u64).to_le_bytes()).update(tenant.as_bytes()).update(key.as_bytes());
    blake3::keyed_hash(bound.finalize().as_bytes(), secret.as_bytes())
}

/// Makes and stores a new key; returns its text, which is shown once and kept nowhere.
///
/// # Errors
/// The database is away.
pub async fn create(
    store: &Store,
    tenant: &TenantId,
    roles: Vec<Role>,
    markets: Vec<MarketId>,
    now: Timestamp,
) -> Result<String, IngestError> {
    create_labelled(store, tenant, roles, markets, None, now).await
}

/// As [`create`], with a word on whose key it is, which [`Store::keys`] tells.
///
/// # Errors
/// As [`create`].
pub async fn create_labelled(
    store: &Store,
    tenant: &TenantId,
    roles: Vec<Role>,
    markets: Vec<MarketId>,
    label: Option<String>,
    now: Timestamp,
) -> Result<String, IngestError> {
    let key = hex(&random::<8>()?);
    let secret = hex(&random::<32>()?);
    let row = KeyRow {
        tenant: tenant.clone(),
        key: KeyId::trusted(&key),
        hash: hash(tenant.as_str(), &key, &secret).as_bytes().to_vec(),
        roles,
        markets,
        created: now,
        label,
        revoked: None,
    };
    store.insert_key(&row).await?;
    Ok(format!("fd_{tenant}.{key}.{secret}"))
}

impl Keys {
    /// An empty memory with its own secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, IngestError> {
        let [known, others] = READ.map(Semaphore::new);
        Ok(Self { secret: random()?, kept: RwLock::default(), known, others, waiting: AtomicUsize::new(0) })
    }

    /// The caller behind a key, and until when the key is taken to open that.
    ///
    /// # Errors
    /// [`IngestError::Unauthenticated`] for any key that opens nothing; the database is away.
    pub async fn authenticate(&self, store: &Store, text: &str) -> Result<(Principal, Instant), IngestError> {
        let digest = *blake3::keyed_hash(&self.secret, text.as_bytes()).as_bytes();
        let known = match self.look(&digest) {
            Some((principal, until)) if Instant::now() < until => return Ok((principal, until)),
            known => known.is_some(),
        };
        // The places are never closed.
        let _place = if known {
            self.known.acquire().await
        } else {
            let before = self.waiting.fetch_add(1, Ordering::Relaxed);
            let _waits = Waits(&self.waiting);
            if before >= WAITING {
                return Err(too_many());
            }
            self.others.acquire().await
        };
        // What is read is as old as the moment before: it may be revoked while the answer is on its way.
        let now = Instant::now();
        // Another call with the same key may have read it meanwhile.
        if let Some((principal, until)) = self.look(&digest).filter(|(_, until)| now < *until) {
            return Ok((principal, until));
        }
        let principal = read(store, text).await?;
        let until = now + TRUSTED;
        if let Ok(mut kept) = self.kept.write() {
            if kept.len() >= MOST_KEPT {
                kept.clear();
            }
            kept.insert(digest, (principal.clone(), until));
        }
        Ok((principal, until))
    }

    /// What a key opened when it was read last, and until when that is taken for true.
    fn look(&self, digest: &[u8; 32]) -> Option<(Principal, Instant)> {
        self.kept.read().ok()?.get(digest).cloned()
    }
}

fn too_many() -> IngestError {
    IngestError::Store {
        kind: ErrorKind::Unavailable,
        reason: "OVERLOADED",
        message: format!("more than {WAITING} calls wait for their API keys to be looked up: try again"),
        retryable: true,
    }
}

async fn read(store: &Store, text: &str) -> Result<Principal, IngestError> {
    let parts = text.strip_prefix("fd_").filter(|rest| rest.len() <= 512).and_then(|rest| {
        let mut parts = rest.rsplitn(3, '.');
        Some((parts.next()?, parts.next()?, parts.next()?))
    });
    let Some((secret, key, tenant)) = parts else { return Err(IngestError::Unauthenticated) };
    let (Ok(tenant), Ok(key)) = (TenantId::new(tenant), KeyId::new(key)) else {
        return Err(IngestError::Unauthenticated);
    };
    let row = store.key(&tenant, &key).await.map_err(|error: StoreError| IngestError::from(error))?;
    let Some(row) = row.filter(|row| row.revoked.is_none()) else { return Err(IngestError::Unauthenticated) };
    let stored: [u8; 32] = row.hash.as_slice().try_into().map_err(|_| IngestError::Unauthenticated)?;
    // blake3 compares its hashes in constant time.
    if hash(tenant.as_str(), key.as_str(), secret) != blake3::Hash::from_bytes(stored) {
        return Err(IngestError::Unauthenticated);
    }
    Ok(Principal { tenant, key, roles: row.roles, markets: row.markets })
}

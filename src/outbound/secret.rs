//! Secrets, and what is signed with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::domain::sink::SecretPlace;

/// Longest secret that is read from a file.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a secret, without the line end behind it.
///
/// # Errors
/// It is not there, or is empty. The text does not hold it.
pub fn read(place: &SecretPlace) -> Result<String, String> {
    let text = match place {
        SecretPlace::Environment(name) => {
            std::env::var(name).map_err(|_| format!("the secret {place} is not set in the server's environment"))?
        }
        SecretPlace::File(path) => {
            let wrong = |error: &dyn std::fmt::Display| format!("the secret {place} cannot be read: {error}");
            let size = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
            if size > MAX_BYTES {
                return Err(wrong(&format!("it has {size} bytes, a secret has at most {MAX_BYTES}")));
            }
            std::fs::read_to_string(path).map_err(|error| wrong(&error))?
        }
    };
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() { Err(format!("the secret {place} is empty")) } else { Ok(text) }
}

/// What requests are signed with.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads `whsec_` with the base64 of 24 to 64 bytes behind it, as the Standard Webhooks specification asks.
    ///
    /// # Errors
    /// It is written otherwise. The text does not hold it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix("whsec_").ok_or("does not begin with whsec_")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "has no base64 behind whsec_")?;
        if !(24..=64).contains(&bytes.len()) {
            return Err("does not hold 24 to 64 bytes");
        }
        Ok(Self(bytes))
    }
}

/// The header `webhook-signature` of a request: one signature for each key, over id, timestamp and body.
///
/// # Errors
/// A key of a length that the hash does not take, which there is none of.
pub fn signature(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> Result<String, &'static str> {
    let mut signatures = Vec::with_capacity(keys.len());
    for SigningKey(key) in keys {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| "the key is no key")?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    Ok(signatures.join(" "))
}

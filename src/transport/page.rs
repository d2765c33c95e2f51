//! Page tokens: where a list goes on, opaque, signed, and bound to the caller and the arguments of the first page.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::principal::Principal;
use crate::wire::decode::DecodeError;

/// Longest token that is looked at, in characters: two ids of 128 bytes, a time and the tag, escaped and in hexadecimal.
const MAX_TOKEN_CHARS: usize = 4096;
const TAG_BYTES: usize = 16;

/// Signs and reads page tokens. Every replica of a service has the same key.
#[derive(Clone)]
pub struct PageTokens {
    key: [u8; 32],
}

/// What a token is bound to.
pub struct Binding<'a> {
    /// Who asks.
    pub who: &'a Principal,
    /// The method that lists.
    pub method: &'static str,
    /// The request with page size and token left out, encoded.
    pub arguments: Vec<u8>,
}

impl PageTokens {
    /// Derives the signing key from a secret that all replicas share.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key("fairdue page tokens v1", secret) }
    }

    /// The token that goes on behind `cursor`.
    pub fn seal<T: Serialize>(&self, binding: &Binding<'_>, cursor: &T) -> String {
        // A cursor is a handful of ids and numbers: its JSON cannot fail, and an empty token ends a list safely.
        let Ok(body) = serde_json::to_vec(cursor) else { return String::new() };
        let tag = self.tag(binding, &body);
        let mut token = String::with_capacity((TAG_BYTES + body.len()) * 2);
        for byte in tag.iter().chain(&body) {
            let digit = |four: u8| char::from_digit(four.into(), 16).unwrap_or_default();
            token.extend([digit(byte >> 4), digit(byte & 15)]);
        }
        token
    }

    /// The cursor of a token; `None` for the empty token of a first page.
    ///
    /// # Errors
    /// An error that says nothing about why: a token of another list, of other arguments, of another caller, altered or
    /// made up.
    pub fn open<T: DeserializeOwned>(&self, binding: &Binding<'_>, token: &str) -> Result<Option<T>, DecodeError> {
        const FOREIGN: &str = "does not belong to this list: send the next_page_token of the page before with unchanged \
                               arguments, or none to start again";
        self.read_as(binding, "page_token", FOREIGN, token)
    }

    /// What a token in this field carries; `None` for the empty one.
    ///
    /// # Errors
    /// That text about the field, for every token that was not sealed here.
    pub fn read_as<T: DeserializeOwned>(
        &self,
        binding: &Binding<'_>,
        field: &'static str,
        foreign: &'static str,
        token: &str,
    ) -> Result<Option<T>, DecodeError> {
        if token.is_empty() {
            return Ok(None);
        }
        self.read(binding, token).map(Some).ok_or_else(|| DecodeError::one(field, foreign))
    }

    fn read<T: DeserializeOwned>(&self, binding: &Binding<'_>, token: &str) -> Option<T> {
        if token.len() > MAX_TOKEN_CHARS || !token.len().is_multiple_of(2) {
            return None;
        }
        let bytes = token
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| match pair {
                [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()?;
        let (tag, body) = bytes.split_first_chunk::<TAG_BYTES>()?;
        // Compared in constant time, as blake3's hashes are: the tag is a hash of the tags.
        let expected = self.tag(binding, body);
        if blake3::hash(tag) != blake3::hash(&expected) {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    fn tag(&self, binding: &Binding<'_>, body: &[u8]) -> [u8; TAG_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let parts =
            [binding.who.tenant.as_str().as_bytes(), binding.method.as_bytes(), binding.arguments.as_slice(), body];
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&hasher.finalize().as_bytes()[..TAG_BYTES]);
        tag
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The number of results of a page: the default if none was asked for, and never more than the largest.
///
/// # Errors
/// A negative size.
pub fn size(asked: i32, default: usize, largest: usize) -> Result<usize, DecodeError> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(size) => Ok(size.min(largest)),
        Err(_) => Err(DecodeError::one("page_size", format!("is {asked}: send zero for the default, or more"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::{KeyId, TenantId};

    type Cursor = (i64, String);

    fn who(tenant: &str) -> Principal {
        Principal {
            tenant: TenantId::new(tenant).unwrap(),
            key: KeyId::new("k").unwrap(),
            roles: Vec::new(),
            markets: Vec::new(),
        }
    }

    fn binding<'a>(who: &'a Principal, method: &'static str, arguments: &[u8]) -> Binding<'a> {
        Binding { who, method, arguments: arguments.to_vec() }
    }

    #[test]
    fn a_token_opens_only_where_it_was_sealed() {
        let tokens = PageTokens::new(b"secret");
        let (mine, theirs) = (who("a"), who("b"));
        let cursor: Cursor = (-5, "c/ö".to_owned());
        let token = tokens.seal(&binding(&mine, "List", b"it"), &cursor);
        let open = |tokens: &PageTokens, binding: &Binding<'_>| tokens.open::<Cursor>(binding, &token);
        assert_eq!(open(&tokens, &binding(&mine, "List", b"it")), Ok(Some(cursor)));
        assert!(open(&tokens, &binding(&theirs, "List", b"it")).is_err(), "another tenant");
        assert!(open(&tokens, &binding(&mine, "Other", b"it")).is_err(), "another list");
        assert!(open(&tokens, &binding(&mine, "List", b"de")).is_err(), "other arguments");
        assert!(open(&PageTokens::new(b"other"), &binding(&mine, "List", b"it")).is_err(), "another key");
        assert_eq!(tokens.open::<Cursor>(&binding(&mine, "List", b"it"), ""), Ok(None), "first page");
    }

    #[test]
    fn every_altered_digit_is_refused() {
        let tokens = PageTokens::new(b"secret");
        let mine = who("a");
        let token = tokens.seal(&binding(&mine, "List", b""), &(7_i64, "c".to_owned()));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(bytes).unwrap();
            assert!(tokens.open::<Cursor>(&binding(&mine, "List", b""), &altered).is_err(), "digit {at}");
        }
        for bad in ["0", "zz", "ABCD", &token[..token.len() - 2], &format!("{token}00"), &token.to_uppercase()] {
            assert!(tokens.open::<Cursor>(&binding(&mine, "List", b""), bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn made_up_tokens_are_refused(token in "\\PC{1,200}") {
            let mine = who("a");
            prop_assert!(PageTokens::new(b"s").open::<Cursor>(&binding(&mine, "List", b""), &token).is_err());
        }
    }

    #[test]
    fn page_sizes_are_coerced() {
        assert_eq!(size(0, 100, 1000), Ok(100));
        assert_eq!(size(5, 100, 1000), Ok(5));
        assert_eq!(size(i32::MAX, 100, 1000), Ok(1000));
        assert!(size(-1, 100, 1000).is_err());
        assert!(size(i32::MIN, 100, 1000).is_err());
    }
}

//! Ids as bytes that nobody reads: a UUID in its usual form takes sixteen of them and not its 36 characters, of which a million
//! cases hold a few millions.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use uuid::Uuid;

use super::ids::Inline;

/// Stands before the bytes of a UUID. No id begins with it, for none has a control character but what is only asked about, which has
/// another.
const UUID: u8 = 0;
/// Writes the text of an id; to a form that is read by people, as it is.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(text: &Inline, to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        return to.serialize_str(text);
    }
    match uuid(text) {
        Some(uuid) => {
            let mut bytes = [UUID; 17];
            bytes[1..].copy_from_slice(uuid.as_bytes());
            to.serialize_bytes(&bytes)
        }
        None => to.serialize_bytes(text.as_bytes()),
    }
}

/// Reads what [`serialize`] has written.
///
/// # Errors
/// It is no text.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Inline, D::Error> {
    if from.is_human_readable() { from.deserialize_str(Text) } else { from.deserialize_bytes(Text) }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Inline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Inline, E> {
        Ok(text.into())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Inline, E> {
        match bytes.split_first() {
            Some((&UUID, uuid)) => Uuid::from_slice(uuid).map(|uuid| uuid.to_string().into()).map_err(E::custom),
            _ => std::str::from_utf8(bytes).map(Inline::from).map_err(E::custom),
        }
    }
}

/// The UUID of a text; `None` if it is none in its usual form, with small letters.
fn uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::ids::ActivityId;

    proptest! {
        #[test]
        fn ids_are_read_as_they_were_written(
            number in any::<u128>(),
            text in "[ -~äöß]{1,40}",
            wrong in 0_usize..36,
            by in "[-A-Zg-z0-9 ]",
        ) {
            let hex = format!("{number:032x}");
            let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
            let mut other = uuid.clone();
            other.replace_range(wrong..=wrong, &by);
            for text in [&uuid, &other, &text, &uuid.to_uppercase(), &hex] {
                let id = ActivityId::trusted(text);
                let written = postcard::to_stdvec(&id).unwrap();
                prop_assert_eq!(&postcard::from_bytes::<ActivityId>(&written).unwrap(), &id);
                let json = serde_json::to_string(&id).unwrap();
                prop_assert_eq!(&json, &serde_json::to_string(text).unwrap());
                prop_assert_eq!(&serde_json::from_str::<ActivityId>(&json).unwrap(), &id);
            }
            prop_assert_eq!(postcard::to_stdvec(&ActivityId::trusted(&uuid)).unwrap().len(), 18);
            prop_assert_eq!(postcard::from_bytes::<ActivityId>(&postcard::to_stdvec(&ActivityId::planned()).unwrap()).unwrap(), ActivityId::planned());
        }
    }
}

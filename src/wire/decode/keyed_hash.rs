//! Hashes that stand for what is never sent: the value of a contact point.

use super::At;

impl At<'_> {
    /// A keyed hash of 16 to 64 bytes, in hexadecimal or base64 (also of URLs, padded or not). Anything else may be the value
    /// itself, a telephone number above all, which is never to be stored. Nothing of it is repeated in the refusal.
    pub fn optional_keyed_hash(&self, text: String) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if self.trusts || is_keyed_hash(&text) {
            return Some(text);
        }
        self.refuse(
            "is no keyed hash: send the HMAC of the value, 16 to 64 bytes in hexadecimal or base64, never the value",
        );
        None
    }
}

/// Whether a text can be a keyed hash: 16 to 64 bytes in hexadecimal, base64 or base64url.
fn is_keyed_hash(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.len().is_multiple_of(2)
        && (32..=128).contains(&text.len())
    {
        return true;
    }
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let of = |two: &[u8]| body.bytes().all(|byte| byte.is_ascii_alphanumeric() || two.contains(&byte));
    let padded = padding == 0 || padding <= 2 && text.len().is_multiple_of(4);
    padded && body.len() % 4 != 1 && (16..=64).contains(&(body.len() * 3 / 4)) && (of(b"+/") || of(b"-_"))
}

#[cfg(test)]
mod tests {
    use super::super::{collect, trusting};

    #[test]
    fn only_a_keyed_hash_is_taken_for_one() {
        let hash = |text: &str| collect("x", |at| Some(at.field("value_hash").optional_keyed_hash(text.to_owned())));
        let base64 = "3q2+7wAB/3q2+7wAB3q2+7wAB3q2+7wAB3q2+7wABcE=";
        let (hex, long) = ("0123456789abcdefABCDEF0123456789", "f".repeat(128));
        for good in [hex, &long, base64, base64.trim_end_matches('='), "AAAAAAAAAAAAAAAAAAAAA-_", &"a".repeat(86)] {
            assert_eq!(hash(good), Ok(Some(good.to_owned())), "{good}");
        }
        assert_eq!(hash(""), Ok(None));
        let (short, too_long) = (&hex[..20], "f".repeat(130));
        for bad in [
            "+393331234567",
            "0039 333 1234567",
            "mario.rossi.of.bologna@example.com",
            "Via Roma 1, 00100 Roma (RM), Italy",
            short,
            &too_long,
            &"a".repeat(25),
            &format!("{base64}="),
            "AAAAAAAAAAAA+AAAAAAAA-_",
        ] {
            let error = hash(bad).expect_err(bad);
            assert_eq!(error.violations[0].field, "x.value_hash", "{bad}");
            assert!(!error.to_string().contains(bad), "the value is repeated: {error}");
        }
        let trusted = trusting("x", |at| Some(at.optional_keyed_hash("+393331234567".to_owned())));
        assert_eq!(trusted, Ok(Some("+393331234567".to_owned())), "what was stored once stays readable");
    }
}

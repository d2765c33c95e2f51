//! The instant by which a caller wants its answer, read from the `grpc-timeout` header.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// The longest deadline that is kept, so that adding it to an instant cannot overflow.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Answers leave this long before the caller's own clock runs out, so that it hears the reason instead of guessing.
const HEAD_START: Duration = Duration::from_millis(5);

/// By when a call is to be answered. Put into the extensions of every request that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// No header.
    None,
    /// At most so long.
    Within(Duration),
    /// A header that gRPC does not allow.
    Malformed,
}

/// Reads the header: 1 to 8 digits and one of the units H, M, S, m, u, n.
#[must_use]
pub fn asked(headers: &HeaderMap) -> Asked {
    let Some(value) = headers.get("grpc-timeout") else { return Asked::None };
    let Some((unit, digits)) = value.as_bytes().split_last() else { return Asked::Malformed };
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Asked::Malformed;
    }
    let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    let wait = match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Asked::Malformed,
    };
    Asked::Within(wait)
}

impl Deadline {
    /// The instant that lies `wait` after `now`, less a head start for the answer.
    #[must_use]
    pub fn after(now: Instant, wait: Duration) -> Self {
        let wait = wait.min(LONGEST);
        Self(now + wait.saturating_sub(HEAD_START.min(wait / 4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_static(value));
        asked(&headers)
    }

    #[test]
    fn units_are_read() {
        assert_eq!(of("2H"), Asked::Within(Duration::from_secs(7200)));
        assert_eq!(of("2M"), Asked::Within(Duration::from_secs(120)));
        assert_eq!(of("2S"), Asked::Within(Duration::from_secs(2)));
        assert_eq!(of("2m"), Asked::Within(Duration::from_millis(2)));
        assert_eq!(of("2u"), Asked::Within(Duration::from_micros(2)));
        assert_eq!(of("99999999n"), Asked::Within(Duration::from_nanos(99_999_999)));
        assert_eq!(asked(&HeaderMap::new()), Asked::None);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "S", "1", "-1S", "1.5S", "123456789S", "1s", "1 S", "１S"] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", http::HeaderValue::from_bytes(bad.as_bytes()).unwrap());
            assert_eq!(asked(&headers), Asked::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn the_longest_wait_does_not_overflow() {
        let Asked::Within(wait) = of("99999999H") else { panic!("readable") };
        let now = Instant::now();
        assert!(Deadline::after(now, wait).0 <= now + LONGEST);
        assert_eq!(Deadline::after(now, Duration::ZERO).0, now);
    }
}

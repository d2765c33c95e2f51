//! How often and how long a receiver is tried.

use std::time::Duration;

use crate::config::server::SinkSettings;
use crate::domain::time::Timestamp;

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It may take it later; not before so long.
    Later(String, Option<Duration>),
    /// It will never take this event, but others.
    Unfit(String),
    /// It will not take anything as it is called.
    Refused(String),
    /// It will never take anything again.
    Gone(String),
}

impl Outcome {
    /// What an HTTP status means.
    pub(super) fn of_status(status: u16, retry_after: Option<Duration>, excerpt: &str) -> Self {
        let told = if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") };
        let text = format!("the receiver answered {status}{told}");
        match status {
            200..=299 => Self::Delivered,
            410 => Self::Gone(text),
            408 | 425 | 429 | 500..=599 => Self::Later(text, retry_after),
            400 | 406 | 409 | 411..=413 | 415..=417 | 422 | 431 => Self::Unfit(text),
            300..=399 => Self::Refused(format!("{text}: redirects are not followed, name the new address")),
            _ => Self::Refused(text),
        }
    }
}

/// Failures since something was delivered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tries {
    pub(super) failures: u32,
    pub(super) since: Option<Timestamp>,
    refusals: u32,
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Another try after so long.
    Wait(Duration),
    /// None, for this reason.
    Pause(String),
}

impl Tries {
    pub(super) const fn of(failures: u32, since: Option<Timestamp>) -> Self {
        Self { failures, since, refusals: 0 }
    }

    /// Counts a failure. `chance` is even between zero and one: receivers that failed together are not tried together.
    pub(super) fn failed(&mut self, outcome: &Outcome, settings: &SinkSettings, now: Timestamp, chance: f64) -> Next {
        let since = *self.since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        let usual = self.pause(settings, chance);
        match outcome {
            Outcome::Gone(text) => Next::Pause(text.clone()),
            Outcome::Refused(text) | Outcome::Unfit(text) => {
                self.refusals = self.refusals.saturating_add(1);
                if self.refusals >= settings.max_refusals {
                    return Next::Pause(format!("refused {} times: {text}", self.refusals));
                }
                Next::Wait(usual)
            }
            Outcome::Later(text, asked) => {
                let given_up =
                    u128::try_from(now.0.saturating_sub(since.0)).unwrap_or(0) >= settings.give_up.as_micros();
                if given_up {
                    let hours = settings.give_up.as_secs() / 3_600;
                    return Next::Pause(format!("nothing was delivered for {hours} hours: {text}"));
                }
                Next::Wait(asked.unwrap_or_default().min(settings.retry_max).max(usual))
            }
            Outcome::Delivered => Next::Wait(Duration::ZERO),
        }
    }

    /// Doubles with each failure up to the longest; between half of that and all of it, as chance has it.
    pub(super) fn pause(&self, settings: &SinkSettings, chance: f64) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(30);
        let whole = settings.retry_min.saturating_mul(1 << doublings).min(settings.retry_max);
        whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Server;
    use crate::domain::time::SECOND;

    fn settings() -> SinkSettings {
        Server::build(None, std::iter::empty(), &mut Vec::new()).sinks
    }

    fn waits(next: &Next) -> Duration {
        match next {
            Next::Wait(pause) => *pause,
            Next::Pause(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_chance_moves_them_by_half() {
        let settings = settings();
        let (mut tries, later) = (Tries::default(), Outcome::Later("x".to_owned(), None));
        let mut last = Duration::ZERO;
        for n in 0..12 {
            let pause = waits(&tries.failed(&later, &settings, Timestamp(n), 1.0));
            assert!(pause >= last && pause <= settings.retry_max, "{pause:?}");
            last = pause;
        }
        assert_eq!(last, settings.retry_max);
        assert_eq!(waits(&Tries::default().failed(&later, &settings, Timestamp(0), 0.0)), settings.retry_min / 2);
        let asked = Outcome::Later("x".to_owned(), Some(Duration::from_secs(20)));
        assert_eq!(waits(&Tries::default().failed(&asked, &settings, Timestamp(0), 0.0)), Duration::from_secs(20));
        let asked = Outcome::Later("x".to_owned(), Some(Duration::from_secs(86_400)));
        assert_eq!(waits(&Tries::default().failed(&asked, &settings, Timestamp(0), 0.0)), settings.retry_max);
    }

    #[test]
    fn who_is_gone_refuses_or_takes_nothing_for_days_is_tried_no_more() {
        let settings = settings();
        let gone = Outcome::of_status(410, None, "");
        assert!(matches!(Tries::default().failed(&gone, &settings, Timestamp(0), 0.5), Next::Pause(_)));
        let (mut tries, refused) = (Tries::default(), Outcome::of_status(422, None, "no"));
        for _ in 1..settings.max_refusals {
            waits(&tries.failed(&refused, &settings, Timestamp(0), 0.5));
        }
        assert!(matches!(tries.failed(&refused, &settings, Timestamp(0), 0.5), Next::Pause(_)));
        let (mut tries, later) = (Tries::default(), Outcome::of_status(503, None, ""));
        let days = |days: i64| Timestamp(days * 86_400 * SECOND);
        waits(&tries.failed(&later, &settings, days(0), 0.5));
        waits(&tries.failed(&later, &settings, days(2), 0.5));
        assert!(matches!(tries.failed(&later, &settings, days(3), 0.5), Next::Pause(_)));
    }

    #[test]
    fn statuses_say_whether_later_helps() {
        for (status, delivered, later) in [
            (200, true, false),
            (204, true, false),
            (301, false, false),
            (307, false, false),
            (400, false, false),
            (401, false, false),
            (408, false, true),
            (404, false, false),
            (413, false, false),
            (422, false, false),
            (425, false, true),
            (429, false, true),
            (500, false, true),
            (503, false, true),
        ] {
            let outcome = Outcome::of_status(status, None, "");
            assert_eq!(outcome == Outcome::Delivered, delivered, "{status}");
            assert_eq!(matches!(outcome, Outcome::Later(..)), later, "{status}");
            // Whoever may not call, or calls where nobody is, is refused whatever the event.
            assert_eq!(matches!(outcome, Outcome::Unfit(_)), [400, 413, 422].contains(&status), "{status}");
        }
    }
}

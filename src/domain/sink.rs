//! Receivers to which a tenant has its change feed sent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::feed::SyncEntity;
use super::ids::{MarketId, SinkId};
use super::time::Timestamp;
use super::vocabulary::vocabulary;

vocabulary!(
    /// What a sink does.
    SinkState {
        /// It sends, or has sent everything.
        Running = "running",
        /// The receiver did not take the last event: it is tried again.
        Retrying = "retrying",
        /// Nothing is sent until somebody resumes it.
        Paused = "paused",
    }
);

/// Where a secret is: never in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// An environment variable of the server.
    Environment(String),
    /// A file.
    File(String),
}

impl SecretPlace {
    /// Reads `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let named = |rest: &str| (!rest.is_empty() && !rest.contains(char::is_control)).then(|| rest.to_owned());
        if let Some(rest) = text.strip_prefix("env:") {
            let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return named(rest).filter(|_| plain).map(Self::Environment);
        }
        named(text.strip_prefix("file:")?).map(Self::File)
    }
}

impl std::fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// An address outside, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS is spoken.
    pub secure: bool,
    /// Name, or address in its one canonical form, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query, beginning with a slash.
    pub path: String,
}

/// The kind of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `https://` and `http://`.
    Http,
    /// `tls://` and `nats://`.
    Nats,
}

impl Scheme {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Http => ("https", "http"),
            Self::Nats => ("tls", "nats"),
        }
    }
}

impl Endpoint {
    /// Reads an address. A host in numbers is an IPv4 address in whatever form it is written: octal, hexadecimal, short.
    ///
    /// # Errors
    /// What is wrong, to stand behind the name of the key.
    pub fn parse(text: &str, scheme: Scheme) -> Result<Self, String> {
        let (with_tls, plain) = scheme.names();
        let (named, rest) = text.split_once("://").ok_or_else(|| format!("does not begin with {with_tls}://"))?;
        let secure = match named {
            _ if named == with_tls => true,
            _ if named == plain => false,
            _ => return Err(format!("does not begin with {with_tls}:// or {plain}://")),
        };
        // The standard's parser knows the forms of hosts only behind names of its own; ftp has the port that is least missed.
        let known = if scheme == Scheme::Http { named } else { "ftp" };
        let url = url::Url::parse(&format!("{known}://{rest}")).map_err(|error| format!("is no address: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a name or password, which belong into secrets".to_owned());
        }
        if url.fragment().is_some() {
            return Err("has a fragment, which is never sent".to_owned());
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err("names no host".to_owned()),
        };
        let usual = match (scheme, secure) {
            (Scheme::Http, true) => 443,
            (Scheme::Http, false) => 80,
            (Scheme::Nats, _) => 4222,
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        if scheme == Scheme::Nats && !(matches!(url.path(), "" | "/") && query.is_empty()) {
            return Err("has a path, which NATS does not know".to_owned());
        }
        Ok(Self { secure, host, port: url.port().unwrap_or(usual), path: format!("{}{query}", url.path()) })
    }

    /// Host and port: what may be shown. Paths may hold what identifies a receiver.
    #[must_use]
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// How a sink shows that it may publish to NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsLogin {
    /// Not at all.
    Nothing,
    /// A token.
    Token(SecretPlace),
    /// A name and a password.
    Password(String, SecretPlace),
}

/// Who receives the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// An HTTP endpoint, each request signed.
    Webhook {
        /// Where.
        endpoint: Endpoint,
        /// What requests are signed with: each of them, so that a receiver may go over from one to the next.
        secrets: Vec<SecretPlace>,
    },
    /// A NATS server whose JetStream keeps what is published.
    Nats {
        /// Where.
        endpoint: Endpoint,
        /// Events go to `SUBJECT.MARKET.ENTITY`.
        subject: String,
        /// With what.
        login: NatsLogin,
    },
}

impl Receiver {
    /// What it is and where.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Webhook { endpoint, .. } => format!("webhook {}", endpoint.place()),
            Self::Nats { endpoint, .. } => format!("nats {}", endpoint.place()),
        }
    }
}

/// Whose eyes the events are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The tenant's own: nothing is left out.
    Own,
    /// A partner's, by its name in the tenant's file: what is shared with it, and nothing else.
    Partner(String),
}

/// Where a new sink begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the whole history.
    Beginning,
    /// With what is committed from now on.
    Now,
}

/// A receiver and what it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its name, unique in the tenant's file.
    pub id: SinkId,
    /// For whom.
    pub whose: Whose,
    /// Of which markets: each has a place and an order of its own.
    pub markets: BTreeSet<MarketId>,
    /// Only changes of these; all that are shared if empty.
    pub entities: Vec<SyncEntity>,
    /// Where it begins.
    pub start: Start,
    /// Events under way at once. One: in the order of the market; more: in the order of each case.
    pub in_flight: u16,
    /// Who receives it.
    pub receiver: Receiver,
}

/// An event that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The event's id.
    pub change: String,
    /// Revision of the change.
    pub revision: u64,
    /// The revision at which the feed brings it: another one for what is told when its case enters a filter.
    pub found_at: u64,
    /// What it is about.
    pub entity: SyncEntity,
    /// Id of that.
    pub subject: String,
    /// How often it was refused.
    pub refusals: u32,
    /// What the receiver said last.
    pub reason: String,
    /// When it was put aside.
    pub put: Timestamp,
    /// It is to be sent again.
    pub asked: bool,
}

/// What happens to dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterOrder {
    /// They are sent again.
    Replay,
    /// They are forgotten.
    Drop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_one_address_in_whatever_form_they_are_written() {
        for host in ["127.0.0.1", "127.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.0.0.1."] {
            let endpoint = Endpoint::parse(&format!("https://{host}/x"), Scheme::Http).unwrap();
            assert_eq!(endpoint.host, "127.0.0.1", "{host}");
            let endpoint = Endpoint::parse(&format!("nats://{host}"), Scheme::Nats).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), ("127.0.0.1", 4222), "{host}");
        }
        let endpoint = Endpoint::parse("https://[::ffff:10.0.0.1]:8443/a?b=c", Scheme::Http).unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.path.as_str()), ("::ffff:10.0.0.1", "/a?b=c"));
        assert_eq!(endpoint.place(), "[::ffff:10.0.0.1]:8443");
        assert_eq!(Endpoint::parse("tls://n:443", Scheme::Nats).unwrap().port, 443);
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for (text, scheme) in [
            ("example.org", Scheme::Http),
            ("ftp://example.org", Scheme::Http),
            ("nats://example.org", Scheme::Http),
            ("https://", Scheme::Http),
            ("https://user:pass@example.org", Scheme::Http),
            ("https://example.org#part", Scheme::Http),
            ("https://256.1.1.1", Scheme::Http),
            ("https://exa mple.org", Scheme::Http),
            ("https://example.org:99999", Scheme::Http),
            ("https://example.org", Scheme::Nats),
            ("nats://example.org/path", Scheme::Nats),
            ("nats://user@example.org", Scheme::Nats),
        ] {
            assert!(Endpoint::parse(text, scheme).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_named_and_never_written() {
        assert_eq!(SecretPlace::parse("env:A_B1"), Some(SecretPlace::Environment("A_B1".to_owned())));
        assert_eq!(SecretPlace::parse("file:/run/x y"), Some(SecretPlace::File("/run/x y".to_owned())));
        for text in ["whsec_abc", "env:", "file:", "env:A B", "env:A=B", "", "ENV:A"] {
            assert_eq!(SecretPlace::parse(text), None, "{text}");
        }
    }
}

//! Brings one event to its receiver.

use std::sync::Arc;
use std::time::Instant;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::body::Bytes;

use super::retry::Outcome;
use super::{Common, SinkSettings};
use crate::domain::feed::SyncEntity;
use crate::domain::market::MarketKey;
use crate::domain::sink::{NatsLogin, Receiver, SecretPlace};
use crate::domain::time::{SECOND, Timestamp};
use crate::outbound::{Bounds, HttpClient, Login, Message, Nats, OutboundError, SigningKey, read, signature};

/// The media type of an event.
const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";
/// Age at which secrets are read again: a file may hold another one by then.
const SECRETS_AGE: std::time::Duration = std::time::Duration::from_secs(30);

/// An event on its way.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) entity: SyncEntity,
    pub(super) body: Vec<u8>,
}

/// A way to one receiver.
pub(super) struct Courier {
    common: Arc<Common>,
    receiver: Receiver,
    market: String,
    open: Option<(Way, Instant)>,
}

enum Way {
    Webhook(HttpClient, Vec<SigningKey>),
    Nats(Nats),
}

impl Courier {
    pub(super) fn new(common: Arc<Common>, receiver: Receiver, key: &MarketKey) -> Self {
        Self { common, receiver, market: key.market.to_string(), open: None }
    }

    /// Brings an event, once.
    pub(super) async fn bring(&mut self, event: &Event, now: Timestamp) -> Outcome {
        if self.open.as_ref().is_none_or(|(_, since)| since.elapsed() >= SECRETS_AGE) {
            match way(&self.common, &self.receiver) {
                Ok(way) => self.open = Some((way, Instant::now())),
                // Whoever sets up the secret does so later.
                Err(text) => return Outcome::Later(text, None),
            }
        }
        let outcome = match (&mut self.open, &self.receiver) {
            (Some((Way::Webhook(client, keys), _)), _) => webhook(client, keys, event, now).await,
            (Some((Way::Nats(nats), _)), Receiver::Nats { subject, .. }) => {
                let subject = format!("{subject}.{}.{}", self.market, event.entity);
                let message = Message { subject: &subject, id: &event.id, content_type: MEDIA_TYPE, body: &event.body };
                match nats.publish(message).await {
                    Ok(()) => Outcome::Delivered,
                    Err(error) => failure(error),
                }
            }
            _ => Outcome::Later("the receiver was not opened".to_owned(), None),
        };
        if outcome != Outcome::Delivered {
            // What is wrong may lie in the secrets, and in where the name leads.
            self.open = None;
        }
        outcome
    }
}

fn failure(error: OutboundError) -> Outcome {
    match error {
        OutboundError::Unfit(text) => Outcome::Unfit(text),
        OutboundError::Forbidden(text) | OutboundError::Refused(text) => Outcome::Refused(text),
        OutboundError::Unreachable(_) | OutboundError::Timeout(_) => Outcome::Later(error.to_string(), None),
    }
}

async fn webhook(client: &mut HttpClient, keys: &[SigningKey], event: &Event, now: Timestamp) -> Outcome {
    let timestamp = now.0.div_euclid(SECOND);
    let headers = signature(keys, &event.id, timestamp, &event.body).map_err(str::to_owned).and_then(|signed| {
        let value = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
        Ok([
            (CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
            (HeaderName::from_static("webhook-id"), value(&event.id)?),
            (HeaderName::from_static("webhook-timestamp"), value(&timestamp.to_string())?),
            (HeaderName::from_static("webhook-signature"), value(&signed)?),
        ])
    });
    let headers = match headers {
        Ok(headers) => headers,
        Err(text) => return Outcome::Refused(text),
    };
    match client.post(&headers, Bytes::copy_from_slice(&event.body), now).await {
        Ok(answer) => Outcome::of_status(answer.status, answer.retry_after, &answer.excerpt),
        Err(error) => failure(error),
    }
}

/// The way to a receiver, with its secrets as they are now.
fn way(common: &Common, receiver: &Receiver) -> Result<Way, String> {
    let SinkSettings { request_timeout, max_answer_bytes, .. } = common.settings;
    let bounds =
        Bounds { time: request_timeout, answer_bytes: usize::try_from(max_answer_bytes).unwrap_or(usize::MAX) };
    let dialer = Arc::clone(&common.dialer);
    match receiver {
        Receiver::Webhook { endpoint, secrets } => {
            let key = |place: &SecretPlace| {
                SigningKey::parse(&read(place)?).map_err(|wrong| format!("the secret {place} {wrong}"))
            };
            let keys = secrets.iter().map(key).collect::<Result<Vec<_>, String>>()?;
            Ok(Way::Webhook(HttpClient::new(dialer, endpoint.clone(), bounds), keys))
        }
        Receiver::Nats { endpoint, login, .. } => {
            let login = match login {
                NatsLogin::Nothing => Login::default(),
                NatsLogin::Token(place) => Login { token: Some(read(place)?), ..Login::default() },
                NatsLogin::Password(user, place) => {
                    Login { user: Some(user.clone()), password: Some(read(place)?), token: None }
                }
            };
            Ok(Way::Nats(Nats::new(dialer, endpoint.clone(), login, bounds)))
        }
    }
}

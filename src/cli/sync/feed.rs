//! A feed that is opened again wherever it breaks, for as long as a break may heal.

use std::time::Duration;

use tonic::{Code, Status, Streaming};

use super::super::client::{Client, PAUSES_MS, may_succeed_later};
use super::super::error::CliError;
use crate::proto::v1;

/// The next message of a feed.
pub(super) enum Next {
    /// Some changes, or none.
    Message(Box<v1::PullResponse>),
    /// The server does not hold the place any more: the copy must start again.
    StartAgain(String),
    /// The feed has ended, as was asked for.
    End,
}

/// A feed of a market.
pub(super) struct Feed {
    client: Client,
    request: v1::PullRequest,
    open: Option<Streaming<v1::PullResponse>>,
    failures: usize,
}

impl Feed {
    /// A feed behind a token; the empty token for the beginning.
    pub(super) fn new(client: Client, region: &str, token: String, once: bool) -> Self {
        let request = v1::PullRequest { region_code: region.to_owned(), token, once, ..Default::default() };
        Self { client, request, open: None, failures: 0 }
    }

    /// What was received is kept: from here on the feed goes on behind it.
    pub(super) fn kept(&mut self, token: &str) {
        token.clone_into(&mut self.request.token);
    }

    /// Starts again from nothing.
    pub(super) fn restart(&mut self) {
        self.request.token.clear();
        self.open = None;
    }

    /// The next message.
    ///
    /// # Errors
    /// The server refused, or stayed away for half a minute.
    pub(super) async fn next(&mut self) -> Result<Next, CliError> {
        loop {
            let answer = match &mut self.open {
                Some(open) => open.message().await,
                None => match self.client.sync.pull(self.request.clone()).await {
                    Ok(response) => {
                        self.open = Some(response.into_inner());
                        continue;
                    }
                    Err(status) => Err(status),
                },
            };
            match answer {
                Ok(Some(message)) => {
                    self.failures = 0;
                    return Ok(Next::Message(Box::new(message)));
                }
                Ok(None) if self.request.once => return Ok(Next::End),
                Ok(None) => self.pause(Status::unavailable("the server ended the feed")).await?,
                Err(status) if status.code() == Code::OutOfRange => {
                    return Ok(Next::StartAgain(status.message().to_owned()));
                }
                Err(status) => self.pause(status).await?,
            }
        }
    }

    async fn pause(&mut self, status: Status) -> Result<(), CliError> {
        self.open = None;
        let pause = PAUSES_MS.get(self.failures).filter(|_| may_succeed_later(&status));
        let Some(pause) = pause else { return Err(status.into()) };
        self.failures += 1;
        tokio::time::sleep(Duration::from_millis(*pause)).await;
        Ok(())
    }
}

//! SyncService.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt as _, stream};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};

use super::admitted::Admitted;
use super::push;
use super::{ANSWER_MARGIN, Answers, Api, Paging, failed, open, serve, wrong};
use crate::domain::digest::Tally;
use crate::domain::error_kind::ErrorKind;
use crate::domain::principal::Principal;
use crate::domain::sharing::Sharing;
use crate::proto::v1;
use crate::proto::v1::sync_service_server::SyncService;
use crate::sync::{self, Cursor, Follower, Tellers};
use crate::transport::decode::request::only_market;
use crate::transport::decode::sync::{self as decode, SinkOrder};
use crate::transport::encode;
use crate::transport::encode::feed::{Messages, Pulled, Untold};
use crate::transport::page::{Binding, PageTokens};
use crate::transport::status;
use crate::wire::encode::scalar::{date, revision, time};

/// Why a token does not open; whose fault it is, it does not say.
const FOREIGN: &str = "does not belong to this feed: send the token of the last message with an unchanged filter, to the \
                       store that gave it out, or none to start again";

/// What seals the tokens of one feed.
struct Tokens {
    tokens: PageTokens,
    who: Principal,
    arguments: Vec<u8>,
}

impl Tokens {
    fn binding(&self) -> Binding<'_> {
        Binding { who: &self.who, method: "Pull", arguments: self.arguments.clone() }
    }

    fn seal(&self, cursor: &Cursor) -> String {
        self.tokens.seal(&self.binding(), cursor)
    }
}

/// A feed on its way to a client.
struct Sending {
    follower: Follower,
    tokens: Tokens,
    /// What is being sent.
    messages: Option<Messages>,
    most: usize,
    /// What is shared with the client; `None` for everything.
    sharing: Option<Arc<Sharing>>,
    admitted: Admitted,
}

impl Sending {
    async fn next(&mut self) -> Option<Result<Pulled, Status>> {
        loop {
            if self.messages.as_ref().is_some_and(|messages| !messages.is_over()) {
                if let Err(status) = self.still().await {
                    return Some(Err(status));
                }
                let tokens = &self.tokens;
                let message = self.messages.as_mut()?.next(|cursor| tokens.seal(cursor))?;
                return Some(message.map_err(|untold| self.untold(untold)));
            }
            match self.follower.next().await? {
                Ok(batch) => self.messages = Some(Messages::new(batch, self.most, self.sharing.clone())),
                Err(error) => return Some(Err(failed(error))),
            }
        }
    }

    /// Whether the client may have what was read for it. That waits here for as long as it does not read on, which may be hours:
    /// it is asked before each message.
    async fn still(&mut self) -> Result<(), Status> {
        self.admitted.still().await?;
        self.follower.still_shared().map_err(failed)
    }

    fn untold(&self, untold: Untold) -> Status {
        match untold {
            Untold::Corrupt(error) => {
                tracing::error!(%error, "a stored record is no message");
                status::own(ErrorKind::Internal, "INTERNAL", "a stored record is corrupt")
            }
            Untold::TooLarge(change, bytes) => {
                let text = format!(
                    "the {change} has {bytes} bytes, a message may have {}: set grpc.max_send_bytes higher, or leave its \
                     entity out",
                    self.most
                );
                status::own(ErrorKind::ResourceExhausted, "ANSWER_TOO_LARGE", text)
            }
        }
    }
}

impl Api {
    /// The messages of Pull.
    pub(super) async fn feed(&self, request: Request<v1::PullRequest>) -> Result<Answers<Pulled>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, mut message) = open(request)?;
        let token = message.token.clone();
        let wish = decode::pull(message.clone()).map_err(wrong)?;
        let sync = &self.use_cases.sync;
        let session = sync.open(&caller.who, &wish.market).await.map_err(failed)?;
        self.assure(&caller, &wish.market).await?;
        // Bound to store and tenant by the secret, to market and filter by the arguments.
        message = v1::PullRequest { region_code: wish.market.to_string(), ..Default::default() };
        let filter = serde_json::to_vec(&wish.filter).unwrap_or_default();
        let arguments = [message.encode_to_vec(), filter].concat();
        let tokens = Tokens { tokens: PageTokens::new(&session.secret), who: caller.who.clone(), arguments };
        let sharing = session.sharing.clone();
        let cursor: Option<Cursor> =
            tokens.tokens.read_as(&tokens.binding(), "token", FOREIGN, &token).map_err(wrong)?;
        let from = cursor.ok_or(wish.after);
        // A partner is told of an activity in parts.
        let tellers: Option<Tellers> = sharing.is_none().then_some(encode::feed::plainly);
        let follower = sync.follow(session, wish.filter, (wish.manner, tellers), from).await.map_err(failed)?;
        let most = self.limits.answer_bytes.saturating_sub(ANSWER_MARGIN);
        let admitted = Admitted::now(self.clone(), caller);
        let sending = Sending { follower, tokens, messages: None, most, sharing, admitted };
        let end = Box::pin(ending.of_listener().reached());
        let answers = stream::unfold(Some((sending, end)), |state| async move {
            let (mut sending, mut end) = state?;
            tokio::select! {
                next = sending.next() => match next? {
                    Ok(message) => Some((Ok(message), Some((sending, end)))),
                    Err(status) => Some((Err(status), None)),
                },
                status = &mut end => Some((Err(status), None)),
            }
        });
        Ok(Box::pin(answers))
    }
}

serve! { SyncService:
    pull(v1::PullRequest) -> Answers<v1::PullResponse> as PullStream;
    push(Streaming<v1::PushRequest>) -> Answers<v1::PushResponse> as PushStream;
    get_market_status(v1::GetMarketStatusRequest) -> v1::GetMarketStatusResponse;
    list_day_tallies(v1::ListDayTalliesRequest) -> v1::ListDayTalliesResponse;
    list_leaves(v1::ListLeavesRequest) -> v1::ListLeavesResponse;
    list_sinks(v1::ListSinksRequest) -> v1::ListSinksResponse;
    update_sink(v1::UpdateSinkRequest) -> v1::UpdateSinkResponse;
    list_dead_letters(v1::ListDeadLettersRequest) -> v1::ListDeadLettersResponse;
}

impl Api {
    /// The generated form of what `Api::feed` sends: the same messages, read again.
    async fn pull(&self, request: Request<v1::PullRequest>) -> Result<Response<Answers<v1::PullResponse>>, Status> {
        let read = |Pulled(bytes)| {
            v1::PullResponse::decode(bytes.as_slice()).map_err(|error| Status::internal(error.to_string()))
        };
        let messages = self.feed(request).await?.map(move |message| message.and_then(read));
        Ok(Response::new(Box::pin(messages)))
    }

    async fn push(
        &self,
        request: Request<Streaming<v1::PushRequest>>,
    ) -> Result<Response<Answers<v1::PushResponse>>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, messages) = open(request)?;
        Ok(Response::new(push::answers(self.clone(), caller, messages, ending)))
    }

    async fn get_market_status(
        &self,
        request: Request<v1::GetMarketStatusRequest>,
    ) -> Result<Response<v1::GetMarketStatusResponse>, Status> {
        let (caller, message) = open(request)?;
        let market = only_market(&message.region_code).map_err(wrong)?;
        let sync = &self.use_cases.sync;
        let session = sync.open(&caller.who, &market).await.map_err(failed)?;
        self.assure(&caller, &market).await?;
        let found = sync.status(&session, counted).await.map_err(failed)?;
        self.answer(v1::GetMarketStatusResponse {
            revision: revision(found.revision),
            record_time: Some(time(found.recorded)),
            time_zone: found.zone.name().to_owned(),
            tallies: found.tallies.iter().map(|(entity, of)| encode::sync::tally(*entity, of)).collect(),
        })
    }

    async fn list_day_tallies(
        &self,
        request: Request<v1::ListDayTalliesRequest>,
    ) -> Result<Response<v1::ListDayTalliesResponse>, Status> {
        let (caller, message) = open(request)?;
        let wish = decode::days(&message).map_err(wrong)?;
        let sync = &self.use_cases.sync;
        let session = sync.open(&caller.who, &wish.market).await.map_err(failed)?;
        self.assure(&caller, &wish.market).await?;
        let (days, at) = sync.days(&session, wish.entity, (wish.from, wish.before), counted).await.map_err(failed)?;
        let day = |(on, of): &(NaiveDate, Tally)| v1::DayTally {
            date: Some(date(*on)),
            tally: Some(encode::sync::tally(wish.entity, of)),
        };
        self.answer(v1::ListDayTalliesResponse { days: days.iter().map(day).collect(), revision: revision(at) })
    }

    async fn list_leaves(
        &self,
        request: Request<v1::ListLeavesRequest>,
    ) -> Result<Response<v1::ListLeavesResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, entity, date) = decode::leaves(&message).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListLeaves", size, &message)?;
        let after = paging.after::<(String, String)>(&token)?;
        let sync = &self.use_cases.sync;
        let session = sync.open(&caller.who, &market).await.map_err(failed)?;
        self.assure(&caller, &market).await?;
        let limit = usize::try_from(paging.limit()).unwrap_or(usize::MAX);
        let rows = sync.leaves(&session, (entity, date), after, limit, counted).await.map_err(failed)?;
        let (leaves, next_page_token) = paging.cut(
            &rows,
            |row| v1::Leaf {
                id: row.id.0.clone(),
                version_id: row.id.1.clone(),
                digest: row.leaf.bytes().to_vec(),
                revision: revision(row.revision),
            },
            |row| row.id.clone(),
        );
        self.answer(v1::ListLeavesResponse { leaves, next_page_token })
    }

    async fn list_sinks(
        &self,
        request: Request<v1::ListSinksRequest>,
    ) -> Result<Response<v1::ListSinksResponse>, Status> {
        let (caller, message) = open(request)?;
        let market = decode::sinks(&message).map_err(wrong)?;
        let sinks = self.use_cases.sync.sinks(&caller.who, market.as_ref()).await.map_err(failed)?;
        self.answer(v1::ListSinksResponse { sinks: sinks.iter().map(encode::sink::sink).collect() })
    }

    async fn update_sink(
        &self,
        request: Request<v1::UpdateSinkRequest>,
    ) -> Result<Response<v1::UpdateSinkResponse>, Status> {
        let (caller, message) = open(request)?;
        let (market, sink, order) = decode::sink(message).map_err(wrong)?;
        let (sync, who) = (&self.use_cases.sync, &caller.who);
        match order {
            SinkOrder::Pause => sync.pause_sink(who, &market, &sink).await,
            SinkOrder::Resume => sync.resume_sink(who, &market, &sink).await,
            SinkOrder::Replay(after) => sync.replay_sink(who, &market, &sink, after).await,
            SinkOrder::Letters(order, events) => {
                sync.order_letters(who, &market, &sink, events, order).await.map(|_| ())
            }
        }
        .map_err(failed)?;
        let sinks = sync.sinks(who, Some(&market)).await.map_err(failed)?;
        let sink = sinks.iter().find(|status| status.sink.id == sink).map(encode::sink::sink);
        self.answer(v1::UpdateSinkResponse { sink })
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let (caller, mut message) = open(request)?;
        let (market, sink) = decode::letters(&message).map_err(wrong)?;
        let token = std::mem::take(&mut message.page_token);
        let size = std::mem::take(&mut message.page_size);
        let paging = Paging::open(self, &caller, "ListDeadLetters", size, &message)?;
        let after = paging.after::<(u64, String)>(&token)?;
        let limit = u64::from(paging.limit());
        let rows = self.use_cases.sync.letters(&caller.who, &market, &sink, after, limit).await.map_err(failed)?;
        let (dead_letters, next_page_token) =
            paging.cut(&rows, encode::sink::letter, |row| (row.revision, row.change.clone()));
        self.answer(v1::ListDeadLettersResponse { dead_letters, next_page_token })
    }
}

/// What a partner counts of a record, see [`encode::shared::counted`].
fn counted(record: sync::Record<'_>, sharing: &Sharing) -> Result<Option<sync::Counted>, String> {
    encode::shared::counted(record, sharing).map_err(|error| error.to_string())
}

//! WatchKpis and WatchAlerts: the newest of what is watched, whenever it changes, until the client goes, the service stops
//! or the deadline passes. Nothing queues up: a slow client misses what lies between.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, future, stream};
use prost::Message;
use tonic::{Code, Request, Status};

use super::admitted::Admitted;
use super::stream::{Ending, until_failure};
use super::{Answers, Api, failed, open, too_large, wrong};
use crate::domain::error_kind::ErrorKind;
use crate::proto::v1;
use crate::query::{Scorecard, Seen, Watched, alerts};
use crate::transport::auth::Caller;
use crate::transport::decode::{kpi as decode, request};
use crate::transport::encode::{kpi, target};
use crate::transport::status;
use crate::wire::encode::scalar::revision;

/// How often a key is looked at while what it watches does not change.
const KEY_LOOK: Duration = Duration::from_secs(5);

/// Waits until a key opens nothing any more. A database that is away says nothing of that.
async fn revoked(admitted: &Admitted) -> Status {
    loop {
        tokio::time::sleep(KEY_LOOK).await;
        if let Err(status) = admitted.still().await
            && status.code() == Code::Unauthenticated
        {
            return status;
        }
    }
}

impl Api {
    /// WatchKpis.
    pub(super) async fn kpis_watched(
        &self,
        request: Request<v1::WatchKpisRequest>,
    ) -> Result<Answers<v1::WatchKpisResponse>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, message) = open(request)?;
        let (market, question) = decode::watched(message, &self.use_cases.query.case_dimensions()).map_err(wrong)?;
        let group_by = question.group_names();
        let least = self.assure(&caller, &market).await?;
        let watched = self.use_cases.query.watch_kpis(&caller.who, &market, question, least).map_err(failed)?;
        let encode = move |answer: Arc<crate::query::KpiAnswer>| {
            let rows = answer.answer.rows.iter().map(|row| kpi::row(row, &group_by)).collect();
            let filling = answer.filling.iter().map(kpi::filling).collect();
            Ok(Some(v1::WatchKpisResponse { rows, revision: revision(answer.revision), filling }))
        };
        Ok(self.pushed(caller, watched, ending, encode))
    }

    /// WatchAlerts.
    pub(super) async fn alerts_watched(
        &self,
        request: Request<v1::WatchAlertsRequest>,
    ) -> Result<Answers<v1::WatchAlertsResponse>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, message) = open(request)?;
        let market = request::only_market(&message.region_code).map_err(wrong)?;
        let least = self.assure(&caller, &market).await?;
        let watched = self.use_cases.query.watch_scorecard(&caller.who, &market, least).map_err(failed)?;
        let mut before: Option<Arc<Scorecard>> = None;
        let encode = move |card: Arc<Scorecard>| {
            let found = alerts(before.as_deref(), &card);
            let moved = before.as_deref().is_none_or(|before| before.stands() != card.stands());
            let message = v1::WatchAlertsResponse {
                alerts: found.iter().map(target::alert).collect(),
                revision: revision(card.revision),
                filling: card.filling.iter().map(kpi::filling).collect(),
            };
            before = Some(card);
            Ok((moved || !found.is_empty()).then_some(message))
        };
        Ok(self.pushed(caller, watched, ending, encode))
    }

    /// What is watched, encoded; what encodes to nothing is not pushed. A key that is revoked ends it.
    fn pushed<T: Send + Sync + 'static, M: Message + 'static>(
        &self,
        caller: Caller,
        watched: Watched<T>,
        ending: Ending,
        mut encode: impl FnMut(Arc<T>) -> Result<Option<M>, Status> + Send + 'static,
    ) -> Answers<M> {
        let end = Box::pin(ending.of_listener().reached());
        let first = (watched, end, Admitted::now(self.clone(), caller));
        let events = stream::unfold(Some(first), |state| async move {
            let (mut watched, mut end, admitted) = state?;
            tokio::select! {
                changed = watched.changed() => {
                    let Ok(seen) = changed else {
                        let text = "what was watched is not computed any more: watch it again";
                        return Some((Err(status::own(ErrorKind::Unavailable, "WATCH_ENDED", text)), None));
                    };
                    if let Err(status) = admitted.still().await {
                        return Some((Err(status), None));
                    }
                    Some((Ok(seen), Some((watched, end, admitted))))
                }
                status = revoked(&admitted) => Some((Err(status), None)),
                status = &mut end => Some((Err(status), None)),
            }
        });
        let most = self.limits.answer_bytes;
        let mut take = move |seen: Seen<T>| -> Result<Option<M>, Status> {
            let Some(seen) = seen else { return Ok(None) };
            let message = encode(seen.map_err(failed)?)?;
            let bytes = message.as_ref().map_or(0, Message::encoded_len);
            if bytes > most {
                return Err(too_large(bytes, most, "watch fewer KPIs, periods or groups"));
            }
            Ok(message)
        };
        let answers = events.filter_map(move |event| future::ready(event.and_then(&mut take).transpose()));
        Box::pin(until_failure(answers))
    }
}

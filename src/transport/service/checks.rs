//! Checks of contacts and charges: one, a message of hundreds, or a stream of such messages.

use std::sync::Arc;

use tonic::{Request, Status, Streaming};

use super::admitted::Admitted;
use super::{Answers, Api, failed, open, stream, too_large, wrong};
use crate::advice::{CheckAnswer, Checked, Told, WhenFull, permits};
use crate::domain::error_kind::Failure as _;
use crate::domain::ids::MarketId;
use crate::domain::validation::{Refusal, Violation};
use crate::ingest::IngestError;
use crate::proto::v1;
use crate::transport::auth::Caller;
use crate::transport::batch::Batch;
use crate::transport::decode::check::{self, View};
use crate::transport::encode::checks::{self, Many, Place};
use crate::transport::encode::direct::Encoded;
use crate::transport::encode::permit;
use crate::transport::status;
use crate::wire::decode::DecodeError;

/// Messages of one stream that are in work at once: while one waits for its cases, the next is read.
const IN_WORK: usize = 4;
/// Checks of one message that may reserve: each is a commit of its own, and the answer waits for all of them.
const MAX_RESERVED: usize = 200;

impl Api {
    /// CheckContact.
    pub(super) async fn one(&self, request: Request<v1::CheckContactRequest>) -> Result<Encoded, Status> {
        let (caller, message) = open(request)?;
        let (market, question, view, wish) = check::check(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let advice = &self.use_cases.advice;
        let Some(wish) = wish else {
            // One question has one answer.
            let mut answer = Err(IngestError::Overloaded);
            let write = |checked: &Checked, told: Result<Told<'_>, IngestError>| {
                answer = told.map(|told| checks::one(checked, &told, view, None));
            };
            let checked = advice.check_all(&caller.who, &market, vec![question], WhenFull::Refuse, write).await;
            return checked.and(answer).map_err(failed);
        };
        let reserved = advice.reserve(&caller.who, &market, question, wish).await.map_err(failed)?;
        let answer = reserved.map_err(|refusal| status::refused(&refusal))?;
        Ok(checks::one(&answer.checked, &answer.check.told(), view, granted(&answer).as_ref()))
    }

    /// BatchCheckContacts.
    pub(super) async fn many(&self, request: Request<v1::BatchCheckContactsRequest>) -> Result<Encoded, Status> {
        let (caller, message) = open(request)?;
        let (market, view) = check::batch(&message.region_code, message.view).map_err(wrong)?;
        self.all(&caller, (&market, view), None, message.checks, WhenFull::Refuse).await
    }

    /// StreamContactChecks. The first message that fails as a whole ends it.
    pub(super) fn stream(
        &self,
        request: Request<Streaming<v1::StreamContactChecksRequest>>,
    ) -> Result<Answers<Encoded>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, messages) = open(request)?;
        let messages = stream::until_idle(messages, self.limits.stream_idle);
        let api = self.clone();
        let admitted = Arc::new(Admitted::now(api.clone(), caller));
        let answer = move |message: v1::StreamContactChecksRequest| {
            let (api, admitted) = (api.clone(), Arc::clone(&admitted));
            async move {
                let caller = admitted.still().await?;
                let (market, view) = check::batch(&message.region_code, message.view).map_err(wrong)?;
                let sequence = Some(message.sequence);
                api.all(&caller, (&market, view), sequence, message.checks, WhenFull::Wait).await
            }
        };
        Ok(stream::answer_each(messages, ending, IN_WORK, answer))
    }

    /// CheckCharge.
    pub(super) async fn charge(
        &self,
        request: Request<v1::CheckChargeRequest>,
    ) -> Result<(CheckAnswer, Checked, View), Status> {
        let (caller, message) = open(request)?;
        let (market, question, view) = check::charge(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let checked = self.use_cases.advice.check(&caller.who, &market, question).await;
        let (answer, checked) = checked.map_err(failed)?;
        Ok((answer, checked, view))
    }

    /// Answers the checks of one message.
    async fn all(
        &self,
        caller: &Caller,
        (market, view): (&MarketId, View),
        sequence: Option<i64>,
        checks: Vec<v1::ContactCheck>,
        when_full: WhenFull,
    ) -> Result<Encoded, Status> {
        let mut batch = Batch::read("checks", checks, self.limits.batch_items, check::contact_check)?;
        let good = batch.take();
        let (mut questions, mut wishes) = (Vec::with_capacity(good.len()), Vec::new());
        for (place, (question, wish)) in good.into_iter().enumerate() {
            match wish {
                None => questions.push(question),
                Some(wish) => wishes.push((place, question, wish)),
            }
        }
        if wishes.len() > MAX_RESERVED {
            let text = format!("{} of them reserve, above {MAX_RESERVED}: send them in several messages", wishes.len());
            return Err(wrong(DecodeError::one("checks", &text)));
        }
        self.assure(caller, market).await?;
        let advice = &self.use_cases.advice;
        let mut many = Many::new(sequence, view, questions.len() + wishes.len());
        let mut told: Vec<Result<Place, Refusal>> = Vec::with_capacity(questions.len() + wishes.len());
        let write = |checked: &Checked, answer: Result<Told<'_>, IngestError>| {
            told.push(match answer {
                Ok(answer) => Ok(many.answered(checked, &answer)),
                Err(error) => Err(refusal("case_id", &error)),
            });
        };
        let checked = advice.check_all(&caller.who, market, questions, when_full, write).await.map_err(failed)?;
        // Handed to the writer in their order, so that of two that want the last place the first gets it.
        let (places, reserving): (Vec<usize>, Vec<_>) = wishes
            .into_iter()
            .map(|(place, question, wish)| (place, advice.reserve(&caller.who, market, question, wish)))
            .unzip();
        for (place, reserved) in places.into_iter().zip(futures::future::join_all(reserving).await) {
            let outcome = match reserved {
                Ok(reserved) => reserved
                    .map(|answer| many.reserved(&answer.checked, &answer.check.told(), granted(&answer).as_ref())),
                Err(error) if matches!(error, IngestError::RoleMissing(_)) => return Err(failed(error)),
                Err(error) => Err(refusal("reserve", &error)),
            };
            told.insert(place.min(told.len()), outcome);
        }
        let results = batch.outcomes(told, |outcome| outcome, |refusal| many.refused(&refusal))?;
        let answer = many.finish(&checked, &results);
        let bytes = answer.bytes();
        if bytes > self.limits.answer_bytes {
            return Err(too_large(bytes, self.limits.answer_bytes, "send fewer checks, or ask for CHECK_VIEW_VERDICT"));
        }
        Ok(answer)
    }
}

/// The permit of a check that asked for one.
fn granted(answer: &permits::Answer) -> Option<v1::Permit> {
    answer.permit.as_ref().map(|row| permit::permit(row, answer.now))
}

/// Why one check that could be read has no answer.
fn refusal(field: &str, error: &IngestError) -> Refusal {
    Refusal {
        reason: error.reason(),
        kind: error.kind(),
        violations: vec![Violation::new(field, error.to_string())],
        retryable: error.retry_after_ms().is_some(),
    }
}

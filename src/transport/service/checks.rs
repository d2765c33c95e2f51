//! Checks of contacts and charges: one, a message of hundreds, or a stream of such messages.

use tonic::{Request, Status, Streaming};

use super::{Answers, Api, failed, open, stream, too_large, wrong};
use crate::advice::{CheckAnswer, Checked, WhenFull};
use crate::domain::error_kind::Failure as _;
use crate::domain::ids::MarketId;
use crate::domain::validation::{Refusal, Violation};
use crate::ingest::IngestError;
use crate::proto::v1;
use crate::transport::auth::Caller;
use crate::transport::batch::Batch;
use crate::transport::decode::check::{self, View};
use crate::transport::encode::direct::{Direct as _, Many, One, Outcome};
use crate::transport::encode::permit;
use crate::transport::status;

/// Messages of one stream that are in work at once: while one waits for its cases, the next is read.
const IN_WORK: usize = 4;

impl Api {
    /// CheckContact.
    pub(super) async fn one(&self, request: Request<v1::CheckContactRequest>) -> Result<One, Status> {
        let (caller, message) = open(request)?;
        let (market, question, view, wish) = check::check(message).map_err(wrong)?;
        let advice = &self.use_cases.advice;
        let Some(wish) = wish else {
            let checked = advice.check(&caller.who, &market, question).await;
            let (answer, checked) = checked.map_err(failed)?;
            return Ok(One { checked, answer, view, permit: None });
        };
        let reserved = advice.reserve(&caller.who, &market, question, wish).await.map_err(failed)?;
        let answer = reserved.map_err(|refusal| status::refused(&refusal))?;
        let permit = answer.permit.as_ref().map(|row| permit::permit(row, answer.now));
        Ok(One { checked: answer.checked, answer: answer.check, view, permit })
    }

    /// BatchCheckContacts.
    pub(super) async fn many(&self, request: Request<v1::BatchCheckContactsRequest>) -> Result<Many, Status> {
        let (caller, message) = open(request)?;
        let (market, view) = check::batch(&message.region_code, message.view).map_err(wrong)?;
        self.all(&caller, (&market, view), None, message.checks, WhenFull::Refuse).await
    }

    /// StreamContactChecks. The first message that fails as a whole ends it.
    pub(super) fn stream(
        &self,
        request: Request<Streaming<v1::StreamContactChecksRequest>>,
    ) -> Result<Answers<Many>, Status> {
        let deadline = request.extensions().get().copied();
        let (caller, messages) = open(request)?;
        let messages = stream::until_idle(messages, self.limits.stream_idle);
        let (api, ending) = (self.clone(), (self.stopping.clone(), deadline));
        let answer = move |message: v1::StreamContactChecksRequest| {
            let (api, caller) = (api.clone(), caller.clone());
            async move {
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
    ) -> Result<Many, Status> {
        let mut batch = Batch::read("checks", checks, self.limits.batch_items, check::contact_check)?;
        let advice = &self.use_cases.advice;
        let mut checked = advice.check_all(&caller.who, market, batch.take(), when_full).await.map_err(failed)?;
        let results = batch.outcomes(
            std::mem::take(&mut checked.answers),
            |answer| answer.map(|answer| Outcome::Answered(Box::new(answer))).map_err(|error| refusal(&error)),
            |refusal| Outcome::Refused(Box::new(refusal)),
        )?;
        let mut many = Many { sequence, checked, results, view, encoded: None };
        let encoded = many.encode();
        let bytes = encoded.len();
        if bytes > self.limits.answer_bytes {
            return Err(too_large(bytes, self.limits.answer_bytes, "send fewer checks, or ask for CHECK_VIEW_VERDICT"));
        }
        many.encoded = Some(encoded);
        Ok(many)
    }
}

/// What is wrong with one check that could be read: its case is not known.
fn refusal(error: &IngestError) -> Refusal {
    Refusal {
        reason: error.reason(),
        kind: error.kind(),
        violations: vec![Violation::new("case_id", error.to_string())],
        retryable: error.retry_after_ms().is_some(),
    }
}

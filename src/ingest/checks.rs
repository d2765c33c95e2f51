//! The decision log: answered contact checks, committed in groups by the market's writer, counted by KPIs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::IngestError;
use super::writer::Work;
use super::writing::Writing;
use crate::domain::error_kind::ErrorKind;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::{Channel, Direction};

/// One answered check: what was asked, what was answered, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Id given to the check.
    pub check: String,
    /// The instant asked about.
    pub at: Timestamp,
    /// When it was asked.
    pub asked: Timestamp,
    /// The key that asked.
    pub key: String,
    /// The case.
    pub case: String,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The channel.
    pub channel: Channel,
    /// The creditor of the case.
    pub client: String,
    /// The answer.
    pub verdict: Verdict,
    /// Rules that did not simply allow it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Revision that the answer stands on.
    pub revision: u64,
    /// Digest of the rules.
    pub digest: String,
}

/// The KPI fact of a check.
pub(super) fn fact(market: &Market, check: &CheckRecord) -> Fact {
    let dims = Dims {
        client: Some(Arc::from(check.client.as_str())),
        channel: Some(check.channel),
        direction: Some(Direction::Outbound),
        state: Some(Arc::from(check.verdict.as_str())),
        ..Dims::default()
    };
    Fact {
        kind: FactKind::ContactCheck,
        day: day_number(check.asked.date(market.zone)),
        sign: 1,
        count: 1,
        amount: 0,
        amount2: 0,
        days_due: None,
        days_invoice: None,
        flags: 0,
        dims: Arc::new(dims),
    }
}

/// Logs and counts the checks of a group.
pub(super) async fn log(writing: &mut Writing<'_>, work: &[Work]) -> Result<(), IngestError> {
    let mut body = String::new();
    for job in work {
        let Work::Checks(checks) = job else { continue };
        for check in checks {
            let line = serde_json::to_string(check).map_err(|_| corrupt())?;
            body.push_str(&line);
            body.push('\n');
            writing.delta.add(&writing.catalogue, &fact(&writing.market, check));
        }
    }
    if body.is_empty() {
        return Ok(());
    }
    writing.stored = true;
    Ok(writing.tx.insert_checks(writing.revision, writing.recorded, body).await?)
}

/// Counts every logged check anew.
pub(super) async fn recount(writing: &mut Writing<'_>) -> Result<(), IngestError> {
    for row in writing.tx.all_checks().await? {
        for line in row.body.lines() {
            let check: CheckRecord = serde_json::from_str(line).map_err(|_| corrupt())?;
            writing.delta.add(&writing.catalogue, &fact(&writing.market, &check));
        }
    }
    Ok(())
}

fn corrupt() -> IngestError {
    IngestError::Store {
        kind: ErrorKind::Internal,
        reason: "STORAGE_CORRUPT",
        message: "a logged contact check is corrupt".to_owned(),
        retryable: false,
    }
}

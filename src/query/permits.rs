//! Permits as read: what has become of them by the instant of the question.

use super::Query;
use crate::domain::ids::{MarketId, PermitId};
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::ingest::IngestError;
use crate::store::{PermitFilter, PermitRow};

impl Query {
    /// One permit, and the instant that its state is told for.
    ///
    /// # Errors
    /// The permit is unknown, or see [`IngestError`].
    pub async fn get_permit(
        &self,
        who: &Principal,
        market: &MarketId,
        permit: &PermitId,
    ) -> Result<(PermitRow, Timestamp), IngestError> {
        let reading = self.open(who, market)?;
        let found = reading.scope.permit(market, permit).await?;
        let row = found.ok_or_else(|| IngestError::NotFound { what: "permit", id: permit.to_string() })?;
        Ok((row, self.markets.clock().now()))
    }

    /// Permits by id, behind the last one shown, and the instant that their states are told for: that of the first page.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn list_permits(
        &self,
        who: &Principal,
        market: &MarketId,
        filter: &PermitFilter,
        after: Option<(Timestamp, String)>,
        limit: u32,
    ) -> Result<(Vec<PermitRow>, Timestamp), IngestError> {
        let reading = self.open(who, market)?;
        let (as_of, last) = after.unwrap_or_else(|| (self.markets.clock().now(), String::new()));
        Ok((reading.scope.list_permits(market, filter, as_of, &last, limit).await?, as_of))
    }
}

//! What belongs to the history of a case although it concerns another: promises on the other cases of its calls about several.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, QueryResult};

use super::bulk::text_set;
use super::{StoreError, TenantScope};
use crate::domain::activity::Activity;
use crate::domain::ids::{ActivityId, CaseId, MarketId};
use crate::domain::shared_call::{counted_elsewhere, is_shared_call, named};

/// The promises of some cases, that of a case that a promise is counted on.
const PROMISES: &str = "SELECT a.case_id, a.revision, a.recorded_at, a.record, v.revision AS void_revision
    FROM activity a LEFT JOIN void v
      ON v.tenant_id = a.tenant_id AND v.market_id = a.market_id AND v.target_id = a.activity_id
    WHERE a.tenant_id = $1 AND a.market_id = $2 AND a.case_id {set} AND a.kind = 'promise'";

/// The calls about several cases among the activities of some cases, each with the first of its cases.
#[derive(Default)]
pub(super) struct SharedCalls(HashMap<ActivityId, Activity>);

impl SharedCalls {
    /// Notes an activity of a case, if it is such a call and counted on that case.
    pub fn note(&mut self, case: &CaseId, activity: &Activity) {
        if is_shared_call(activity) && activity.cases.first() == Some(case) {
            self.0.insert(activity.id.clone(), activity.clone());
        }
    }

    /// The rows of all promises on the other cases that they are about; none where there is no such call.
    pub async fn promises(
        &self,
        scope: &TenantScope,
        market: &MarketId,
        connection: &impl ConnectionTrait,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let others = self.0.values().flat_map(|call| call.cases.iter().skip(1));
        let others: BTreeSet<&str> = others.map(CaseId::as_str).collect();
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let (set, bind) = text_set(scope.store.backend, 3, others.into_iter().map(str::to_owned).collect());
        let statement = scope.statement(market, &PROMISES.replace("{set}", &set), [bind]);
        Ok(connection.query_all_raw(statement).await?)
    }

    /// The case to whose history a promise on another case belongs.
    pub fn lead(&self, promise: &Activity) -> Option<&CaseId> {
        counted_elsewhere(self.0.get(named(promise)?)?, promise)
    }
}

//! Cases and activities with what only the store knows of them.

use crate::domain::detail::Detail;
use crate::proto::v1;
use crate::query::{CaseView, StoredActivity};
use crate::wire::encode;
use crate::wire::encode::scalar::{revision, time};

/// A case as read.
#[must_use]
pub fn case(view: &CaseView) -> v1::Case {
    v1::Case {
        etag: view.etag.clone(),
        revision: revision(view.revision),
        version_count: i32::try_from(view.versions).unwrap_or(i32::MAX),
        ..encode::case::case(&view.version)
    }
}

/// An activity as read.
#[must_use]
pub fn activity(stored: &StoredActivity) -> v1::Activity {
    v1::Activity {
        record_time: Some(time(stored.recorded)),
        revision: revision(stored.revision),
        // A void is final, also where another names it.
        voided: stored.voided.is_some() && !matches!(stored.activity.detail, Detail::Void { .. }),
        ..encode::activity::activity(&stored.activity)
    }
}

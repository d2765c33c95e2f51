//! Records that are sent again: the same is a duplicate, anything else under the same id is refused.

use super::compare::differing;
use super::group::{Group, Map, Place};
use super::writer::ItemResult;
use super::writing::Writing;
use super::{IngestError, admit};
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;
use crate::domain::disposition;

impl Group<'_> {
    /// Tells of records that would not be taken any more, because something in the configuration has changed, say, whether they are
    /// on record: every call may be repeated.
    pub(super) async fn stored_before(
        &mut self,
        writing: &Writing<'_>,
        unfit: Vec<(Place, &Activity)>,
    ) -> Result<(), IngestError> {
        if unfit.is_empty() {
            return Ok(());
        }
        let ids = unfit.iter().map(|(_, activity)| activity.id.as_str().to_owned()).collect();
        let stored = writing.tx.activities(ids).await?;
        let stored: Map<&str, &Activity> =
            stored.iter().map(|known| (known.activity.id.as_str(), &known.activity)).collect();
        for (place, activity) in unfit {
            let Some(known) = stored.get(activity.id.as_str()) else { continue };
            // An outcome beside a code that does not mean it was stated, and not looked up: it is part of what is compared.
            let outcome = |one: &Activity| match &one.detail {
                Detail::Contact(contact) => contact.outcome,
                _ => None,
            };
            let stated = writing.dispositions.check(activity).is_err().then(|| outcome(activity)).flatten();
            let result = if stated.is_some() && stated != outcome(known) {
                admit::conflict("activity", known.id.as_str(), &differing::<Activity>(known, activity))
            } else {
                same_or_conflict(known, activity)
            };
            self.results.insert(place, result);
        }
        Ok(())
    }
}

pub(super) fn same_or_conflict(stored: &Activity, sent: &Activity) -> ItemResult {
    if disposition::same(stored, sent) {
        ItemResult::Duplicate
    } else {
        admit::conflict("activity", stored.id.as_str(), &differing(stored, sent))
    }
}

//! Days of a claim's life from which terms run: when it fell due, when default began.

use chrono::NaiveDate;

use super::situation::Situation;
use crate::domain::case::Claim;
use crate::domain::detail::Detail;
use crate::domain::ids::ClaimId;
use crate::rules::words::{Attribute, Since};

/// The earliest and the latest of these days among the claims that the activity concerns: the one that it names, else
/// all of them.
///
/// # Errors
/// The attribute that is missing to tell.
pub(crate) fn days(since: Since, situation: &Situation<'_>) -> Result<(NaiveDate, NaiveDate), Attribute> {
    let version = situation.version;
    if since == Since::Default {
        return version.dates.default_on.map(|day| (day, day)).ok_or(Attribute::DefaultDate);
    }
    let named = named(&situation.activity.detail);
    let mut days = version.claims.iter().filter(|claim| named.is_none_or(|id| claim.id == *id)).map(Claim::due);
    let first = days.next().flatten().ok_or(Attribute::DueDate)?;
    days.try_fold((first, first), |(earliest, latest), day| day.map(|day| (earliest.min(day), latest.max(day))))
        .ok_or(Attribute::DueDate)
}

/// The first of these days of the case, of those that are known.
///
/// # Errors
/// The attribute of which none is known.
pub(crate) fn first(since: Since, situation: &Situation<'_>) -> Result<NaiveDate, Attribute> {
    let version = situation.version;
    match since {
        Since::Default => version.dates.default_on.ok_or(Attribute::DefaultDate),
        Since::Due => version.oldest_due().ok_or(Attribute::DueDate),
    }
}

/// The claim that an activity names.
pub(crate) fn named(detail: &Detail) -> Option<&ClaimId> {
    match detail {
        Detail::Charge(charge) => charge.claim.as_ref(),
        Detail::Interest(interest) => interest.claim.as_ref(),
        Detail::Payment(payment) => payment.claim.as_ref(),
        _ => None,
    }
}

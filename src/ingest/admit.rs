//! Which records of a group are taken in, judged against what is stored. Pure.

use chrono_tz::Tz;

use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::disposition::Dispositions;
use crate::domain::error_kind::ErrorKind;
use crate::domain::time::{SECOND, Timestamp};
use crate::domain::validation::{Refusal, Violation};

use super::compare::differing;
use super::writer::{CaseUpsert, ItemResult};

/// How far into the future a fact may lie: clocks differ.
pub const FUTURE: i64 = 300 * SECOND;

fn refuse(reason: &'static str, kind: ErrorKind, field: &str, text: String) -> ItemResult {
    let violations = vec![Violation::new(field, text)];
    ItemResult::Refused(Refusal { reason, kind, violations, retryable: false })
}

/// The etag of a case: a hash of its newest version.
#[must_use]
pub fn etag(newest: &CaseVersion) -> String {
    blake3::hash(&crate::store::version_record(newest)).to_hex()[..16].to_owned()
}

/// Judges a case version against the versions known. `None`: it is new and is to be stored.
#[must_use]
pub fn version(upsert: &CaseUpsert, known: &[&CaseVersion], now: Timestamp) -> Option<ItemResult> {
    let new = &upsert.version;
    if new.effective > now.plus(FUTURE) {
        let text = format!(
            "is {}, more than five minutes after now ({now}): send the version when it takes effect",
            new.effective
        );
        return Some(refuse("TIME_IN_FUTURE", ErrorKind::InvalidArgument, "effect_time", text));
    }
    let mut ordered: Vec<&CaseVersion> = known.to_vec();
    ordered.sort_by(|a, b| a.order().cmp(&b.order()));
    if let Some(same) = ordered.iter().find(|old| old.version == new.version) {
        return Some(if **same == *new {
            ItemResult::Duplicate
        } else {
            conflict("version", new.version.as_str(), &differing(*same, new))
        });
    }
    if let Some(result) = received(new).find_map(|(field, at)| not_yet(&field, at, now)) {
        return Some(result);
    }
    let Some(newest) = ordered.last() else {
        return upsert.etag.as_ref().map(|_| {
            let text = "names an etag, but the case does not exist: leave the etag out to create it".to_owned();
            refuse("ETAG_MISMATCH", ErrorKind::Aborted, "etag", text)
        });
    };
    if let Some(seen) = &upsert.etag
        && *seen != etag(newest)
    {
        let text = format!("is \"{seen}\", but the case has changed since: read it again and send its new etag");
        return Some(refuse("ETAG_MISMATCH", ErrorKind::Aborted, "etag", text));
    }
    // A version that says what is in force already is stored all the same: one that arrives later may take effect before
    // it, and then it matters that this one says so again.
    immutable(newest, new)
}

/// Principal, currency, debtor and creditor never change in a version: money changes by activities, ownership by
/// transfers.
fn immutable(old: &CaseVersion, new: &CaseVersion) -> Option<ItemResult> {
    let fixed = |field: &str, was: String, is: String, remedy: &str| {
        let text = format!("was {was} and would become {is}; it never changes in a version: {remedy}");
        Some(refuse("IMMUTABLE_FIELD", ErrorKind::FailedPrecondition, field, text))
    };
    if old.currency != new.currency {
        return fixed("currency_code", old.currency.to_string(), new.currency.to_string(), "open another case");
    }
    if old.identity.creditor != new.identity.creditor {
        let (was, is) = (format!("\"{}\"", old.identity.creditor), format!("\"{}\"", new.identity.creditor));
        return fixed("identity.creditor_id", was, is, "record a transfer");
    }
    let principals = |version: &CaseVersion| {
        let mut all: Vec<(String, i64)> = version.claims.iter().map(|c| (c.id.to_string(), c.principal)).collect();
        all.sort();
        all
    };
    if principals(old) != principals(new) {
        let total = |version: &CaseVersion| format!("{} minor units in total", version.principal());
        return fixed("claims", total(old), total(new), "record an adjustment, or open another case for a new claim");
    }
    let debtor = |version: &CaseVersion| version.primary().map_or("nobody".to_owned(), |p| p.person.to_string());
    if old.primary().is_some() && debtor(old) != debtor(new) {
        return fixed("parties", debtor(old), debtor(new), "keep the primary debtor and add the other as a party");
    }
    None
}

/// An id that exists with other content.
#[must_use]
pub fn conflict(what: &str, id: &str, fields: &[String]) -> ItemResult {
    let violations = fields
        .iter()
        .map(|field| {
            let text = format!(
                "differs from the stored {what} \"{id}\": send the stored content again, or use a new id and void the old one"
            );
            Violation::new(field.clone(), text)
        })
        .collect();
    ItemResult::Refused(Refusal { reason: "ID_CONFLICT", kind: ErrorKind::AlreadyExists, violations, retryable: false })
}

/// What has happened by the time at which it is recorded lies in no future.
fn not_yet(field: &str, at: Timestamp, now: Timestamp) -> Option<ItemResult> {
    let text = || format!("is {at}, more than five minutes after now ({now}): send when it was, or leave it out");
    (at > now.plus(FUTURE)).then(|| refuse("TIME_IN_FUTURE", ErrorKind::InvalidArgument, field, text()))
}

/// When the conditions of the parties were received.
fn received(version: &CaseVersion) -> impl Iterator<Item = (String, Timestamp)> + '_ {
    version.parties.iter().enumerate().flat_map(|(place, party)| {
        party.conditions.iter().enumerate().filter_map(move |(one, condition)| {
            Some((format!("parties[{place}].conditions[{one}].receive_time"), condition.received?))
        })
    })
}

/// Judges an activity against its cases. `None`: it may be stored. `case` finds the currency of a known case, `zone` is the
/// market's.
#[must_use]
pub fn activity<'a>(
    activity: &Activity,
    now: Timestamp,
    zone: Tz,
    dispositions: &Dispositions,
    case: impl Fn(&str) -> Option<&'a CaseVersion>,
) -> Option<ItemResult> {
    if let Err(error) = dispositions.check(activity) {
        let reason = "DISPOSITION_UNKNOWN";
        return Some(refuse(reason, ErrorKind::InvalidArgument, "contact.disposition", error.to_string()));
    }
    if activity.occurred > now.plus(FUTURE) {
        let text = format!(
            "is {}, more than five minutes after now ({now}): intentions such as a promise's due date have fields of their own",
            activity.occurred
        );
        return Some(refuse("TIME_IN_FUTURE", ErrorKind::InvalidArgument, "occur_time", text));
    }
    // What was not received yet binds nobody: a wrong year would set a request to cease aside.
    let past = [("receive_time", activity.received), ("end_time", activity.ended)];
    if let Some(result) = past.into_iter().find_map(|(field, at)| not_yet(field, at?, now)) {
        return Some(result);
    }
    if activity.date_only {
        // A day written as midnight of another clock would be taken for the day before or after it.
        let date = activity.occurred.date(zone);
        let midnight = Timestamp::start_of(date, zone);
        if activity.occurred != midnight {
            let text = format!(
                "is {}, which is no midnight in {zone}, the market's zone: for {date} send {midnight}, or leave date_only out",
                activity.occurred
            );
            return Some(refuse("INVALID_FIELD", ErrorKind::InvalidArgument, "occur_time", text));
        }
    }
    if let Some(permit) =
        activity.control.permit_id.as_deref().filter(|_| !matches!(activity.detail, Detail::Contact(_)))
    {
        let text = format!(
            "is \"{permit}\", but a {} uses no permit, only a contact on the permit's case does: leave it out, or name it in the contact",
            activity.detail.kind()
        );
        return Some(refuse("INVALID_FIELD", ErrorKind::InvalidArgument, "control.permit_id", text));
    }
    for (index, id) in activity.cases.iter().enumerate() {
        let field = format!("case_ids[{index}]");
        if activity.cases.iter().take(index).any(|before| before == id) {
            let text = format!("names case \"{id}\" again: name each case once");
            return Some(refuse("INVALID_FIELD", ErrorKind::InvalidArgument, &field, text));
        }
        let Some(version) = case(id.as_str()) else {
            let text = format!("case \"{id}\" is not known: send the case first, then this activity again");
            return Some(ItemResult::Refused(Refusal {
                reason: "CASE_UNKNOWN",
                kind: ErrorKind::FailedPrecondition,
                violations: vec![Violation::new(field, text)],
                retryable: true,
            }));
        };
        if index == 0
            && let Some(currency) = activity.detail.currency().filter(|currency| *currency != version.currency)
        {
            let text = format!(
                "is in {currency}, but case \"{id}\" is in {}: send the converted amount, with the original amount and rate",
                version.currency
            );
            let field = match &activity.detail {
                Detail::Contact(_) => "contact.amounts".to_owned(),
                Detail::Plan { .. } => "plan.instalments".to_owned(),
                detail => format!("{}.amount", detail.kind()),
            };
            return Some(refuse("CURRENCY_MISMATCH", ErrorKind::InvalidArgument, &field, text));
        }
    }
    None
}

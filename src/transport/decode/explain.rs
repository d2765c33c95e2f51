//! What is to be explained, and in which languages.

use super::request::market;
use super::{At, DecodeError, check, collect};
use crate::advice::Wanted;
use crate::domain::ids::{ActivityId, CaseId, FindingId, MarketId};
use crate::explain::tag::is_tag;
use crate::proto::v1;
use crate::proto::v1::explain_request::Subject;

/// Most languages of one request.
const MAX_LANGUAGES: usize = 10;
/// Longest id of a check.
const MAX_CHECK_ID: usize = 40;

/// Market, subject and languages of a request.
///
/// # Errors
/// Every field that is wrong.
pub fn request(wire: v1::ExplainRequest) -> Result<(MarketId, Wanted, Vec<String>), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let languages = at.field("language_codes").list(wire.language_codes, MAX_LANGUAGES, language);
        let wanted = match wire.subject {
            Some(Subject::Contact(contact)) => {
                let at = at.field("contact");
                if contact.reserve.is_some() {
                    at.field("reserve").refuse("explaining holds no place: leave it out, and reserve by a check");
                }
                planned(check::contact_question(&at, contact))
            }
            Some(Subject::Charge(charge)) => planned(check::charge_check(&at.field("charge"), charge)),
            Some(Subject::Check(answered)) => answered_check(&at.field("check"), &answered),
            Some(Subject::FindingId(id)) => finding(&at.field("finding_id"), &id),
            Some(Subject::Activity(activity)) => {
                let at = at.field("activity");
                let case = at.field("case_id").optional_id(&activity.case_id, CaseId::new);
                let id = at.field("activity_id").id(&activity.activity_id, ActivityId::new);
                id.map(|id| Wanted::Activity(id, case))
            }
            None => {
                let remedy = "is required: set one of contact, charge, check, finding_id and activity";
                at.field("subject").refuse(remedy);
                None
            }
        };
        Some((market?, wanted?, languages))
    })
}

fn planned(question: Option<crate::advice::Question>) -> Option<Wanted> {
    question.map(|question| Wanted::Planned(Box::new(question)))
}

fn answered_check(at: &At<'_>, wire: &v1::AnsweredCheck) -> Option<Wanted> {
    let id = at.field("check_id");
    let well_formed = wire.check_id.len() <= MAX_CHECK_ID
        && wire.check_id.rsplit_once('-').is_some_and(|(run, number)| {
            let hexadecimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            hexadecimal(run) && hexadecimal(number)
        });
    if !well_formed {
        id.refuse("is no id of a check: send check_id as the answer to the check holds it");
    }
    let revision = at.field("revision").within(wire.revision, 1_u64, u64::MAX >> 1);
    revision.filter(|_| well_formed).map(|revision| Wanted::Check(wire.check_id.clone(), revision))
}

fn finding(at: &At<'_>, text: &str) -> Option<Wanted> {
    let id = FindingId::parse(text);
    if id.is_none() {
        at.refuse("is no id of a finding: send the 32 hexadecimal digits that ListFindings returns");
    }
    id.map(Wanted::Finding)
}

fn language(at: &At<'_>, code: String) -> Option<String> {
    if is_tag(&code) {
        return Some(code);
    }
    let shown: String = code.chars().take(40).collect();
    at.refuse(format!("\"{shown}\" is no BCP 47 language tag: send one such as \"de\" or \"de-AT\""));
    None
}

//! Everything about one case on one page.

use std::collections::HashMap;

use super::compliance::Words;
use super::{compliance, finding, stored};
use crate::advice::RuleSet;
use crate::domain::detail::Detail;
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Direction, MessageEventKind};
use crate::proto::v1;
use crate::query::{Balance, CaseFile, Permission, PromiseView, StoredActivity};
use crate::wire::encode::scalar::{date, minor, sum, time};
use crate::wire::words::Word;

/// A case file.
#[must_use]
pub fn case_file(file: &CaseFile) -> v1::CaseFile {
    let currency = file.case.version.currency;
    v1::CaseFile {
        case: Some(stored::case(&file.case)),
        state_time: Some(time(file.at)),
        balance: Some(balance(&file.balance, currency)),
        promises: file.promises.iter().map(|view| promise(view, currency)).collect(),
        timeline: file.timeline.iter().map(stored::activity).collect(),
        timeline_truncated: file.timeline_truncated,
        contact_permissions: file.permissions.iter().map(|one| permission(&file.rules, one)).collect(),
        findings: file.findings.iter().map(finding::finding).collect(),
        documents: documents(&file.timeline),
    }
}

fn balance(balance: &Balance, currency: Currency) -> v1::Balance {
    v1::Balance {
        principal: sum(balance.principal, currency),
        interest: sum(balance.interest, currency),
        cost: sum(balance.cost, currency),
        credit: sum(balance.credit, currency),
        total: sum(balance.total(), currency),
    }
}

fn promise(view: &PromiseView, currency: Currency) -> v1::PromiseView {
    v1::PromiseView {
        activity_id: view.id.to_string(),
        amount: Some(minor(view.amount, currency)),
        due_date: Some(date(view.due)),
        make_time: Some(time(view.made)),
        state: view.stands().number(),
        paid_in_time: Some(minor(view.paid_in_time, currency)),
        paid_late: Some(minor(view.paid_late, currency)),
    }
}

fn permission(rules: &RuleSet, permission: &Permission) -> v1::ContactPermission {
    v1::ContactPermission {
        person_id: permission.person.to_string(),
        channel: permission.channel.number(),
        verdict: permission.answered.verdict.number(),
        rules: permission
            .answered
            .speaking
            .iter()
            .map(|one| compliance::speaking(&Words::of(rules, one), one))
            .collect(),
        next_allow_time: permission.answered.next_allowed.map(time),
        missing: permission.answered.missing.clone(),
    }
}

/// What became of one message, by the message events that name it as their parent.
#[derive(Default)]
struct Fate {
    delivered: Option<Timestamp>,
    opened: Option<Timestamp>,
    clicked: Option<Timestamp>,
    returned: Option<Timestamp>,
}

/// The messages and letters that were sent, in the order of the timeline, without voided ones.
fn documents(timeline: &[StoredActivity]) -> Vec<v1::SentDocument> {
    let standing = || timeline.iter().filter(|stored| stored.voided.is_none()).map(|stored| &stored.activity);
    let mut fates: HashMap<&str, Fate> = HashMap::new();
    for activity in standing() {
        let (Detail::MessageEvent { event, machine: false, .. }, Some(parent)) = (&activity.detail, &activity.parent)
        else {
            continue;
        };
        let fate = fates.entry(parent.as_str()).or_default();
        let slot = match event {
            MessageEventKind::Delivered => &mut fate.delivered,
            MessageEventKind::Opened => &mut fate.opened,
            MessageEventKind::Clicked => &mut fate.clicked,
            MessageEventKind::BouncedHard | MessageEventKind::Returned => &mut fate.returned,
            _ => continue,
        };
        // The timeline is in the order of facts, so the first event of a kind is its earliest.
        slot.get_or_insert(activity.occurred);
    }
    let none = Fate::default();
    standing()
        .filter(|activity| activity.direction() == Direction::Outbound)
        .filter_map(|activity| {
            let Detail::Contact(contact) = &activity.detail else { return None };
            if matches!(contact.channel, Channel::Call | Channel::Visit) {
                return None;
            }
            let fate = fates.get(activity.id.as_str()).unwrap_or(&none);
            Some(v1::SentDocument {
                activity_id: activity.id.to_string(),
                channel: contact.channel.number(),
                template_id: contact.template.clone().unwrap_or_default(),
                notices: contact.notices.clone(),
                send_time: Some(time(activity.occurred)),
                deliver_time: contact.delivered.or(fate.delivered).map(time),
                open_time: fate.opened.map(time),
                click_time: fate.clicked.map(time),
                return_time: contact.returned.or(fate.returned).map(time),
            })
        })
        .collect()
}

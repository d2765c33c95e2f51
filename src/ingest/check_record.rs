//! What the log of checks holds of each: what was asked, what was answered, and why. One JSON object a line.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::derive::CaseEntry;
use crate::compliance::Speaking;
use crate::domain::activity::Activity;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::PersonId;
use crate::domain::money::Money;
use crate::domain::permit::Permit;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Verdict};
use crate::domain::vocabulary::{Channel, ChargeStep, Initiator, PartyRole};
use crate::rules::RuleSet;

/// What the checks of one line share. `T` is a text, borrowed or owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckHead<T> {
    /// First part of the checks' ids; a hyphen and the check's number follow.
    pub run: T,
    /// When the first of them was asked.
    pub asked: Timestamp,
    /// The key that asked.
    pub key: T,
    /// Revision that the answers stand on.
    pub revision: u64,
    /// Digest of the rules.
    pub digest: T,
}

/// One answered check: what was asked, what was answered, and why. `T` is a text, `D` what was planned, each borrowed or
/// owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord<T, D> {
    /// Number of the check, in hexadecimal behind the hyphen of its id.
    #[serde(rename = "n")]
    pub number: u64,
    /// Microseconds from the line's first check to this one.
    #[serde(rename = "after", default, skip_serializing_if = "is_zero")]
    pub asked_after: i64,
    /// The instant asked about; when it was asked if absent.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The case.
    pub case: T,
    /// The person.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub person: Option<T>,
    /// The channel of a contact.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Step and amount of a charge.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub charge: Option<(ChargeStep, Money)>,
    /// What was planned, where it is more than a contact on that channel.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub detail: Option<D>,
    /// Who was to begin it, if not the collector.
    #[serde(rename = "by", default = "none", skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<Initiator>,
    /// The person's role, where it was asked with one.
    #[serde(rename = "role", default = "none", skip_serializing_if = "Option::is_none")]
    pub person_role: Option<PartyRole>,
    /// It was to be made because the debtor asked for it.
    #[serde(rename = "wished", default, skip_serializing_if = "crate::domain::party::is_false")]
    pub at_debtors_request: bool,
    /// The creditor of the case.
    pub client: T,
    /// The answer.
    pub verdict: Verdict,
    /// Rules that did not simply allow it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<T>,
    /// Permits of others whose contacts were counted as if they had happened.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub permits: Vec<T>,
}

impl CheckRecord<&str, &Detail> {
    /// Writes the record as the log has it, `asked_after` the line's first check in place of its own: the bytes that serde
    /// would write, for a fifth of the time. A test holds both to be the same.
    ///
    /// # Errors
    /// Never for records made of valid ids.
    pub(super) fn write(&self, asked_after: i64, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self {
            number, asked_after: _, at, case, person, channel, charge, detail, initiated_by, person_role, ..
        } = self;
        let Self { at_debtors_request, client, verdict, rules, permits, .. } = self;
        out.extend_from_slice(b"{\"n\":");
        json(number, out)?;
        if asked_after != 0 {
            field(b",\"after\":", &asked_after, out)?;
        }
        given(b",\"at\":", at.as_ref(), out)?;
        out.extend_from_slice(b",\"case\":");
        text(case, out)?;
        if let Some(person) = person {
            out.extend_from_slice(b",\"person\":");
            text(person, out)?;
        }
        given(b",\"channel\":", channel.as_ref(), out)?;
        given(b",\"charge\":", charge.as_ref(), out)?;
        given(b",\"detail\":", detail.as_ref(), out)?;
        given(b",\"by\":", initiated_by.as_ref(), out)?;
        given(b",\"role\":", person_role.as_ref(), out)?;
        if *at_debtors_request {
            out.extend_from_slice(b",\"wished\":true");
        }
        out.extend_from_slice(b",\"client\":");
        text(client, out)?;
        field(b",\"verdict\":", verdict, out)?;
        texts(b",\"rules\":[", rules, out)?;
        texts(b",\"permits\":[", permits, out)?;
        out.push(b'}');
        Ok(())
    }
}

fn json(value: &impl Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(out, value)
}

fn field(name: &[u8], value: &impl Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(name);
    json(value, out)
}

fn given(name: &[u8], value: Option<&impl Serialize>, out: &mut Vec<u8>) -> serde_json::Result<()> {
    value.map_or(Ok(()), |value| field(name, value, out))
}

/// A text in quotes. Hardly any holds something to be escaped.
fn text(text: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let plain = text.bytes().fold(true, |plain, byte| plain & (byte >= 0x20) & (byte != b'"') & (byte != b'\\'));
    if !plain {
        return json(&text, out);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

/// A list that is left out when it is empty.
fn texts(name: &[u8], list: &[&str], out: &mut Vec<u8>) -> serde_json::Result<()> {
    for (place, one) in list.iter().enumerate() {
        out.extend_from_slice(if place == 0 { name } else { b"," });
        text(one, out)?;
    }
    if !list.is_empty() {
        out.push(b']');
    }
    Ok(())
}

/// A contact or charge that was judged, as far as its record tells of it.
pub struct JudgedCheck<'a> {
    /// Number of the check.
    pub number: u64,
    /// When it was asked.
    pub asked: Timestamp,
    /// The instant that was judged.
    pub at: Timestamp,
    /// What was planned.
    pub candidate: &'a Activity,
    /// The state of its case.
    pub entry: &'a CaseEntry,
    /// The answer.
    pub verdict: Verdict,
    /// The rules that spoke.
    pub speaking: &'a [Speaking],
    /// The rules that were asked.
    pub rules: &'a RuleSet,
    /// Permits whose contacts were counted.
    pub permits: &'a [Arc<Permit>],
}

impl<'a> JudgedCheck<'a> {
    /// Its record.
    #[must_use]
    pub fn record(&self) -> CheckRecord<&'a str, &'a Detail> {
        let Self { candidate, entry, rules, .. } = *self;
        let charge = match &candidate.detail {
            Detail::Charge(charge) => Some((charge.step, charge.amount)),
            _ => None,
        };
        let version = entry.version_at(self.at);
        let spoke = self.speaking.iter().filter(|speaking| speaking.answer != Answer::Kept);
        CheckRecord {
            number: self.number,
            asked_after: 0,
            at: (self.at != self.asked).then_some(self.at),
            case: version.case.as_str(),
            person: candidate.person.as_ref().map(PersonId::as_str),
            channel: candidate.channel(),
            charge,
            detail: beyond_channel(&candidate.detail),
            initiated_by: candidate.initiated_by.filter(|by| *by != Initiator::Collector),
            person_role: candidate.person_role,
            at_debtors_request: candidate.at_debtors_request,
            client: &version.identity.creditor,
            verdict: self.verdict,
            rules: spoke.filter_map(|speaking| Some(rules.numbered(speaking.rule)?.rule.id.as_str())).collect(),
            permits: self.permits.iter().map(|permit| permit.id.as_str()).collect(),
        }
    }
}

/// What a log must hold of a plan beside its channel.
fn beyond_channel(detail: &Detail) -> Option<&Detail> {
    let plain = matches!(detail, Detail::Contact(contact) if **contact == Contact::on(contact.channel));
    (!plain).then_some(detail)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the form serde asks for
const fn is_zero(value: &i64) -> bool {
    *value == 0
}

const fn none<T>() -> Option<T> {
    None
}

/// A check as it is read from the log.
pub type LoggedCheck = CheckRecord<String, Detail>;

/// A line of the log as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckLine {
    /// What the checks share.
    #[serde(flatten)]
    pub head: CheckHead<String>,
    /// The checks.
    pub checks: Vec<LoggedCheck>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::money::Currency;

    /// An allowed check of which nothing more is told.
    pub fn bare() -> CheckRecord<&'static str, &'static Detail> {
        CheckRecord {
            number: 0,
            asked_after: 0,
            at: None,
            case: "c-1",
            person: None,
            channel: None,
            charge: None,
            detail: None,
            initiated_by: None,
            person_role: None,
            at_debtors_request: false,
            client: "bank",
            verdict: Verdict::Allowed,
            rules: Vec::new(),
            permits: Vec::new(),
        }
    }

    #[test]
    fn records_are_written_as_serde_writes_them() {
        let hostile: String = (0..0x80_u8).map(char::from).chain("äß\u{2028}\u{1f600}".chars()).collect();
        let hostile = hostile.as_str();
        let fee = Some((ChargeStep::Reminder, Money::new(-500, Currency::parse("EUR").unwrap())));
        let detail = Detail::Contact(Box::new(Contact::on(Channel::Email)));
        let full = CheckRecord {
            number: u64::MAX,
            asked_after: -7,
            at: Some(Timestamp(1_710_763_200_123_456)),
            person: Some(hostile),
            channel: Some(Channel::Call),
            charge: fee,
            detail: Some(&detail),
            initiated_by: Some(Initiator::Creditor),
            person_role: Some(PartyRole::Spouse),
            at_debtors_request: true,
            verdict: Verdict::RepresentativeOnly,
            rules: vec!["it-hours", hostile, "us-ny-nyc-x"],
            permits: vec!["p"],
            ..bare()
        };
        for record in [CheckRecord { case: hostile, client: hostile, ..bare() }, bare(), full] {
            let mut bytes = b"[".to_vec();
            record.write(record.asked_after, &mut bytes).unwrap();
            let wanted = serde_json::to_string(&record).unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), format!("[{wanted}"));
        }
    }
}

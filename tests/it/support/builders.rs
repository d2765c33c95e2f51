//! Records with as little in them as is valid, to be filled by the test that needs more.

use fairdue::domain::activity::Activity;
use fairdue::domain::case::{CaseVersion, Identity};
use fairdue::domain::detail::{Contact, Detail, Payment};
use fairdue::domain::ids::{ActivityId, CaseId, VersionId};
use fairdue::domain::money::{Currency, Money};
use fairdue::domain::time::Timestamp;
use fairdue::domain::vocabulary::Channel;

/// A version of a creditor's case in euros, without claims and parties.
pub fn version(case: &str, version: &str, effective: Timestamp) -> CaseVersion {
    CaseVersion {
        case: CaseId::trusted(case),
        version: VersionId::trusted(version),
        effective,
        currency: euro(),
        identity: Identity { creditor: "creditor".to_owned(), ..Identity::default() },
        class: Default::default(),
        dates: Default::default(),
        terms: Default::default(),
        placement: Default::default(),
        steering: Default::default(),
        claims: Vec::new(),
        parties: Vec::new(),
        history_complete_from: None,
        prior_notices: Vec::new(),
        prior_charges: Vec::new(),
        closed: false,
        attributes: Default::default(),
    }
}

/// An activity of one case.
pub fn activity(id: &str, case: &str, occurred: Timestamp, detail: Detail) -> Activity {
    Activity {
        id: ActivityId::trusted(id),
        cases: vec![CaseId::trusted(case)],
        person: None,
        person_role: None,
        occurred,
        date_only: false,
        received: None,
        effective: None,
        ended: None,
        source_seq: 0,
        initiated_by: None,
        at_debtors_request: false,
        actor: Default::default(),
        parent: None,
        control: Default::default(),
        detail,
    }
}

/// A call of which nothing more is known.
pub fn call(id: &str, case: &str, occurred: Timestamp) -> Activity {
    activity(id, case, occurred, Detail::Contact(Box::new(Contact::on(Channel::Call))))
}

/// A payment in cents.
pub fn payment(minor: i64) -> Payment {
    Payment {
        amount: Money::new(minor, euro()),
        value_date: None,
        received_by: None,
        method: None,
        channel: None,
        allocation: Default::default(),
        promise: None,
        claim: None,
        original: None,
        rate_ppm: None,
        direction: None,
    }
}

/// The currency of these records.
pub fn euro() -> Currency {
    Currency::parse("EUR").expect("an ISO currency")
}

//! The cases of the demo as they are placed.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::country::{Breach, Country, Home};
use super::rng::Rng;
use crate::domain::case::{CaseVersion, Claim, Dates, Identity, LegalClass, Placement, Steering, Terms};
use crate::domain::ids::{CaseId, ClaimId, ContactPointId, PersonId, VersionId};
use crate::domain::money::Currency;
use crate::domain::party::{ContactPoint, Party, Residence, ZoneCandidate};
use crate::domain::time::{Timestamp, add_days};
use crate::domain::vocabulary::{
    CollectorRole, ContactPointKind, ContactPointState, CreditorType, DebtClass, DebtType, NumberType, Ownership,
    PartyKind, PartyRole,
};

/// A case as it begins, and what the teller of its life needs of it.
pub struct Opened {
    /// Its first version.
    pub version: CaseVersion,
    /// Its debtor.
    pub person: PersonId,
    /// The debtor's zone.
    pub zone: Tz,
    /// Notices that the first letter should carry.
    pub notices: Vec<String>,
    /// The debtor's telephone.
    pub phone: Option<ContactPointId>,
}

const CREDITORS: [(&str, CreditorType, DebtType, &str); 3] = [
    ("utility", CreditorType::Utility, DebtType::Utility, "electricity"),
    ("telecom", CreditorType::Telecom, DebtType::Telecom, "mobile"),
    ("shop", CreditorType::Merchant, DebtType::Sale, "orders"),
];

/// The case of that number.
#[must_use]
pub fn open(country: &Country, currency: Currency, number: u32, placed: NaiveDate, rng: &mut Rng) -> Opened {
    let market = country.market;
    let home = rng.pick(country.homes).copied().unwrap_or(Home {
        subdivision: None,
        locality: None,
        zone: country.zone,
        notices: &[],
    });
    let (creditor, creditor_type, debt_type, product) =
        rng.pick(&CREDITORS).copied().unwrap_or(("shop", CreditorType::Merchant, DebtType::Sale, "orders"));
    let principal = rng.between(country.principal.0, country.principal.1);
    let due = add_days(placed, -rng.between(30, 90));
    let agent = rng.between(1, 4);
    let at = Timestamp::start_of(placed, country.zone);
    let person = PersonId::trusted(&format!("{market}-person-{number:03}"));
    let phone = ContactPointId::trusted(&format!("{market}-phone-{number:03}"));
    let not_agreed = country.breaches.iter().any(|(case, breach)| *case == number && *breach == Breach::FeeNotAgreed);
    let version = CaseVersion {
        case: CaseId::trusted(&format!("{market}-{number:04}")),
        version: VersionId::trusted("1"),
        effective: at,
        currency,
        identity: Identity {
            creditor: format!("{market}-{creditor}"),
            creditor_type: Some(creditor_type),
            ownership: Some(Ownership::Client),
            collector_role: Some(CollectorRole::Agency),
            ..Identity::default()
        },
        class: LegalClass {
            debt_class: Some(DebtClass::Consumer),
            debt_type: Some(debt_type),
            regulated_credit: Some(false),
            eu_bank_npl: Some(false),
            secured: Some(false),
            governing_law: Some(market.to_owned()),
            ..LegalClass::default()
        },
        dates: Dates {
            contract: Some(add_days(due, -400)),
            default_on: Some(add_days(due, 1)),
            cause_of_action: Some(add_days(due, 1)),
            itemisation: Some(due),
            ..Dates::default()
        },
        terms: Terms {
            agreed_reminder_fee: (!not_agreed).then_some(6_000),
            evasion: Some(false),
            complex: Some(false),
            itemisation_amount: Some(principal),
            ..Terms::default()
        },
        placement: Placement { mandate_on: Some(placed), sequence: Some(1), placed: Some(at), ..Placement::default() },
        steering: Steering {
            portfolio: Some(format!("{creditor}-2025")),
            product: Some(product.to_owned()),
            stage: Some("collection".to_owned()),
            agent: Some(format!("{market}-agent-{agent}")),
            team: Some(format!("{market}-team-{}", (agent + 1) / 2)),
            ..Steering::default()
        },
        claims: vec![claim(principal, due)],
        parties: vec![party(country, &home, &person, &phone, number)],
        history_complete_from: Some(at),
        prior_notices: Vec::new(),
        prior_charges: Vec::new(),
        closed: false,
        attributes: std::collections::BTreeMap::new(),
    };
    let notices = country.first_notice.iter().chain(home.notices).map(|notice| (*notice).to_owned()).collect();
    Opened { version, person, zone: home.zone, notices, phone: Some(phone) }
}

fn claim(principal: i64, due: NaiveDate) -> Claim {
    Claim {
        id: ClaimId::trusted("1"),
        principal,
        vat: None,
        invoice_number: None,
        invoice_date: Some(add_days(due, -30)),
        invoice_received: Some(add_days(due, -27)),
        arose: Some(add_days(due, -30)),
        due_original: Some(due),
        due_current: None,
        due_fixed_by_contract: Some(true),
        interest_from: None,
        interest_kind: None,
        interest_rate_ppm: None,
    }
}

fn party(country: &Country, home: &Home, person: &PersonId, phone: &ContactPointId, number: u32) -> Party {
    let point = |id: &ContactPointId, kind, number_type| ContactPoint {
        id: id.clone(),
        kind,
        value_hash: None,
        number_type,
        workplace: false,
        shared: false,
        state: Some(ContactPointState::Working),
        verified: None,
        permissions: Vec::new(),
    };
    let email = ContactPointId::trusted(&format!("{}-email-{number:03}", country.market));
    Party {
        person: person.clone(),
        role: PartyRole::Primary,
        kind: Some(PartyKind::Consumer),
        household: None,
        residences: vec![Residence {
            country: country.market.to_ascii_uppercase(),
            subdivision: home.subdivision.map(str::to_owned),
            locality: home.locality.map(str::to_owned),
            postal_prefix: None,
            from: None,
            confirmed: true,
        }],
        zones: vec![ZoneCandidate { zone: home.zone.name().to_owned(), source: "address".to_owned() }],
        language: Some(country.language.to_owned()),
        conditions: Vec::new(),
        windows: Vec::new(),
        permissions: Vec::new(),
        contact_points: vec![
            point(phone, ContactPointKind::Phone, Some(NumberType::Mobile)),
            point(&email, ContactPointKind::Email, None),
        ],
        creditor_customer: None,
    }
}

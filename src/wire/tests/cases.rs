//! Draws valid case versions.

use super::dice::Dice;
use crate::domain::case::{
    CaseVersion, Claim, Dates, Identity, LegalClass, LimitationEvent, Placement, PriorCharge, PriorNotice, Steering,
    Terms,
};
use crate::domain::ids::{CaseId, ClaimId, ContactPointId, PersonId, VersionId};
use crate::domain::money::Money;
use crate::domain::party::{
    ConditionPeriod, ContactPoint, Party, Permission, PersonalWindow, Residence, ZoneCandidate,
};
use crate::domain::vocabulary::ConsentScope;

impl Dice {
    pub fn permission(&mut self) -> Permission {
        let scope = self.word();
        let given = self.time();
        Permission {
            granted: self.flag(),
            scope,
            channel: if scope == ConsentScope::Channel { Some(self.word()) } else { self.maybe(Self::word) },
            technology: self.maybe(Self::word),
            given,
            expires: self.maybe(|dice| dice.later(given)),
            revoked: self.maybe(|dice| dice.later(given)),
            evidence: self.maybe(Self::text),
            written: self.maybe(Self::flag),
        }
    }

    pub fn window(&mut self) -> PersonalWindow {
        let from_minute = u16::try_from(self.below(1440)).unwrap();
        PersonalWindow {
            preferred: self.flag(),
            weekdays: self.some(|_, index| u8::try_from(index + 1).unwrap()),
            from_minute,
            to_minute: from_minute + 1 + u16::try_from(self.below(u64::from(1440 - from_minute))).unwrap(),
            place: self.maybe(Self::word),
            received: self.time(),
            until: self.maybe(Self::time),
        }
    }

    pub fn party(&mut self, index: u64) -> Party {
        Party {
            person: PersonId::new(&format!("{}{index}", self.text())).unwrap(),
            role: self.word(),
            kind: self.maybe(Self::word),
            household: self.maybe(Self::text),
            residences: self.some(|dice, _| Residence {
                country: "US".to_owned(),
                subdivision: dice.maybe(|_| "NY".to_owned()),
                locality: dice.maybe(|_| "nyc".to_owned()),
                postal_prefix: dice.maybe(|_| "100".to_owned()),
                from: dice.maybe(Self::date),
                confirmed: dice.flag(),
            }),
            zones: self.some(|dice, _| ZoneCandidate { zone: "America/New_York".to_owned(), source: dice.text() }),
            language: self.maybe(Self::text),
            conditions: self.some(|dice, _| {
                let from = dice.time();
                ConditionPeriod {
                    condition: dice.word(),
                    from,
                    received: dice.maybe(Self::time),
                    until: dice.maybe(|dice| dice.later(from)),
                    written: dice.maybe(Self::flag),
                    reference: dice.maybe(Self::text),
                    direct_contact_consented: dice.flag(),
                }
            }),
            windows: self.some(|dice, _| dice.window()),
            permissions: self.some(|dice, _| dice.permission()),
            contact_points: self.some(|dice, index| ContactPoint {
                id: ContactPointId::new(&format!("{}{index}", dice.text())).unwrap(),
                kind: dice.word(),
                value_hash: dice.maybe(|dice| (0..4).map(|_| format!("{:016x}", dice.roll())).collect()),
                number_type: dice.maybe(Self::word),
                workplace: dice.flag(),
                shared: dice.flag(),
                state: dice.maybe(Self::word),
                verified: dice.maybe(Self::time),
                permissions: dice.some(|dice, _| dice.permission()),
            }),
            creditor_customer: self.maybe(Self::flag),
        }
    }

    pub fn claim(&mut self, index: u64) -> Claim {
        Claim {
            id: ClaimId::new(&format!("{}{index}", self.text())).unwrap(),
            principal: self.minor(),
            vat: self.maybe(Self::minor),
            invoice_number: self.maybe(Self::text),
            invoice_date: self.maybe(Self::date),
            invoice_received: self.maybe(Self::date),
            arose: self.maybe(Self::date),
            due_original: self.maybe(Self::date),
            due_current: self.maybe(Self::date),
            due_fixed_by_contract: self.maybe(Self::flag),
            interest_from: self.maybe(Self::date),
            interest_kind: self.maybe(Self::word),
            interest_rate_ppm: self.maybe(Self::rate),
        }
    }

    pub fn dates(&mut self) -> Dates {
        Dates {
            contract: self.maybe(Self::date),
            cause_of_action: self.maybe(Self::date),
            default_on: self.maybe(Self::date),
            default_notice: self.maybe(Self::date),
            charge_off: self.maybe(Self::date),
            itemisation: self.maybe(Self::date),
            last_payment: self.maybe(Self::date),
            last_acknowledgement: self.maybe(Self::date),
            last_creditor_contact: self.maybe(Self::date),
            limitation_events: self.some(|dice, _| LimitationEvent {
                kind: dice.word(),
                on: dice.date(),
                reached_debtor: dice.maybe(Self::flag),
                written: dice.maybe(Self::flag),
            }),
        }
    }

    pub fn case(&mut self) -> CaseVersion {
        let currency = self.currency();
        CaseVersion {
            case: CaseId::new(&self.text()).unwrap(),
            version: VersionId::new(&self.text()).unwrap(),
            effective: self.time(),
            currency,
            identity: Identity {
                creditor: self.text(),
                original_creditor: self.maybe(Self::text),
                creditor_type: self.maybe(Self::word),
                claim_owner: self.maybe(Self::text),
                ownership: self.maybe(Self::word),
                collector_role: self.maybe(Self::word),
                collector_entity: self.maybe(Self::text),
            },
            class: LegalClass {
                debt_class: self.maybe(Self::word),
                debt_type: self.maybe(Self::word),
                regulated_credit: self.maybe(Self::flag),
                eu_bank_npl: self.maybe(Self::flag),
                secured: self.maybe(Self::flag),
                instrument: self.maybe(Self::text),
                titled_on: self.maybe(Self::date),
                governing_law: self.maybe(|_| "us-ny-nyc".to_owned()),
                forum: self.maybe(Self::text),
            },
            dates: self.dates(),
            terms: Terms {
                agreed_reminder_fee: self.maybe(Self::minor),
                agreed_default_rate_ppm: self.maybe(Self::rate),
                cost_clause: self.maybe(Self::flag),
                creditor_deducts_vat: self.maybe(Self::flag),
                evasion: self.maybe(Self::flag),
                complex: self.maybe(Self::flag),
                charge_off_amount: self.maybe(Self::minor),
                itemisation_amount: self.maybe(Self::minor),
                contract_rate_ppm: self.maybe(Self::rate),
                payment_term_agreed: self.maybe(Self::flag),
            },
            placement: Placement {
                mandate: self.maybe(Self::text),
                mandate_on: self.maybe(Self::date),
                placement_id: self.maybe(Self::text),
                sequence: self.maybe(|dice| 1 + u16::try_from(dice.below(65_535)).unwrap()),
                placed: self.maybe(Self::time),
                purchased_on: self.maybe(Self::date),
                purchase_price: self.maybe(Self::minor),
                face_value: self.maybe(Self::minor),
                transferred_on: self.maybe(Self::date),
                seller: self.maybe(Self::text),
            },
            steering: Steering {
                portfolio: self.maybe(Self::text),
                product: self.maybe(Self::text),
                stage: self.maybe(Self::text),
                agent: self.maybe(Self::text),
                team: self.maybe(Self::text),
                account_group: self.maybe(Self::text),
                segments: self.texts(),
            },
            claims: self.some(Self::claim),
            parties: self.some(Self::party),
            history_complete_from: self.maybe(Self::time),
            prior_notices: self.some(|dice, _| PriorNotice {
                kind: dice.text(),
                sent: dice.date(),
                received: dice.maybe(Self::date),
                deadline: dice.maybe(Self::date),
            }),
            prior_charges: self.some(|dice, _| PriorCharge {
                step: dice.word(),
                amount: Money::new(dice.minor(), currency),
                on: dice.date(),
            }),
            closed: self.flag(),
            attributes: self.texts(),
        }
    }
}

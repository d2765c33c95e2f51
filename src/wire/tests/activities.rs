//! Draws valid activities of every kind.

use super::dice::Dice;
use crate::domain::activity::{Activity, Actor, Control};
use crate::domain::detail::{
    AdjustmentKind, Charge, Contact, Detail, Instalment, Interest, Payment, Promise, Remittance, SurveyKind,
};
use crate::domain::ids::{ActivityId, CaseId, ClaimId, ContactPointId, PersonId};
use crate::domain::money::{MAX_MINOR, Money};
use crate::domain::outcome::OutcomeFlags;

/// How many kinds [`Dice::detail`] draws.
pub const KINDS: u64 = 39;

impl Dice {
    pub fn contact(&mut self) -> Contact {
        let amounts = self.components(MAX_MINOR);
        let currency = (!amounts.is_empty()).then(|| self.currency());
        Contact {
            channel: self.word(),
            outcome: self.maybe(Self::word),
            disposition: self.maybe(Self::text),
            flags: self.maybe(|dice| OutcomeFlags {
                attempt: dice.flag(),
                connect: dice.flag(),
                right_party: dice.flag(),
                communication: dice.flag(),
            }),
            technology: self.maybe(Self::word),
            campaign: self.maybe(Self::text),
            place: self.maybe(Self::word),
            contact_point: self.maybe(|dice| ContactPointId::new(&dice.text()).unwrap()),
            abandoned: self.flag(),
            message_left: self.maybe(Self::word),
            identity_verified: self.maybe(Self::flag),
            third_party_disclosure: self.flag(),
            recorded: self.maybe(Self::flag),
            recording_notice: self.maybe(Self::flag),
            purpose: self.maybe(Self::word),
            notices: self.names(),
            form: self.maybe(Self::word),
            template: self.maybe(Self::text),
            variant: self.maybe(Self::text),
            language: self.maybe(Self::text),
            content_items: self.names(),
            amounts,
            currency,
            deadline: self.maybe(Self::date),
            interrupts_limitation: self.maybe(Self::flag),
            delivered: self.maybe(Self::time),
            receipt: self.maybe(Self::text),
            returned: self.maybe(Self::time),
            attestations: self.names(),
        }
    }

    pub fn payment(&mut self) -> Payment {
        let amount = self.money();
        let original = self.maybe(Self::money);
        Payment {
            amount,
            value_date: self.maybe(Self::date),
            received_by: self.maybe(Self::text),
            method: self.maybe(Self::text),
            channel: self.maybe(Self::word),
            allocation: self.components(amount.minor),
            promise: self.maybe(Self::activity_id),
            claim: self.maybe(|dice| ClaimId::new(&dice.text()).unwrap()),
            original,
            rate_ppm: original.map(|_| self.rate()),
            direction: self.maybe(Self::word),
        }
    }

    pub fn charge(&mut self) -> Charge {
        Charge {
            step: self.word(),
            amount: self.money(),
            vat: self.maybe(Self::minor),
            basis: self.maybe(Self::minor),
            authorised_by: self.maybe(Self::text),
            beneficiary: self.maybe(Self::word),
            asserted_on: self.maybe(Self::date),
            claim: self.maybe(|dice| ClaimId::new(&dice.text()).unwrap()),
            notice: self.maybe(Self::activity_id),
            form: self.maybe(Self::word),
        }
    }

    pub fn adjustment(&mut self) -> Detail {
        let adjustment = self.word();
        let mut amount = self.money();
        if adjustment == AdjustmentKind::Correction && self.flag() {
            amount.minor = -amount.minor;
        }
        Detail::Adjustment { adjustment, amount, component: self.maybe(Self::word) }
    }

    pub fn plan(&mut self) -> Detail {
        let mut instalments = self.some(|dice, _| Instalment { due: dice.date(), amount: dice.minor() });
        instalments.push(Instalment { due: self.date(), amount: self.minor() });
        Detail::Plan { instalments, currency: self.currency(), written: self.flag() }
    }

    pub fn detail(&mut self, kind: u64) -> Detail {
        match kind {
            0 => Detail::Contact(Box::new(self.contact())),
            1 => Detail::MessageEvent { event: self.word(), channel: self.word(), machine: self.flag() },
            2 => Detail::Page { step: self.word(), source: self.maybe(Self::text), session: self.maybe(Self::text) },
            3 => Detail::Promise(Promise {
                amount: Money::new(1 + self.minor(), self.currency()),
                due: self.date(),
                supersedes: self.maybe(Self::activity_id),
                channel: self.maybe(Self::word),
            }),
            4 => Detail::PromiseWithdrawn { promise: self.activity_id() },
            5 => self.plan(),
            6 => Detail::PlanEnded { plan: self.activity_id(), broken: self.flag() },
            7 => Detail::Payment(self.payment()),
            8 => Detail::Reversal { reverses: self.activity_id(), amount: self.money(), reason: self.word() },
            9 => Detail::Charge(self.charge()),
            10 => {
                let from = self.date();
                let amount = self.money();
                Detail::Interest(Interest {
                    amount,
                    from: Some(from),
                    to: self.flag().then_some(from),
                    rate_ppm: self.maybe(Self::rate),
                    base: self.maybe(Self::minor),
                    claim: self.maybe(|dice| ClaimId::new(&dice.text()).unwrap()),
                    nature: self.maybe(Self::word),
                    compound: self.maybe(Self::flag),
                })
            }
            11 => self.adjustment(),
            12 => Detail::Transfer { transfer: self.word(), to: self.maybe(Self::text) },
            13 => Detail::Settlement { step: self.word(), amount: self.money(), due: self.maybe(Self::date) },
            14 => Detail::Dispute {
                step: self.word(),
                written: self.maybe(Self::flag),
                reference: self.maybe(Self::text),
                grounded: self.maybe(Self::flag),
            },
            15 => Detail::Complaint { step: self.word(), reference: self.maybe(Self::text) },
            16 => Detail::DataRequest { step: self.word(), reference: self.maybe(Self::text) },
            17 => Detail::Condition {
                condition: self.word(),
                ended: self.flag(),
                written: self.maybe(Self::flag),
                direct_contact_consented: self.flag(),
                reference: self.maybe(Self::text),
            },
            18 => Detail::Permission {
                permission: self.permission(),
                contact_point: self.maybe(|dice| ContactPointId::new(&dice.text()).unwrap()),
            },
            19 => Detail::Window { window: self.window() },
            20 => Detail::ContactPointChanged {
                contact_point: ContactPointId::new(&self.text()).unwrap(),
                state: self.word(),
            },
            21 => Detail::LegalStep { step: self.word() },
            22 => Detail::TitleObtained { on: self.date() },
            23 => Detail::Acknowledgement { written: self.maybe(Self::flag) },
            24 => Detail::VerificationSent {},
            25 => {
                let produced = self.flag();
                Detail::Document { document: self.text(), produced, requested: !produced && self.flag() }
            }
            26 => Detail::CreditReport {
                report: self.word(),
                bureau: self.maybe(Self::text),
                amount: self.maybe(Self::money),
                disputed: self.flag(),
            },
            27 => Detail::Hold { ended: self.flag(), reason: self.maybe(Self::text) },
            28 => Detail::CaseStatus { closed: self.flag(), code: self.maybe(Self::text) },
            29 => Detail::Remittance(Remittance {
                amount: self.money(),
                withheld: self.maybe(Self::minor),
                payments: self.some(|dice, index| ActivityId::new(&format!("{}{index}", dice.text())).unwrap()),
            }),
            30 => match self.word() {
                SurveyKind::Csat => Detail::Survey { survey: SurveyKind::Csat, score: 5 },
                SurveyKind::Nps => Detail::Survey { survey: SurveyKind::Nps, score: 0 },
            },
            31 => Detail::CustomerStatus { customer: self.flag() },
            32 => Detail::OperatingCost { amount: self.money(), category: self.maybe(Self::text) },
            33 => Detail::ClientRevenue { amount: self.money(), client: self.maybe(Self::text) },
            34 => Detail::CreditSales { amount: self.money(), client: self.maybe(Self::text) },
            35 => Detail::AgentRoster {
                agent: self.text(),
                team: self.maybe(Self::text),
                fte_thousandths: u32::try_from(self.below(10_001)).unwrap(),
                until: self.maybe(Self::date),
            },
            36 => Detail::Void { target: self.activity_id(), reason: self.maybe(Self::text) },
            37 => Detail::RecordsErased {
                records: self.some(|dice, index| format!("{}{index}", dice.text())),
                newest: self.maybe(Self::date),
            },
            _ => Detail::Note { code: self.maybe(Self::text) },
        }
    }

    pub fn activity(&mut self, kind: u64) -> Activity {
        let occurred = self.time();
        let mut cases = self.some(|dice, index| CaseId::new(&format!("{}{index}", dice.text())).unwrap());
        cases.push(CaseId::new("last").unwrap());
        Activity {
            // No other id that is named here ends like that: nothing names itself.
            id: ActivityId::new(&format!("{}_own", self.text())).unwrap(),
            cases,
            person: self.maybe(|dice| PersonId::new(&dice.text()).unwrap()),
            person_role: self.maybe(Self::word),
            occurred,
            date_only: self.flag(),
            received: self.maybe(Self::time),
            effective: self.maybe(Self::time),
            ended: self.maybe(|dice| dice.later(occurred)),
            source_seq: self.minor() - self.minor(),
            initiated_by: self.maybe(Self::word),
            at_debtors_request: self.flag(),
            actor: Actor { kind: self.maybe(Self::word), agent: self.maybe(Self::text), team: self.maybe(Self::text) },
            parent: self.maybe(Self::activity_id),
            control: Control {
                check_id: self.maybe(Self::text),
                permit_id: self.maybe(Self::text),
                override_reason: self.maybe(Self::text),
                cost: self.maybe(Self::money),
            },
            detail: self.detail(kind),
        }
    }
}

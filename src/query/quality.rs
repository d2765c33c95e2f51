//! Data quality: which rules and KPIs say nothing for want of inputs, and what to send so that they speak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::Query;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::facts::Kinds;
use crate::domain::ids::{MarketId, RuleId};
use crate::domain::principal::Principal;
use crate::domain::time::{Timestamp, day_number};
use crate::ingest::{IngestError, Unknown};
use crate::kpi::Lack;
use crate::kpi::intake::{Gap, Intake};
use crate::rules::RuleSet;
use crate::rules::words::Attribute;

/// A rule that was tested and did not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleGap {
    /// The rule.
    pub rule: RuleId,
    /// What it missed, as packs name it.
    pub attribute: &'static str,
    /// How many tests; of rules by which accounts become barred, also how many accounts at the end.
    pub unknown: u64,
    /// Fields of the API that supply it; of what a dated table lacks, the files of the configuration that hold the rule's tables.
    pub send: Vec<String>,
}

/// A KPI that misses an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KpiGap {
    /// What it misses.
    pub gap: Gap,
    /// Fields of the API that supply it.
    pub send: &'static [&'static str],
    /// The dimension of what misses it, where others have it, as questions name it.
    pub dimension: Option<String>,
}

/// What a market's records leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// Rules, those with the most unknown tests first.
    pub rules: Vec<RuleGap>,
    /// KPIs, in the order of the definitions.
    pub kpis: Vec<KpiGap>,
    /// Revision that it stands on.
    pub revision: u64,
}

/// What is gathered of the history.
struct Found {
    intake: Intake,
    unknown: BTreeMap<(RuleId, Attribute), u64>,
}

impl Query {
    /// What the records of these days (the last one excluded) leave open. Tells the history again.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn data_quality(
        &self,
        who: &Principal,
        market: &MarketId,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Quality, IngestError> {
        let reading = self.open(who, market)?;
        let view = self.view(&reading, None, None).await?;
        let days = day_number(from)..day_number(to);
        let (catalogue, span) = (Arc::clone(&reading.catalogue), days.clone());
        let add = move |found: &mut Found, fact: &Fact| {
            if fact.day < span.end {
                found.intake.add(&catalogue, fact, fact.day < span.start);
            }
        };
        let zone = reading.market.zone;
        let lacked = move |found: &mut Found, unknown: Vec<Unknown>| {
            for Unknown { rule, attribute, at, until } in unknown {
                let day = |at: Timestamp| day_number(at.date(zone));
                let counts = match until {
                    None => days.contains(&day(at)),
                    // When an account becomes barred counts if it is still unknown at the end.
                    Some(until) => day(at) < days.end && (until.0 == i64::MAX || day(until) >= days.end),
                };
                if counts {
                    *found.unknown.entry((rule, attribute)).or_default() += 1;
                }
            }
        };
        let found = Found { intake: Intake::of(&reading.catalogue), unknown: BTreeMap::new() };
        let found = self.gathered(&reading, Kinds::ALL, view, found, add, lacked).await?;
        let gap = |((rule, attribute), unknown): ((RuleId, Attribute), u64)| RuleGap {
            send: match attribute {
                Attribute::TableRate => table_files(&reading.rules, &rule),
                _ => supplies(attribute).iter().map(|field| (*field).to_owned()).collect(),
            },
            rule,
            attribute: attribute.as_str(),
            unknown,
        };
        let mut rules: Vec<RuleGap> = found.unknown.into_iter().map(gap).collect();
        rules.sort_by(|a, b| {
            b.unknown.cmp(&a.unknown).then_with(|| (&a.rule, a.attribute).cmp(&(&b.rule, b.attribute)))
        });
        let kpis = found.intake.gaps(&reading.catalogue).into_iter();
        let name = |gap: &Gap| {
            let of = gap.of.as_ref()?;
            Some(of.dimension.name(reading.catalogue.case_dimensions()).to_owned())
        };
        let kpis = kpis.map(|gap| KpiGap { send: records(&gap), dimension: name(&gap), gap }).collect();
        Ok(Quality { rules, kpis, revision: view.known })
    }
}

/// The files of the configuration in which entries of a rule's dated tables stand.
fn table_files(rules: &RuleSet, rule: &RuleId) -> Vec<String> {
    let active = rules.active(rule);
    let tables = active.iter().flat_map(|active| active.rule.limits.rate_tables());
    let files: BTreeSet<String> = tables.map(|table| format!("config/{}", table.position.file)).collect();
    files.into_iter().collect()
}

/// Fields of the API that supply an attribute.
#[must_use]
pub const fn supplies(attribute: Attribute) -> &'static [&'static str] {
    use Attribute as A;
    match attribute {
        A::CollectorRole => &["Case.identity.collector_role"],
        A::Ownership => &["Case.identity.ownership"],
        A::DebtClass => &["Case.legal_class.debt_class"],
        A::DebtType => &["Case.legal_class.debt_type"],
        A::CreditorType => &["Case.identity.creditor_type"],
        A::DebtorKind => &["Case.parties.kind"],
        A::RegulatedCredit => &["Case.legal_class.regulated_credit"],
        A::EuBankNpl => &["Case.legal_class.eu_bank_npl"],
        A::Secured => &["Case.legal_class.secured"],
        A::PersonRole => &["Activity.person_role", "Case.parties.role"],
        A::Zone => &["Case.parties.time_zones.time_zone"],
        A::Residence => &["Case.parties.residences.region_code"],
        A::Subdivision => &["Case.parties.residences.subdivision_code"],
        A::Locality => &["Case.parties.residences.locality_code"],
        A::ContractDate => &["Case.dates.contract_date"],
        A::ClaimArose => &["Case.claims.arise_date"],
        A::DueDate | A::Deadline => &["Case.claims.original_due_date", "Activity.contact.deadline_date"],
        A::MandateDate => &["Case.placement.mandate_date"],
        A::Outcome => &["Activity.contact.outcome", "Activity.contact.disposition"],
        A::ClockTime => &["Activity.occur_time", "Activity.date_only"],
        A::Person => &["Activity.person_id"],
        A::Received => &["Activity.receive_time", "Activity.contact.deliver_time"],
        A::AgreedReminderFee => &["Case.terms.agreed_reminder_fee"],
        A::CostClause => &["Case.terms.cost_clause"],
        A::Basis => &["Activity.charge.basis"],
        A::Principal => &["Case.claims.principal"],
        A::Claim => &["Case.claims.principal", "Activity.payment.claim_id"],
        A::NoticeForm => &["Activity.contact.form"],
        A::CauseOfAction => &["Case.dates.cause_of_action_date"],
        A::ReachedDebtor => &["Case.dates.limitation_events.reached_debtor"],
        A::Resumption => &["Case.dates.limitation_events"],
        A::Currency => &["Case.currency_code", "Activity.charge.amount"],
        A::DefaultDate => &["Case.dates.default_date"],
        A::DueFixedByContract => &["Case.claims.due_fixed_by_contract"],
        A::History => &["Case.history_complete_time", "Case.prior_notices", "Case.prior_charges"],
        A::VatDeduction => &["Case.terms.creditor_deducts_vat"],
        A::TitleDate => &["Case.legal_class.title_date", "Activity.title_obtained.title_date"],
        A::ConsentForm => &["Case.parties.permissions.written"],
        A::ContactPoint => &["Activity.contact.contact_point_id"],
        A::ContentItems => &["Activity.contact.content_items"],
        A::Documents => &["Activity.document"],
        A::Grounds => &["Activity.dispute.grounded"],
        A::IdentityVerified => &["Activity.contact.identity_verified"],
        A::Language => &["Activity.contact.language_code"],
        A::MessageLeft => &["Activity.contact.message_left"],
        A::NumberType => &["Case.parties.contact_points.number_type"],
        A::Place => &["Activity.contact.place"],
        A::Purpose => &["Activity.contact.purpose"],
        A::Recorded => &["Activity.contact.recorded"],
        A::RecordingNotice => &["Activity.contact.recording_notice"],
        A::Technology => &["Activity.contact.technology"],
        A::Verified => &["Case.parties.contact_points.verify_time"],
        A::Written => &[
            "Activity.dispute.written",
            "Activity.condition.written",
            "Activity.acknowledgement.written",
            "Case.dates.limitation_events.written",
        ],
        A::WrittenRequest => &["Activity.dispute.written", "Activity.condition.written"],
        A::AccrualPeriod => &["Activity.interest.start_date", "Activity.interest.end_date"],
        A::InterestBase => &["Activity.interest.base"],
        A::ContractRate => &["Case.terms.contract_rate"],
        A::InvoiceDate => &["Case.claims.invoice_date"],
        A::PaymentTermAgreed => &["Case.terms.payment_term_agreed"],
        A::PaymentDirection => &["Activity.payment.direction"],
        A::ReceivedBy => &["Activity.payment.received_by"],
        A::PaidClaim => &["Activity.payment.claim_id"],
        A::RecordDate => &["Activity.records_erased.newest_date"],
        A::Household => &["Case.parties.household_id"],
        A::Collector => &["Case.identity.collector_entity_id"],
        A::Creditor => &["Case.identity.creditor_id"],
        // The rules themselves are missing, or an entry of a dated table, which no record supplies.
        A::Pack | A::TableRate | A::ChargeRule => &[],
    }
}

/// What decides when an account becomes barred. Which of it is missing, the gaps of the limitation rules say.
const LIMITATION: [&str; 6] = [
    "Case.claims.original_due_date",
    "Case.claims.arise_date",
    "Case.dates.cause_of_action_date",
    "Case.legal_class.debt_type",
    "Case.parties.residences.region_code",
    "Case.parties.residences.subdivision_code",
];

/// Fields or records of the API that supply what a KPI misses.
#[must_use]
pub const fn records(gap: &Gap) -> &'static [&'static str] {
    use FactKind as K;
    match gap.lack {
        Lack::Agent => &["Activity.actor.agent_id", "Case.steering.agent_id"],
        Lack::DueDate => &["Case.claims.original_due_date"],
        Lack::InvoiceDate => &["Case.claims.invoice_date"],
        Lack::Length => match gap.fact {
            K::MessageOpened => &["Activity.message_event"],
            K::Matter => &["Activity.dispute", "Activity.complaint"],
            // The days since the closing, which nobody can count where the account was never closed.
            K::CustomerLost => &["Activity.case_status.closed", "Case.closed"],
            _ => &["Activity.end_time"],
        },
        Lack::Limitation => &LIMITATION,
        Lack::Reversed => &["Activity.reversal.reversed_activity_id", "Activity.reversal.amount"],
        Lack::Closing => &["Activity.case_status.closed", "Case.closed"],
        Lack::Facts => match gap.fact {
            K::Contact | K::MessageSent | K::RuleTest | K::FirstContactResolved | K::FindingOpen => {
                &["Activity.contact"]
            }
            K::AccountSeen => &["Activity.contact", "Activity.contact.contact_point_id"],
            K::FindingRemediated => &["UpdateFindingRequest.action"],
            K::ContactCheck => &["CheckContactRequest.contact"],
            K::ContactPaid | K::OpenedPaid => &["Activity.contact", "Activity.payment"],
            K::Visitor | K::PayerFailed => &["Activity.page"],
            K::VisitorPaid | K::PayerRecovered => &["Activity.page", "Activity.payment"],
            K::Purchased => &["Case.placement.purchase_price", "Case.placement.face_value"],
            K::Amortised => &["Case.placement.purchase_price", "Case.placement.face_value", "Activity.payment"],
            K::CreditBalance => &["Activity.payment"],
            K::CashExpected => &["Activity.promise", "Activity.plan"],
            K::Headcount => &["Activity.agent_roster"],
            K::OverdueAccounts
            | K::Aged
            | K::BucketLeft
            | K::AccountMoved
            | K::PastDue
            | K::PastDueEnded
            | K::OpenItems => &["Case.claims", "Case.claims.original_due_date"],
            K::ContactWithPromise | K::PromiseMade | K::PromiseJudged | K::PromiseEnded | K::PromiseOpen => {
                &["Activity.promise"]
            }
            K::DebtorPromiseJudged => &["Activity.promise", "Case.parties"],
            K::MessageDelivered
            | K::MessageBounced
            | K::MessageDropped
            | K::MessageOpened
            | K::MessageClicked
            | K::MessageComplained
            | K::MessageUnsubscribed
            | K::OpenedClicked => &["Activity.message_event"],
            K::Interest => &["Activity.interest"],
            K::Charge => &["Activity.charge"],
            K::Payment | K::Allocation | K::PaymentPart => &["Activity.payment"],
            K::PaymentReversed | K::ReversedBeyond => &["Activity.reversal"],
            K::WrittenOff | K::WrittenOffOpen | K::Discount | K::Cancelled | K::WrittenUp => &["Activity.adjustment"],
            K::Recalled | K::MovedIn | K::MovedOut | K::SentToCollection => &["Activity.transfer"],
            K::AgentActive => &["Activity.actor.agent_id"],
            K::OperatingCost => &["Activity.operating_cost", "Activity.control.cost"],
            K::ClientRevenue => &["Activity.client_revenue"],
            K::CreditSales => &["Activity.credit_sales"],
            K::Matter => &["Activity.dispute", "Activity.complaint"],
            K::Survey => &["Activity.survey"],
            K::Page | K::PaymentSession => &["Activity.page"],
            K::PlanMade | K::PlanEnded | K::InstalmentJudged => &["Activity.plan"],
            K::Settlement => &["Activity.settlement"],
            K::OptOut => &["Activity.permission"],
            K::Remittance => &["Activity.remittance"],
            K::CustomerLost => &["Activity.customer_status"],
            K::AccountClosed => &["Activity.case_status"],
            K::ReceivableCurrent => &["Case.claims.original_due_date"],
            K::Limitation | K::BecomesBarred => &LIMITATION,
            K::Placed | K::OpenAccounts | K::Receivable | K::ReceivableUndated | K::AccountLife => &["Case.claims"],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_from_a_closing_to_a_loss_want_the_closing() {
        let gap = Gap {
            kpi: "churn_rate".to_owned(),
            measure: "customers_lost".to_owned(),
            fact: FactKind::CustomerLost,
            lack: Lack::Length,
            lacking: 1,
            taken: 0,
            disables: true,
            of: None,
        };
        assert_eq!(records(&gap), ["Activity.case_status.closed", "Case.closed"]);
        assert_eq!(records(&Gap { fact: FactKind::Contact, ..gap }), ["Activity.end_time"]);
    }
}

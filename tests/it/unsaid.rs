//! What is not said of a contact, a charge or a place, what is said in passing, and what only informs: each is told as what it is.

use fairdue::proto::google::r#type::Money;
use fairdue::proto::v1;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, case, date, southerner, stamp};

/// A tenant with these markets beside the usual ones.
const MORE: &str = "[markets.gb]\nzone = \"Europe/London\"\ncurrency = \"GBP\"\npromise_grace_days = 3\n\
                    [markets.br]\nzone = \"America/Sao_Paulo\"\ncurrency = \"BRL\"\npromise_grace_days = 3\n";

async fn opened(api: &Api) -> Clients {
    api.tenant("more", MORE).await;
    api.platform("more").await
}

/// Stores a case of 1,000 of the currency of somebody who lives in the country, and as `change` says.
async fn store(mine: &mut Clients, region: &str, currency: &str, change: impl FnOnce(&mut v1::Case)) {
    let mut one = case(region, "bank");
    one.currency_code = currency.to_owned();
    one.claims[0].principal = money(currency, 1_000);
    one.legal_class = Some(v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() });
    for party in &mut one.parties {
        party.residences[0].region_code = region.to_owned();
        party.time_zones.clear();
    }
    change(&mut one);
    let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(one) };
    mine.cases.upsert_case(request).await.expect("stored");
}

fn money(currency: &str, units: i64) -> Option<Money> {
    Some(Money { currency_code: currency.to_owned(), units, nanos: 0 })
}

async fn record(mine: &mut Clients, region: &str, sent: v1::Activity) {
    let request = v1::RecordActivityRequest { region_code: region.to_owned(), activity: Some(sent) };
    mine.activities.record_activity(request).await.expect("stored");
}

/// What a check of a contact on day 10 says of the country's case.
async fn asked(mine: &mut Clients, region: &str, id: &str, contact: v1::Contact) -> v1::CheckContactResponse {
    let request = v1::CheckContactRequest {
        region_code: region.to_owned(),
        case_id: id.to_owned(),
        contact_time: stamp(10),
        contact: Some(contact),
        ..Default::default()
    };
    mine.compliance.check_contact(request).await.expect("an answer").into_inner()
}

/// The trace is of that rule.
fn is(trace: &v1::RuleTrace, id: &str) -> bool {
    trace.rule.as_ref().is_some_and(|rule| rule.rule_id == id)
}

fn letter(purpose: v1::Purpose) -> v1::Contact {
    v1::Contact { channel: v1::Channel::Letter.into(), purpose: purpose.into(), ..Default::default() }
}

on_both_databases!(
    async fn a_letter_that_does_not_say_what_it_is_may_be_a_demand(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = opened(&api).await;
        store(&mut mine, "SE", "SEK", |one| {
            one.claims[0].arise_date = date(2010, 1, 15);
            let class = one.legal_class.get_or_insert_default();
            class.debt_type = v1::DebtType::Loan.into();
        })
        .await;
        for (purpose, answer) in [
            (v1::Purpose::Unspecified, Some(v1::Answer::Unknown)),
            (v1::Purpose::Demand, Some(v1::Answer::Broken)),
            (v1::Purpose::Reply, None),
        ] {
            let told = asked(&mut mine, "SE", "SE", letter(purpose)).await;
            let said = told.rules.iter().find(|rule| rule.rule_id == "se-limitation-ordinary");
            assert_eq!(said.map(v1::Speaking::answer), answer, "{purpose:?}: {said:?}");
            let missing = told.missing.contains(&"purpose".to_owned());
            assert_eq!(missing, purpose == v1::Purpose::Unspecified, "{:?}", told.missing);
        }
        let sent = v1::activity::Detail::Contact(Box::new(letter(v1::Purpose::Unspecified)));
        record(&mut mine, "SE", activity("sent", "SE", 11, sent)).await;
        let request = v1::ListFindingsRequest {
            region_code: "SE".to_owned(),
            rule_id: "se-limitation-ordinary".to_owned(),
            ..Default::default()
        };
        let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
        assert_eq!(found, [], "what is not known accuses nobody");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_death_that_is_told_in_a_call_is_known_until_it_proves_wrong(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = opened(&api).await;
        let request = v1::UpsertCaseRequest { region_code: "US".to_owned(), case: Some(southerner("c")) };
        mine.cases.upsert_case(request).await.expect("stored");
        let call = v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() };
        let told = v1::Contact { outcome: v1::Outcome::DeceasedReported.into(), ..call.clone() };
        let by_spouse = v1::Activity {
            person_id: "spouse".to_owned(),
            person_role: v1::PartyRole::Spouse.into(),
            ..activity("told", "c", 1, v1::activity::Detail::Contact(Box::new(told)))
        };
        let alive =
            v1::ConditionChange { condition: v1::Condition::Deceased.into(), ended: true, ..Default::default() };
        let alive = activity("alive", "c", 5, v1::activity::Detail::Condition(alive));
        for (sent, answer) in [(by_spouse, v1::Answer::Broken), (alive, v1::Answer::Kept)] {
            record(&mut mine, "US", sent).await;
            let answered = asked(&mut mine, "US", "c", call.clone()).await;
            let said = answered.rules.iter().find(|rule| rule.rule_id == "us-decedent").expect("the rule speaks");
            assert_eq!(said.answer(), answer, "{said:?}");
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn the_basis_of_a_charge_is_missing_by_its_own_name(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = opened(&api).await;
        store(&mut mine, "BR", "BRL", |_| {}).await;
        for (basis, missing, answer) in
            [(None, vec!["basis"], v1::Answer::Unknown), (money("BRL", 1_000), vec![], v1::Answer::Kept)]
        {
            let step = v1::ChargeStep::Penalty.into();
            let request = v1::CheckChargeRequest {
                region_code: "BR".to_owned(),
                case_id: "BR".to_owned(),
                charge_time: stamp(10),
                charge: Some(v1::Charge { step, amount: money("BRL", 20), basis, ..Default::default() }),
                ..Default::default()
            };
            let told = mine.compliance.check_charge(request).await.expect("an answer").into_inner();
            let said = told.rules.iter().find(|rule| rule.rule_id == "br-late-fee").expect("the rule speaks");
            assert_eq!(said.answer(), answer, "{said:?}");
            assert_eq!(told.missing, missing);
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn what_only_informs_is_told_as_no_breach(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = opened(&api).await;
        store(&mut mine, "GB", "GBP", |one| {
            one.legal_class.get_or_insert_default().debt_class = v1::DebtClass::Business.into();
        })
        .await;
        let step = v1::ChargeStep::LatePaymentSum.into();
        let charge = v1::Charge { step, amount: money("GBP", 200), ..Default::default() };
        let asked = v1::ChargeCheck {
            case_id: "GB".to_owned(),
            charge_time: stamp(10),
            charge: Some(charge),
            ..Default::default()
        };
        for (language, words) in [("en", "informs only"), ("de", "informiert nur")] {
            let request = v1::ExplainRequest {
                region_code: "GB".to_owned(),
                subject: Some(v1::explain_request::Subject::Charge(asked.clone())),
                language_codes: vec![language.to_owned()],
                omit_silent_rules: true,
            };
            let told = mine.compliance.explain(request).await.expect("an answer").into_inner();
            let rules = told.explanation.expect("an explanation").rules;
            let own = rules.iter().find(|rule| is(rule, "gb-b2b")).expect("the rule speaks");
            let sentence = own.sentence.clone().unwrap_or_default().text;
            assert!(sentence.contains(words), "{sentence}");
        }
        api.end().await;
    }
);

on_both_databases!(
    async fn a_rule_of_two_nations_answers_once_whoever_may_live_in_either(database: Database) {
        const RULE: &str = "gb-ew-breathing-space";
        let api = Api::start(&database).await;
        let mut mine = opened(&api).await;
        store(&mut mine, "GB", "GBP", |_| {}).await;
        let begun = v1::ConditionChange { condition: v1::Condition::BreathingSpace.into(), ..Default::default() };
        record(&mut mine, "GB", activity("begun", "GB", 5, v1::activity::Detail::Condition(begun))).await;
        let told = asked(&mut mine, "GB", "GB", letter(v1::Purpose::Demand)).await;
        let said: Vec<_> = told.rules.iter().filter(|rule| rule.rule_id == RULE).collect();
        let [said] = said[..] else { panic!("it answers {} times", said.len()) };
        assert_eq!(said.answer(), v1::Answer::Unknown, "where the debtor lives is not known");

        let request = v1::ExplainRequest {
            region_code: "GB".to_owned(),
            subject: Some(v1::explain_request::Subject::Contact(v1::ContactCheck {
                case_id: "GB".to_owned(),
                contact_time: stamp(10),
                contact: Some(letter(v1::Purpose::Demand)),
                ..Default::default()
            })),
            ..Default::default()
        };
        let told = mine.compliance.explain(request).await.expect("an answer").into_inner();
        let rules = told.explanation.expect("an explanation").rules;
        assert_eq!(rules.iter().filter(|rule| is(rule, RULE)).count(), 1);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_call_of_which_nothing_is_said_leaves_the_same_unknown_whenever_it_comes(database: Database) {
        let api = Api::start(&database).await;
        api.tenant("member", "[rules]\nmemberships = [\"unirec\"]\n").await;
        let mut mine = api.platform("member").await;
        let mut open = |id: &str| {
            let mut one = case(id, "bank");
            one.legal_class = Some(v1::LegalClass { debt_class: v1::DebtClass::Consumer.into(), ..Default::default() });
            one.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
            one.parties[0].person_id = format!("debtor-{}", &id[..1]);
            one
        };
        let cases = ["p1", "p2", "q1", "q2"].map(&mut open).to_vec();
        let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        mine.cases.batch_upsert_cases(request).await.expect("stored");
        // Of each debtor a call on one case, without an outcome, and two hours later a conversation on the other.
        let made = |case: &str, hours: i64, outcome: v1::Outcome| {
            let call = v1::Contact { channel: v1::Channel::Call.into(), outcome: outcome.into(), ..Default::default() };
            let day = if case.starts_with('p') { 1 } else { 2 };
            let mut made = activity(&format!("call-{case}"), case, day, v1::activity::Detail::Contact(Box::new(call)));
            made.occur_time.get_or_insert_default().seconds += hours * 3_600;
            made
        };
        for who in ["p", "q"] {
            let unsaid = made(&format!("{who}1"), 0, v1::Outcome::Unspecified);
            let spoken = made(&format!("{who}2"), 2, v1::Outcome::RightPartyNoCommitment);
            let (first, then) = if who == "p" { (unsaid, spoken) } else { (spoken, unsaid) };
            record(&mut mine, "IT", first).await;
            record(&mut mine, "IT", then).await;
        }
        for kpi in ["unknown_rate", "compliance_rate"] {
            let asked = v1::QueryKpisRequest {
                region_code: "IT".to_owned(),
                kpi_ids: vec![kpi.to_owned()],
                grain: v1::Grain::Day.into(),
                start_date: date(2024, 3, 19),
                end_date: date(2024, 3, 21),
                group_by: vec!["rule".to_owned()],
                ..Default::default()
            };
            let told = mine.kpis.query_kpis(asked).await.expect("figures").into_inner();
            assert_eq!(told.source(), v1::FigureSource::Cells);
            let of = |day: i32| -> Vec<_> {
                let own = told.rows.iter().filter(|row| row.period_start_date == date(2024, 3, day));
                own.map(|row| (row.group[0].value.clone(), row.numerator.clone(), row.denominator.clone())).collect()
            };
            assert!(of(19).iter().any(|(rule, ..)| rule == "it-contact-frequency"), "{kpi}: {told:?}");
            assert_eq!(of(19), of(20), "{kpi}");
        }
        api.end().await;
    }
);

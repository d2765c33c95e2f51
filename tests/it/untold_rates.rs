//! Of a period that a dated table does not hold nobody is told that interest was within bounds; and in what unit a term that ran
//! out is told.

use fairdue::proto::google::r#type::Decimal;
use fairdue::proto::v1;
use fairdue::proto::v1::explain_request::Subject;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, batch, case, date, euros, stamp};

type Day = Option<fairdue::proto::google::r#type::Date>;

fn accrual(id: &str, day: i64, (from, to): (Day, Day)) -> v1::Activity {
    let interest = v1::Interest {
        amount: euros(3),
        base: euros(100),
        start_date: from,
        end_date: to,
        rate: Some(Decimal { value: "0.4".to_owned() }),
        nature: v1::InterestNature::Credit.into(),
        ..Default::default()
    };
    activity(id, "c1", day, v1::activity::Detail::Interest(interest))
}

async fn told(mine: &mut Clients, id: &str, language: &str) -> v1::Explanation {
    let subject = Subject::Activity(v1::ActivityOfCase { activity_id: id.to_owned(), case_id: String::new() });
    let request = v1::ExplainRequest {
        region_code: "IT".to_owned(),
        subject: Some(subject),
        language_codes: vec![language.to_owned()],
        omit_silent_rules: true,
    };
    let explanation = mine.compliance.explain(request).await.expect("an explanation").into_inner().explanation;
    let explanation = explanation.expect("an explanation");
    assert_eq!(explanation.untranslated_words, Vec::<String>::new());
    explanation
}

fn sentence<'a>(explanation: &'a v1::Explanation, rule: &str) -> (&'a v1::RuleTrace, &'a str) {
    let of_rule = |one: &&v1::RuleTrace| one.rule.as_ref().is_some_and(|found| found.rule_id == rule);
    let trace = explanation.rules.iter().find(of_rule).unwrap_or_else(|| panic!("{rule} was not considered"));
    (trace, trace.sentence.as_ref().map(|one| one.text.as_str()).unwrap_or_default())
}

async fn filled(api: &Api, activities: Vec<v1::Activity>) -> Clients {
    let mut mine = api.platform("mine").await;
    let mut credit = case("c1", "a");
    credit.legal_class.get_or_insert_default().debt_type = v1::DebtType::Revolving.into();
    credit.dates.get_or_insert_default().contract_date = date(2024, 1, 10);
    let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![credit] };
    mine.cases.batch_upsert_cases(cases).await.expect("stored");
    let stored = mine.activities.batch_record_activities(batch(activities)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    mine
}

on_both_databases!(
    async fn interest_of_a_period_whose_rate_is_not_held_is_unknown_and_says_where_to_add_it(database: Database) {
        const USURY: &str = "it-interest-usury-revolving";
        let api = Api::start(&database).await;
        let spring = accrual("a1", 1, (date(2024, 2, 1), date(2024, 2, 29)));
        let mut later = accrual("a2", 2, (date(2049, 1, 1), date(2049, 1, 31)));
        if let Some(v1::activity::Detail::Interest(interest)) = &mut later.detail {
            interest.nature = v1::InterestNature::Default.into();
        }
        let mut mine = filled(&api, vec![spring, later]).await;
        for (language, words) in [
            ("da", "Om renten er tilladt, kan ikke afgøres: satsen for denne periode står ikke i satstabellen."),
            ("de", "Der Satz dieses Zeitraums steht nicht in der Satztabelle."),
            ("en", "Whether the interest is allowed cannot be told: the rate of this period is not in the rate table."),
            ("es", "el tipo de este período no figura en la tabla de tipos."),
            ("fr", "le taux de cette période ne figure pas dans la table des taux."),
            ("sv", "satsen för denna period finns inte i satstabellen."),
        ] {
            let explanation = told(&mut mine, "a1", language).await;
            let (trace, text) = sentence(&explanation, USURY);
            assert!(text.ends_with(words), "{language}: {text}");
            let speaking = trace.speaking.as_ref().expect("it speaks");
            assert_eq!(speaking.answer(), v1::Answer::Unknown);
            assert!(!trace.untested, "{trace:?}");
        }
        // A rule that only informs accuses nobody, and does not say that the law states no figure.
        let explanation = told(&mut mine, "a2", "en").await;
        let (trace, text) = sentence(&explanation, "it-interest");
        assert!(text.ends_with("The rate of this period is not in the rate table: nothing was tested."), "{text}");
        assert!(trace.untested && trace.speaking.as_ref().is_some_and(|one| one.answer() == v1::Answer::Kept));

        let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let findings = mine.compliance.list_findings(list).await.expect("findings").into_inner().findings;
        assert!(findings.iter().all(|one| one.rule_id != USURY), "{findings:?}");
        let request = v1::GetDataQualityRequest {
            region_code: "IT".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
        };
        let quality = mine.kpis.get_data_quality(request).await.expect("an answer").into_inner();
        let gap = quality.rules.iter().find(|gap| gap.rule_id == USURY && gap.attribute == "table_rate");
        let gap = gap.unwrap_or_else(|| panic!("nobody learns of the table: {:?}", quality.rules));
        assert!(gap.unknown_count >= 1 && gap.fields == ["config/rates/it.toml"], "{gap:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_term_in_months_that_ran_out_is_told_in_days(database: Database) {
        let api = Api::start(&database).await;
        let step = |id: &str, reference: &str, day, step: v1::MatterStep| {
            let asked = v1::DataRequest { step: step.into(), reference: reference.to_owned() };
            activity(id, "c1", day, v1::activity::Detail::DataRequest(asked))
        };
        // Occurred on 18 March 2024; the second was received on 1 April, the third got the longer term.
        let received = v1::Activity { receive_time: stamp(14), ..step("a2", "r2", 0, v1::MatterStep::Opened) };
        let opened =
            [step("a1", "r1", 0, v1::MatterStep::Opened), received, step("a3", "r3", 0, v1::MatterStep::Opened)];
        let told = opened.into_iter().chain([step("a4", "r3", 10, v1::MatterStep::Extended)]).collect();
        let mut mine = filled(&api, told).await;
        let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let findings = mine.compliance.list_findings(list).await.expect("findings").into_inner().findings;
        for (id, days, last_day) in [("a1", 31, "2024-04-18"), ("a2", 31, "2024-05-02"), ("a3", 92, "2024-06-18")] {
            let mine = |one: &&v1::Finding| one.rule_id == "eu-gdpr-access" && one.omission && one.activity_id == id;
            let found = findings.iter().find(mine).unwrap_or_else(|| panic!("no omission of {id}: {findings:?}"));
            let seen = found.observation.as_ref().expect("what was seen");
            let told = (seen.unit(), seen.limit, seen.note.as_str());
            assert_eq!(told, (v1::Unit::Days, Some(days), format!("not answered by {last_day}").as_str()), "{id}");
        }
        api.end().await;
    }
);

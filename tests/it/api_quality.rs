//! Closed periods and data quality through the API.

use std::sync::atomic::Ordering;

use fairdue::clock::Clock;
use fairdue::domain::fact::FactKind;
use fairdue::domain::time::DAY;
use fairdue::proto::v1;
use fairdue::query::kpi::Lack;
use fairdue::query::kpi::intake::Gap;
use fairdue::query::quality::{records, supplies};
use fairdue::rules::words::Attribute;

use crate::support::api::{Api, Clients, MARKETS};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, api_pool, at, batch, call, case, date, euros, fields, payment, stamp};

async fn record(mine: &mut Clients, activities: Vec<v1::Activity>) {
    let stored = mine.activities.batch_record_activities(batch(activities)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
}

fn march_and_april() -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec!["payments".to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 5, 1),
        frozen: true,
        ..Default::default()
    }
}

on_both_databases!(
    async fn a_closed_period_keeps_its_figure_beside_the_restated_one(database: Database) {
        let (clock, hand) = Clock::manual(at(18)); // 5 April
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = api.platform("mine").await;
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![case("c1", "a")] };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        record(&mut mine, vec![payment("p1", "c1", 0, 35), payment("p2", "c1", 15, 1)]).await;
        let refused = mine.kpis.query_kpis(march_and_april()).await.expect_err("the market closes nothing");
        assert_eq!(fields(&refused), ["frozen"]);
        let closing = MARKETS.replacen("promise_grace_days = 3", "promise_grace_days = 3\nclose_after_days = 10", 1);
        api.configure("tenants/mine.toml", &format!("tenant = \"mine\"\n{closing}"));
        api.change_rule("theirs", "");
        let answer = mine.kpis.query_kpis(march_and_april()).await.expect("figures").into_inner();
        assert!(answer.rows.iter().all(|row| row.frozen.is_none()), "nothing is closed on 5 April");
        hand.fetch_add(30 * DAY, Ordering::SeqCst);
        record(&mut mine, vec![payment("late", "c1", 12, 40)]).await;
        let answer = mine.kpis.query_kpis(march_and_april()).await.expect("figures").into_inner();
        let text = |decimal: &Option<fairdue::proto::google::r#type::Decimal>| {
            decimal.as_ref().map(|decimal| decimal.value.clone()).unwrap_or_default()
        };
        let (march, april) = (&answer.rows[0], &answer.rows[1]);
        let closed = march.frozen.as_ref().expect("March was closed on 11 April");
        assert_eq!(
            (text(&march.value), text(&closed.value), text(&closed.change)),
            ("75.00".into(), "35.00".into(), "40.00".into())
        );
        // The first instant of 11 April in Rome.
        assert_eq!(march.freeze_time.as_ref().map(|time| time.seconds), Some(1_712_786_400));
        assert!(april.frozen.is_none(), "April is closed on 11 May");
        let compared = v1::QueryKpisRequest { to_date: v1::Grain::Month.into(), ..march_and_april() };
        assert_eq!(fields(&mine.kpis.query_kpis(compared).await.expect_err("a window")), ["frozen"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn what_had_nothing_when_its_period_was_closed_or_has_nothing_now_is_restated_too(database: Database) {
        let (clock, hand) = Clock::manual(at(18)); // 5 April
        let api = Api::start_at(&database, &[], clock).await;
        let closing = MARKETS.replacen("promise_grace_days = 3", "promise_grace_days = 3\nclose_after_days = 10", 1);
        let mut mine = api.platform("mine").await;
        api.configure("tenants/mine.toml", &format!("tenant = \"mine\"\n{closing}"));
        api.change_rule("theirs", "");
        let cases = ["a", "b", "c"].map(|client| case(&format!("case-{client}"), client)).to_vec();
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        record(&mut mine, vec![payment("p1", "case-a", 0, 35), payment("p2", "case-b", 1, 20)]).await;
        hand.fetch_add(30 * DAY, Ordering::SeqCst);
        // Client a's payment turns out to be a mistake, and one of client c comes late.
        record(&mut mine, vec![payment("late", "case-c", 12, 40)]).await;
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "p1".to_owned(),
            void_activity_id: "v1".to_owned(),
            void_time: stamp(40),
            ..Default::default()
        };
        mine.activities.void_activity(void).await.expect("voided");
        let by_client = v1::QueryKpisRequest { group_by: vec!["client".to_owned()], totals: true, ..march_and_april() };
        let answer = mine.kpis.query_kpis(by_client).await.expect("figures").into_inner();
        let text = |decimal: &Option<fairdue::proto::google::r#type::Decimal>| {
            decimal.as_ref().map(|decimal| decimal.value.clone()).unwrap_or_default()
        };
        let line = |row: &v1::KpiRow| {
            let group = row.group.first().map_or("total", |group| group.value.as_str());
            let closed = row.frozen.clone().unwrap_or_default();
            format!("{group}: {} was {}, {}", text(&row.value), text(&closed.value), text(&closed.change))
        };
        let march = answer.rows.iter().filter(|row| row.period_start_date == date(2024, 3, 1));
        let lines: Vec<String> = march.map(line).collect();
        let expected = [
            "a: 0.00 was 35.00, -35.00",
            "b: 20.00 was 20.00, 0.00",
            "c: 40.00 was 0.00, 40.00",
            "total: 60.00 was 55.00, 5.00",
        ];
        assert_eq!(lines, expected);
        // Of the whole market nothing is left of a month in which nothing but a mistake was recorded.
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "p2".to_owned(),
            void_activity_id: "v2".to_owned(),
            void_time: stamp(40),
            ..Default::default()
        };
        mine.activities.void_activity(void.clone()).await.expect("voided");
        let late = v1::VoidActivityRequest {
            target_activity_id: "late".to_owned(),
            void_activity_id: "v3".to_owned(),
            ..void
        };
        mine.activities.void_activity(late).await.expect("voided");
        let answer = mine.kpis.query_kpis(march_and_april()).await.expect("figures").into_inner();
        let march: Vec<&v1::KpiRow> =
            answer.rows.iter().filter(|row| row.period_start_date == date(2024, 3, 1)).collect();
        assert_eq!(march.iter().map(|row| line(row)).collect::<Vec<_>>(), ["total: 0.00 was 55.00, -55.00"]);
        assert_eq!(march[0].currency_code, "EUR");
        api.end().await;
    }
);

/// Whether a path such as `Case.terms.cost_clause` names a field of the API.
fn resolves(path: &str) -> bool {
    let pool = api_pool();
    let mut parts = path.split('.');
    let root = parts.next().unwrap_or_default();
    let mut message = pool.get_message_by_name(&format!("fairdue.v1.{root}"));
    for part in parts {
        let Some(field) = message.and_then(|message| message.get_field_by_name(part)) else { return false };
        message = field.kind().as_message().cloned();
    }
    true
}

#[test]
fn what_to_send_names_fields_of_the_api() {
    for attribute in Attribute::ALL {
        let fields = supplies(*attribute);
        let of_rules = [Attribute::Pack, Attribute::TableRate, Attribute::ChargeRule].contains(attribute);
        assert_eq!(fields.is_empty(), of_rules, "{attribute}: {fields:?}");
        for path in fields {
            assert!(resolves(path), "{attribute}: {path} is no field of the API");
        }
    }
    assert!(!resolves("Case.nothing") && !resolves("Nothing.case_id"), "the search refuses nothing");
    for (fact, lack) in FactKind::ALL.iter().flat_map(|fact| Lack::ALL.iter().map(move |lack| (*fact, *lack))) {
        let (kpi, measure) = ("k".to_owned(), "m".to_owned());
        let gap = Gap { kpi, measure, fact, lack, lacking: 0, taken: 0, disables: true, of: None };
        let fields = records(&gap);
        assert!(!fields.is_empty() && fields.iter().all(|path| resolves(path)), "{fact} {lack}: {fields:?}");
    }
}

on_both_databases!(
    async fn what_leaves_limitation_unknown_is_named_until_it_is_sent(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let mut known = case("c1", "a");
        known.legal_class.get_or_insert_default().debt_type = v1::DebtType::Sale.into();
        let mut unknown = known.clone();
        unknown.claims.iter_mut().for_each(|claim| claim.original_due_date = None);
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![unknown] };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        let asked =
            |from, to| v1::GetDataQualityRequest { region_code: "IT".to_owned(), start_date: from, end_date: to };
        // The account is open and unknown in May, too, though nothing happens in May.
        for (from, to) in [(date(2024, 3, 1), date(2024, 4, 1)), (date(2024, 5, 1), date(2024, 6, 1))] {
            let quality = mine.kpis.get_data_quality(asked(from, to)).await.expect("an answer").into_inner();
            let rule = quality.rules.iter().find(|gap| gap.rule_id == "it-limitation").expect("a limitation rule");
            assert_eq!((rule.attribute.as_str(), rule.unknown_count), ("due_date", 1), "{rule:?}");
            assert!(rule.fields.contains(&"Case.claims.original_due_date".to_owned()), "{rule:?}");
            for kpi in ["limitation_calendar", "barred_within_30", "barred_accounts"] {
                let gap = quality.kpis.iter().find(|gap| gap.kpi_id == kpi).expect("a zero that says nothing");
                assert_eq!((gap.lack.as_str(), gap.lacking_count, gap.fact_count), ("limitation", 1, 0), "{gap:?}");
                assert!(gap.disables && gap.fields.contains(&"Case.claims.original_due_date".to_owned()), "{gap:?}");
            }
            assert!(quality.kpis.iter().all(|gap| gap.kpi_id != "open_accounts"), "one is open: {:?}", quality.kpis);
        }
        let effect = known.effect_time;
        let known = v1::Case { version_id: "v2".to_owned(), effect_time: effect, ..known };
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![known] };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        let (from, to) = (date(2024, 5, 1), date(2024, 6, 1));
        let quality = mine.kpis.get_data_quality(asked(from, to)).await.expect("an answer").into_inner();
        assert!(quality.rules.iter().all(|gap| !gap.rule_id.contains("limitation")), "{:?}", quality.rules);
        let limited = |gap: &&v1::KpiGap| gap.lack == "limitation" || gap.kpi_id.contains("barred");
        assert_eq!(quality.kpis.iter().filter(limited).count(), 0, "none is barred soon: {:?}", quality.kpis);
        api.end().await;
    }
);

on_both_databases!(
    async fn accounts_that_owe_nothing_and_that_nobody_closed_are_counted(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let cases = ["c1", "c2", "c3"].map(|id| case(id, "a")).to_vec();
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        record(&mut mine, vec![payment("p1", "c1", 0, 100), payment("p2", "c2", 1, 100), payment("p3", "c3", 1, 99)])
            .await;
        let request = v1::GetDataQualityRequest {
            region_code: "IT".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
        };
        let closing = |gaps: Vec<v1::KpiGap>| -> Vec<(i64, i64, bool)> {
            let of = |gap: &v1::KpiGap| gap.lack == "closing" && gap.kpi_id == "open_accounts";
            gaps.iter().filter(|gap| of(gap)).map(|gap| (gap.lacking_count, gap.fact_count, gap.disables)).collect()
        };
        let open = ["open_accounts", "ageing_accounts", "open_accounts_owing_nothing"].map(str::to_owned).to_vec();
        let asked =
            v1::QueryKpisRequest { kpi_ids: open, frozen: false, end_date: date(2024, 4, 1), ..march_and_april() };
        let counts = |rows: Vec<v1::KpiRow>| -> Vec<String> {
            rows.iter().filter_map(|row| Some(row.value.as_ref()?.value.clone())).collect()
        };
        let quality = mine.kpis.get_data_quality(request.clone()).await.expect("an answer").into_inner();
        let rate = quality.kpis.iter().find(|gap| gap.kpi_id == "dispute_rate" && gap.lack == "closing");
        assert_eq!(
            rate.map(|gap| gap.fields.clone()).unwrap_or_default(),
            ["Activity.case_status.closed", "Case.closed"]
        );
        assert!(quality.kpis.iter().all(|gap| gap.kpi_id != "dispute_rate_owing" || gap.lack != "closing"));
        // Of accounts with a telephone, of which there is none here, it says nothing, and of the others once.
        let of_phones = |gap: &&v1::KpiGap| gap.kpi_id == "data_quality_phone" && gap.lack == "closing";
        assert!(
            quality.kpis.iter().filter(of_phones).all(|gap| gap.measure_id == "open_accounts_change"),
            "{quality:?}"
        );
        assert_eq!(closing(quality.kpis), [(2, 1, false)]);
        let told = mine.kpis.query_kpis(asked.clone()).await.expect("figures").into_inner();
        assert_eq!(counts(told.rows), ["3", "1", "2"]);
        let closed = v1::activity::Detail::CaseStatus(v1::CaseStatus { closed: true, ..Default::default() });
        record(&mut mine, vec![activity("s1", "c1", 2, closed.clone()), activity("s2", "c2", 2, closed)]).await;
        let quality = mine.kpis.get_data_quality(request).await.expect("an answer").into_inner();
        assert_eq!(closing(quality.kpis), []);
        let told = mine.kpis.query_kpis(asked).await.expect("figures").into_inner();
        assert_eq!(counts(told.rows), ["1", "1", "0"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn whose_records_are_missing_is_named(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let cases = vec![case("c1", "bank"), case("c2", "shop"), case("c3", "gone")];
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        let sold = |id: &str, client: &str| {
            let sales = v1::CreditSales { amount: euros(300), client_id: client.to_owned() };
            activity(id, "c1", 5, v1::activity::Detail::CreditSales(sales))
        };
        let dso = async |mine: &mut Clients, month: i32| {
            let (start_date, end_date) = (date(2024, month, 1), date(2024, month + 1, 1));
            let request = v1::GetDataQualityRequest { region_code: "IT".to_owned(), start_date, end_date };
            let quality = mine.kpis.get_data_quality(request).await.expect("an answer").into_inner();
            let gaps = quality.kpis.into_iter().filter(|gap| gap.kpi_id == "dso_balance" && gap.disables);
            let of = |gap: v1::KpiGap| gap.of.map(|of| (of.dimension, of.value, gap.currency_code));
            gaps.map(|gap| (gap.measure_id.clone(), gap.fields.clone(), of(gap))).collect::<Vec<_>>()
        };
        let sales = ("credit_sales".to_owned(), vec!["Activity.credit_sales".to_owned()]);
        let of = |client: &str| Some(("client".to_owned(), client.to_owned(), "EUR".to_owned()));
        record(&mut mine, vec![payment("p", "c3", 3, 100)]).await;
        assert_eq!(dso(&mut mine, 3).await, [(sales.0.clone(), sales.1.clone(), None)], "nobody sent any");
        record(&mut mine, vec![sold("s1", "bank")]).await;
        // The third is owed nothing any more at the end of March: its sales do not matter.
        let shop = (sales.0.clone(), sales.1.clone(), of("shop"));
        assert_eq!(dso(&mut mine, 3).await, [shop]);
        record(&mut mine, vec![sold("s2", "shop")]).await;
        assert_eq!(dso(&mut mine, 3).await, []);
        api.end().await;
    }
);

on_both_databases!(
    async fn what_is_missing_is_told_with_what_to_send(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![case("c1", "a")] };
        mine.cases.batch_upsert_cases(cases).await.expect("stored");
        record(&mut mine, vec![payment("p1", "c1", 0, 35), call("k1", "c1", 1)]).await;
        let request = v1::GetDataQualityRequest {
            region_code: "IT".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
        };
        let quality = mine.kpis.get_data_quality(request.clone()).await.expect("an answer").into_inner();
        let gaps = |kpi: &'static str, lack: &'static str| {
            quality.kpis.iter().filter(move |gap| gap.kpi_id == kpi && gap.lack == lack)
        };
        let gap = |kpi, lack| gaps(kpi, lack).find(|gap| gap.disables);
        let invoice = gap("dso_invoice", "invoice_date").expect("the claim has no invoice date");
        assert!(invoice.disables && invoice.lacking_count == 1 && invoice.fact_count == 0, "{invoice:?}");
        assert_eq!(invoice.fields, ["Case.claims.invoice_date"]);
        assert!(gaps("dso_due", "due_date").next().is_none(), "the claim has a due date: {:?}", quality.kpis);
        let cost = gap("cost_to_collect", "facts").expect("money was collected, and nobody said at what cost");
        assert_eq!((cost.measure_id.as_str(), cost.fact_count), ("operating_cost", 0), "{cost:?}");
        // No complaint was ever recorded: the rate is told, and may be zero for want of records.
        let complaints = gaps("complaint_rate_contacts", "facts").next().expect("no complaint");
        assert!(
            !complaints.disables && complaints.fields == ["Activity.dispute", "Activity.complaint"],
            "{complaints:?}"
        );
        let opened = gap("open_rate", "facts").expect("no message was delivered");
        assert!(opened.disables && opened.fields == ["Activity.message_event"], "{opened:?}");
        let sent = |kpi, lack| gap(kpi, lack).map(|gap| gap.fields.clone()).unwrap_or_default();
        assert_eq!(sent("avg_handle_time", "length"), ["Activity.end_time"], "the call does not say when it ended");
        assert_eq!(sent("headcount", "facts"), ["Activity.agent_roster"]);
        assert_eq!(sent("mean_time_to_remediate", "facts"), ["UpdateFindingRequest.action"]);
        assert_eq!(sent("prevented_contacts", "facts"), ["CheckContactRequest.contact"]);
        for kpi in &quality.kpis {
            assert!(kpi.fields.iter().all(|field| resolves(field)), "{kpi:?}");
        }
        // A test of a rule was not known because the call states no agent's purpose, place or the like.
        let rule = quality.rules.first().expect("some rule lacked something");
        assert!(rule.unknown_count > 0 && !rule.attribute.is_empty(), "{rule:?}");
        assert!(quality.rules.iter().any(|rule| !rule.fields.is_empty()), "{:?}", quality.rules);
        let empty = v1::GetDataQualityRequest { start_date: date(2030, 1, 1), end_date: date(2030, 2, 1), ..request };
        let empty = mine.kpis.get_data_quality(empty).await.expect("an answer").into_inner();
        // Of six years later it is known that the account is still open, and not when it becomes barred.
        assert!(empty.rules.iter().all(|gap| gap.rule_id.contains("limitation")), "{:?}", empty.rules);
        let stands = |gap: &&v1::KpiGap| gap.lack != "limitation";
        assert!(
            empty.kpis.iter().filter(stands).all(|gap| gap.lacking_count == 0 && gap.fact_count == 0),
            "{:?}",
            empty.kpis
        );
        let wrong =
            v1::GetDataQualityRequest { region_code: "IT".to_owned(), start_date: date(2024, 3, 1), end_date: None };
        assert_eq!(fields(&mine.kpis.get_data_quality(wrong).await.expect_err("no end")), ["end_date"]);
        api.end().await;
    }
);

//! Questions about KPIs through the API: windows, comparisons, totals, first groups, views of the past, the records behind
//! a figure, several markets.

use fairdue::proto::google::r#type::{Decimal, Money};
use fairdue::proto::v1;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{batch, call, case, date, fields, payment, reason, stamp};

/// Payments of 18 March 2024 (day 0), 31 March and 1 April, about cases of three creditors.
async fn filled(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    let cases = [("c1", "a"), ("c2", "b"), ("c3", "c")].map(|(id, creditor)| case(id, creditor)).to_vec();
    let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
    mine.cases.batch_upsert_cases(cases).await.expect("stored");
    let paid =
        [("p1", "c1", 0, 10), ("p2", "c2", 0, 20), ("p3", "c3", 0, 5), ("p4", "c1", 13, 40), ("p5", "c1", 14, 7)];
    let paid = paid.map(|(id, case, day, units)| payment(id, case, day, units)).to_vec();
    let stored = mine.activities.batch_record_activities(batch(paid)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    mine
}

fn question(from: (i32, i32, i32), to: (i32, i32, i32), group_by: &[&str]) -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec!["payments".to_owned()],
        grain: v1::Grain::Month.into(),
        start_date: date(from.0, from.1, from.2),
        end_date: date(to.0, to.1, to.2),
        group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

const MARCH: ((i32, i32, i32), (i32, i32, i32)) = ((2024, 3, 1), (2024, 4, 1));

async fn ask(clients: &mut Clients, question: v1::QueryKpisRequest) -> v1::QueryKpisResponse {
    clients.kpis.query_kpis(question).await.expect("figures").into_inner()
}

fn text(decimal: &Option<Decimal>) -> &str {
    decimal.as_ref().map_or("", |decimal| decimal.value.as_str())
}

/// Kind of row, group and value of each row.
fn shown(rows: &[v1::KpiRow]) -> Vec<(v1::RowKind, String, &str)> {
    let group = |row: &v1::KpiRow| row.group.iter().map(|one| one.value.as_str()).collect::<Vec<_>>().join("/");
    rows.iter().map(|row| (row.row_kind(), group(row), text(&row.value))).collect()
}

on_both_databases!(
    async fn figures_have_windows_comparisons_totals_and_first_groups(database: Database) {
        use v1::RowKind::{Group, Rest, Total};
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let previous = v1::Comparison { kind: v1::ComparisonKind::PreviousPeriod.into(), ..Default::default() };
        let compared = v1::QueryKpisRequest { comparison: Some(previous), ..question((2024, 4, 1), (2024, 5, 1), &[]) };
        let answer = ask(&mut mine, compared).await;
        assert_eq!(answer.source(), v1::FigureSource::Cells);
        assert!(answer.revision > 0 && !answer.definitions_digest.is_empty());
        let row = &answer.rows[0];
        let base = row.compared.as_ref().expect("March");
        assert_eq!((base.period_start_date, base.period_end_date), (date(2024, 3, 1), date(2024, 4, 1)));
        assert_eq!((text(&row.value), text(&base.value)), ("7.00", "75.00"), "31 March is among them");
        assert_eq!((text(&base.change), text(&base.change_percent)), ("-68.00", "-90.67"));

        let first = v1::QueryKpisRequest { top: 1, totals: true, ..question(MARCH.0, MARCH.1, &["client"]) };
        let answer = ask(&mut mine, first).await;
        let expected =
            [(Group, "a".to_owned(), "50.00"), (Rest, String::new(), "25.00"), (Total, String::new(), "75.00")];
        assert_eq!(shown(&answer.rows), expected);
        let sizes: Vec<usize> = answer.rows.iter().map(|row| row.group.len()).collect();
        assert_eq!(sizes, [1, 0, 0], "the rest and the total are not the group without a client");

        let to_date = v1::QueryKpisRequest {
            grain: v1::Grain::Day.into(),
            to_date: v1::Grain::Month.into(),
            ..question((2024, 3, 31), (2024, 4, 2), &[])
        };
        let answer = ask(&mut mine, to_date).await;
        let values: Vec<&str> = answer.rows.iter().map(|row| text(&row.value)).collect();
        assert_eq!(values, ["75.00", "7.00"], "a month to date begins anew");
        let rolling = v1::RollingWindow { count: 2, unit: v1::Grain::Day.into() };
        let rolling = v1::QueryKpisRequest { rolling: Some(rolling), ..question((2024, 3, 31), (2024, 4, 2), &[]) };
        let rolling = v1::QueryKpisRequest { grain: v1::Grain::Day.into(), ..rolling };
        let answer = ask(&mut mine, rolling.clone()).await;
        assert_eq!(answer.rows.iter().map(|row| text(&row.value)).collect::<Vec<_>>(), ["40.00", "47.00"]);

        let both = v1::QueryKpisRequest { to_date: v1::Grain::Month.into(), ..rolling };
        let wrong = mine.kpis.query_kpis(both).await.expect_err("two windows");
        assert_eq!((wrong.code(), fields(&wrong)), (Code::InvalidArgument, vec!["to_date".to_owned()]));
        let stray = v1::Comparison {
            kind: v1::ComparisonKind::YearEarlier.into(),
            split_date: date(2024, 3, 1),
            ..Default::default()
        };
        let stray = v1::QueryKpisRequest { comparison: Some(stray), top: 3, ..question(MARCH.0, MARCH.1, &[]) };
        let wrong = mine.kpis.query_kpis(stray.clone()).await.expect_err("a date that is not read");
        assert_eq!(fields(&wrong), ["comparison.split_date"]);
        let wrong = mine.kpis.query_kpis(v1::QueryKpisRequest { comparison: None, ..stray }).await;
        assert_eq!(fields(&wrong.expect_err("no groups to keep")), ["top"]);
        let total = v1::RollingWindow { count: 1, unit: v1::Grain::Total.into() };
        let total = v1::QueryKpisRequest { rolling: Some(total), ..question((2024, 1, 1), (2025, 1, 1), &[]) };
        let wrong = mine.kpis.query_kpis(total).await.expect_err("no window");
        assert_eq!(fields(&wrong), ["rolling.unit"], "each period says the same once: {wrong:?}");
        let wrong = mine.kpis.query_kpis(question((2024, 3, 5), (2024, 3, 1), &[])).await.expect_err("no days");
        assert!(wrong.message().contains("2024-03-01 is not after start_date, 2024-03-05"), "{wrong:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn what_cells_do_not_hold_is_answered_from_the_facts(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let unkept = ask(&mut mine, question(MARCH.0, MARCH.1, &["client", "channel"])).await;
        assert_eq!(unkept.source(), v1::FigureSource::Facts);
        let values: Vec<_> = unkept.rows.iter().map(|row| (row.group[0].value.as_str(), text(&row.value))).collect();
        assert_eq!(values, [("a", "50.00"), ("b", "20.00"), ("c", "5.00")]);
        let as_of = v1::QueryKpisRequest { as_of_time: stamp(1), ..question(MARCH.0, MARCH.1, &[]) };
        let answer = ask(&mut mine, as_of.clone()).await;
        assert_eq!((answer.source(), text(&answer.rows[0].value)), (v1::FigureSource::Facts, "35.00"));
        let unknown = v1::QueryKpisRequest { as_of_time: None, as_known_time: stamp(14), ..as_of.clone() };
        let answer = ask(&mut mine, unknown).await;
        assert_eq!((answer.revision, answer.rows[0].no_value_reason()), (0, v1::NoValueReason::NoFacts));
        let later = v1::QueryKpisRequest { as_of_time: stamp(40_000), ..as_of };
        let wrong = mine.kpis.query_kpis(later).await.expect_err("an instant to come");
        assert_eq!((reason(&wrong).as_str(), fields(&wrong)), ("INVALID_KPI_QUERY", vec!["as_of_time".to_owned()]));
        let wide =
            question(MARCH.0, MARCH.1, &["client", "channel", "team", "product", "stage", "campaign", "portfolio"]);
        let wrong = mine.kpis.query_kpis(wide).await.expect_err("too many dimensions");
        assert_eq!(reason(&wrong), "KPI_DIMENSIONS_NOT_DECLARED");
        // No payment has a bucket: a single group of payments without one would say nothing.
        let wrong = mine.kpis.query_kpis(question(MARCH.0, MARCH.1, &["client", "dpd_bucket"])).await;
        let wrong = wrong.expect_err("a dimension that payments never have");
        assert_eq!((reason(&wrong).as_str(), fields(&wrong)), ("INVALID_KPI_QUERY", vec!["group_by".to_owned()]));
        assert!(wrong.message().contains("counts facts that have no dpd_bucket"), "{wrong:?}");
        // Of the accounts that owe something there is a bucket, of all that are open there is none.
        let parted = v1::QueryKpisRequest {
            kpi_ids: vec!["open_accounts_owing_nothing".to_owned()],
            ..question(MARCH.0, MARCH.1, &["dpd_bucket"])
        };
        let wrong = mine.kpis.query_kpis(parted).await.expect_err("a dimension that a part of the figure never has");
        assert!(wrong.message().contains("counts facts that have no dpd_bucket (open_accounts)"), "{wrong:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn rows_have_the_fields_of_the_mask(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let masked = |paths: &[&str]| v1::QueryKpisRequest {
            read_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
            ..question(MARCH.0, MARCH.1, &["client"])
        };
        let whole = ask(&mut mine, question(MARCH.0, MARCH.1, &["client"])).await;
        assert_eq!(ask(&mut mine, masked(&["*"])).await, whole);
        let short = ask(&mut mine, masked(&["group", "value"])).await;
        let kept =
            |row: &v1::KpiRow| v1::KpiRow { group: row.group.clone(), value: row.value.clone(), ..Default::default() };
        assert_eq!(short.rows, whole.rows.iter().map(kept).collect::<Vec<_>>());
        assert!(short.rows.iter().all(|row| row.value.is_some()), "{short:?}");
        let rest = |answer: v1::QueryKpisResponse| v1::QueryKpisResponse { rows: Vec::new(), ..answer };
        assert_eq!(rest(short), rest(whole));
        let wrong = mine.kpis.query_kpis(masked(&["value", "rows.value"])).await.expect_err("no such field");
        assert_eq!(fields(&wrong), ["read_mask.paths[1]"]);
        let watched = v1::WatchKpisRequest { question: Some(masked(&["value"])) };
        let wrong = mine.kpis.watch_kpis(watched).await.expect_err("watched rows are whole");
        assert_eq!(fields(&wrong), ["question.read_mask"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_percentile_is_told_by_steps_and_exactly_on_request(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let lengths = [("k1", "c1", 1_001), ("k2", "c2", 1_000), ("k3", "c3", 3_003), ("k4", "c3", 40)];
        let timed = |(id, case, seconds): (&str, &str, i64)| {
            let mut call = call(id, case, 0);
            call.actor = Some(v1::Actor { team_id: format!("team-{case}"), ..Default::default() });
            call.end_time = call.occur_time.map(|at| prost_types::Timestamp { seconds: at.seconds + seconds, ..at });
            call
        };
        mine.activities.batch_record_activities(batch(lengths.map(timed).to_vec())).await.expect("stored");
        let asked = |exact_percentiles: bool| v1::QueryKpisRequest {
            kpi_ids: ["handle_time_p50", "handle_time_p90", "avg_handle_time"].map(str::to_owned).to_vec(),
            exact_percentiles,
            totals: true,
            ..question(MARCH.0, MARCH.1, &["team"])
        };
        let seconds = |answer: &v1::QueryKpisResponse, kpi: &str| {
            let rows = answer.rows.iter().filter(|row| row.kpi_id == kpi);
            rows.map(|row| text(&row.numerator).to_owned()).collect::<Vec<_>>()
        };
        let by_steps = ask(&mut mine, asked(false)).await;
        assert_eq!(by_steps.source(), v1::FigureSource::Cells);
        // Steps from 992 to 1,007 and from 2,944 to 3,007; below 64 each second is a step.
        assert_eq!(seconds(&by_steps, "handle_time_p50"), ["999", "999", "40", "999"]);
        assert_eq!(seconds(&by_steps, "handle_time_p90"), ["999", "999", "2975", "2975"]);
        let exactly = ask(&mut mine, asked(true)).await;
        assert_eq!(exactly.source(), v1::FigureSource::Facts);
        assert_eq!(seconds(&exactly, "handle_time_p50"), ["1001", "1000", "40", "1000"]);
        assert_eq!(seconds(&exactly, "handle_time_p90"), ["1001", "1000", "3003", "3003"]);
        assert_eq!(seconds(&exactly, "avg_handle_time"), seconds(&by_steps, "avg_handle_time"));
        let watched = v1::WatchKpisRequest { question: Some(asked(true)) };
        let wrong = mine.kpis.watch_kpis(watched).await.expect_err("the whole history with every commit");
        assert_eq!(fields(&wrong), ["question.exact_percentiles"]);
        let plain = v1::QueryKpisRequest { exact_percentiles: true, ..question(MARCH.0, MARCH.1, &[]) };
        assert_eq!(ask(&mut mine, plain).await.source(), v1::FigureSource::Cells, "no percentile is asked for");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_figure_is_opened_down_to_its_records(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let group = v1::GroupValue { dimension: "client".to_owned(), value: "a".to_owned(), unattributed: false };
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "payments".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 4, 1),
            group: vec![group],
            currency_code: "EUR".to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let (mut request, mut found, mut revisions) = (drill.clone(), Vec::new(), Vec::new());
        loop {
            let page = mine.kpis.drill_down(request.clone()).await.expect("a page").into_inner();
            assert!(page.records.len() <= 1);
            found
                .extend(page.records.into_iter().map(|one| (one.activity_id.clone(), text(&one.numerator).to_owned())));
            revisions.push(page.revision);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
            // What comes meanwhile is not on later pages.
            let late = payment(&format!("late {}", found.len()), "c1", 1, 3);
            mine.activities.batch_record_activities(batch(vec![late])).await.expect("stored");
        }
        assert_eq!(found, [("p1".to_owned(), "10.00".to_owned()), ("p4".to_owned(), "40.00".to_owned())]);
        revisions.dedup();
        assert_eq!(revisions.len(), 1, "all pages show one revision");
        let no_currency = v1::DrillDownRequest { currency_code: String::new(), ..drill.clone() };
        let wrong = mine.kpis.drill_down(no_currency).await.expect_err("which currency?");
        assert_eq!(fields(&wrong), ["currency_code"]);
        let stolen = v1::DrillDownRequest { kpi_id: "interest".to_owned(), ..request };
        let wrong = mine.kpis.drill_down(stolen).await.expect_err("a token of another figure");
        assert_eq!(fields(&wrong), ["page_token"]);
        api.end().await;
    }
);

const TABLE: &str = "format = 1\nbase = \"EUR\"\nsource = \"test\"\ncarry_days = 3\n[rates]\n\
                     2024-03-18 = { SEK = \"10\" }\n2024-03-29 = { SEK = \"8\" }\n";

async fn in_sweden(mine: &mut Clients) {
    let mut swedish = case("s1", "a");
    swedish.currency_code = "SEK".to_owned();
    for claim in &mut swedish.claims {
        claim.principal = Some(Money { currency_code: "SEK".to_owned(), units: 1_000, nanos: 0 });
    }
    let cases = v1::BatchUpsertCasesRequest { region_code: "SE".to_owned(), cases: vec![swedish] };
    let stored = mine.cases.batch_upsert_cases(cases).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    let kronor = |id: &str, day: i64, units: i64| {
        let amount = Some(Money { currency_code: "SEK".to_owned(), units, nanos: 0 });
        let detail = v1::activity::Detail::Payment(v1::Payment { amount, ..Default::default() });
        crate::support::wire::activity(id, "s1", day, detail)
    };
    let activities = vec![kronor("k1", 0, 100), kronor("k2", 13, 80)];
    let batch = v1::BatchRecordActivitiesRequest { region_code: "SE".to_owned(), activities };
    let stored = mine.activities.batch_record_activities(batch).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
}

on_both_databases!(
    async fn markets_are_added_up_in_one_currency_or_not_at_all(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        in_sweden(&mut mine).await;
        let asked = v1::QueryKpisAcrossMarketsRequest {
            region_codes: vec!["IT".to_owned(), "SE".to_owned()],
            question: Some(v1::QueryKpisRequest {
                region_code: String::new(),
                totals: true,
                ..question(MARCH.0, MARCH.1, &["client"])
            }),
        };
        let refused = mine.kpis.query_kpis_across_markets(asked.clone()).await.expect_err("no reporting currency");
        assert_eq!(fields(&refused), ["question.kpi_ids"]);

        api.configure("exchange/test.toml", TABLE);
        let reporting = |policy: &str| format!("[reporting]\ncurrency = \"EUR\"\ntable = \"test\"\n{policy}\n");
        api.change_rule("mine", &reporting("date_policy = \"fact_day\""));
        let answer = mine.kpis.query_kpis_across_markets(asked.clone()).await.expect("figures").into_inner();
        let of = |rows: &[v1::KpiRow]| {
            let one = |row: &v1::KpiRow| {
                let group = row.group.iter().map(|one| one.value.as_str()).collect::<String>();
                format!("{group} {} {}", text(&row.value), row.currency_code)
            };
            rows.iter().map(one).collect::<Vec<_>>()
        };
        // 100 kronor at 10 and 80 at 8 are 10 and 10 euros, beside 50 of Italy.
        assert_eq!(of(&answer.rows), ["a 70.00 EUR", "b 20.00 EUR", "c 5.00 EUR", " 95.00 EUR"]);
        assert_eq!(answer.markets.iter().map(|one| one.region_code.as_str()).collect::<Vec<_>>(), ["IT", "SE"]);
        assert_eq!(of(&answer.markets[1].rows), ["a 180.00 SEK", " 180.00 SEK"], "original amounts are kept");
        let conversion = answer.conversion.expect("how it was converted");
        assert_eq!((conversion.table_id.as_str(), conversion.source.as_str()), ("test", "test"));
        for cohort in ["liquidation_6m", "recovery_rate_cohort"] {
            let mut cohorts = asked.clone();
            cohorts.question.get_or_insert_default().kpi_ids = vec![cohort.to_owned()];
            let refused = mine.kpis.query_kpis_across_markets(cohorts).await.expect_err("kept by the day of placement");
            assert!(refused.message().contains("are of cohorts"), "{refused:?}");
        }

        api.change_rule("mine", &reporting("date_policy = \"period_end\""));
        let answer = mine.kpis.query_kpis_across_markets(asked.clone()).await.expect("figures").into_inner();
        assert_eq!(of(&answer.rows).first().map(String::as_str), Some("a 72.50 EUR"), "180 at 8 are 22.50");
        api.change_rule("mine", &reporting("date_policy = \"fixed\"\nfixed_date = \"2024-03-18\""));
        let answer = mine.kpis.query_kpis_across_markets(asked.clone()).await.expect("figures").into_inner();
        assert_eq!(of(&answer.rows).first().map(String::as_str), Some("a 68.00 EUR"));

        api.configure("exchange/test.toml", &TABLE.replace("carry_days = 3", "carry_days = 1"));
        api.change_rule("mine", &reporting("date_policy = \"fact_day\""));
        let missing = mine.kpis.query_kpis_across_markets(asked).await.expect_err("no rate for 31 March");
        assert_eq!((missing.code(), reason(&missing).as_str()), (Code::FailedPrecondition, "EXCHANGE_RATE_MISSING"));
        assert!(missing.message().contains("SEK for 2024-03-31"), "{}", missing.message());
        api.end().await;
    }
);

on_both_databases!(
    async fn markets_are_asked_of_the_past_and_for_their_first_groups(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        in_sweden(&mut mine).await;
        api.configure("exchange/test.toml", TABLE);
        let reporting = "[reporting]\ncurrency = \"EUR\"\ntable = \"test\"\ndate_policy = \"fact_day\"\n";
        api.change_rule("mine", reporting);
        let asked = |question: v1::QueryKpisRequest| v1::QueryKpisAcrossMarketsRequest {
            region_codes: vec!["IT".to_owned(), "SE".to_owned()],
            question: Some(v1::QueryKpisRequest { region_code: String::new(), totals: true, ..question }),
        };
        let shown = |rows: &[v1::KpiRow]| {
            let one = |row: &v1::KpiRow| {
                let group: Vec<&str> = row.group.iter().map(|one| one.value.as_str()).collect();
                let kind = row.row_kind().as_str_name().trim_start_matches("ROW_KIND_").to_lowercase();
                format!("{kind} {} {}", group.join("/"), text(&row.value))
            };
            rows.iter().map(one).collect::<Vec<_>>()
        };
        let plain = || question(MARCH.0, MARCH.1, &["client"]);
        let mut ask = async |question| {
            let answer = mine.kpis.query_kpis_across_markets(asked(question)).await?.into_inner();
            Ok::<_, tonic::Status>((shown(&answer.rows), answer.markets))
        };
        let top = v1::QueryKpisRequest { top: 1, ..plain() };
        let (rows, markets) = ask(top).await.expect("figures");
        assert_eq!(rows, ["group a 70.00", "rest  25.00", "total  95.00"]);
        assert_eq!(
            shown(&markets[1].rows),
            ["group a 180.00", "total  180.00"],
            "each market has first groups of its own"
        );
        let ordered = v1::QueryKpisRequest { order: v1::RowOrder::ValueAscending.into(), ..plain() };
        assert_eq!(
            ask(ordered).await.expect("figures").0,
            ["group c 5.00", "group b 20.00", "group a 70.00", "total  95.00"]
        );
        // What was paid in Sweden on 31 March had not happened yet.
        let past = v1::QueryKpisRequest { as_of_time: stamp(12), top: 1, ..plain() };
        let (rows, markets) = ask(past).await.expect("figures");
        assert_eq!(rows, ["group a 20.00", "rest  25.00", "total  45.00"]);
        assert!(markets.iter().all(|market| market.source() == v1::FigureSource::Facts && market.revision > 0));
        let unknown = v1::QueryKpisRequest { as_known_time: stamp(0), ..plain() };
        assert_eq!(ask(unknown).await.expect("figures").0, ["total  0.00"], "nothing was recorded then");
        // By dimensions that no cells are kept by, as QueryKpis answers, too.
        let undeclared = question(MARCH.0, MARCH.1, &["client", "direction"]);
        let (rows, markets) = ask(undeclared).await.expect("figures");
        assert_eq!(rows, ["group a/ 70.00", "group b/ 20.00", "group c/ 5.00", "total  95.00"]);
        assert_eq!(markets[0].source(), v1::FigureSource::Facts);
        let exact =
            v1::QueryKpisRequest { exact_percentiles: true, kpi_ids: vec!["handle_time_p90".to_owned()], ..plain() };
        ask(exact).await.expect("figures");
        let frozen = v1::QueryKpisRequest { frozen: true, ..plain() };
        assert_eq!(fields(&ask(frozen).await.expect_err("each closes on days of its own")), ["question.frozen"]);
        api.end().await;
    }
);

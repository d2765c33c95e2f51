//! Attributes and segments of cases as dimensions of figures, through the API.

use fairdue::proto::v1;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{batch, case, date, fields, payment, reason, stamp};

/// What operators write to make a measure that is kept by a value of cases.
const BY_RISK: &str = "\n[[measure]]\nid = \"paid_by_risk\"\ntitle = \"P\"\ndescription = \"d\"\nfact = \"payment\"\nagg = \"sum\"\n\
     field = \"amount\"\ndimension_sets = [[\"attribute:risk band\", \"client\"]]\n\n[[kpi]]\nid = \"paid_by_risk\"\ntitle = \"P\"\n\
     description = \"d\"\nformula = \"paid\"\nsource = \"here\"\nkind = \"simple\"\nmeasure = \"paid_by_risk\"\nunit = \"money\"\n\
     rounding = \"half_even\"\nunit_counted = \"payment\"\nbase = \"payments\"\nclock = \"occurred\"\n\
     currency_policy = \"per_currency\"\nadditivity = \"time_and_groups\"\nattribution = \"mixed\"\ndimension_as_of = \"fact\"\n\
     variants = []\n";

fn definitions(names: &str, more: &str) -> String {
    format!("# Values of cases.\nversion = 1\ncase_dimensions = [{names}]\n{more}")
}

const BOTH: &str = "\"attribute:risk band\", \"segment:region\"";

fn of(id: &str, creditor: &str, values: [&str; 2]) -> v1::Case {
    let mut case = case(id, creditor);
    let [risk, region] = values;
    if !risk.is_empty() {
        case.attributes.insert("risk band".to_owned(), risk.to_owned());
    }
    if !region.is_empty() {
        case.steering.get_or_insert_default().segments.insert("region".to_owned(), region.to_owned());
    }
    case
}

async fn store(mine: &mut Clients, cases: Vec<v1::Case>, paid: &[(&str, &str, i64, i64)]) {
    if !cases.is_empty() {
        let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        let stored = mine.cases.batch_upsert_cases(cases).await.expect("stored").into_inner();
        assert!(stored.results.iter().all(|result| result.refusal.is_none()), "{stored:?}");
    }
    if paid.is_empty() {
        return;
    }
    let paid = paid.iter().map(|(id, case, day, units)| payment(id, case, *day, *units)).collect();
    let stored = mine.activities.batch_record_activities(batch(paid)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
}

/// What a KPI is in March and April of 2024, as one figure for each group.
pub fn asked(kpi: &str, group_by: &[&str]) -> v1::QueryKpisRequest {
    v1::QueryKpisRequest {
        region_code: "IT".to_owned(),
        kpi_ids: vec![kpi.to_owned()],
        grain: v1::Grain::Total.into(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 5, 1),
        group_by: group_by.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

async fn told(mine: &mut Clients, question: v1::QueryKpisRequest) -> (v1::FigureSource, Vec<String>) {
    let answer = mine.kpis.query_kpis(question).await.expect("figures").into_inner();
    let one = |group: &v1::GroupValue| {
        let value = if group.unattributed { "-" } else { group.value.as_str() };
        format!("{}={value}", group.dimension)
    };
    let row = |row: &v1::KpiRow| {
        let group: Vec<String> = row.group.iter().map(one).collect();
        format!("{} {}", group.join(" "), row.value.as_ref().map_or("none", |value| value.value.as_str()))
    };
    let rows = answer.rows.iter().map(row).collect();
    (answer.source(), rows)
}

on_both_databases!(
    async fn figures_are_told_by_what_cases_say_of_themselves(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let cases = vec![of("c1", "a", ["high", "north"]), of("c2", "b", ["low", ""]), of("c3", "a", ["", "north"])];
        store(&mut mine, cases, &[("p1", "c1", 0, 10), ("p2", "c2", 0, 20), ("p3", "c3", 0, 5)]).await;
        let by_risk = asked("payments", &["attribute:risk band"]);
        let wrong = mine.kpis.query_kpis(by_risk.clone()).await.expect_err("no definition states it");
        assert_eq!((wrong.code(), fields(&wrong)), (Code::InvalidArgument, vec!["group_by[0]".to_owned()]));
        assert!(wrong.message().contains("case_dimensions"), "{wrong:?}");

        api.configure("kpis/of_cases.toml", &definitions(BOTH, ""));
        api.reload();
        use v1::FigureSource::{Cells, Facts};
        let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        let expected =
            rows(&["attribute:risk band=high 10.00", "attribute:risk band=low 20.00", "attribute:risk band=- 5.00"]);
        assert_eq!(told(&mut mine, by_risk.clone()).await, (Facts, expected.clone()));
        // A later version moves the case, and only what comes then is of the other value.
        let mut moved = of("c1", "a", ["low", "south"]);
        moved.version_id = "v2".to_owned();
        moved.effect_time = stamp(10);
        store(&mut mine, vec![moved], &[("p4", "c1", 12, 40)]).await;
        let expected =
            rows(&["attribute:risk band=high 10.00", "attribute:risk band=low 60.00", "attribute:risk band=- 5.00"]);
        assert_eq!(told(&mut mine, by_risk.clone()).await, (Facts, expected.clone()));
        let mut filtered = asked("payments", &["segment:region", "client"]);
        let values = vec!["low".to_owned(), "high".to_owned()];
        filtered.filters = vec![v1::DimensionFilter { dimension: "attribute:risk band".to_owned(), values }];
        let expected_filtered = rows(&[
            "segment:region=north client=a 10.00",
            "segment:region=south client=a 40.00",
            "segment:region=- client=b 20.00",
        ]);
        assert_eq!(told(&mut mine, filtered.clone()).await, (Facts, expected_filtered.clone()));

        // Kept by the definitions, it is answered from cells, whose names stay when a name comes before it.
        api.configure("kpis/of_cases.toml", &definitions(BOTH, BY_RISK));
        api.reload();
        let kept = asked("paid_by_risk", &["attribute:risk band"]);
        store(&mut mine, vec![], &[("p5", "c2", 12, 1)]).await;
        let expected =
            rows(&["attribute:risk band=high 10.00", "attribute:risk band=low 61.00", "attribute:risk band=- 5.00"]);
        let cells = async |mine: &mut Clients| {
            for _ in 0..200 {
                let found = told(mine, kept.clone()).await;
                assert_eq!(found.1, expected);
                if found.0 == Cells {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            panic!("the cells are never whole");
        };
        cells(&mut mine).await;
        let swapped = "\"segment:region\", \"segment:tail\", \"attribute:risk band\"";
        api.configure("kpis/of_cases.toml", &definitions(swapped, BY_RISK));
        api.reload();
        assert_eq!(told(&mut mine, kept.clone()).await.1, expected, "before the next write");
        store(&mut mine, vec![of("c9", "a", ["", ""])], &[]).await;
        cells(&mut mine).await;
        let mut total = expected_filtered;
        total[2] = "segment:region=- client=b 21.00".to_owned();
        assert_eq!(told(&mut mine, filtered).await, (Facts, total));

        let group = vec![v1::GroupValue {
            dimension: "attribute:risk band".to_owned(),
            value: "high".to_owned(),
            unattributed: false,
        }];
        let drill = v1::DrillDownRequest {
            region_code: "IT".to_owned(),
            kpi_id: "payments".to_owned(),
            start_date: date(2024, 3, 1),
            end_date: date(2024, 5, 1),
            group,
            currency_code: "EUR".to_owned(),
            ..Default::default()
        };
        let records = mine.kpis.drill_down(drill).await.expect("records").into_inner().records;
        assert_eq!(records.iter().map(|one| one.activity_id.as_str()).collect::<Vec<_>>(), ["p1"]);
        // What no set holds is said by its name.
        let known = told(&mut mine, asked("paid_by_risk", &["segment:tail"])).await;
        assert_eq!(known.1, ["segment:tail=- 76.00"]);
        let watched = v1::WatchKpisRequest { question: Some(asked("paid_by_risk", &["segment:tail"])) };
        let wrong = match mine.kpis.watch_kpis(watched).await {
            Err(wrong) => wrong,
            Ok(stream) => stream.into_inner().message().await.expect_err("not kept by it"),
        };
        assert_eq!(reason(&wrong), "KPI_DIMENSIONS_NOT_DECLARED");
        assert!(wrong.message().contains("segment:tail") || fields(&wrong) == ["group_by"], "{wrong:?}");
        api.end().await;
    }
);

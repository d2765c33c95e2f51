//! In which form a market's figures tell of agents: every way by which figures leave, under each setting.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fairdue::clock::Clock;
use fairdue::domain::time::DAY;
use fairdue::proto::v1;
use tonic::{Code, Status};

use crate::support::api::{Api, Clients, MARKETS};
use crate::support::database::on_both_databases;
use crate::support::wire::{at, batch, call, case, date, fields, march, reason, stamp};

/// Each agent has one call in March 2024, and those named twice have two.
const TEAMS: [(&str, &[&str]); 3] = [
    ("north", &["n1", "n2", "n3", "n4", "n5", "n6", "n1"]),
    ("south", &["s1", "s2", "s3", "s4", "s5"]),
    ("east", &["e1", "e2"]),
];
const WITHHELD: &str = "AGENT_FIGURES_WITHHELD";

fn of(id: &str, team: &str, agent: &str, day: i64) -> v1::Activity {
    let (agent_id, team_id) = (agent.to_owned(), team.to_owned());
    let actor = v1::Actor { kind: v1::ActorKind::Human.into(), agent_id, team_id };
    let initiator = v1::Initiator::Collector.into();
    v1::Activity { actor: Some(actor), initiator, ..call(id, "c1", day) }
}

async fn filled(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    let cases = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![case("c1", "a")] };
    mine.cases.batch_upsert_cases(cases).await.expect("stored");
    let mut calls = Vec::new();
    for (team, agents) in TEAMS {
        for agent in agents {
            calls.push(of(&format!("call {}", calls.len()), team, agent, calls.len() as i64 % 10));
        }
    }
    let stored = mine.activities.batch_record_activities(batch(calls)).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    mine
}

/// Puts a setting of the Italian market in force, as a reload does, with what else the file says.
fn set(api: &Api, figures: &str, more: &str) {
    let own = format!("promise_grace_days = 3\nagent_figures = \"{figures}\"\nclose_after_days = 1");
    let markets = MARKETS.replacen("promise_grace_days = 3", &own, 1);
    api.configure("tenants/mine.toml", &format!("tenant = \"mine\"\n{markets}{more}"));
    api.change_rule("theirs", "");
}

fn calls(group_by: &[&str]) -> v1::QueryKpisRequest {
    let group_by = group_by.iter().map(|name| (*name).to_owned()).collect();
    v1::QueryKpisRequest { group_by, totals: true, ..march("calls_outbound") }
}

fn filter(dimension: &str, values: &[&str]) -> Vec<v1::DimensionFilter> {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    vec![v1::DimensionFilter { dimension: dimension.to_owned(), values }]
}

fn group(dimension: &str, value: &str) -> v1::GroupValue {
    v1::GroupValue { dimension: dimension.to_owned(), value: value.to_owned(), unattributed: false }
}

/// Groups (or what else a row is of) with their values, in the order of the answer.
fn shown(rows: &[v1::KpiRow]) -> Vec<(String, String)> {
    let one = |row: &v1::KpiRow| {
        let names: Vec<&str> = row.group.iter().map(|one| one.value.as_str()).collect();
        let name = match row.row_kind() {
            v1::RowKind::Group => names.join(" "),
            kind => kind.as_str_name().to_owned(),
        };
        (name, row.value.as_ref().map_or_else(|| "none".to_owned(), |value| value.value.clone()))
    };
    rows.iter().map(one).collect()
}

async fn told(mine: &mut Clients, question: v1::QueryKpisRequest) -> Vec<(String, String)> {
    shown(&mine.kpis.query_kpis(question).await.expect("figures").into_inner().rows)
}

async fn refused(mine: &mut Clients, question: v1::QueryKpisRequest) -> Vec<String> {
    let status = mine.kpis.query_kpis(question.clone()).await.expect_err("not told");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, WITHHELD),
        "{question:?}: {status:?}"
    );
    fields(&status)
}

async fn drilled(mine: &mut Clients, kpi: &str, group: Vec<v1::GroupValue>) -> Result<v1::DrillDownResponse, Status> {
    let request = v1::DrillDownRequest {
        region_code: "IT".to_owned(),
        kpi_id: kpi.to_owned(),
        start_date: date(2024, 3, 1),
        end_date: date(2024, 4, 1),
        group,
        ..Default::default()
    };
    mine.kpis.drill_down(request).await.map(tonic::Response::into_inner)
}

fn counted(page: &v1::DrillDownResponse) -> Vec<&str> {
    page.records.iter().flat_map(|record| &record.parts).map(|part| part.counted.as_str()).collect()
}

async fn setting(mine: &mut Clients) -> v1::AgentFigures {
    let request = v1::ListKpisRequest { region_code: "IT".to_owned(), page_size: 1, ..Default::default() };
    mine.kpis.list_kpis(request).await.expect("a list").into_inner().agent_figures()
}

fn watched(question: v1::QueryKpisRequest) -> v1::WatchKpisRequest {
    v1::WatchKpisRequest { question: Some(question) }
}

fn across(question: v1::QueryKpisRequest) -> v1::QueryKpisAcrossMarketsRequest {
    let region_codes = vec!["IT".to_owned(), "SE".to_owned()];
    v1::QueryKpisAcrossMarketsRequest {
        region_codes,
        question: Some(v1::QueryKpisRequest { region_code: String::new(), ..question }),
    }
}

on_both_databases!(
    async fn agents_are_told_under_pseudonyms_that_only_the_server_makes(database: Database) {
        let (clock, _) = Clock::manual(at(13)); // 31 March
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = filled(&api).await;
        assert_eq!(setting(&mut mine).await, v1::AgentFigures::Named);
        set(&api, "named", "");
        let named = told(&mut mine, calls(&["agent"])).await;
        assert_eq!((named.len(), named[4].clone()), (14, ("n3".to_owned(), "1".to_owned())), "{named:?}");
        let page = drilled(&mut mine, "active_agents", Vec::new()).await.expect("records");
        assert!(counted(&page).contains(&"n1"), "{page:?}");
        let mut stream = mine.kpis.watch_kpis(watched(calls(&["agent"]))).await.expect("a stream").into_inner();
        let first = stream.message().await.expect("no failure").expect("no end");
        assert_eq!(shown(&first.rows), named);

        set(&api, "pseudonym", "");
        assert_eq!(setting(&mut mine).await, v1::AgentFigures::Pseudonym);
        // Whoever watches is told under the new setting at once, and nothing was derived anew for it.
        let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("a message in time");
        let next = next.expect("no failure").expect("no end");
        let answer = mine.kpis.query_kpis(calls(&["agent"])).await.expect("figures").into_inner();
        assert_eq!((answer.source(), answer.revision), (v1::FigureSource::Cells, first.revision));
        let rows = shown(&answer.rows);
        assert_eq!(shown(&next.rows), rows);
        let agents = &rows[..13];
        assert!(agents.iter().all(|(name, _)| name.len() == 30 && name.starts_with("agent-")), "{agents:?}");
        assert!(
            agents.is_sorted_by_key(|(name, _)| name),
            "the order is of the pseudonyms: another one tells whose they are"
        );
        let (twice, _) = agents.iter().find(|(_, value)| value == "2").expect("who called twice");
        assert_eq!(rows[13], ("ROW_KIND_TOTAL".to_owned(), "14".to_owned()));

        // Under every way of asking they are the same ones.
        let of_one = v1::QueryKpisRequest { filters: filter("agent", &[twice]), ..calls(&["agent"]) };
        assert_eq!(told(&mut mine, of_one.clone()).await[0], (twice.clone(), "2".to_owned()));
        let facts = v1::QueryKpisRequest { as_of_time: stamp(12), ..of_one.clone() };
        assert_eq!(told(&mut mine, facts).await[0], (twice.clone(), "2".to_owned()), "from the history");
        let undeclared =
            v1::QueryKpisRequest { group_by: ["agent", "client"].map(str::to_owned).to_vec(), ..of_one.clone() };
        assert_eq!(told(&mut mine, undeclared).await[0], (format!("{twice} a"), "2".to_owned()));
        let top = v1::QueryKpisRequest { top: 1, ..calls(&["agent"]) };
        assert_eq!(
            told(&mut mine, top).await[..2],
            [(twice.clone(), "2".to_owned()), ("ROW_KIND_REST".to_owned(), "12".to_owned())]
        );
        let compared = v1::Comparison { kind: v1::ComparisonKind::PreviousPeriod.into(), ..Default::default() };
        let compared = v1::QueryKpisRequest { comparison: Some(compared), ..of_one.clone() };
        assert_eq!(told(&mut mine, compared).await[0].0, *twice);
        let both = mine.kpis.query_kpis_across_markets(across(calls(&["agent"]))).await.expect("figures").into_inner();
        assert!(shown(&both.rows).iter().take(13).eq(agents) && shown(&both.markets[0].rows) == rows, "{both:?}");
        let by_team = told(&mut mine, calls(&["team"])).await;
        assert_eq!(by_team[0], ("east".to_owned(), "2".to_owned()), "teams are no people");

        // What would tell whose they are is refused.
        let real = v1::QueryKpisRequest { filters: filter("agent", &["n1"]), ..calls(&[]) };
        assert_eq!(refused(&mut mine, real.clone()).await, ["filters"]);
        let known = v1::QueryKpisRequest { as_of_time: stamp(12), ..real.clone() };
        assert_eq!(refused(&mut mine, known).await, ["filters"]);
        let status = mine.kpis.watch_kpis(watched(real.clone())).await.expect_err("not told");
        assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["question.filters".to_owned()]));
        let status = mine.kpis.query_kpis_across_markets(across(real)).await.expect_err("not told");
        assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["question.filters".to_owned()]));
        for name in [twice, "n1"] {
            let status = drilled(&mut mine, "calls_outbound", vec![group("agent", name)])
                .await
                .expect_err("records name agents");
            assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["group".to_owned()]));
        }
        let page = drilled(&mut mine, "active_agents", Vec::new()).await.expect("records");
        assert!(page.records.len() == 14 && counted(&page).iter().all(|counted| counted.is_empty()), "{page:?}");

        // Another tenant's are others, and a target names a pseudonym.
        let target = format!(
            "[[target]]\nid = \"t\"\nkpi = \"calls_outbound\"\ngrain = \"month\"\nfrom = \"2024-03-01\"\nuntil = \"2024-03-31\"\n\
             goal = \"2\"\nside = \"at_least\"\nmarkets = [\"it\"]\n[target.group]\nagent = \"{twice}\"\n"
        );
        set(&api, "pseudonym", &target);
        let request = v1::GetScorecardRequest { region_code: "IT".to_owned() };
        let card = mine.kpis.get_scorecard(request).await.expect("a card").into_inner();
        let judged = &card.targets[0];
        assert_eq!((judged.state(), judged.rank, judged.ranked_count), (v1::TargetState::OnTrack, Some(1), 13));
        assert_eq!(judged.group[0].value, *twice);
        drop(stream);
        api.end().await;
    }
);

on_both_databases!(
    async fn small_teams_are_told_neither_apart_nor_by_difference(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        set(&api, "teams", "");
        assert_eq!(setting(&mut mine).await, v1::AgentFigures::Teams);
        // East is of two, so that the smallest of the others stands with it: else it were the total less the rest.
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let march = [pair("north", "7"), pair("ROW_KIND_REST", "7"), pair("ROW_KIND_TOTAL", "14")];
        assert_eq!(told(&mut mine, calls(&["team"])).await, march);
        // Six more of the east make it large, in April.
        let more = (0..6).map(|n| of(&format!("april {n}"), "east", &format!("x{n}"), 20)).collect();
        mine.activities.batch_record_activities(batch(more)).await.expect("stored");
        let spring = |grain: v1::Grain| v1::QueryKpisRequest {
            grain: grain.into(),
            start_date: date(2024, 1, 1),
            end_date: date(2024, 7, 1),
            ..calls(&["team"])
        };
        let by_month = told(&mut mine, spring(v1::Grain::Month)).await;
        let months: Vec<&(String, String)> = by_month.iter().filter(|(_, value)| value != "0").collect();
        assert_eq!(months[..3].iter().copied().cloned().collect::<Vec<_>>(), march, "{by_month:?}");
        assert_eq!(*months[3], pair("east", "6"), "{by_month:?}");
        // A longer period tells of no team that is not told of in each of its months.
        let whole = told(&mut mine, spring(v1::Grain::Total)).await;
        assert_eq!(whole, [pair("ROW_KIND_REST", "20"), pair("ROW_KIND_TOTAL", "20")]);
        let top = v1::QueryKpisRequest { top: 1, ..calls(&["team"]) };
        assert_eq!(told(&mut mine, top).await, march);
        let exact = v1::QueryKpisRequest { exact_percentiles: true, ..calls(&["team"]) };
        assert_eq!(told(&mut mine, exact).await, march);

        for (question, field) in [
            (calls(&["agent"]), "group_by"),
            (calls(&["team", "agent"]), "group_by"),
            (v1::QueryKpisRequest { filters: filter("agent", &["n1"]), ..calls(&[]) }, "filters"),
            (v1::QueryKpisRequest { filters: filter("team", &["east"]), ..calls(&[]) }, "filters"),
            (v1::QueryKpisRequest { filters: filter("client", &["a"]), ..calls(&["team"]) }, "group_by"),
            (calls(&["team", "channel"]), "group_by"),
            (v1::QueryKpisRequest { grain: v1::Grain::Day.into(), ..calls(&["team"]) }, "grain"),
            (v1::QueryKpisRequest { end_date: date(2024, 3, 31), ..calls(&["team"]) }, "grain"),
            (
                v1::QueryKpisRequest { end_date: date(9000, 4, 1), grain: v1::Grain::Total.into(), ..calls(&["team"]) },
                "end_date",
            ),
            (v1::QueryKpisRequest { as_of_time: stamp(3), ..calls(&["team"]) }, "as_of_time"),
            (v1::QueryKpisRequest { as_known_time: stamp(3), ..calls(&["team"]) }, "as_known_time"),
            (v1::QueryKpisRequest { frozen: true, ..calls(&["team"]) }, "frozen"),
            (v1::QueryKpisRequest { kpi_ids: vec!["collected_to_date".to_owned()], ..calls(&["team"]) }, "kpi_ids"),
        ] {
            assert!(refused(&mut mine, question.clone()).await.contains(&field.to_owned()), "{question:?}");
        }
        let rolling = v1::RollingWindow { count: 10, unit: v1::Grain::Day.into() };
        let rolling = v1::QueryKpisRequest { rolling: Some(rolling), ..calls(&["team"]) };
        assert_eq!(refused(&mut mine, rolling).await, ["grain"]);
        let split = v1::Comparison {
            kind: v1::ComparisonKind::BeforeAfter.into(),
            split_date: date(2024, 3, 20),
            ..Default::default()
        };
        let split =
            v1::QueryKpisRequest { comparison: Some(split), grain: v1::Grain::Total.into(), ..calls(&["team"]) };
        assert_eq!(refused(&mut mine, split).await, ["grain"], "two parts of a month are no months");
        let status = mine.kpis.watch_kpis(watched(calls(&["agent"]))).await.expect_err("not told");
        assert_eq!(reason(&status), WITHHELD);
        let mut stream = mine.kpis.watch_kpis(watched(calls(&["team"]))).await.expect("a stream").into_inner();
        assert_eq!(shown(&stream.message().await.expect("no failure").expect("no end").rows), march);
        let status = mine.kpis.query_kpis_across_markets(across(calls(&["team"]))).await.expect_err("not told");
        assert_eq!(fields(&status), ["question.group_by"]);

        let page =
            drilled(&mut mine, "calls_outbound", vec![group("team", "north")]).await.expect("a team that is told of");
        assert_eq!(page.records.len(), 7);
        for team in ["south", "east", "nowhere"] {
            let status = drilled(&mut mine, "calls_outbound", vec![group("team", team)]).await.expect_err("not told");
            assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["group".to_owned()]), "{team}");
        }
        let status = drilled(&mut mine, "calls_outbound", vec![group("agent", "n1")]).await.expect_err("not told");
        assert_eq!(reason(&status), WITHHELD);
        let page = drilled(&mut mine, "active_agents", Vec::new()).await.expect("records");
        assert!(counted(&page).iter().all(|counted| counted.is_empty()), "{page:?}");

        drop(stream);
        api.end().await;
    }
);

on_both_databases!(
    async fn targets_of_teams_are_told_of_whole_months_and_large_teams(database: Database) {
        let (clock, _) = Clock::manual(at(21)); // 8 April
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = filled(&api).await;
        let target = |team: &str| {
            format!(
                "[[target]]\nid = \"{team}\"\nkpi = \"calls_outbound\"\ngrain = \"month\"\nfrom = \"2024-03-01\"\n\
                 until = \"2024-04-30\"\ngoal = \"1\"\nside = \"at_least\"\nmarkets = [\"it\"]\n[target.group]\n\
                 team = \"{team}\"\n"
            )
        };
        // Of a month that a target holds in part nothing is told by team.
        let part = target("north").replace("id = \"north\"", "id = \"part\"").replace("2024-04-30", "2024-04-10");
        set(&api, "teams", &format!("{}{part}", ["north", "south", "east"].map(target).concat()));
        let request = v1::GetScorecardRequest { region_code: "IT".to_owned() };
        let card = mine.kpis.get_scorecard(request).await.expect("a card").into_inner();
        let states: BTreeMap<&str, _> = card
            .targets
            .iter()
            .map(|one| {
                let value =
                    one.periods.last().and_then(|period| period.value.as_ref()).map(|value| value.value.clone());
                (one.target_id.as_str(), (value, one.rank, one.ranked_count))
            })
            .collect();
        assert_eq!(states["north"], (Some("7".to_owned()), Some(1), 1));
        assert_eq!(states["part"], states["north"]);
        assert_eq!((states["south"].clone(), states["east"].clone()), ((None, None, 0), (None, None, 0)));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_market_may_tell_of_neither_agents_nor_teams(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        set(&api, "off", "");
        assert_eq!(setting(&mut mine).await, v1::AgentFigures::Off);
        for dimension in ["agent", "team"] {
            assert_eq!(refused(&mut mine, calls(&[dimension])).await, ["group_by"]);
            let filtered = v1::QueryKpisRequest { filters: filter(dimension, &["n1"]), ..calls(&[]) };
            assert_eq!(refused(&mut mine, filtered).await, ["filters"]);
            let past = v1::QueryKpisRequest { as_of_time: stamp(3), ..calls(&[dimension]) };
            assert_eq!(refused(&mut mine, past).await, ["group_by"]);
            let status = mine.kpis.watch_kpis(watched(calls(&[dimension]))).await.expect_err("not told");
            assert_eq!(reason(&status), WITHHELD);
            let status = mine.kpis.query_kpis_across_markets(across(calls(&[dimension]))).await.expect_err("not told");
            assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["question.group_by".to_owned()]));
            let status =
                drilled(&mut mine, "calls_outbound", vec![group(dimension, "n1")]).await.expect_err("not told");
            assert_eq!((reason(&status).as_str(), fields(&status)), (WITHHELD, vec!["group".to_owned()]));
        }
        assert_eq!(
            told(&mut mine, march("calls_outbound")).await,
            [(String::new(), "14".to_owned())],
            "the market has its figures"
        );
        assert_eq!(drilled(&mut mine, "calls_outbound", Vec::new()).await.expect("records").records.len(), 14);
        // Records name who did what.
        let list = v1::ListActivitiesRequest { region_code: "IT".to_owned(), page_size: 1, ..Default::default() };
        let list = mine.activities.list_activities(list).await.expect("activities").into_inner();
        assert_eq!(list.activities[0].actor.clone().expect("an actor").agent_id, "n1");
        api.end().await;
    }
);

on_both_databases!(
    async fn closed_figures_are_told_under_pseudonyms_too(database: Database) {
        let (clock, hand) = Clock::manual(at(12)); // 30 March
        let api = Api::start_at(&database, &[], clock).await;
        let mut mine = filled(&api).await;
        set(&api, "pseudonym", "");
        hand.fetch_add(30 * DAY, Ordering::SeqCst);
        let frozen = v1::QueryKpisRequest { frozen: true, totals: false, ..calls(&["agent"]) };
        let answer = mine.kpis.query_kpis(frozen).await.expect("figures").into_inner();
        assert_eq!(answer.rows.len(), 13, "each agent has one row: {answer:?}");
        assert!(shown(&answer.rows).iter().all(|(name, _)| name.starts_with("agent-")), "{answer:?}");
        let same = |row: &v1::KpiRow| row.frozen.as_ref().is_some_and(|frozen| frozen.value == row.value);
        assert!(answer.rows.iter().all(same), "nothing was restated: {answer:?}");
        api.end().await;
    }
);

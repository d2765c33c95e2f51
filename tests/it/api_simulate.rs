//! Simulations: what a candidate of rules would change, told without changing anything, and the same that a real change of
//! rules brings.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fairdue::domain::ids::{KeyId, MarketId, TenantId};
use fairdue::domain::principal::{Principal, Role};
use fairdue::ingest::IngestError;
use fairdue::proto::v1;
use fairdue::proto::v1::FindingDifference::{Changed, Gone, Opened};
use fairdue::proto::v1::simulate_rules_response::Event;
use fairdue::query::simulate::{Simulation, SimulationEvent, Span};

use crate::api_checks::{MACHINES, filled};
use crate::api_explain::{machine, record};
use crate::support::api::{Api, Clients, MARKETS};
use crate::support::database::on_both_databases;
use crate::support::wire::{case, fields, reason, stamp};

/// The pack of the United States with another limit for calls by machines.
pub(crate) fn machines(max: u32) -> v1::CandidateFile {
    let path = "jurisdictions/us/rules.toml";
    let text = std::fs::read_to_string(format!("{}/config/{path}", env!("CARGO_MANIFEST_DIR"))).expect("the pack");
    let (head, rule) = text.split_once(&format!("id = \"{MACHINES}\"")).expect("the rule");
    let rule = rule.replacen("max = 3", &format!("max = {max}"), 1);
    v1::CandidateFile { path: path.to_owned(), text: format!("{head}id = \"{MACHINES}\"{rule}"), removed: false }
}

fn request(files: Vec<v1::CandidateFile>) -> v1::SimulateRulesRequest {
    v1::SimulateRulesRequest { region_code: "US".to_owned(), files, ..Default::default() }
}

/// All events of a simulation.
async fn simulated(mine: &mut Clients, request: v1::SimulateRulesRequest) -> Vec<Event> {
    let mut stream = mine.compliance.simulate_rules(request).await.expect("a simulation").into_inner();
    let mut events = Vec::new();
    while let Some(message) = stream.message().await.expect("no failure") {
        events.push(message.event.expect("an event"));
    }
    events
}

fn rules(events: &[Event]) -> Vec<v1::RuleChange> {
    assert!(matches!(events.first(), Some(Event::Started(_))), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Finished(_))), "{events:?}");
    let rule = |event: &Event| match event {
        Event::Rule(change) => Some(change.clone()),
        _ => None,
    };
    events.iter().filter_map(rule).collect()
}

/// What becomes of findings on which activities.
fn samples(change: &v1::RuleChange) -> Vec<(v1::FindingDifference, String)> {
    let finding = |sample: &v1::ChangedFinding| sample.after.clone().or(sample.before.clone()).expect("a finding");
    change.samples.iter().map(|sample| (sample.change(), finding(sample).activity_id)).collect()
}

async fn findings(mine: &mut Clients) -> Vec<v1::Finding> {
    let list = v1::ListFindingsRequest { region_code: "US".to_owned(), page_size: 1_000, ..Default::default() };
    mine.compliance.list_findings(list).await.expect("findings").into_inner().findings
}

on_both_databases!(
    async fn a_candidate_tells_what_it_would_change_and_changes_nothing(database: Database) {
        let api = Api::start_under(&database, &[], "").await;
        let mut mine = filled(&api).await;
        record(&mut mine, vec![machine("a4", 4)]).await;
        let before = findings(&mut mine).await;
        let events = simulated(&mut mine, request(vec![machines(2)])).await;
        let Some(Event::Started(started)) = events.first() else { panic!("{events:?}") };
        assert_eq!(started.case_count, 2);
        assert_ne!(started.rules_digest, started.candidate_digest);
        // Its worked examples still say the law in force: told as `fairdue check` does, and the replay goes on.
        assert!(started.example_count > 20, "{started:?}");
        let named = |one: &&v1::FileDiagnostic| one.message.contains(&format!("of rule {MACHINES}"));
        let failed = started.failed_examples.iter().find(named).unwrap_or_else(|| panic!("{started:?}"));
        assert_eq!(failed.path, "jurisdictions/us/cases.toml");
        assert!(failed.line > 1 && !failed.remedy.is_empty(), "{failed:?}");
        assert!(started.failed_examples.iter().all(|one| one.message.contains(MACHINES)), "{started:?}");
        let strict = v1::SimulateRulesRequest { refuse_failing_examples: true, ..request(vec![machines(2)]) };
        let refused = simulated(&mut mine, strict).await;
        let [Event::Refused(refused)] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!(refused.diagnostics, started.failed_examples);
        assert!(events.iter().any(|event| matches!(event, Event::Progress(done) if done.case_count == 2)));
        let changes = rules(&events);
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(change.rule_id, MACHINES);
        assert!(change.before.is_some() && change.after.is_some());
        assert_eq!((change.finding_count_before, change.finding_count_after, change.changed_count), (1, 2, 1));
        let opened: Vec<i64> = change.opened.iter().map(|one| one.count).collect();
        assert_eq!((opened, change.gone.len()), (vec![1], 0));
        let told: BTreeSet<(i32, String)> =
            samples(change).into_iter().map(|(change, id)| (change as i32, id)).collect();
        assert_eq!(told, [(Opened as i32, "a3".to_owned()), (Changed as i32, "a4".to_owned())].into());
        let changed = change.samples.iter().find(|sample| sample.change() == Changed).expect("a sample");
        let limit = |finding: Option<&v1::Finding>| finding.and_then(|one| one.observation.as_ref()?.limit);
        assert_eq!((limit(changed.before.as_ref()), limit(changed.after.as_ref())), (Some(3), Some(2)));

        // A looser one would no longer find it; before that breach nothing changes.
        let looser = rules(&simulated(&mut mine, request(vec![machines(9)])).await);
        assert_eq!(looser.iter().flat_map(samples).collect::<Vec<_>>(), [(Gone, "a4".to_owned())]);
        let early = v1::SimulateRulesRequest { end_time: stamp(4), ..request(vec![machines(9)]) };
        let early = rules(&simulated(&mut mine, early).await);
        let [edited] = early.as_slice() else { panic!("{early:?}") };
        assert_eq!((edited.finding_count_before, edited.samples.len()), (0, 0), "edited, and told with zeros");
        let few = v1::SimulateRulesRequest { sample_size: 1, ..request(vec![machines(0)]) };
        let few = rules(&simulated(&mut mine, few).await);
        assert_eq!(few.iter().flat_map(samples).filter(|(change, _)| *change == Opened).count(), 1);
        let same = simulated(&mut mine, request(vec![machines(3)])).await;
        assert_eq!(rules(&same), Vec::new());
        assert_eq!(rules(&simulated(&mut mine, request(Vec::new())).await), Vec::new());

        assert_eq!(findings(&mut mine).await, before, "nothing was written");
        let Some(Event::Started(again)) = same.first() else { panic!("{same:?}") };
        assert_eq!(again.revision, started.revision);
        assert_eq!((again.example_count, again.failed_examples.len()), (0, 0), "no file differs");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_simulation_tells_what_the_real_change_brings(database: Database) {
        let tighter = format!("\n[rules]\n[[rules.tighten]]\nrule = \"{MACHINES}\"\nmax = 1\n");
        let api = Api::start_under(&database, &[], "").await;
        let mut mine = filled(&api).await;
        // Another case of the same person, in another batch or not: its calls count together.
        record(&mut mine, vec![machine("a4", 4), machine("a5", 40)]).await;
        let candidate = v1::CandidateFile {
            path: "tenants/mine.toml".to_owned(),
            text: format!("tenant = \"mine\"\n{MARKETS}{tighter}"),
            removed: false,
        };
        let asked = v1::SimulateRulesRequest { sample_size: 100, ..request(vec![candidate]) };
        let changes = rules(&simulated(&mut mine, asked).await);
        let before = findings(&mut mine).await;
        api.end().await;

        let api = Api::start_under(&database, &[], &tighter).await;
        let mut mine = api.platform("mine").await;
        // The first write under other rules derives the market anew.
        record(&mut mine, vec![machine("far away", 400)]).await;
        let open = |findings: &[v1::Finding]| -> BTreeSet<String> {
            let open = findings.iter().filter(|one| one.status() == v1::FindingStatus::Open);
            open.filter(|one| one.activity_id != "far away").map(|one| one.finding_id.clone()).collect()
        };
        let after = findings(&mut mine).await;
        let (before, after) = (open(&before), open(&after));
        let of = |wanted: v1::FindingDifference| -> BTreeSet<String> {
            let samples = changes.iter().flat_map(|change| &change.samples);
            let samples = samples.filter(|sample| sample.change() == wanted);
            samples
                .filter_map(|one| one.after.as_ref().or(one.before.as_ref()))
                .map(|one| one.finding_id.clone())
                .collect()
        };
        assert_eq!(of(Opened), after.difference(&before).cloned().collect());
        assert_eq!(of(Gone), before.difference(&after).cloned().collect());
        assert_eq!(of(Opened).len(), 2, "{changes:?}");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_candidate_that_is_not_sound_is_refused_with_every_mistake(database: Database) {
        let api = Api::start_under(&database, &[], "").await;
        let mut mine = filled(&api).await;
        let good = machines(2);
        let broken = v1::CandidateFile { text: good.text.replacen("max = 2", "max = \"two\"", 1), ..good.clone() };
        let line = good.text.lines().position(|line| line.contains("max = 2")).expect("the line") + 1;
        let strange = |path: &str| v1::CandidateFile { path: path.to_owned(), ..Default::default() };
        let loose = v1::CandidateFile {
            path: "tenants/mine.toml".to_owned(),
            text: format!("tenant = \"mine\"\n{MARKETS}\n[rules]\n[[rules.tighten]]\nrule = \"{MACHINES}\"\nmax = 4\n"),
            removed: false,
        };
        let gone = v1::CandidateFile { removed: true, ..strange("jurisdictions/us/none.toml") };
        let others = ["tenants/theirs.toml", "server.toml", "../us/rules.toml", "jurisdictions/us/../x.toml"];
        for (files, path, expected) in [
            (vec![broken], "jurisdictions/us/rules.toml", "max is of type string"),
            (vec![loose], "tenants/mine.toml", "loosens rule"),
            (vec![gone], "jurisdictions/us/none.toml", "is to be taken away"),
        ]
        .into_iter()
        .chain(others.map(|path| (vec![strange(path)], path, "is no file of this tenant's rules")))
        {
            let events = simulated(&mut mine, request(files)).await;
            let [Event::Refused(refused)] = events.as_slice() else { panic!("{events:?}") };
            let named = refused.diagnostics.iter().find(|one| one.message.contains(expected));
            let named = named.unwrap_or_else(|| panic!("{refused:?}"));
            assert_eq!(named.path, path);
            assert!(!named.remedy.is_empty() && named.line > 0 && named.column > 0, "{named:?}");
            if expected.starts_with("max") {
                assert_eq!(usize::try_from(named.line), Ok(line));
            }
        }

        let twice = request(vec![good.clone(), good.clone()]);
        let both = v1::CandidateFile { removed: true, ..good.clone() };
        let backwards = v1::SimulateRulesRequest { start_time: stamp(4), end_time: stamp(4), ..request(Vec::new()) };
        let many = v1::SimulateRulesRequest { sample_size: 101, ..request(Vec::new()) };
        for (request, field) in [
            (twice, "files"),
            (request(vec![both]), "files[0].text"),
            (request(vec![strange("")]), "files[0].path"),
            (backwards, "end_time"),
            (many, "sample_size"),
        ] {
            let status = mine.compliance.simulate_rules(request).await.expect_err("refused");
            assert_eq!((reason(&status).as_str(), fields(&status)), ("INVALID_FIELD", vec![field.to_owned()]));
        }
        let checker = api.key("mine", &[Role::Checker], &[]).await;
        let status = api.clients(&checker).compliance.simulate_rules(request(Vec::new())).await.expect_err("refused");
        assert_eq!(reason(&status), "ROLE_MISSING");
        api.end().await;
    }
);

on_both_databases!(
    async fn whoever_stops_listening_stops_the_simulation(database: Database) {
        let api = Api::start_under(&database, &[], "").await;
        let mut mine = api.platform("mine").await;
        let cases: Vec<v1::Case> = (0..1_600).map(|number| case(&format!("c{number:04}"), "bank")).collect();
        let stored = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases };
        let stored = mine.cases.batch_upsert_cases(stored).await.expect("stored").into_inner();
        assert_eq!(stored.results.len(), 1_600);
        let begin_for = |tenant: &str, patience: u64| {
            let who = Principal {
                tenant: TenantId::trusted(tenant),
                key: KeyId::trusted("k"),
                roles: vec![Role::Reader],
                markets: Vec::new(),
            };
            let patience = Duration::from_secs(patience);
            let simulation =
                Simulation { files: Vec::new(), span: Span::default(), samples: 1, strict: false, patience };
            api.query().simulate(&who, &MarketId::trusted("it"), simulation)
        };
        let begin = || begin_for("mine", 600);
        let full = || matches!(begin(), Err(IngestError::Overloaded));
        // Nobody reads what it tells: it waits, and there is no place for another of this tenant, but for one of another.
        let first = begin().expect("a place");
        assert!(full());
        let other = begin_for("theirs", 600).expect("a place of its own");
        drop(other);
        assert!(full());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(full(), "they wait for their readers");
        drop(first);
        let since = Instant::now();
        while full() {
            assert!(since.elapsed() < Duration::from_secs(20), "it goes on without a reader");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // As soon as whoever asked last has noticed that nobody listens.
        let place = async |patience: u64| loop {
            match begin_for("mine", patience) {
                Ok(place) => break place,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        // A client that takes nothing loses its place.
        let stalled = place(1).await;
        let since = Instant::now();
        let mut whole = place(600).await;
        assert!(since.elapsed() > Duration::from_millis(900), "there was a place for both");
        drop(stalled);
        let (mut done, mut last) = (Vec::new(), None);
        while let Some(event) = whole.recv().await {
            if let SimulationEvent::Progress { cases, .. } = event {
                done.push(cases);
            }
            last = Some(event);
        }
        assert_eq!(done, [250, 500, 750, 1_000, 1_250, 1_500, 1_600]);
        assert!(matches!(last, Some(SimulationEvent::Finished(totals)) if totals.cases == 1_600), "{last:?}");
        api.end().await;
    }
);

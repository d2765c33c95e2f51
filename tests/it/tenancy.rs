//! No method reads or changes what is another tenant's. The methods come from the API's own description: one without a
//! request here fails the test.

mod figures;

use std::collections::{BTreeMap, BTreeSet};

use fairdue::domain::ids::{FindingId, MarketId, RuleId, TenantId};
use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use fairdue::proto::v1::explain_request::Subject;
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

use crate::support::api::{Api, Clients, Key};
use crate::support::database::on_both_databases;
use crate::support::raw;
use crate::support::wire::{api_pool, batch, call, case, date, euros, note, parse, payment, stamp};

/// A text that only the first tenant's records hold.
const CANARY: &str = "canary-7f3a91";
const REGION: &str = "IT";
/// A permit of the first tenant.
const PERMIT: &str = "permit";

/// Every method of the API with the requests that name what is the first tenant's.
fn requests(token: &str) -> BTreeMap<String, Vec<Vec<u8>>> {
    let region_code = || REGION.to_owned();
    let path = |service: &str, method: &str| format!("/fairdue.v1.{service}/{method}");
    let mut all = BTreeMap::new();
    let mut add = |service: &str, method: &str, requests: Vec<Vec<u8>>| {
        all.insert(path(service, method), requests);
    };
    let mut taken = case("c1", "another creditor");
    taken.closed = true;
    let one = v1::UpsertCaseRequest { region_code: region_code(), case: Some(taken.clone()) };
    add("CaseService", "UpsertCase", vec![one.encode_to_vec()]);
    let many = v1::BatchUpsertCasesRequest { region_code: region_code(), cases: vec![taken] };
    add("CaseService", "BatchUpsertCases", vec![many.encode_to_vec()]);
    let get = v1::GetCaseRequest { region_code: region_code(), case_id: "c1".to_owned(), read_mask: None };
    add("CaseService", "GetCase", vec![get.encode_to_vec()]);
    let list = v1::ListCasesRequest { region_code: region_code(), ..Default::default() };
    let of_person = v1::ListCasesRequest { person_id: "person of c1".to_owned(), ..list.clone() };
    let stolen = v1::ListCasesRequest { page_token: token.to_owned(), ..list.clone() };
    let lists = [list, of_person, stolen].iter().map(Message::encode_to_vec).collect();
    add("CaseService", "ListCases", lists);
    let file = v1::GetCaseFileRequest { region_code: region_code(), case_id: "c1".to_owned(), read_mask: None };
    add("CaseService", "GetCaseFile", vec![file.encode_to_vec()]);

    let foreign = payment("stranger's payment", "c1", 3, 50);
    let one = v1::RecordActivityRequest { region_code: region_code(), activity: Some(foreign.clone()) };
    add("ActivityService", "RecordActivity", vec![one.encode_to_vec()]);
    let same_id = note("p1", "c1", 3);
    let many = batch(vec![foreign.clone(), same_id.clone()]);
    add("ActivityService", "BatchRecordActivities", vec![many.encode_to_vec()]);
    let streamed =
        v1::StreamActivitiesRequest { sequence: 1, region_code: region_code(), activities: vec![foreign, same_id] };
    add("ActivityService", "StreamActivities", vec![streamed.encode_to_vec()]);
    let correct = v1::CorrectActivityRequest {
        region_code: region_code(),
        target_activity_id: "p1".to_owned(),
        void_activity_id: "stranger's void".to_owned(),
        void_time: stamp(4),
        reason: String::new(),
        replacement: Some(payment("stranger's replacement", "c1", 3, 1)),
    };
    add("ActivityService", "CorrectActivity", vec![correct.encode_to_vec()]);
    let void = v1::VoidActivityRequest {
        region_code: region_code(),
        target_activity_id: "p1".to_owned(),
        void_activity_id: "stranger's other void".to_owned(),
        void_time: stamp(4),
        reason: String::new(),
    };
    add("ActivityService", "VoidActivity", vec![void.encode_to_vec()]);
    let get = v1::GetActivityRequest { region_code: region_code(), activity_id: "p1".to_owned(), read_mask: None };
    add("ActivityService", "GetActivity", vec![get.encode_to_vec()]);
    let list = v1::ListActivitiesRequest { region_code: region_code(), ..Default::default() };
    let of_case = v1::ListActivitiesRequest { case_id: "c1".to_owned(), ..list.clone() };
    add("ActivityService", "ListActivities", vec![list.encode_to_vec(), of_case.encode_to_vec()]);

    let check = v1::CheckContactRequest {
        region_code: region_code(),
        case_id: "c1".to_owned(),
        person_id: "person of c1".to_owned(),
        contact_time: stamp(5),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    };
    let reserve = Some(v1::Reservation { permit_id: PERMIT.to_owned(), ttl: None });
    let reserving = v1::CheckContactRequest { reserve, contact_time: None, ..check.clone() };
    add("ComplianceService", "CheckContact", vec![check.encode_to_vec(), reserving.encode_to_vec()]);
    let release = v1::ReleasePermitRequest { region_code: region_code(), permit_id: PERMIT.to_owned() };
    add("ComplianceService", "ReleasePermit", vec![release.encode_to_vec()]);
    let checks = vec![v1::ContactCheck {
        case_id: check.case_id.clone(),
        person_id: check.person_id.clone(),
        contact_time: check.contact_time,
        contact: check.contact.clone(),
        ..Default::default()
    }];
    let view = v1::CheckView::Full.into();
    let many = v1::BatchCheckContactsRequest { region_code: region_code(), checks: checks.clone(), view };
    add("ComplianceService", "BatchCheckContacts", vec![many.encode_to_vec()]);
    let streamed = v1::StreamContactChecksRequest { sequence: 1, region_code: region_code(), checks, view };
    add("ComplianceService", "StreamContactChecks", vec![streamed.encode_to_vec()]);
    let charge = v1::CheckChargeRequest {
        region_code: region_code(),
        case_id: "c1".to_owned(),
        charge_time: stamp(5),
        charge: Some(v1::Charge { step: v1::ChargeStep::Reminder.into(), amount: euros(5), ..Default::default() }),
        view,
        ..Default::default()
    };
    add("ComplianceService", "CheckCharge", vec![charge.encode_to_vec()]);
    let explain = |subject| v1::ExplainRequest {
        region_code: region_code(),
        subject: Some(subject),
        language_codes: vec!["de".to_owned()],
        omit_silent_rules: false,
    };
    let planned = explain(Subject::Contact(v1::ContactCheck {
        case_id: "c1".to_owned(),
        contact: check.contact.clone(),
        ..Default::default()
    }));
    let happened =
        explain(Subject::Activity(v1::ActivityOfCase { activity_id: "p1".to_owned(), case_id: String::new() }));
    add("ComplianceService", "Explain", vec![planned.encode_to_vec(), happened.encode_to_vec()]);
    let shadow = v1::GetShadowReportRequest { region_code: region_code() };
    add("ComplianceService", "GetShadowReport", vec![shadow.encode_to_vec()]);
    let simulate = v1::SimulateRulesRequest { region_code: region_code(), ..Default::default() };
    add("ComplianceService", "SimulateRules", vec![simulate.encode_to_vec()]);
    let permit = v1::GetPermitRequest { region_code: region_code(), permit_id: "p1".to_owned() };
    add("ComplianceService", "GetPermit", vec![permit.encode_to_vec()]);
    let permits = v1::ListPermitsRequest { region_code: region_code(), ..Default::default() };
    add("ComplianceService", "ListPermits", vec![permits.encode_to_vec()]);
    let list = v1::ListFindingsRequest { region_code: region_code(), ..Default::default() };
    let of_case = v1::ListFindingsRequest { case_id: "c1".to_owned(), ..list.clone() };
    add("ComplianceService", "ListFindings", vec![list.encode_to_vec(), of_case.encode_to_vec()]);
    let finding_id = finding().to_string();
    let get = v1::GetFindingRequest { region_code: region_code(), finding_id: finding_id.clone(), read_mask: None };
    add("ComplianceService", "GetFinding", vec![get.encode_to_vec()]);
    let update = v1::UpdateFindingRequest {
        region_code: region_code(),
        finding_id,
        update_id: "u1".to_owned(),
        action: v1::FindingAction::Acknowledge.into(),
        ..Default::default()
    };
    let waive = v1::UpdateFindingRequest {
        update_id: "stranger's update".to_owned(),
        action: v1::FindingAction::Waive.into(),
        reason: "none".to_owned(),
        waive_until_time: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
        ..update.clone()
    };
    add("ComplianceService", "UpdateFinding", vec![update.encode_to_vec(), waive.encode_to_vec()]);
    let rules = v1::ListRulesRequest { region_code: region_code(), ..Default::default() };
    add("ComplianceService", "ListRules", vec![rules.encode_to_vec()]);
    for (method, requests) in figures::requests(token) {
        add("KpiService", method, requests);
    }
    let pull = v1::PullRequest { region_code: region_code(), once: true, ..Default::default() };
    let stolen = v1::PullRequest { token: token.to_owned(), ..pull.clone() };
    add("SyncService", "Pull", vec![pull.encode_to_vec(), stolen.encode_to_vec()]);
    let item = |item| v1::PushItem { item: Some(item) };
    let old = v1::Case { etag: "0123456789abcdef".to_owned(), ..case("c1", "another creditor") };
    let pushed = v1::PushRequest {
        region_code: region_code(),
        source_id: "source".to_owned(),
        sequence: 1,
        items: vec![
            item(v1::push_item::Item::Case(old)),
            item(v1::push_item::Item::Activity(payment("stranger's push", "c1", 3, 50))),
        ],
    };
    add("SyncService", "Push", vec![pushed.encode_to_vec()]);
    let status = v1::GetMarketStatusRequest { region_code: region_code() };
    add("SyncService", "GetMarketStatus", vec![status.encode_to_vec()]);
    let entity = v1::SyncEntity::Activity.into();
    let days = v1::ListDayTalliesRequest { region_code: region_code(), entity, ..Default::default() };
    add("SyncService", "ListDayTallies", vec![days.encode_to_vec()]);
    let leaves = v1::ListLeavesRequest {
        region_code: region_code(),
        entity,
        date: date(2024, 3, 19),
        page_token: token.to_owned(),
        ..Default::default()
    };
    let first = v1::ListLeavesRequest { page_token: String::new(), ..leaves.clone() };
    add("SyncService", "ListLeaves", vec![first.encode_to_vec(), leaves.encode_to_vec()]);
    let list = v1::ListSinksRequest { region_code: region_code() };
    let everywhere = v1::ListSinksRequest::default();
    add("SyncService", "ListSinks", vec![list.encode_to_vec(), everywhere.encode_to_vec()]);
    let replay = Some(v1::update_sink_request::Order::Replay(v1::ReplaySink { after_revision: 0 }));
    let sink_id = "hub".to_owned();
    let update = v1::UpdateSinkRequest { region_code: region_code(), sink_id, order: replay };
    let drop = v1::DropDeadLetters { event_ids: Vec::new(), all: true };
    let order = Some(v1::update_sink_request::Order::DropDeadLetters(drop));
    let dropped = v1::UpdateSinkRequest { order, ..update.clone() };
    add("SyncService", "UpdateSink", vec![update.encode_to_vec(), dropped.encode_to_vec()]);
    let letters =
        v1::ListDeadLettersRequest { region_code: region_code(), sink_id: "hub".to_owned(), ..Default::default() };
    let stolen = v1::ListDeadLettersRequest { page_token: token.to_owned(), ..letters.clone() };
    add("SyncService", "ListDeadLetters", vec![letters.encode_to_vec(), stolen.encode_to_vec()]);
    all
}

/// The methods that the API describes, and whether they stream.
fn described() -> BTreeMap<String, bool> {
    let pool = api_pool();
    let mut methods = BTreeMap::new();
    for service in pool.services().filter(|service| service.package_name() == "fairdue.v1") {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            methods.insert(path, method.is_client_streaming());
        }
    }
    methods
}

/// Everything that an answer says: its messages, and how it ended.
type Said = (Vec<Vec<u8>>, Option<(i32, String, Vec<u8>)>);

async fn ask(channel: &Channel, key: &Key, path: &str, streaming: bool, message: Vec<u8>) -> Said {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", key.header());
    let said = |status: tonic::Status| (status.code() as i32, status.message().to_owned(), status.details().to_vec());
    // A watch has no end but its deadline.
    let watches = path.contains("/Watch");
    if watches {
        metadata.insert("grpc-timeout", "700m".parse().expect("a timeout"));
    }
    if streaming || watches {
        let (answers, end) = raw::stream(channel, path, metadata, vec![message]).await;
        return (answers, end.err().map(said));
    }
    match raw::unary(channel, path, metadata, message).await {
        Ok(answer) if path.ends_with("/Pull") => {
            // A feed's message also says when it was made.
            let message = parse::<v1::PullResponse>(&answer.into_inner());
            let message = v1::PullResponse { head_confirm_time: None, token: String::new(), ..message };
            (vec![message.encode_to_vec()], None)
        }
        Ok(answer) => (vec![answer.into_inner()], None),
        Err(status) => (Vec::new(), Some(said(status))),
    }
}

fn shows(said: &Said, text: &str) -> bool {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let (answers, end) = said;
    answers.iter().any(|answer| holds(answer))
        || end.as_ref().is_some_and(|(_, message, details)| message.contains(text) || holds(details))
}

fn reads(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    ["Get", "List", "Query", "Watch", "Drill", "Explain", "Simulate", "Pull"]
        .iter()
        .any(|verb| method.starts_with(verb))
        || method.contains("Check")
}

/// The finding that the third call of the first tenant's case is.
fn finding() -> FindingId {
    let (tenant, market) = (TenantId::trusted("mine"), MarketId::trusted("it"));
    FindingId::of(&tenant, &market, &RuleId::trusted("tenant-house-calls"), &["call 3", "c1"])
}

/// All that the first tenant can see of its own, apart from what the time of asking changes.
async fn everything(api: &Api, key: &Key) -> Vec<(String, Said)> {
    let mask = Some(prost_types::FieldMask {
        paths: ["case", "balance", "promises", "timeline", "findings", "documents"].map(str::to_owned).to_vec(),
    });
    let file = v1::GetCaseFileRequest { region_code: REGION.to_owned(), case_id: "c1".to_owned(), read_mask: mask };
    let list = v1::ListActivitiesRequest { region_code: REGION.to_owned(), ..Default::default() };
    let findings = v1::ListFindingsRequest { region_code: REGION.to_owned(), ..Default::default() };
    let get =
        v1::GetFindingRequest { region_code: REGION.to_owned(), finding_id: finding().to_string(), read_mask: None };
    let mut seen = Vec::new();
    for (path, message) in [
        ("/fairdue.v1.CaseService/GetCaseFile", file.encode_to_vec()),
        ("/fairdue.v1.ComplianceService/GetFinding", get.encode_to_vec()),
        ("/fairdue.v1.ActivityService/ListActivities", list.encode_to_vec()),
        ("/fairdue.v1.ComplianceService/ListFindings", findings.encode_to_vec()),
        ("/fairdue.v1.KpiService/QueryKpis", figures::figures(&["client"]).encode_to_vec()),
    ] {
        seen.push((path.to_owned(), ask(&api.channel, key, path, false, message).await));
    }
    seen
}

async fn fill(api: &Api, key: &Key) -> String {
    let mut mine = api.clients(key);
    let cases = ["c1", "c2"]
        .map(|id| {
            let mut case = case(id, CANARY);
            case.attributes.insert("memo".to_owned(), CANARY.to_owned());
            case.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
            case
        })
        .to_vec();
    let cases = v1::BatchUpsertCasesRequest { region_code: REGION.to_owned(), cases };
    mine.cases.batch_upsert_cases(cases).await.expect("stored");
    let mut records = vec![payment("p1", "c1", 1, 40)];
    for n in 1..=3 {
        let mut spoken = call(&format!("call {n}"), "c1", n);
        spoken.actor = Some(v1::Actor { agent_id: CANARY.to_owned(), ..Default::default() });
        records.push(spoken);
    }
    let stored = mine.activities.batch_record_activities(batch(records)).await;
    let results = stored.expect("stored").into_inner().results;
    assert!(results.iter().all(|result| result.status() == v1::WriteStatus::Created));
    let decided = v1::UpdateFindingRequest {
        region_code: REGION.to_owned(),
        finding_id: finding().to_string(),
        update_id: "u1".to_owned(),
        action: v1::FindingAction::Acknowledge.into(),
        actor: CANARY.to_owned(),
        ..Default::default()
    };
    mine.compliance.update_finding(decided).await.expect("the third call is a finding");
    permit(&mut mine).await;
    let page = v1::ListCasesRequest { region_code: REGION.to_owned(), page_size: 1, ..Default::default() };
    mine.cases.list_cases(page).await.expect("a page").into_inner().next_page_token
}

/// The first tenant's permit, granted now or before: for a letter, which may be sent at any hour.
async fn permit(mine: &mut Clients) -> v1::PermitState {
    let wish = v1::CheckContactRequest {
        region_code: REGION.to_owned(),
        case_id: "c2".to_owned(),
        contact: Some(v1::Contact { channel: v1::Channel::Letter.into(), ..Default::default() }),
        reserve: Some(v1::Reservation { permit_id: PERMIT.to_owned(), ttl: None }),
        ..Default::default()
    };
    let answer = mine.compliance.check_contact(wish).await.expect("an answer").into_inner();
    answer.permit.expect("a permit").state()
}

on_both_databases!(
    async fn no_method_reads_or_changes_what_is_anothers(database: Database) {
        let api = Api::start(&database).await;
        let methods = described();
        let known: BTreeSet<String> = requests("").into_keys().collect();
        assert_eq!(methods.keys().cloned().collect::<BTreeSet<_>>(), known, "every method has its requests here");
        let stranger = api.key("theirs", &[Role::Admin], &[]).await;
        let owner = api.key("mine", &[Role::Admin], &[]).await;

        // What the stranger hears of ids that nobody has. A page token that is made up stands for one that is stolen.
        let mut before = Vec::new();
        for (path, messages) in requests("00") {
            for message in messages.into_iter().filter(|_| reads(&path)) {
                let said = ask(&api.channel, &stranger, &path, methods[&path], message).await;
                before.push((path.clone(), said));
            }
        }
        let token = fill(&api, &owner).await;
        assert!(!token.is_empty());
        // Checks that still wait for their commit would take a revision later.
        api.logged("mine", "it").await;
        let mine = everything(&api, &owner).await;
        assert!(mine.iter().any(|(_, said)| shows(said, CANARY)), "the test can see the canary where it is");

        let mut after = Vec::new();
        for (path, messages) in requests(&token) {
            for message in messages.into_iter().filter(|_| reads(&path)) {
                let said = ask(&api.channel, &stranger, &path, methods[&path], message).await;
                assert!(!shows(&said, CANARY), "{path} shows what is another tenant's");
                after.push((path.clone(), said));
            }
        }
        assert_eq!(before, after, "ids that are another tenant's are answered as ids that nobody has");

        // Writes that name the same ids touch nothing; those of activities come first, while the case is unknown there.
        let mut writes: Vec<_> = requests("").into_iter().filter(|(path, _)| !reads(path)).collect();
        writes.sort_by_key(|(path, _)| path.contains("CaseService"));
        for _ in 0..2 {
            for (path, messages) in &writes {
                for message in messages {
                    let said = ask(&api.channel, &stranger, path, methods[path], message.clone()).await;
                    assert!(!shows(&said, CANARY), "{path} shows what is another tenant's");
                }
            }
        }
        assert_eq!(everything(&api, &owner).await, mine, "a stranger's writes change nothing");
        assert_eq!(permit(&mut api.clients(&owner)).await, v1::PermitState::Held, "a stranger releases nothing");
        let theirs = everything(&api, &stranger).await;
        assert!(theirs.iter().all(|(_, said)| !shows(said, CANARY)));
        api.end().await;
    }
);

//! The life of findings through the API: decisions, their history, four eyes, new facts, the end of waivers, lists.

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tonic::{Code, Status};
use v1::{FindingAction as Action, FindingStatus as Is};

use crate::support::api::{Api, Clients, HOUSE_RULE};
use crate::support::database::on_both_databases;
use crate::support::wire::{batch, call, case, fields, march, reason, stamp};

/// Clients whose key may write, read and decide.
pub async fn officer(api: &Api, tenant: &str) -> Clients {
    let key = api.key(tenant, &[Role::Writer, Role::Reader, Role::Compliance], &[]).await;
    api.clients(&key)
}

pub async fn record(clients: &mut Clients, activities: Vec<v1::Activity>) {
    let answer = clients.activities.batch_record_activities(batch(activities)).await.expect("an answer").into_inner();
    assert!(answer.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{answer:?}");
}

async fn upsert(clients: &mut Clients, case: v1::Case) {
    let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(case) };
    clients.cases.upsert_case(request).await.expect("a case");
}

/// A case with three calls in three days by agent a: the third is a finding. Returns its id.
pub async fn breach(clients: &mut Clients, id: &str) -> String {
    upsert(clients, case(id, "creditor")).await;
    let by_a = |day: i64| {
        let mut call = call(&format!("{id}-{day}"), id, day);
        call.actor = Some(v1::Actor { agent_id: "a".to_owned(), ..Default::default() });
        call
    };
    record(clients, vec![by_a(1), by_a(3), by_a(5)]).await;
    let found = list(clients, v1::ListFindingsRequest { case_id: id.to_owned(), ..everything() }).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].status(), found[0].activity_id.clone()), (Is::Open, format!("{id}-5")));
    found[0].finding_id.clone()
}

fn everything() -> v1::ListFindingsRequest {
    v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() }
}

async fn list(clients: &mut Clients, request: v1::ListFindingsRequest) -> Vec<v1::Finding> {
    clients.compliance.list_findings(request).await.expect("a list").into_inner().findings
}

async fn in_status(clients: &mut Clients, status: Is) -> Vec<String> {
    let request = v1::ListFindingsRequest { status: status.into(), ..everything() };
    list(clients, request).await.into_iter().map(|finding| finding.finding_id).collect()
}

pub async fn get(clients: &mut Clients, id: &str) -> v1::GetFindingResponse {
    let request = v1::GetFindingRequest { region_code: "it".to_owned(), finding_id: id.to_owned(), read_mask: None };
    clients.compliance.get_finding(request).await.expect("a finding").into_inner()
}

/// What the finding is, and why.
async fn status(clients: &mut Clients, id: &str) -> (Is, String) {
    let finding = get(clients, id).await.finding.expect("a finding");
    let listed = list(clients, everything()).await.into_iter().find(|one| one.finding_id == id);
    assert_eq!(listed.as_ref(), Some(&finding), "a list and a single read agree");
    (finding.status(), finding.change_reason)
}

fn seconds_from_now(seconds: i64) -> Option<prost_types::Timestamp> {
    let now = chrono::Utc::now();
    Some(prost_types::Timestamp { seconds: now.timestamp() + seconds, nanos: 0 })
}

pub fn decision(finding: &str, update: &str, action: Action) -> v1::UpdateFindingRequest {
    let far = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    v1::UpdateFindingRequest {
        region_code: "IT".to_owned(),
        finding_id: finding.to_owned(),
        update_id: update.to_owned(),
        action: action.into(),
        reason: "because".to_owned(),
        waive_until_time: if action == Action::Waive { far } else { None },
        actor: "Officer".to_owned(),
        etag: String::new(),
    }
}

pub async fn decide(
    clients: &mut Clients,
    request: v1::UpdateFindingRequest,
) -> Result<v1::UpdateFindingResponse, Status> {
    clients.compliance.update_finding(request).await.map(tonic::Response::into_inner)
}

/// The same, which must be new.
async fn decided(clients: &mut Clients, finding: &str, update: &str, action: Action) -> v1::Finding {
    let answer = decide(clients, decision(finding, update, action)).await.expect("a decision");
    assert_eq!(answer.status(), v1::WriteStatus::Created);
    answer.finding.expect("the finding")
}

fn refused(outcome: Result<v1::UpdateFindingResponse, Status>) -> (Code, String, Vec<String>) {
    let status = outcome.expect_err("a refusal");
    (status.code(), reason(&status), fields(&status))
}

on_both_databases!(
    async fn decisions_are_recorded_once_and_make_the_history(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = officer(&api, "mine").await;
        let id = breach(&mut mine, "c1").await;
        let before = get(&mut mine, &id).await.finding.expect("a finding");
        assert!(before.decision.is_none() && !before.etag.is_empty());

        let seen = v1::UpdateFindingRequest { etag: before.etag.clone(), ..decision(&id, "u1", Action::Acknowledge) };
        let first = decide(&mut mine, seen.clone()).await.expect("a decision");
        let finding = first.finding.clone().expect("the finding");
        assert_eq!((finding.status(), finding.change_reason.as_str()), (Is::Acknowledged, "acknowledge"));
        assert_eq!((finding.revision, first.revision > before.revision), (first.revision, true));
        let made = finding.decision.clone().expect("the decision");
        assert_eq!((made.update_id.as_str(), made.actor.as_str(), made.reason.as_str()), ("u1", "Officer", "because"));
        assert!(!made.key_id.is_empty() && made.record_time == first.record_time);

        // Somebody who has seen the finding as it was before is too late; a repetition is not, whatever comes between.
        let late = v1::UpdateFindingRequest { etag: before.etag, ..decision(&id, "late", Action::Remediate) };
        assert_eq!(
            refused(decide(&mut mine, late).await),
            (Code::Aborted, "ETAG_MISMATCH".into(), vec!["etag".into()])
        );
        decided(&mut mine, &id, "u2", Action::Remediate).await;
        let again = decide(&mut mine, seen.clone()).await.expect("a repetition");
        assert_eq!(again, v1::UpdateFindingResponse { status: v1::WriteStatus::Duplicate.into(), ..first });
        let other = v1::UpdateFindingRequest { reason: "another".to_owned(), ..seen.clone() };
        let (code, why, at) = refused(decide(&mut mine, other).await);
        assert_eq!((code, why.as_str(), at), (Code::AlreadyExists, "ID_CONFLICT", vec!["reason".to_owned()]));
        let mut another_key = officer(&api, "mine").await;
        assert_eq!(refused(decide(&mut another_key, seen).await).2, ["update_id"]);

        let twice = refused(decide(&mut mine, decision(&id, "u3", Action::Acknowledge)).await);
        assert_eq!(twice, (Code::FailedPrecondition, "FINDING_STATUS_REFUSED".into(), vec!["action".into()]));
        decided(&mut mine, &id, "u4", Action::Reopen).await;
        decided(&mut mine, &id, "u5", Action::Waive).await;
        let history = get(&mut mine, &id).await;
        assert_eq!(history.finding.expect("a finding").status(), Is::Waived);
        let told: Vec<(Is, &str, &str)> = history
            .changes
            .iter()
            .map(|one| {
                (one.status(), one.reason.as_str(), one.decision.as_ref().map_or("", |made| made.update_id.as_str()))
            })
            .collect();
        assert_eq!(
            told,
            [
                (Is::Open, "new", ""),
                (Is::Acknowledged, "acknowledge", "u1"),
                (Is::Remediated, "remediate", "u2"),
                (Is::Reopened, "reopen", "u4"),
                (Is::Waived, "waive", "u5"),
            ]
        );
        assert!(history.changes.is_sorted_by_key(|one| one.revision));
        assert_eq!(history.changes[0].finding.as_ref().map(|one| one.evidence_activity_ids.len()), Some(3));
        assert_eq!(in_status(&mut mine, Is::Waived).await, [id]);
        assert!(in_status(&mut mine, Is::Open).await.is_empty());
        api.end().await;
    }
);

on_both_databases!(
    async fn what_cannot_be_decided_is_refused_with_the_fields(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = officer(&api, "mine").await;
        let id = breach(&mut mine, "c1").await;
        let empty = decide(&mut mine, v1::UpdateFindingRequest { region_code: "IT".to_owned(), ..Default::default() });
        assert_eq!(refused(empty.await).2, ["finding_id", "update_id", "action"]);
        let mut bare = decision(&id, "u1", Action::Waive);
        bare.reason.clear();
        bare.waive_until_time = None;
        assert_eq!(refused(decide(&mut mine, bare).await).2, ["reason", "waive_until_time"]);
        for blank in ["  ", "\u{2003}\u{a0}", "\u{200b}"] {
            let unsaid = v1::UpdateFindingRequest { reason: blank.to_owned(), ..decision(&id, "u1", Action::Waive) };
            assert_eq!(refused(decide(&mut mine, unsaid).await).2, ["reason"], "{blank:?} says nothing");
        }
        let past = v1::UpdateFindingRequest { waive_until_time: stamp(1), ..decision(&id, "u1", Action::Waive) };
        assert_eq!(
            refused(decide(&mut mine, past).await),
            (Code::InvalidArgument, "INVALID_FIELD".into(), vec!["waive_until_time".into()])
        );
        let stray = v1::UpdateFindingRequest { waive_until_time: stamp(1), ..decision(&id, "u1", Action::Reopen) };
        assert_eq!(refused(decide(&mut mine, stray).await).2, ["waive_until_time"]);
        let unknown = decision(&"0".repeat(32), "u1", Action::Acknowledge);
        assert_eq!(refused(decide(&mut mine, unknown).await).0, Code::NotFound);
        let malformed = decision("nothing", "u1", Action::Acknowledge);
        assert_eq!(refused(decide(&mut mine, malformed).await).2, ["finding_id"]);
        let not_proposed = refused(decide(&mut mine, decision(&id, "u1", Action::ApproveWaiver)).await);
        assert_eq!(not_proposed.1, "FINDING_STATUS_REFUSED");
        let mut platform = api.platform("mine").await;
        let role = refused(decide(&mut platform, decision(&id, "u1", Action::Acknowledge)).await);
        assert_eq!((role.0, role.1.as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
        assert_eq!(get(&mut mine, &id).await.changes.len(), 1, "nothing was recorded");
        api.end().await;
    }
);

on_both_databases!(
    async fn a_waiver_under_four_eyes_needs_a_second_key(database: Database) {
        let api = Api::start(&database).await;
        let (mut one, mut other) = (officer(&api, "careful").await, officer(&api, "careful").await);
        let id = breach(&mut one, "c1").await;
        let proposed = decided(&mut one, &id, "p1", Action::Waive).await;
        assert_eq!(proposed.status(), Is::WaiveProposed);
        let alone =
            v1::UpdateFindingRequest { actor: "Another".to_owned(), ..decision(&id, "a1", Action::ApproveWaiver) };
        let (code, why, _) = refused(decide(&mut one, alone).await);
        assert_eq!((code, why.as_str()), (Code::PermissionDenied, "SECOND_KEY_NEEDED"));
        assert_eq!(in_status(&mut one, Is::WaiveProposed).await, std::slice::from_ref(&id));
        decided(&mut other, &id, "no", Action::Reopen).await;
        let anna = |update: &str, action: Action, actor: &str| v1::UpdateFindingRequest {
            actor: actor.to_owned(),
            ..decision(&id, update, action)
        };
        decide(&mut other, anna("p2", Action::Waive, "Anna")).await.expect("a proposal");
        let herself = refused(decide(&mut one, anna("a1", Action::ApproveWaiver, " anna ")).await);
        assert_eq!(herself, (Code::PermissionDenied, "SECOND_PERSON_NEEDED".to_owned(), vec!["actor".to_owned()]));
        let approved = decided(&mut one, &id, "a2", Action::ApproveWaiver).await;
        assert_eq!(approved.status(), Is::Waived);
        assert_eq!(approved.decision.expect("a decision").waive_until_time.map(|end| end.seconds), Some(4_000_000_000));
        let repeated = decide(&mut one, decision(&id, "a2", Action::ApproveWaiver)).await.expect("a repetition");
        assert_eq!(repeated.status(), v1::WriteStatus::Duplicate);
        api.end().await;
    }
);

/// The share of passed tests, as the catalogue's KPI tells it.
async fn compliance_rate(clients: &mut Clients) -> Option<(String, String)> {
    let rows = clients.kpis.query_kpis(march("compliance_rate")).await.expect("figures").into_inner().rows;
    let row = rows.into_iter().next()?;
    Some((row.numerator?.value, row.denominator?.value))
}

on_both_databases!(
    async fn new_facts_reopen_what_was_settled_and_withdraw_what_fell(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = officer(&api, "mine").await;
        let id = breach(&mut mine, "c1").await;
        let rate = compliance_rate(&mut mine).await;
        assert!(rate.is_some());
        decided(&mut mine, &id, "u1", Action::Waive).await;
        assert_eq!(compliance_rate(&mut mine).await, rate, "a waived breach is not passed");

        // A late call makes it worse than what was waived; without it, what was waived is there again.
        record(&mut mine, vec![call("late", "c1", 2)]).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Reopened, "late_fact".to_owned()));
        let void = v1::VoidActivityRequest {
            region_code: "IT".to_owned(),
            target_activity_id: "late".to_owned(),
            void_activity_id: "void".to_owned(),
            void_time: stamp(6),
            reason: String::new(),
        };
        mine.activities.void_activity(void).await.expect("a void");
        assert_eq!(status(&mut mine, &id).await, (Is::Waived, "void".to_owned()));

        // A late version takes the ground away, a later one gives it back: the life goes on.
        let version = |id: &str, day: i64, class: v1::DebtClass| {
            let mut case = case("c1", "creditor");
            case.version_id = id.to_owned();
            case.effect_time = stamp(day);
            case.legal_class.get_or_insert_default().debt_class = class.into();
            case
        };
        upsert(&mut mine, version("v2", 2, v1::DebtClass::Business)).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Withdrawn, "case_version".to_owned()));
        let gone = refused(decide(&mut mine, decision(&id, "u2", Action::Acknowledge)).await);
        assert_eq!(gone.1, "FINDING_STATUS_REFUSED");
        assert!(in_status(&mut mine, Is::Withdrawn).await.contains(&id));
        upsert(&mut mine, version("v3", 4, v1::DebtClass::Consumer)).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Waived, "case_version".to_owned()));

        // A stricter rule says something else of it, a looser one nothing, the same as before what it said before.
        api.change_rule("mine", &HOUSE_RULE.replace("max = 2", "max = 1"));
        record(&mut mine, vec![call("wakes the writer", "c1", 40)]).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Reopened, "rule_change".to_owned()));
        api.change_rule("mine", &HOUSE_RULE.replace("max = 2", "max = 9"));
        record(&mut mine, vec![call("wakes it again", "c1", 60)]).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Withdrawn, "rule_change".to_owned()));
        api.change_rule("mine", &HOUSE_RULE.replace("title = \"At", "title = \"Still at"));
        record(&mut mine, vec![call("and again", "c1", 80)]).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Waived, "rule_change".to_owned()));

        let told: Vec<Is> = get(&mut mine, &id).await.changes.iter().map(v1::FindingChange::status).collect();
        let withdrawn_and_back = [Is::Withdrawn, Is::Waived, Is::Reopened, Is::Withdrawn, Is::Waived];
        assert_eq!(told[..4], [Is::Open, Is::Waived, Is::Reopened, Is::Waived]);
        assert_eq!(told[4..], withdrawn_and_back);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_waiver_ends_by_itself(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = officer(&api, "mine").await;
        let id = breach(&mut mine, "c1").await;
        let end = seconds_from_now(2);
        let waive = v1::UpdateFindingRequest { waive_until_time: end, ..decision(&id, "u1", Action::Waive) };
        let finding = decide(&mut mine, waive.clone()).await.expect("a decision").finding.expect("a finding");
        assert_eq!(finding.status(), Is::Waived);
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        assert_eq!(status(&mut mine, &id).await, (Is::Reopened, "waiver_expired".to_owned()));
        assert_eq!(in_status(&mut mine, Is::Reopened).await, std::slice::from_ref(&id));
        assert!(in_status(&mut mine, Is::Waived).await.is_empty());
        let last = get(&mut mine, &id).await.changes.pop().expect("changes");
        assert_eq!((last.change_time, last.revision, last.status()), (end, 0, Is::Reopened));
        let stale = v1::UpdateFindingRequest { etag: finding.etag, ..decision(&id, "u2", Action::Acknowledge) };
        assert_eq!(refused(decide(&mut mine, stale).await).1, "ETAG_MISMATCH", "its end is a change too");
        let again = decide(&mut mine, waive).await.expect("a repetition").finding.expect("a finding");
        assert_eq!(again.status(), Is::Waived, "as it was answered the first time");
        decided(&mut mine, &id, "u2", Action::Acknowledge).await;
        api.end().await;
    }
);

on_both_databases!(
    async fn lists_are_filtered_and_paged(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = officer(&api, "mine").await;
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(breach(&mut mine, &format!("c{n}")).await);
        }
        decided(&mut mine, &ids[1], "u1", Action::Waive).await;
        decided(&mut mine, &ids[3], "u3", Action::Waive).await;
        let mut waived = vec![ids[1].clone(), ids[3].clone()];
        waived.sort();
        assert_eq!(in_status(&mut mine, Is::Waived).await, waived);
        assert_eq!(in_status(&mut mine, Is::Open).await.len(), 3);
        for (request, expected) in [
            (v1::ListFindingsRequest { jurisdiction_id: "it".to_owned(), ..everything() }, 5),
            (v1::ListFindingsRequest { jurisdiction_id: "IT".to_owned(), ..everything() }, 5),
            (v1::ListFindingsRequest { jurisdiction_id: "eu".to_owned(), ..everything() }, 0),
            (v1::ListFindingsRequest { agent_id: "a".to_owned(), ..everything() }, 5),
            (v1::ListFindingsRequest { agent_id: "b".to_owned(), ..everything() }, 0),
            (v1::ListFindingsRequest { client_id: "creditor".to_owned(), ..everything() }, 5),
            (v1::ListFindingsRequest { rule_id: "tenant-house-calls".to_owned(), ..everything() }, 5),
            (v1::ListFindingsRequest { case_id: "c2".to_owned(), ..everything() }, 1),
            (v1::ListFindingsRequest { severity: v1::Severity::Advisory.into(), ..everything() }, 0),
            (v1::ListFindingsRequest { start_time: stamp(5), end_time: stamp(6), ..everything() }, 5),
            (v1::ListFindingsRequest { start_time: stamp(6), ..everything() }, 0),
        ] {
            assert_eq!(list(&mut mine, request.clone()).await.len(), expected, "{request:?}");
        }
        let mut request = v1::ListFindingsRequest { status: Is::Open.into(), page_size: 1, ..everything() };
        let mut seen = Vec::new();
        loop {
            let page = mine.compliance.list_findings(request.clone()).await.expect("a page").into_inner();
            seen.extend(page.findings.into_iter().map(|finding| finding.finding_id));
            if page.next_page_token.is_empty() {
                break;
            }
            let other = v1::ListFindingsRequest { page_token: page.next_page_token.clone(), ..everything() };
            let foreign = mine.compliance.list_findings(other).await.expect_err("a token of another list");
            assert_eq!(fields(&foreign), ["page_token"]);
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen, in_status(&mut mine, Is::Open).await);
        api.end().await;
    }
);

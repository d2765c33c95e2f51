//! Two servers over one PostgreSQL database decide about the same findings at once.

use fairdue::proto::v1;
use tonic::Code;
use v1::FindingAction as Action;

use crate::finding_life::{breach, decide, decision, get, officer};
use crate::support::api::Api;
use crate::support::database::{Backend, Database};
use crate::support::wire::reason;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_record_a_decision_once_and_agree() {
    let database = Database::fresh(Backend::Postgres).await;
    let (one, other) = (Api::start(&database).await, Api::start(&database).await);
    // One key for both: it is looked up in the database that they share.
    let key = one.key("mine", &[fairdue::domain::principal::Role::Admin], &[]).await;
    let (mut a, mut b) = (one.clients(&key), other.clients(&key));
    for round in 0..12 {
        let id = breach(&mut a, &format!("c{round}")).await;
        assert_eq!(get(&mut a, &id).await, get(&mut b, &id).await);

        // The same decision sent to both is recorded once and answered alike.
        let same = decision(&id, &format!("same {round}"), Action::Acknowledge);
        let (first, second) = tokio::join!(decide(&mut a, same.clone()), decide(&mut b, same));
        let (first, second) = (first.expect("an answer"), second.expect("an answer"));
        let mut statuses = [first.status(), second.status()];
        statuses.sort_unstable();
        assert_eq!(statuses, [v1::WriteStatus::Created, v1::WriteStatus::Duplicate]);
        assert_eq!((first.finding.as_ref(), first.revision), (second.finding.as_ref(), second.revision));

        // Two decisions on the same etag: one comes first, the other is told.
        let etag = first.finding.expect("the finding").etag;
        let guarded = |update: &str, action| v1::UpdateFindingRequest {
            etag: etag.clone(),
            ..decision(&id, &format!("{update} {round}"), action)
        };
        let outcomes =
            tokio::join!(decide(&mut a, guarded("a", Action::Remediate)), decide(&mut b, guarded("b", Action::Waive)));
        let lost: Vec<_> = [outcomes.0, outcomes.1].into_iter().filter_map(Result::err).collect();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert_eq!((lost[0].code(), reason(&lost[0]).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
        let (seen, seen_there) = (get(&mut a, &id).await, get(&mut b, &id).await);
        assert_eq!(seen, seen_there);
        assert_eq!(seen.changes.len(), 3);
    }
    let mut officer = officer(&other, "mine").await;
    let all = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
    let listed = |clients: &mut crate::support::api::Clients| clients.compliance.clone();
    let here = listed(&mut a).list_findings(all.clone()).await.expect("a list").into_inner();
    let there = listed(&mut officer).list_findings(all).await.expect("a list").into_inner();
    assert_eq!((here.findings.len(), &here.findings), (12, &there.findings));
    one.end().await;
    other.end().await;
}

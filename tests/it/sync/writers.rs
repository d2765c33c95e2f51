//! Writers that send a random history through the API of one or two servers, in any order and batches, and people who
//! decide about what is found meanwhile.

use fairdue::proto::v1;
use fairdue::wire::encode;
use v1::WriteStatus;

use crate::histories::deliver::{Act, Dice, scattered};
use crate::histories::generate::History;
use crate::support::api::Clients;

/// The market of the histories.
pub const REGION: &str = "US";

/// Sends the acts of a history through these servers at the same time, each act through one of them.
pub async fn write(servers: Vec<Clients>, history: &History, seed: u64) {
    let mut acts = scattered(history, seed).into_iter();
    let mut dice = Dice::new(seed ^ 0x5eed);
    let mut servers = servers;
    if let Some(opening) = acts.next() {
        act(&mut servers[0], &opening).await;
    }
    let mut shares: Vec<Vec<Act>> = servers.iter().map(|_| Vec::new()).collect();
    for act in acts {
        shares[dice.below(servers.len())].push(act);
    }
    let writers: Vec<_> = servers
        .into_iter()
        .zip(shares)
        .zip(1_u64..)
        .map(|((mut clients, acts), number)| {
            tokio::spawn(async move {
                let mut dice = Dice::new(seed ^ number << 32);
                for one in acts {
                    act(&mut clients, &one).await;
                    if dice.below(3) == 0 {
                        decide(&mut clients, &mut dice, &format!("{seed}-{number}")).await;
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
}

async fn act(clients: &mut Clients, act: &Act) {
    let (versions, activities) = match act {
        Act::Upsert(versions) => (versions.as_slice(), &[][..]),
        Act::Record(activities) => (&[][..], activities.as_slice()),
        Act::Together(versions, activities) => (versions.as_slice(), activities.as_slice()),
        Act::Settle(_) | Act::Restart => return,
    };
    let cases = versions.iter().map(encode::case::case).collect();
    let upsert = v1::BatchUpsertCasesRequest { region_code: REGION.to_owned(), cases };
    let activities = activities.iter().map(encode::activity::activity).collect();
    let record = v1::BatchRecordActivitiesRequest { region_code: REGION.to_owned(), activities };
    let upserted = async {
        if upsert.cases.is_empty() {
            return Vec::new();
        }
        clients.cases.batch_upsert_cases(upsert).await.expect("cases").into_inner().results
    };
    let recorded = async {
        if record.activities.is_empty() {
            return Vec::new();
        }
        clients.activities.batch_record_activities(record).await.expect("activities").into_inner().results
    };
    let (one, two) = tokio::join!(upserted, recorded);
    for result in one.iter().chain(&two) {
        assert_ne!(result.status(), WriteStatus::Refused, "{result:?}");
    }
}

/// Acknowledges, waives or reopens some finding, where there is one that may be.
async fn decide(clients: &mut Clients, dice: &mut Dice, prefix: &str) {
    let list = v1::ListFindingsRequest { region_code: REGION.to_owned(), page_size: 50, ..Default::default() };
    let found = clients.compliance.list_findings(list).await.expect("findings").into_inner().findings;
    let Some(finding) = found.get(dice.below(found.len())) else { return };
    use v1::{FindingAction as Action, FindingStatus as Status};
    let action = match finding.status() {
        Status::Open | Status::Reopened if dice.below(2) == 0 => Action::Acknowledge,
        Status::Open | Status::Reopened => Action::Waive,
        Status::Acknowledged => Action::Remediate,
        Status::Remediated | Status::Waived => Action::Reopen,
        _ => return,
    };
    let until = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    let update = v1::UpdateFindingRequest {
        region_code: REGION.to_owned(),
        finding_id: finding.finding_id.clone(),
        update_id: format!("{prefix}-{}", dice.below(usize::MAX)),
        action: action.into(),
        reason: if matches!(action, Action::Acknowledge) { String::new() } else { "decided".to_owned() },
        waive_until_time: (action == Action::Waive).then_some(until),
        ..Default::default()
    };
    // A writer may have changed it since it was listed.
    if let Err(status) = clients.compliance.update_finding(update).await {
        assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
    }
}

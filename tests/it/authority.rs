//! What is recorded of the authority over a case, and of a number that is not the person's: no check is silently allowed, the answer
//! names the fact, since when and by which activity, contacts are findings, and a tenant may forbid them.

use fairdue::proto::v1;
use v1::activity::Detail;

use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{activity, case, stamp};

const STRICTER: &str = "[[rules.tighten]]\nrule = \"zz-closed\"\nblock = true\n";

async fn record(mine: &mut Clients, activity: v1::Activity) {
    let request = v1::RecordActivityRequest { region_code: "IT".to_owned(), activity: Some(activity) };
    mine.activities.record_activity(request).await.expect("stored");
}

fn letter(purpose: v1::Purpose, point: &str) -> v1::Contact {
    v1::Contact {
        channel: v1::Channel::Letter.into(),
        purpose: purpose.into(),
        contact_point_id: point.to_owned(),
        ..Default::default()
    }
}

/// The verdict on a letter, and what the rule says of it: its note and its evidence.
async fn asked(
    mine: &mut Clients,
    (case, rule): (&str, &str),
    day: i64,
    contact: v1::Contact,
) -> (v1::Verdict, Option<(String, Vec<String>)>) {
    let request = v1::CheckContactRequest {
        region_code: "IT".to_owned(),
        case_id: case.to_owned(),
        contact_time: stamp(day),
        contact: Some(contact),
        ..Default::default()
    };
    let answer = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
    let verdict = answer.verdict();
    let said = answer.rules.into_iter().find(|one| one.rule_id == rule && one.answer() == v1::Answer::Broken);
    (verdict, said.map(|one| (one.observation.unwrap_or_default().note, one.evidence_activity_ids)))
}

/// The activity that tells something, the one that takes it back, and the point that a contact then names.
type Fact = (&'static str, &'static str, Detail, Detail, &'static str);

fn facts() -> Vec<Fact> {
    let hold = |ended| Detail::Hold(v1::Hold { ended, ..Default::default() });
    let closed = |closed| Detail::CaseStatus(v1::CaseStatus { closed, ..Default::default() });
    let transfer =
        |kind: v1::TransferKind| Detail::Transfer(v1::Transfer { transfer: kind.into(), ..Default::default() });
    let point = |state: v1::ContactPointState| {
        Detail::ContactPointChanged(v1::ContactPointChanged { contact_point_id: "n".to_owned(), state: state.into() })
    };
    let (place, works) = (v1::TransferKind::Place, v1::ContactPointState::Working);
    vec![
        ("hold", "zz-hold", hold(false), hold(true), ""),
        ("case_closed", "zz-closed", closed(true), closed(false), ""),
        ("recalled", "zz-transferred", transfer(v1::TransferKind::Recall), transfer(place), ""),
        ("sold", "zz-transferred", transfer(v1::TransferKind::Sell), transfer(place), ""),
        ("wrong_point", "zz-wrong-point", point(v1::ContactPointState::Wrong), point(works), "n"),
        ("reassigned_point", "zz-wrong-point", point(v1::ContactPointState::Reassigned), point(works), "n"),
    ]
}

on_both_databases! {
    async fn what_ends_the_authority_over_a_case_is_said_in_every_answer(database: Database) {
        let api = Api::start_under(&database, &[], STRICTER).await;
        let mut mine = api.platform("mine").await;
        for (flag, rule, begins, ends, point) in facts() {
            let mut with_point = case(flag, "creditor");
            with_point.parties[0].contact_points = vec![v1::ContactPoint {
                contact_point_id: "n".to_owned(),
                kind: v1::ContactPointKind::PostalAddress.into(),
                ..Default::default()
            }];
            let request = v1::UpsertCaseRequest { region_code: "IT".to_owned(), case: Some(with_point) };
            mine.cases.upsert_case(request).await.expect("stored");
            let demand = || letter(v1::Purpose::Demand, point);
            let (before, said) = asked(&mut mine, (flag, rule), 3, demand()).await;
            assert_eq!(said, None, "{flag}: nothing is recorded yet");

            record(&mut mine, activity(&format!("{flag}-begins"), flag, 2, begins)).await;
            let (verdict, said) = asked(&mut mine, (flag, rule), 3, demand()).await;
            let (note, evidence) = said.unwrap_or_else(|| panic!("{flag}: {verdict:?}"));
            assert_eq!(evidence, [format!("{flag}-begins")]);
            assert!(note.starts_with(&format!("{flag} since 20")), "{note}");
            let least = if flag == "case_closed" { v1::Verdict::NotPermitted } else { v1::Verdict::AdvisedAgainst };
            assert!(verdict as i32 >= least as i32 && verdict as i32 >= before as i32, "{flag}: {verdict:?}");
            let (_, said) = asked(&mut mine, (flag, rule), 3, letter(v1::Purpose::Reply, point)).await;
            assert_eq!(said, None, "{flag}: an answer to the debtor");

            let contact = Detail::Contact(Box::new(demand()));
            record(&mut mine, activity(&format!("{flag}-sent"), flag, 3, contact)).await;
            record(&mut mine, activity(&format!("{flag}-ends"), flag, 4, ends)).await;
            let (verdict, said) = asked(&mut mine, (flag, rule), 5, demand()).await;
            assert_eq!((verdict, said), (before, None), "{flag}: it is over");

            let request = v1::ListFindingsRequest {
                region_code: "IT".to_owned(),
                rule_id: rule.to_owned(),
                case_id: flag.to_owned(),
                page_size: 10,
                ..Default::default()
            };
            let found = mine.compliance.list_findings(request).await.expect("a list").into_inner().findings;
            let found: Vec<&str> = found.iter().map(|one| one.activity_id.as_str()).collect();
            assert_eq!(found, [format!("{flag}-sent")]);
        }
        api.end().await;
    }
}

//! Permits and limits over households, collecting companies and creditors: what is counted together over several cases, and simultaneous
//! wishes over two servers. `FAIRDUE_PERMIT_ROUNDS` sets the number of rounds (default 25).

use fairdue::clock::Clock;
use fairdue::proto::v1;
use tonic::Status;
use v1::Verdict;

use crate::permits::{ask, question, record, release, wish};
use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{at, call, case, stamp};

/// Calls that the rule allows in seven days.
const PLACES: usize = 2;

fn rule(per: &str) -> String {
    format!(
        "[[rules.add]]\njurisdiction = \"it\"\nid = \"tenant-house-calls\"\ntitle = \"t\"\ntext = \"t\"\n\
         citation = \"house rule\"\neffect = \"prohibits\"\n[rules.add.contact_frequency]\nmax = {PLACES}\n\
         window = {{ calendar_days = 7 }}\ncount = \"attempts\"\nper = \"{per}\"\nchannels = [\"call\"]\n"
    )
}

async fn server(database: &Database, per: &str) -> (Api, Clients) {
    let (clock, _) = Clock::manual(at(0));
    let api = Api::start_at(database, &[], clock).await;
    api.change_rule("mine", &rule(per));
    let clients = api.platform("mine").await;
    (api, clients)
}

/// A case of one debtor, with what it states of household and collector.
struct Of<'a> {
    case: &'a str,
    person: &'a str,
    household: &'a str,
    collector: &'a str,
}

async fn open(clients: &mut Clients, cases: &[Of<'_>]) {
    let made = cases.iter().map(|of| {
        let mut case = case(of.case, "creditor");
        case.effect_time = stamp(-9);
        let identity = case.identity.get_or_insert_default();
        identity.collector_role = v1::CollectorRole::Creditor.into();
        identity.collector_entity_id = of.collector.to_owned();
        for party in &mut case.parties {
            party.person_id = of.person.to_owned();
            party.household_id = of.household.to_owned();
        }
        case
    });
    let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: made.collect() };
    clients.cases.batch_upsert_cases(request).await.expect("cases");
}

async fn verdict(clients: &mut Clients, case: &str) -> Verdict {
    ask(clients, question(case)).await.expect("an answer").verdict()
}

on_both_databases!(
    async fn a_household_is_counted_over_cases_and_persons(database: Database) {
        let (api, mut mine) = server(&database, "household").await;
        let of = |case, person, household| Of { case, person, household, collector: "" };
        let cases = [of("c1", "p", "h"), of("c2", "q", "h"), of("c3", "r", "k"), of("c4", "s", "")];
        open(&mut mine, &cases).await;
        record(&mut mine, vec![call("a", "c1", 0)]).await;
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::Allowed);
        assert_eq!(ask(&mut mine, wish("c2", "p1")).await.expect("an answer").verdict(), Verdict::Allowed);
        // The permit holds the second place for everybody of the household, and for nobody else.
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "c3").await, Verdict::Allowed);
        let alone = ask(&mut mine, question("c4")).await.expect("an answer");
        assert_eq!((alone.verdict(), alone.missing), (Verdict::Unknown, vec!["household".to_owned()]));
        // Asked for by a later version, the debtor of another case moves in: what was made there counts now.
        record(&mut mine, vec![call("b", "c3", 0)]).await;
        release(&mut mine, "p1").await.expect("released");
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::Allowed);
        let mut moved = case("c3", "creditor");
        moved.version_id = "v2".to_owned();
        moved.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
        for party in &mut moved.parties {
            party.person_id = "r".to_owned();
            party.household_id = "h".to_owned();
        }
        let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: vec![moved] };
        mine.cases.batch_upsert_cases(request).await.expect("a version");
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_collector_is_counted_over_its_own_cases(database: Database) {
        let (api, mut mine) = server(&database, "collector").await;
        let of = |case, collector| Of { case, person: "p", household: "", collector };
        open(&mut mine, &[of("c1", "one"), of("c2", "one"), of("c3", "two"), of("c4", "")]).await;
        record(&mut mine, vec![call("a", "c1", 0), call("b", "c3", 0)]).await;
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::Allowed);
        // A permit is the company's whose case it is.
        assert_eq!(ask(&mut mine, wish("c2", "p1")).await.expect("an answer").verdict(), Verdict::Allowed);
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "c3").await, Verdict::Allowed);
        release(&mut mine, "p1").await.expect("released");
        record(&mut mine, vec![call("c", "c2", 0)]).await;
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "c3").await, Verdict::Allowed);
        let unnamed = ask(&mut mine, question("c4")).await.expect("an answer");
        assert_eq!((unnamed.verdict(), unnamed.missing), (Verdict::Unknown, vec!["collector_entity".to_owned()]));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_creditor_is_counted_over_its_own_cases(database: Database) {
        let (api, mut mine) = server(&database, "creditor").await;
        let of = |case| Of { case, person: "p", household: "", collector: "" };
        open(&mut mine, &[of("c1"), of("c2")]).await;
        let another = ["d1", "d2"].map(|name| {
            let mut case = case(name, "another");
            case.effect_time = stamp(-9);
            case.identity.get_or_insert_default().collector_role = v1::CollectorRole::Creditor.into();
            case.parties.iter_mut().for_each(|party| party.person_id = "p".to_owned());
            case
        });
        let request = v1::BatchUpsertCasesRequest { region_code: "IT".to_owned(), cases: another.into() };
        mine.cases.batch_upsert_cases(request).await.expect("cases");
        record(&mut mine, vec![call("a", "c1", 0), call("b", "d1", 0)]).await;
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::Allowed);
        assert_eq!(ask(&mut mine, wish("c2", "p1")).await.expect("an answer").verdict(), Verdict::Allowed);
        // The permit holds the creditor's second place on every case of it, and none of the other creditor's.
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "d2").await, Verdict::Allowed);
        record(&mut mine, vec![call("c", "d2", 0)]).await;
        assert_eq!(verdict(&mut mine, "d1").await, Verdict::NotPermitted);
        release(&mut mine, "p1").await.expect("released");
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::Allowed);
        // About both creditors' debts, told with the first of them: on another case of the second it may count.
        let mut both = call("both", "c1", 0);
        both.case_ids.push("d1".to_owned());
        record(&mut mine, vec![both]).await;
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "d1").await, Verdict::NotPermitted);
        api.end().await;
    }
);

on_both_databases!(
    async fn the_first_conversation_with_a_creditors_debtor_may_be_long_ago_and_told_late(database: Database) {
        let (clock, _) = Clock::manual(at(0));
        let api = Api::start_at(&database, &[], clock).await;
        api.change_rule("mine", &format!("{}exclude = [\"before_conversation\"]\n", rule("creditor")));
        let mut mine = api.platform("mine").await;
        let of = |case| Of { case, person: "p", household: "", collector: "" };
        open(&mut mine, &[of("c1"), of("c2")]).await;
        let unanswered = |id: &str, case: &str, day: i64| {
            let mut call = call(id, case, day);
            if let Some(v1::activity::Detail::Contact(contact)) = &mut call.detail {
                contact.outcome = v1::Outcome::NoAnswer.into();
            }
            call
        };
        record(&mut mine, vec![unanswered("a", "c1", -3), unanswered("b", "c2", -2), unanswered("c", "c1", -1)]).await;
        // Nobody was spoken to: nothing is counted.
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::Allowed);
        let mut talk = call("talk", "c2", -400);
        if let Some(v1::activity::Detail::Contact(contact)) = &mut talk.detail {
            contact.outcome = v1::Outcome::RightPartyNoCommitment.into();
        }
        record(&mut mine, vec![talk]).await;
        assert_eq!(verdict(&mut mine, "c2").await, Verdict::NotPermitted);
        assert_eq!(verdict(&mut mine, "c1").await, Verdict::NotPermitted);
        let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let findings = mine.compliance.list_findings(list).await.expect("findings").into_inner().findings;
        let house = findings.into_iter().filter(|one| one.rule_id == "tenant-house-calls");
        assert_eq!(house.map(|one| one.activity_id).collect::<Vec<_>>(), ["c"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn a_late_contact_counts_with_the_household_of_another_case(database: Database) {
        let (api, mut mine) = server(&database, "household").await;
        let of = |case, person, household| Of { case, person, household, collector: "" };
        open(&mut mine, &[of("c1", "p", "alone"), of("c2", "q", "h"), of("c3", "p", "h")]).await;
        record(&mut mine, vec![call("other", "c2", -2), call("last", "c3", -1)]).await;
        let list = v1::ListFindingsRequest { region_code: "IT".to_owned(), ..Default::default() };
        let found = async |mine: &mut Clients| {
            let findings = mine.compliance.list_findings(list.clone()).await.expect("findings").into_inner().findings;
            let house = findings.into_iter().filter(|one| one.rule_id == "tenant-house-calls");
            house.map(|one| one.activity_id).collect::<Vec<_>>()
        };
        assert_eq!(found(&mut mine).await, Vec::<String>::new());
        // On a case that states another household, told afterwards: with the other's call it makes the last one the third.
        record(&mut mine, vec![call("late", "c1", -3)]).await;
        assert_eq!(found(&mut mine).await, ["last"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn what_is_planned_is_explained_as_it_is_checked(database: Database) {
        let (api, mut mine) = server(&database, "household").await;
        let of = |case, person, household| Of { case, person, household, collector: "" };
        open(&mut mine, &[of("c1", "p", "h"), of("c2", "q", "h")]).await;
        record(&mut mine, vec![call("made", "c1", 0)]).await;
        for (held, verdict) in [(false, Verdict::Allowed), (true, Verdict::NotPermitted)] {
            if held {
                // The other one of the household has the last place, later today.
                let mut wish = wish("c2", "w");
                wish.contact_time = stamp(0).map(|now| prost_types::Timestamp { seconds: now.seconds + 60, ..now });
                assert_eq!(ask(&mut mine, wish).await.expect("an answer").verdict(), Verdict::Allowed);
            }
            let checked = ask(&mut mine, question("c1")).await.expect("an answer");
            let asked = question("c1");
            let planned =
                v1::ContactCheck { case_id: asked.case_id, contact: asked.contact, ..v1::ContactCheck::default() };
            let request = v1::ExplainRequest {
                region_code: "IT".to_owned(),
                subject: Some(v1::explain_request::Subject::Contact(planned)),
                ..v1::ExplainRequest::default()
            };
            let told = mine.compliance.explain(request).await.expect("an explanation").into_inner();
            let told = told.explanation.expect("an explanation");
            assert_eq!((checked.verdict(), told.verdict()), (verdict, verdict), "{told:?}");
            let check = v1::AnsweredCheck { check_id: checked.check_id.clone(), revision: checked.revision };
            let request = v1::ExplainRequest {
                region_code: "IT".to_owned(),
                subject: Some(v1::explain_request::Subject::Check(check)),
                ..v1::ExplainRequest::default()
            };
            let answered = mine.compliance.explain(request).await.expect("an explanation").into_inner();
            let answered = answered.explanation.expect("an explanation");
            assert_eq!((answered.verdict(), answered.agreement()), (verdict, v1::Agreement::Same), "{answered:?}");
            let house = |rule: &&v1::Speaking| rule.rule_id == "tenant-house-calls";
            let by_check = checked.rules.iter().find(house).expect("the house rule speaks");
            let by_trace = told.rules.iter().filter_map(|rule| rule.speaking.as_ref()).find(house).expect("it speaks");
            assert_eq!((by_check.answer, &by_check.observation), (by_trace.answer, &by_trace.observation));
        }
        api.end().await;
    }
);

fn rounds() -> usize {
    std::env::var("FAIRDUE_PERMIT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

fn granted(answer: &Result<v1::CheckContactResponse, Status>) -> bool {
    answer.as_ref().expect("an answer, not an error").permit.is_some()
}

/// More wishes at the same instant than places are left, on different cases of one household or one company.
async fn no_more_than_places(per: &str) {
    let database = Database::fresh(Backend::Postgres).await;
    let (one, mut here) = server(&database, per).await;
    let (other, there) = server(&database, per).await;
    for round in 0..rounds() {
        let (key, person) = (format!("h{round}"), format!("p{round}"));
        let names: Vec<[String; 2]> =
            (0..=PLACES).map(|number| [format!("c{round} {number}"), format!("p{round} {number}")]).collect();
        let of = |[case, own]: &'_ [String; 2]| {
            (case.clone(), if per == "household" { own.clone() } else { person.clone() })
        };
        let named: Vec<(String, String)> = names.iter().map(of).collect();
        let cases: Vec<Of<'_>> =
            named.iter().map(|(case, person)| Of { case, person, household: &key, collector: &key }).collect();
        open(&mut here, &cases).await;
        let made = round % 3 == 1;
        if made {
            record(&mut here, vec![call(&format!("made {round}"), &named[0].0, 0)]).await;
        }
        let wishes: Vec<_> = named
            .iter()
            .enumerate()
            .map(|(number, (case, _))| {
                let clients = if (number + round) % 2 == 0 { &here } else { &there };
                let (mut compliance, wish) = (clients.compliance.clone(), wish(case, &format!("w{round} {number}")));
                tokio::spawn(async move { compliance.check_contact(wish).await.map(tonic::Response::into_inner) })
            })
            .collect();
        let mut held = 0;
        for wish in wishes {
            held += usize::from(granted(&wish.await.expect("a caller")));
        }
        assert_eq!(held, PLACES - usize::from(made), "round {round}");
    }
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_permits_than_places_are_left_for_a_household() {
    no_more_than_places("household").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_permits_than_places_are_left_for_a_creditor() {
    no_more_than_places("creditor").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_permits_than_places_are_left_for_a_collector() {
    no_more_than_places("collector").await;
}

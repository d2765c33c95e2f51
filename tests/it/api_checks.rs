//! Contact checks by the batch and on streams: what single checks say, by index, with what is wrong beside what is right;
//! and checks of the past, which know what had happened by then.

use std::time::Duration;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::support::api::{Api, Clients};
use crate::support::database::{Backend, Database, on_both_databases};
use crate::support::wire::{call, case, fields, reason, stamp};

/// A resident of the United States with two cases, on the second of which he was called three times by a machine.
pub(crate) async fn filled(api: &Api) -> Clients {
    let mut mine = api.platform("mine").await;
    let cases = ["c1", "c2"]
        .map(|id| {
            let mut case = case(id, "bank");
            case.currency_code = "USD".to_owned();
            for money in case.claims.iter_mut().flat_map(|claim| &mut claim.principal) {
                money.currency_code = "USD".to_owned();
            }
            for party in &mut case.parties {
                party.person_id = "p".to_owned();
                party.residences[0].region_code = "US".to_owned();
                party.residences[0].subdivision_code = "TX".to_owned();
                party.time_zones[0].time_zone = "America/Chicago".to_owned();
            }
            case
        })
        .to_vec();
    let cases = v1::BatchUpsertCasesRequest { region_code: "US".to_owned(), cases };
    let stored = mine.cases.batch_upsert_cases(cases).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    let activities = (1..=3)
        .map(|day| {
            let mut call = call(&format!("a{day}"), "c2", day);
            call.person_id = "p".to_owned();
            if let Some(v1::activity::Detail::Contact(contact)) = &mut call.detail {
                contact.technology = v1::Technology::Prerecorded.into();
                contact.place = v1::Place::Home.into();
                contact.outcome = v1::Outcome::NoAnswer.into();
            }
            call
        })
        .collect();
    let batch = v1::BatchRecordActivitiesRequest { region_code: "US".to_owned(), activities };
    let stored = mine.activities.batch_record_activities(batch).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|result| result.status() == v1::WriteStatus::Created), "{stored:?}");
    mine
}

/// Another call by a machine.
pub(crate) fn check(case: &str, time: Option<prost_types::Timestamp>) -> v1::ContactCheck {
    v1::ContactCheck {
        case_id: case.to_owned(),
        contact_time: time,
        contact: Some(v1::Contact {
            channel: v1::Channel::Call.into(),
            technology: v1::Technology::Prerecorded.into(),
            place: v1::Place::Home.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn single(check: v1::ContactCheck, view: v1::CheckView) -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        region_code: "US".to_owned(),
        case_id: check.case_id,
        contact_time: check.contact_time,
        contact: check.contact,
        view: view.into(),
        ..Default::default()
    }
}

pub(crate) fn batch(checks: Vec<v1::ContactCheck>, view: v1::CheckView) -> v1::BatchCheckContactsRequest {
    v1::BatchCheckContactsRequest { region_code: "US".to_owned(), checks, view: view.into() }
}

fn message(sequence: i64, checks: Vec<v1::ContactCheck>) -> v1::StreamContactChecksRequest {
    v1::StreamContactChecksRequest { sequence, region_code: "US".to_owned(), checks, view: 0 }
}

fn rule<'a>(rules: &'a [v1::Speaking], id: &str) -> &'a v1::Speaking {
    rules.iter().find(|one| one.rule_id == id).unwrap_or_else(|| panic!("{id} does not speak: {rules:?}"))
}

pub(crate) const MACHINES: &str = "us-tcpa-residential-prerecorded";

on_both_databases!(
    async fn a_batch_answers_each_check_as_if_it_came_alone(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let mut unreadable = check("c1", stamp(4));
        unreadable.contact = Some(v1::Contact { channel: 99, ..Default::default() });
        unreadable.person_id = "\u{7}".to_owned();
        let checks = vec![check("c1", stamp(4)), unreadable, check("none", stamp(4)), check("c2", stamp(9))];
        let checker = api.key("mine", &[Role::Checker], &[]).await;
        let mut checker = api.clients(&checker).compliance;
        for view in [v1::CheckView::Basic, v1::CheckView::Full, v1::CheckView::Verdict] {
            let answer =
                checker.batch_check_contacts(batch(checks.clone(), view)).await.expect("an answer").into_inner();
            assert_eq!(answer.results.len(), 4);
            for index in [0, 3] {
                let result = &answer.results[index];
                assert!(result.refusal.is_none());
                let alone = mine.compliance.check_contact(single(checks[index].clone(), view)).await;
                let alone = alone.expect("an answer").into_inner();
                assert_eq!((result.verdict, &result.rules), (alone.verdict, &alone.rules), "{view:?}");
                assert_eq!((result.contact_time, result.next_allow_time), (alone.contact_time, alone.next_allow_time));
                assert_eq!(answer.rules_digest, alone.rules_digest);
                assert_ne!(result.check_id, alone.check_id);
            }
            let bad = answer.results[1].refusal.as_ref().expect("refused");
            let named: Vec<&str> = bad.field_violations.iter().map(|violation| violation.field.as_str()).collect();
            assert_eq!(
                (bad.reason.as_str(), named),
                ("INVALID_FIELD", vec!["checks[1].person_id", "checks[1].contact.channel"])
            );
            let unknown = answer.results[2].refusal.as_ref().expect("refused");
            assert_eq!(
                (unknown.reason.as_str(), unknown.field_violations[0].field.as_str()),
                ("NOT_FOUND", "checks[2].case_id")
            );
            assert_eq!(answer.results[2].verdict(), v1::Verdict::Unspecified);
            let spoken = rule(&answer.results[0].rules, MACHINES);
            assert_eq!(spoken.answer(), v1::Answer::Broken, "three calls about the other case count");
            let (told, seen) = (!spoken.citation.is_empty() && !spoken.text.is_empty(), spoken.observation.is_some());
            assert_eq!(told, view == v1::CheckView::Full);
            assert_eq!(seen, view != v1::CheckView::Verdict);
        }

        let empty = checker.batch_check_contacts(batch(vec![], v1::CheckView::Basic)).await.expect_err("empty");
        assert_eq!(fields(&empty), ["checks"]);
        let many = vec![check("c1", None); 5_001];
        let many = checker.batch_check_contacts(batch(many, v1::CheckView::Basic)).await.expect_err("too many");
        assert_eq!(reason(&many), "BATCH_TOO_LARGE");
        let mut strange = batch(checks.clone(), v1::CheckView::Basic);
        strange.view = 9;
        assert_eq!(fields(&checker.batch_check_contacts(strange).await.expect_err("no view")), ["view"]);
        api.end().await;
    }
);

on_both_databases!(
    async fn every_answered_check_is_on_record(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let checks = vec![check("c1", stamp(4)), check("none", None), check("c2", None)];
        let answer = mine.compliance.batch_check_contacts(batch(checks, v1::CheckView::Verdict)).await;
        let answer = answer.expect("an answer").into_inner();
        let alone = mine.compliance.check_contact(single(check("c2", None), v1::CheckView::Verdict)).await;
        let alone = alone.expect("an answer").into_inner();
        let lines = api.logged("mine", "us").await;
        let logged: Vec<(String, String, Option<String>)> = lines
            .iter()
            .flat_map(|line| line.checks.iter().map(|one| (format!("{}-{:x}", line.head.run, one.number), one)))
            .map(|(id, one)| (id, one.case.clone(), one.person.clone()))
            .collect();
        let person = || Some("p".to_owned());
        let expected = [
            (answer.results[0].check_id.clone(), "c1".to_owned(), person()),
            (answer.results[2].check_id.clone(), "c2".to_owned(), person()),
            (alone.check_id.clone(), "c2".to_owned(), person()),
        ];
        assert_eq!(logged, expected);
        assert!(lines.iter().all(|line| line.head.digest == answer.rules_digest));
        let first = &lines[0].checks[0];
        assert!(first.at.is_some() && first.rules.iter().any(|id| id == MACHINES), "{first:?}");
        assert!(api.logged("theirs", "us").await.is_empty());
        api.end().await;
    }
);

on_both_databases!(
    async fn a_check_of_the_past_knows_what_had_happened_by_then_on_every_case(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        // Noon of day N is before the third call of day 3 only up to day 2; the case asked about has no calls at all.
        for (day, seen, answer) in [(0, 1, v1::Answer::Kept), (2, 3, v1::Answer::Kept), (4, 4, v1::Answer::Broken)] {
            let request = single(check("c1", stamp(day)), v1::CheckView::Basic);
            let found = mine.compliance.check_contact(request).await.expect("an answer").into_inner();
            let spoken = rule(&found.rules, MACHINES);
            let observed = spoken.observation.as_ref().and_then(|one| one.observed);
            assert_eq!((observed, spoken.answer()), (Some(seen), answer), "day {day}");
        }
        // The same of the case that was called: its own later facts are not looked at either.
        let found = mine.compliance.check_contact(single(check("c2", stamp(2)), v1::CheckView::Basic)).await;
        let spoken = rule(&found.expect("an answer").into_inner().rules, MACHINES).clone();
        assert_eq!(spoken.observation.and_then(|one| one.observed), Some(3));
        api.end().await;
    }
);

on_both_databases!(
    async fn a_stream_answers_message_by_message_in_order(database: Database) {
        let first = Api::start(&database).await;
        drop(filled(&first).await);
        first.end().await;
        // A server that has nothing in memory yet.
        let api = Api::start(&database).await;
        let mut mine = api.platform("mine").await;
        let messages: Vec<_> = (0..20)
            .map(|n| message(700 - n, vec![check("c1", stamp(4)), check("none", stamp(4)), check("c2", stamp(4))]))
            .collect();
        let answers = mine.compliance.stream_contact_checks(futures::stream::iter(messages)).await;
        let mut answers = answers.expect("a stream").into_inner();
        for n in 0..20 {
            let answer = answers.message().await.expect("no failure").expect("an answer");
            assert_eq!((answer.sequence, answer.results.len()), (700 - n, 3));
            let refused: Vec<bool> = answer.results.iter().map(|result| result.refusal.is_some()).collect();
            assert_eq!(refused, [false, true, false]);
            assert_eq!(rule(&answer.results[0].rules, MACHINES).answer(), v1::Answer::Broken);
        }
        assert!(answers.message().await.expect("no failure").is_none(), "the stream ends");
        assert_eq!(api.logged("mine", "us").await.iter().map(|line| line.checks.len()).sum::<usize>(), 40);
        api.end().await;
    }
);

#[tokio::test]
async fn a_stream_ends_with_a_message_that_fails_and_waits_only_so_long_for_the_next() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("grpc.stream_idle_seconds", "1")]).await;
    let mut mine = filled(&api).await;
    let elsewhere =
        v1::StreamContactChecksRequest { region_code: "FR".to_owned(), ..message(2, vec![check("c1", None)]) };
    for (bad, expected) in [(elsewhere, "MARKET_UNKNOWN"), (message(2, vec![]), "INVALID_FIELD")] {
        let messages = vec![message(1, vec![check("c1", None)]), bad, message(3, vec![check("c1", None)])];
        let answers = mine.compliance.stream_contact_checks(futures::stream::iter(messages)).await;
        let mut answers = answers.expect("a stream").into_inner();
        assert_eq!(answers.message().await.expect("no failure").expect("an answer").sequence, 1);
        let status = answers.message().await.expect_err("the stream fails");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, expected));
    }
    let (send, receive) = mpsc::channel(4);
    let mut answers =
        mine.compliance.stream_contact_checks(ReceiverStream::new(receive)).await.expect("a stream").into_inner();
    for sequence in 1..=3 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        send.send(message(sequence, vec![check("c1", None)])).await.expect("sent");
        assert_eq!(answers.message().await.expect("no failure").expect("an answer").sequence, sequence);
    }
    let status = answers.message().await.expect_err("nothing came");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STREAM_IDLE"));
    api.end().await;
}

#[tokio::test]
async fn a_full_log_refuses_single_checks_and_holds_streams_back() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start_with(&database, &[("advice.check_log_queue", "2")]).await;
    let mut mine = filled(&api).await;
    let mut refused = 0;
    for _ in 0..20 {
        if let Err(status) = mine.compliance.check_contact(single(check("c1", None), v1::CheckView::Verdict)).await {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "OVERLOADED"));
            refused += 1;
        }
    }
    assert!(refused > 0, "a log of two places was never full");
    let messages: Vec<_> = (0..6).map(|n| message(n, vec![check("c1", None), check("c2", None)])).collect();
    let answers = mine.compliance.stream_contact_checks(futures::stream::iter(messages)).await;
    let mut answers = answers.expect("a stream").into_inner();
    for sequence in 0..6 {
        assert_eq!(answers.message().await.expect("no failure").expect("an answer").sequence, sequence);
    }
    let logged: usize = api.logged("mine", "us").await.iter().map(|line| line.checks.len()).sum();
    assert_eq!(logged, 20 - refused + 12);
    api.end().await;
}

/// The case of somebody who lives where these say.
async fn resident(mine: &mut Clients, id: &str, currency: &str, (region, subdivision, locality): (&str, &str, &str)) {
    let mut case = case(id, "bank");
    case.currency_code = currency.to_owned();
    for money in case.claims.iter_mut().flat_map(|claim| &mut claim.principal) {
        money.currency_code = currency.to_owned();
    }
    if let Some(identity) = &mut case.identity {
        identity.collector_role = v1::CollectorRole::Agency.into();
    }
    let debt_class = v1::DebtClass::Consumer.into();
    case.legal_class = Some(v1::LegalClass { debt_class, ..Default::default() });
    for party in &mut case.parties {
        party.person_id = format!("person of {id}");
        party.time_zones.clear();
        party.residences[0].region_code = region.to_owned();
        party.residences[0].subdivision_code = subdivision.to_owned();
        party.residences[0].locality_code = locality.to_owned();
    }
    let request = v1::UpsertCaseRequest { region_code: region.to_owned(), case: Some(case) };
    mine.cases.upsert_case(request).await.expect("stored");
}

/// What a check of a call at five in the morning in New York says of a case.
async fn of_call(mine: &mut Clients, region: &str, id: &str) -> v1::CheckContactResponse {
    let request = v1::CheckContactRequest {
        region_code: region.to_owned(),
        case_id: id.to_owned(),
        contact_time: Some(prost_types::Timestamp { seconds: 1_792_573_200, nanos: 0 }), // 2026-10-21T09:00:00Z
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        ..Default::default()
    };
    mine.compliance.check_contact(request).await.expect("an answer").into_inner()
}

/// Whoever is told to state what is stated already looks for the mistake in the wrong place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_city_whose_state_is_known_the_city_is_missing() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    for (id, place, missing) in [
        ("country", ("US", "", ""), vec!["subdivision"]),
        ("state", ("US", "NY", ""), vec!["locality"]),
        ("city", ("US", "NY", "nyc"), vec![]),
    ] {
        resident(&mut mine, id, "USD", place).await;
        let answer = of_call(&mut mine, "US", id).await;
        let places: Vec<&str> = answer.missing.iter().map(String::as_str).collect();
        let places: Vec<&str> = places.into_iter().filter(|one| ["subdivision", "locality"].contains(one)).collect();
        assert_eq!(places, missing, "{id}: {answer:?}");
        let city = answer.rules.iter().any(|rule| rule.jurisdiction_id == "us-ny-nyc");
        assert!(city, "the city's rules speak: {answer:?}");
    }
    api.end().await;
}

/// A licence that is declared and does not serve is not told to be missing: there is something to correct.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_licence_does_not_serve_is_told() {
    let database = Database::fresh(Backend::Sqlite).await;
    let api = Api::start(&database).await;
    let mut mine = api.platform("mine").await;
    resident(&mut mine, "se", "SEK", ("SE", "", "")).await;
    resident(&mut mine, "tx", "USD", ("US", "TX", "")).await;
    let licence =
        |of: &str, rest: &str| format!("[[facts.licence]]\njurisdiction = \"{of}\"\nnumber = \"1\"\n{rest}\n");
    for (region, rule, declared, note) in [
        ("SE", "se-licence", String::new(), "no licence is declared"),
        ("SE", "se-licence", licence("de", "from = 2020-01-01"), "no licence is declared"),
        ("SE", "se-licence", licence("se", "from = 2027-01-01"), "the licence declared does not hold on this day"),
        ("SE", "se-licence", licence("se", "from = 2010-01-01"), "the licence declared is older than it may become"),
        ("SE", "se-licence", licence("se", "from = 2020-01-01"), ""),
        ("US", "us-tx-bond", licence("us-tx", "from = 2020-01-01"), "the licence declared is of another kind"),
        ("US", "us-tx-bond", licence("us-tx", "licence = \"surety_bond\"\nfrom = 2020-01-01"), ""),
    ] {
        let markets = ["se", "us"].map(|id| {
            let (zone, currency) = if id == "se" { ("Europe/Stockholm", "SEK") } else { ("America/New_York", "USD") };
            format!("[markets.{id}]\nzone = \"{zone}\"\ncurrency = \"{currency}\"\npromise_grace_days = 3\n")
        });
        api.configure("tenants/mine.toml", &format!("tenant = \"mine\"\n{}{declared}", markets.concat()));
        api.reload();
        let answer = of_call(&mut mine, region, if region == "SE" { "se" } else { "tx" }).await;
        let said = answer.rules.iter().find(|one| one.rule_id == rule).expect("the rule speaks");
        let wanted = if note.is_empty() { v1::Answer::Kept } else { v1::Answer::Broken };
        assert_eq!(said.answer(), wanted, "{declared}: {said:?}");
        let told = said.observation.as_ref().map(|seen| seen.note.clone()).unwrap_or_default();
        assert_eq!(told, note, "{declared}");
    }
    api.end().await;
}

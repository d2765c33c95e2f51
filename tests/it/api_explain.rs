//! Explanations: what a check answered and a finding found, opened into every rule considered, in the language asked for.

use std::collections::BTreeSet;

use fairdue::domain::principal::Role;
use fairdue::proto::v1;
use fairdue::proto::v1::explain_request::Subject;
use tonic::Code;

use crate::api_checks::{MACHINES, check, filled, single};
use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{call, fields, reason, stamp};

const LANGUAGES: [&str; 6] = ["da", "de", "en", "es", "fr", "sv"];

fn request(subject: Subject, languages: &[&str]) -> v1::ExplainRequest {
    v1::ExplainRequest {
        region_code: "US".to_owned(),
        subject: Some(subject),
        language_codes: languages.iter().map(|one| (*one).to_owned()).collect(),
        omit_silent_rules: false,
    }
}

async fn explained(mine: &mut Clients, subject: Subject, languages: &[&str]) -> v1::Explanation {
    let answer = mine.compliance.explain(request(subject, languages)).await.expect("an explanation").into_inner();
    assert!(!answer.rules_digest.is_empty() && answer.revision > 0);
    let explanation = answer.explanation.expect("an explanation");
    for rule in &explanation.rules {
        let sentence = rule.sentence.as_ref().expect("a sentence");
        assert_eq!(sentence.language_code, explanation.language_code);
        assert!(!sentence.text.is_empty() && !sentence.text.contains(['{', '[']), "{rule:?}");
        assert_eq!(rule.speaking.is_some(), rule.silence() == v1::Silence::Unspecified, "{rule:?}");
    }
    assert_eq!(explanation.untranslated_words, Vec::<String>::new());
    explanation
}

fn trace<'a>(explanation: &'a v1::Explanation, id: &str) -> &'a v1::RuleTrace {
    let of_rule = |one: &&v1::RuleTrace| one.rule.as_ref().is_some_and(|rule| rule.rule_id == id);
    explanation.rules.iter().find(of_rule).unwrap_or_else(|| panic!("{id} was not considered"))
}

fn text(text: Option<&v1::LocalizedText>) -> &str {
    text.map(|one| one.text.as_str()).unwrap_or_default()
}

pub(crate) async fn record(mine: &mut Clients, activities: Vec<v1::Activity>) {
    let batch = v1::BatchRecordActivitiesRequest { region_code: "US".to_owned(), activities };
    let stored = mine.activities.batch_record_activities(batch).await.expect("stored").into_inner();
    assert!(stored.results.iter().all(|one| one.status() == v1::WriteStatus::Created), "{stored:?}");
}

async fn void(mine: &mut Clients, target: &str) {
    let void = v1::VoidActivityRequest {
        region_code: "US".to_owned(),
        target_activity_id: target.to_owned(),
        void_activity_id: format!("void of {target}"),
        void_time: stamp(9),
        reason: String::new(),
    };
    mine.activities.void_activity(void).await.expect("voided");
}

/// Another call by a machine that nobody answered.
pub(crate) fn machine(id: &str, day: i64) -> v1::Activity {
    let mut call = call(id, "c2", day);
    call.person_id = "p".to_owned();
    if let Some(v1::activity::Detail::Contact(contact)) = &mut call.detail {
        contact.technology = v1::Technology::Prerecorded.into();
        contact.place = v1::Place::Home.into();
        contact.outcome = v1::Outcome::NoAnswer.into();
    }
    call
}

fn answered(check_id: &str, revision: i64) -> Subject {
    Subject::Check(v1::AnsweredCheck { check_id: check_id.to_owned(), revision })
}

on_both_databases!(
    async fn a_planned_contact_is_opened_into_every_rule_considered(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let checked = mine.compliance.check_contact(single(check("c1", stamp(4)), v1::CheckView::Full)).await;
        let checked = checked.expect("an answer").into_inner();
        let logged = api.logged("mine", "us").await;
        let asked = || Subject::Contact(check("c1", stamp(4)));
        let told = explained(&mut mine, asked(), &["de-AT", "fr"]).await;
        assert_eq!((told.language_code.as_str(), told.language_fallback), ("de", false));
        assert_eq!((told.verdict, told.next_allow_time), (checked.verdict, checked.next_allow_time));
        assert_eq!(told.time_zone, "America/Chicago");
        assert_eq!(told.agreement(), v1::Agreement::Unspecified);
        let summary = text(told.summary.as_ref());
        assert!(summary.contains("(Anruf)") && summary.contains("America/Chicago, UTC\u{2212}05:00"), "{summary}");

        let machines = trace(&told, MACHINES);
        let speaking = machines.speaking.as_ref().expect("it speaks");
        let spoken = checked.rules.iter().find(|one| one.rule_id == MACHINES).expect("it speaks");
        assert_eq!((speaking.answer, &speaking.observation), (spoken.answer, &spoken.observation));
        assert_eq!(speaking.evidence_activity_ids, spoken.evidence_activity_ids);
        let sentence = text(machines.sentence.as_ref());
        assert!(sentence.contains("4 Kontaktversuche") && sentence.contains("höchstens 3"), "{sentence}");
        let limits: BTreeSet<(&str, &str)> =
            machines.limits.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
        assert!(limits.contains(&("max", "3")), "{limits:?}");
        let facts: Vec<&str> = told.facts.iter().map(|fact| fact.activity_id.as_str()).collect();
        assert_eq!(facts, ["a1", "a2", "a3"]);
        assert!(told.facts.iter().all(|fact| fact.kind == "contact" && fact.revision > 0));

        // Everything that spoke in the check speaks here, and what is silent says why.
        let speaking: BTreeSet<&str> =
            told.rules.iter().filter_map(|one| one.speaking.as_ref()).map(|one| one.rule_id.as_str()).collect();
        assert_eq!(speaking, checked.rules.iter().map(|one| one.rule_id.as_str()).collect());
        let silent: BTreeSet<v1::Silence> =
            told.rules.iter().filter(|one| one.speaking.is_none()).map(v1::RuleTrace::silence).collect();
        assert!(silent.contains(&v1::Silence::OtherActivity), "{silent:?}");
        assert!(silent.len() > 2, "{silent:?}");

        let loud = v1::ExplainRequest { omit_silent_rules: true, ..request(asked(), &["fi", "nl-BE"]) };
        let loud = mine.compliance.explain(loud).await.expect("an explanation").into_inner().explanation;
        let loud = loud.expect("an explanation");
        assert_eq!(loud.rules.len(), speaking.len());
        assert_eq!((loud.language_code.as_str(), loud.language_fallback), ("en", true), "declared, not silent");
        assert_eq!(api.logged("mine", "us").await, logged, "an explanation is no check");
        api.end().await;
    }
);

on_both_databases!(
    async fn an_answered_check_is_opened_as_it_was_answered(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        void(&mut mine, "a1").await;
        let mut asked = check("c1", stamp(4));
        asked.person_role = v1::PartyRole::Primary.into();
        if let Some(contact) = &mut asked.contact {
            contact.content_items = vec!["opt_out".to_owned()];
        }
        let checked = v1::CheckContactRequest { person_role: asked.person_role, ..single(asked, v1::CheckView::Full) };
        let checked = mine.compliance.check_contact(checked).await.expect("an answer").into_inner();
        let seen = |rules: &[v1::Speaking]| {
            let machines = rules.iter().find(|one| one.rule_id == MACHINES);
            machines.and_then(|one| one.observation.as_ref()).and_then(|one| one.observed)
        };
        assert_eq!(seen(&checked.rules), Some(3), "two calls stand, and the one asked about");

        // Later another call becomes known, and one of those that counted is taken back.
        record(&mut mine, vec![machine("late 1", 1), machine("late 2", 2)]).await;
        void(&mut mine, "a2").await;
        let told = explained(&mut mine, answered(&checked.check_id, checked.revision), &["sv"]).await;
        assert_eq!((told.verdict, told.next_allow_time), (checked.verdict, checked.next_allow_time));
        assert_eq!(told.agreement(), v1::Agreement::Same);
        let rules: Vec<v1::Speaking> = told.rules.iter().filter_map(|one| one.speaking.clone()).collect();
        assert_eq!(seen(&rules), Some(3), "as it was known then");
        let recorded = told.recorded.as_ref().expect("it is on record");
        assert_eq!((recorded.verdict, recorded.revision), (checked.verdict, checked.revision));
        assert_eq!(recorded.rules_digest, checked.rules_digest);
        let anew = explained(&mut mine, Subject::Contact(check("c1", stamp(4))), &[]).await;
        let rules: Vec<v1::Speaking> = anew.rules.iter().filter_map(|one| one.speaking.clone()).collect();
        assert_eq!(seen(&rules), Some(4), "as it is known now");

        // A charge keeps all that was asked of it.
        let charge = v1::Charge {
            step: v1::ChargeStep::Reminder.into(),
            amount: Some(fairdue::proto::google::r#type::Money {
                currency_code: "USD".to_owned(),
                units: 12,
                nanos: 500_000_000,
            }),
            ..Default::default()
        };
        let planned = v1::CheckChargeRequest {
            region_code: "US".to_owned(),
            case_id: "c1".to_owned(),
            charge_time: stamp(5),
            charge: Some(charge),
            ..Default::default()
        };
        let charged = mine.compliance.check_charge(planned).await.expect("an answer").into_inner();
        let told = explained(&mut mine, answered(&charged.check_id, charged.revision), &["fr"]).await;
        assert_eq!((told.verdict, told.agreement()), (charged.verdict, v1::Agreement::Same));
        assert!(text(told.summary.as_ref()).contains("12,50\u{a0}USD"), "{:?}", told.summary);
        api.end().await;
    }
);

on_both_databases!(
    async fn findings_are_opened_in_every_language_and_say_whether_they_still_follow(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        record(&mut mine, vec![machine("a4", 4)]).await;
        let mut spoken = call("talk", "c1", 5);
        spoken.person_id = "p".to_owned();
        if let Some(v1::activity::Detail::Contact(contact)) = &mut spoken.detail {
            contact.outcome = v1::Outcome::RightPartyNoCommitment.into();
        }
        record(&mut mine, vec![spoken]).await;
        let list = v1::ListFindingsRequest { region_code: "US".to_owned(), ..Default::default() };
        let findings = mine.compliance.list_findings(list.clone()).await.expect("findings").into_inner().findings;
        let of = |rule: &str| findings.iter().find(|one| one.rule_id == rule).cloned();
        let machines = of(MACHINES).unwrap_or_else(|| panic!("no finding of {MACHINES}: {findings:?}"));
        let mut sentences = BTreeSet::new();
        for language in LANGUAGES {
            let told = explained(&mut mine, Subject::FindingId(machines.finding_id.clone()), &[language]).await;
            assert_eq!((told.language_code.as_str(), told.language_fallback), (language, false));
            assert_eq!(told.agreement(), v1::Agreement::Same);
            assert_eq!(told.finding.as_ref(), Some(&machines));
            let first = told.rules.first().expect("rules");
            assert_eq!(first.rule.as_ref().map(|rule| rule.rule_id.as_str()), Some(MACHINES));
            assert!(told.facts.iter().map(|fact| &fact.activity_id).eq(&machines.evidence_activity_ids));
            sentences.insert(text(first.sentence.as_ref()).to_owned());
        }
        assert_eq!(sentences.len(), LANGUAGES.len(), "{sentences:?}");

        // A term that ran out: the notice that the conversation called for.
        let omitted = findings.iter().find(|one| one.omission).unwrap_or_else(|| panic!("no omission: {findings:?}"));
        let told = explained(&mut mine, Subject::FindingId(omitted.finding_id.clone()), &["de"]).await;
        let sentence = text(told.rules.first().and_then(|one| one.sentence.as_ref())).to_owned();
        assert!(sentence.contains("war bis zum ") && sentence.contains(" 2024"), "{sentence}");
        assert_eq!(told.judge_time, omitted.breach_time);
        let subject = Subject::FindingId(omitted.finding_id.clone());
        let loud = v1::ExplainRequest { omit_silent_rules: true, ..request(subject, &["de"]) };
        let loud = mine.compliance.explain(loud).await.expect("opened").into_inner().explanation.expect("it");
        assert_eq!(text(trace(&loud, &omitted.rule_id).sentence.as_ref()), sentence);

        // What counted is taken back: the finding no longer stands, and says so.
        void(&mut mine, "a1").await;
        let told = explained(&mut mine, Subject::FindingId(machines.finding_id.clone()), &["en"]).await;
        assert_eq!(told.finding.as_ref().map(v1::Finding::status), Some(v1::FindingStatus::Withdrawn));
        // Nothing follows any more, and nothing is said to.
        assert_eq!(told.agreement(), v1::Agreement::Same);
        assert!(text(told.summary.as_ref()).contains("no longer stands"), "{:?}", told.summary);
        let of_case = |case: &str| {
            Subject::Activity(v1::ActivityOfCase { activity_id: "a4".to_owned(), case_id: case.to_owned() })
        };
        let told = explained(&mut mine, of_case(""), &["en"]).await;
        let said = trace(&told, MACHINES).speaking.as_ref().map(v1::Speaking::answer);
        assert_eq!(said, Some(v1::Answer::Kept));
        assert!(text(told.summary.as_ref()).contains("Activity a4 on "), "{:?}", told.summary);
        let status = mine.compliance.explain(request(of_case("c1"), &[])).await.expect_err("another case");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
        api.end().await;
    }
);

on_both_databases!(
    async fn what_cannot_be_explained_is_refused_by_its_field(database: Database) {
        let api = Api::start(&database).await;
        let mut mine = filled(&api).await;
        let checked = mine.compliance.check_contact(single(check("c1", None), v1::CheckView::Verdict)).await;
        let checked = checked.expect("an answer").into_inner();
        let unknown = "00".repeat(16);
        let bare = |subject| request(subject, &[]);
        let of = |id: &str| {
            bare(Subject::Activity(v1::ActivityOfCase { activity_id: id.to_owned(), case_id: String::new() }))
        };
        let refused = [
            (v1::ExplainRequest { subject: None, ..bare(Subject::FindingId(unknown.clone())) }, "INVALID_FIELD", ""),
            (bare(Subject::FindingId("x".to_owned())), "INVALID_FIELD", "finding_id"),
            (request(Subject::FindingId(unknown.clone()), &["de_AT"]), "INVALID_FIELD", "language_codes[0]"),
            (request(Subject::FindingId(unknown.clone()), &["de"; 11]), "INVALID_FIELD", "language_codes"),
            (bare(answered("x", 1)), "INVALID_FIELD", "check.check_id"),
            (bare(answered(&checked.check_id, 0)), "INVALID_FIELD", "check.revision"),
            (bare(answered(&checked.check_id, i64::MAX)), "INVALID_FIELD", "check.revision"),
            (bare(answered(&checked.check_id, checked.revision + 1_000)), "INVALID_FIELD", "check.revision"),
            (bare(answered(&checked.check_id, checked.revision - 1)), "INVALID_FIELD", "check.revision"),
            (bare(answered("0123456789abcdef-1", 1)), "NOT_FOUND", ""),
            (bare(Subject::FindingId(unknown)), "NOT_FOUND", ""),
            (of("nothing"), "NOT_FOUND", ""),
            (of(""), "INVALID_FIELD", "activity.activity_id"),
            (bare(Subject::Contact(check("none", None))), "NOT_FOUND", ""),
            (bare(Subject::Contact(v1::ContactCheck::default())), "INVALID_FIELD", "contact.case_id"),
            (bare(Subject::Charge(v1::ChargeCheck::default())), "INVALID_FIELD", "charge.case_id"),
        ];
        for (request, expected, field) in refused {
            let status = mine.compliance.explain(request.clone()).await.expect_err("refused");
            assert_eq!(reason(&status), expected, "{request:?}: {status:?}");
            if !field.is_empty() {
                assert_eq!(fields(&status).first().map(String::as_str), Some(field), "{request:?}");
            }
        }
        void(&mut mine, "a1").await;
        let status = mine.compliance.explain(of("void of a1")).await.expect_err("of the whole market");
        assert_eq!(fields(&status), ["activity.activity_id"]);

        // Who may only check may ask about what is planned, and about nothing else.
        let checker = api.key("mine", &[Role::Checker], &[]).await;
        let mut checker = api.clients(&checker);
        explained(&mut checker, Subject::Contact(check("c1", None)), &[]).await;
        let status = checker.compliance.explain(bare(answered(&checked.check_id, 1))).await.expect_err("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
        let mut theirs = api.platform("theirs").await;
        let status = theirs.compliance.explain(bare(answered(&checked.check_id, 1))).await.expect_err("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
        api.end().await;
    }
);

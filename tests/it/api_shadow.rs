//! Shadow mode: a candidate counts what it would have said, and no answer is another for it.

use std::time::{Duration, Instant};

use fairdue::clock::Clock;
use fairdue::domain::principal::Role;
use fairdue::proto::v1;

use crate::api_checks::{MACHINES, check, filled, single};
use crate::api_simulate::machines;
use crate::permits::{ask, open, question, release, wish};
use crate::support::api::{Api, Clients, HOUSE_RULE, MARKETS};
use crate::support::database::on_both_databases;
use crate::support::wire::{at, reason, stamp};

async fn report(mine: &mut Clients, region: &str) -> v1::ShadowReport {
    let request = v1::GetShadowReportRequest { region_code: region.to_owned() };
    mine.compliance.get_shadow_report(request).await.expect("a report").into_inner()
}

/// The report once so many checks were judged.
async fn judged(mine: &mut Clients, region: &str, checks: i64) -> v1::ShadowReport {
    let since = Instant::now();
    loop {
        let told = report(mine, region).await;
        if told.judged_count == checks {
            return told;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both_databases!(
    async fn a_candidate_counts_what_it_would_have_said_and_changes_no_answer(database: Database) {
        let candidate = machines(9);
        let api = Api::start_shadowed(&database, &[(&candidate.path, &candidate.text)]).await;
        let mut mine = filled(&api).await;
        let empty = report(&mut mine, "US").await;
        assert_eq!((empty.judged_count, empty.start_time), (0, None));
        assert_ne!(empty.rules_digest, empty.candidate_digest);

        let mut answers = Vec::new();
        for (case, day) in [("c1", 4), ("c1", 4), ("c2", 2)] {
            let asked = single(check(case, stamp(day)), v1::CheckView::Full);
            answers.push(mine.compliance.check_contact(asked).await.expect("an answer").into_inner());
        }
        let machine = |answer: &v1::CheckContactResponse| {
            answer.rules.iter().find(|one| one.rule_id == MACHINES).map(v1::Speaking::answer)
        };
        let said: Vec<_> = answers.iter().map(machine).collect();
        use v1::Answer::{Broken, Kept};
        assert_eq!(said, [Some(Broken), Some(Broken), Some(Kept)], "the rules in force answer");
        assert!(answers.iter().all(|answer| answer.rules_digest == empty.rules_digest));

        let told = judged(&mut mine, "US", 3).await;
        assert_eq!((told.skipped_count, told.failed_count), (0, 0));
        assert_eq!(told.verdicts.iter().map(|pair| pair.count).sum::<i64>(), 3);
        let of_rule: Vec<_> = told.rules.iter().filter(|pair| pair.rule_id == MACHINES).collect();
        let [pair] = of_rule.as_slice() else { panic!("{told:?}") };
        assert_eq!((pair.in_force(), pair.candidate(), pair.count), (Broken, v1::Answer::Unspecified, 2));
        assert_eq!(told.rules.len(), 1, "nothing else is said otherwise");
        let differing = told.verdicts.iter().filter(|pair| pair.in_force != pair.candidate);
        assert_eq!(differing.map(|pair| pair.count).sum::<i64>(), i64::try_from(told.recent.len()).expect("few"));
        for recent in &told.recent {
            assert!(answers[..2].iter().any(|answer| answer.check_id == recent.check_id), "{recent:?}");
        }

        // What was said of it is the same as without a candidate.
        let checker = api.key("mine", &[Role::Checker], &[]).await;
        let refused = api.clients(&checker).compliance;
        let request = v1::GetShadowReportRequest { region_code: "US".to_owned() };
        let status = { refused }.get_shadow_report(request.clone()).await.expect_err("refused");
        assert_eq!(reason(&status), "ROLE_MISSING");
        let status = api.platform("theirs").await.compliance.get_shadow_report(request).await.expect_err("none");
        assert_eq!(reason(&status), "NOT_FOUND");
        api.end().await;

        let plain = Api::start(&database).await;
        let mut mine = plain.platform("mine").await;
        for (answer, (case, day)) in answers.iter().zip([("c1", 4), ("c1", 4), ("c2", 2)]) {
            let asked = single(check(case, stamp(day)), v1::CheckView::Full);
            let again = mine.compliance.check_contact(asked).await.expect("an answer").into_inner();
            assert_eq!((again.verdict, &again.rules), (answer.verdict, &answer.rules));
        }
        plain.end().await;
    }
);

on_both_databases!(
    async fn a_candidate_counts_the_permits_that_the_answer_counted(database: Database) {
        // Of two calls a week the candidate allows one: of a plan and a question it permits only the first.
        let one = HOUSE_RULE.replace("max = 2", "max = 1");
        let candidate = format!("tenant = \"mine\"\n{MARKETS}{one}");
        let (clock, _) = Clock::manual(at(0));
        let api = Api::start_shadowed_at(&database, &[("tenants/mine.toml", &candidate)], clock).await;
        let mut mine = api.platform("mine").await;
        open(&mut mine, &["c1", "c2"]).await;

        let mut said = Vec::new();
        for request in [question("c1"), wish("c1", "p1"), question("c1"), wish("c1", "p2"), question("c2")] {
            said.push(ask(&mut mine, request).await.expect("an answer").verdict());
        }
        use v1::Verdict::{Allowed, NotPermitted};
        assert_eq!(said, [Allowed; 5], "the rules in force answer");
        let told = judged(&mut mine, "IT", 5).await;
        let pairs: Vec<_> = told.verdicts.iter().map(|pair| (pair.in_force(), pair.candidate(), pair.count)).collect();
        assert_eq!(pairs, [(Allowed, Allowed, 3), (Allowed, NotPermitted, 2)], "{told:?}");
        let rules: Vec<_> =
            told.rules.iter().map(|pair| (pair.rule_id.as_str(), pair.candidate(), pair.count)).collect();
        assert_eq!(rules, [("tenant-house-calls", v1::Answer::Broken, 2)]);

        // What holds no place any more is not counted.
        for permit in ["p1", "p2"] {
            release(&mut mine, permit).await.expect("released");
        }
        assert_eq!(ask(&mut mine, question("c1")).await.expect("an answer").verdict(), Allowed);
        let told = judged(&mut mine, "IT", 6).await;
        assert_eq!(told.verdicts.iter().find(|pair| pair.candidate() == Allowed).map(|pair| pair.count), Some(4));
        assert_eq!((told.skipped_count, told.failed_count), (0, 0));
        api.end().await;
    }
);

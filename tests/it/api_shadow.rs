//! Shadow mode: a candidate counts what it would have said, and no answer is another for it.

use std::time::{Duration, Instant};

use fairdue::domain::principal::Role;
use fairdue::proto::v1;

use crate::api_checks::{MACHINES, check, filled, single};
use crate::api_simulate::machines;
use crate::support::api::{Api, Clients};
use crate::support::database::on_both_databases;
use crate::support::wire::{reason, stamp};

async fn report(mine: &mut Clients) -> v1::ShadowReport {
    let request = v1::GetShadowReportRequest { region_code: "US".to_owned() };
    mine.compliance.get_shadow_report(request).await.expect("a report").into_inner()
}

on_both_databases!(
    async fn a_candidate_counts_what_it_would_have_said_and_changes_no_answer(database: Database) {
        let candidate = machines(9);
        let api = Api::start_shadowed(&database, &[(&candidate.path, &candidate.text)]).await;
        let mut mine = filled(&api).await;
        let empty = report(&mut mine).await;
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

        let since = Instant::now();
        let told = loop {
            let told = report(&mut mine).await;
            if told.judged_count == 3 {
                break told;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "{told:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
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

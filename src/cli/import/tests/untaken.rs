//! Rows of a known event that no `when` takes: told by event and value, unless the mapping says that this is meant.

use clap::Parser;

use super::{complaints, mapping, run};
use crate::cli::args::{Cli, Command};
use crate::cli::error::CliError;
use crate::cli::import;
use crate::clock::Clock;
use crate::domain::ids::TenantId;
use crate::domain::money::Currency;
use crate::domain::principal::Role;
use crate::ingest::keys;

/// A mapping of calls of which one result is known, with `more` at its end, where further tables of the event stand.
fn calls(more: &str) -> String {
    format!(
        "[source]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\ncase = \"case\"\nevent = \"event\"\ntime = \"at\"\nids = \"content\"\n\
         [case]\nidentity = {{ creditor = \"c\", collector_role = \"agency\" }}\n\
         class = {{ debt_class = \"consumer\", debt_type = \"sale\" }}\n\
         [[event]]\nname = \"OPEN\"\nopen = {{ principal = \"amount\" }}\n[[event]]\nname = \"OLD\"\n\
         [[event]]\nname = \"CALL\"\n\
         [[event.emit]]\nwhen = {{ column = \"result\", in = [\"NA\"] }}\n\
         activity = {{ kind = \"contact\", channel = \"call\", outcome = \"no_answer\" }}\n{more}"
    )
}

const ROWS: &str = "case,event,at,amount,result\n\
                    K1,OPEN,2023-01-02T10:00:00,10.00,\n\
                    K1,CALL,2023-01-03T10:00:00,,NA\n\
                    K1,CALL,2023-01-04T10:00:00,,XX\n\
                    K1,OLD,2023-01-04T11:00:00,,\n\
                    K1,CALL,2023-01-05T10:00:00,,\n\
                    K1,CALL,2023-01-06T10:00:00,,XX\n";
const MEANT: &str =
    "[[event.ignore]]\nwhen = { column = \"result\", in = [\"XX\", \"\"] }\nreason = \"the dialler's own tests\"\n";

#[test]
fn rows_that_no_when_takes_are_told_by_event_and_value_with_their_lines() {
    let (_, activities, report) = run(&mapping(&calls("")), ROWS.as_bytes());
    assert_eq!((activities.len(), report.refused_rows(), report.untaken_rows()), (1, 0, 3));
    let text = report.text(Currency::parse("EUR").unwrap());
    for told in [
        "made no activity: 2 rows of CALL, because no `when` takes result = \"XX\"\n    line 4, 7;",
        "made no activity: 1 rows of CALL, because no `when` takes result = \"\"\n    line 6;",
        "ignored: 1 rows of OLD, because the mapping makes nothing of this event",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
    let (_, activities, report) = run(&mapping(&calls(MEANT)), ROWS.as_bytes());
    assert_eq!((activities.len(), report.untaken_rows()), (1, 0));
    let text = report.text(Currency::parse("EUR").unwrap());
    assert!(text.contains("ignored: 3 rows of CALL, because the dialler's own tests"), "{text}");
}

#[test]
fn codes_without_end_do_not_make_the_report_endless_and_all_are_counted() {
    let rows = (0..1_000).map(|code| format!("K1,CALL,2023-01-04T10:00:00,,{code:_<200}\n")).collect::<String>();
    let (_, _, report) = run(&mapping(&calls("")), format!("{ROWS}{rows}").as_bytes());
    assert_eq!((report.untaken_rows(), report.untaken.len()), (1_003, 201));
}

#[test]
fn what_is_ignored_must_be_left_by_every_when() {
    let found = complaints(&calls(&MEANT.replace("XX", "NA")));
    assert!(found[0].contains("result = \"NA\" is ignored, and a when of an emit takes it"), "{found:?}");
    let note = "[[event.emit]]\nactivity = { kind = \"note\" }\n";
    let found = complaints(&calls(&format!("{note}{MEANT}")));
    assert!(found[0].contains("ignore stands on an event of which every row or none"), "{found:?}");
    let found = complaints(&calls("[[event.ignore]]\n"));
    assert!(
        found[0].contains("event.ignore.reason is missing") && found[1].contains("event.ignore.when is missing"),
        "{found:?}"
    );
}

/// What the command ends with, for the rows above.
async fn ended(mapping: &str, to: &str) -> Result<(), CliError> {
    let directory = tempfile::tempdir().unwrap();
    let (maps, rows) = (directory.path().join("m.toml"), directory.path().join("e.csv"));
    std::fs::write(&maps, mapping).unwrap();
    std::fs::write(&rows, ROWS).unwrap();
    let line = format!("fairdue import --mapping {} --market it {to} {}", maps.display(), rows.display());
    let Command::Import(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else { panic!("{line}") };
    import::run(&args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_with_an_error_if_it_left_rows_of_a_known_event() {
    let directory = tempfile::tempdir().unwrap();
    let (server, _) = crate::cli::tests::server(directory.path()).await;
    let store = server.app.ingest.markets().store();
    let (tenant, now) = (TenantId::trusted("demo"), Clock::system().now());
    let key = keys::create(store, &tenant, vec![Role::Writer, Role::Reader], Vec::new(), now).await.unwrap();
    for to in ["--dry-run".to_owned(), format!("--url http://{} --key {key}", server.address)] {
        let error = ended(&calls(""), &to).await.unwrap_err().to_string();
        assert!(error.contains("3 rows became no activity"), "{to}: {error}");
        ended(&calls(MEANT), &to).await.unwrap();
    }
    server.stop(std::time::Duration::from_secs(10)).await;
}

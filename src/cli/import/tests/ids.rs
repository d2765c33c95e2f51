//! Ids follow from the rows themselves: a file that was completed, cut or repeated makes the same records again.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::{complaints, mapping, run};
use crate::cli::import;
use crate::cli::import::mapping::Mapping;
use crate::cli::import::source::Source;
use crate::cli::send::{self, Sent};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;

const HEADER: &str = "case,event,at,id,amount,result,ref\n";

/// A mapping of the columns above.
fn text(ids: &str) -> String {
    format!(
        "[source]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\ncase = \"case\"\nevent = \"event\"\ntime = \"at\"\nids = {ids}\n\
         unused = {{ id = \"-\", ref = \"-\" }}\n\
         [case]\nidentity = {{ creditor = \"c\", collector_role = \"agency\" }}\n\
         class = {{ debt_class = \"consumer\", debt_type = \"sale\" }}\n\
         [[event]]\nname = \"OPEN\"\nopen = {{ principal = \"amount\" }}\n\
         [[event]]\nname = \"CALL\"\nversion = {{}}\nattributes = [\"result\"]\n\
         [[event.emit]]\nwhen = {{ column = \"result\", in = [\"NA\"] }}\n\
         activity = {{ kind = \"contact\", channel = \"call\", outcome = \"no_answer\" }}\n\
         [[event.emit]]\nactivity = {{ kind = \"note\", code = {{ text = \"result\" }} }}\n\
         [[event]]\nname = \"PAY\"\n[[event.emit]]\nactivity = {{ kind = \"payment\", amount = {{ money = \"amount\" }} }}\n"
    )
}

const REVERSAL: &str = "[[event]]\nname = \"REV\"\n[[event.emit]]\n\
                        activity = { kind = \"reversal\", reverses = { activity_of = \"ref\" }, amount = { money = \"amount\" }, reason = \"chargeback\" }\n";

/// A row of a case: its event, its day and what it holds, of little variety, so that equal rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Line {
    case: u8,
    event: u8,
    day: u8,
    cell: u8,
}

fn line() -> impl Strategy<Value = Line> {
    (0..2_u8, 0..2_u8, 1..4_u8, 0..3_u8).prop_map(|(case, event, day, cell)| Line { case, event, day, cell })
}

/// The rows as a file, each with its number in `ids`, behind those that open the cases.
fn csv(lines: &[(usize, Line)]) -> String {
    let mut text = format!("{HEADER}K0,OPEN,2023-01-01T10:00:00,a,90.00,,\nK1,OPEN,2023-01-01T10:00:00,b,90.00,,\n");
    for (id, line) in lines {
        let Line { case, event, day, cell } = line;
        let (event, amount, result) = match event {
            0 => ("CALL", String::new(), ["NA", "XX", ""][usize::from(*cell)]),
            _ => ("PAY", format!("{}.00", cell + 1), ""),
        };
        text.push_str(&format!("K{case},{event},2023-01-0{day}T12:00:00,r{id},{amount},{result},\n"));
    }
    text
}

fn records(mapping: &Mapping, lines: &[(usize, Line)]) -> Vec<Activity> {
    let (_, activities, report) = run(mapping, csv(lines).as_bytes());
    assert_eq!((report.refused_rows(), report.untaken_rows()), (0, 0));
    activities
}

fn set(activities: &[Activity]) -> BTreeSet<String> {
    activities.iter().map(|activity| format!("{activity:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A row that is put anywhere, taken away or repeated changes no record of another row: neither its id nor anything
    /// else, or the server would refuse the id with other content.
    #[test]
    fn no_row_changes_the_records_of_others(
        lines in prop::collection::vec(line(), 0..12), more in line(), place in 0..12_usize,
    ) {
        let before: Vec<(usize, Line)> = lines.into_iter().enumerate().collect();
        let mut after = before.clone();
        after.insert(place.min(before.len()), (99, more));
        for ids in ["\"content\"", "[\"id\"]", "[\"event\", \"id\"]"] {
            let mapping = mapping(&text(ids).replace("id = \"-\", ", if ids.contains("id") { "" } else { "id = \"-\", " }));
            let (fewer, all) = (records(&mapping, &before), records(&mapping, &after));
            let (few, many) = (set(&fewer), set(&all));
            prop_assert_eq!((few.len(), many.len()), (fewer.len(), all.len()), "every id is made once: {}", ids);
            prop_assert!(few.is_subset(&many), "{}: {:?}", ids, few.difference(&many).collect::<Vec<_>>());
            prop_assert_eq!(records(&mapping, &after), all, "a repeated import");
        }
    }

    /// However far a file was read, it made what the whole makes; and a file cut between its cases makes the same in parts.
    #[test]
    fn a_file_that_is_cut_makes_the_same_records(lines in prop::collection::vec(line(), 0..12)) {
        let mut rows: Vec<(usize, Line)> = lines.into_iter().enumerate().collect();
        rows.sort_by_key(|(_, line)| line.case);
        for ids in ["\"content\"", "[\"id\"]", "\"place\""] {
            let mapping = mapping(&text(ids).replace("id = \"-\", ", if ids.contains("id") { "" } else { "id = \"-\", " }));
            let whole = records(&mapping, &rows);
            for end in 0..rows.len() {
                let part = records(&mapping, &rows[..end]);
                prop_assert_eq!(&part[..], &whole[..part.len()], "{} cut before row {}", ids, end);
            }
            let border = rows.iter().position(|(_, line)| line.case == 1).unwrap_or(rows.len());
            let parts = [records(&mapping, &rows[..border]), records(&mapping, &rows[border..])].concat();
            prop_assert_eq!(parts, whole, "{}", ids);
        }
    }
}

#[test]
fn versions_of_a_case_are_known_by_their_rows_and_follow_the_first_at_the_same_instant() {
    let rows = "K1,OPEN,2023-01-02T10:00:00,a,90.00,,\nK1,CALL,2023-01-02T10:00:00,b,,XX,\n";
    for (ids, unused) in [("\"content\"", "id = \"-\", "), ("[\"id\"]", ""), ("\"place\"", "id = \"-\", ")] {
        let mapping = mapping(&text(ids).replace("id = \"-\", ", unused));
        let versions = run(&mapping, format!("{HEADER}{rows}").as_bytes()).0;
        let later = run(
            &mapping,
            format!("{HEADER}{}", rows.replace("K1,CALL", "K1,PAY,2023-01-02T09:00:00,c,1.00,,\nK1,CALL")).as_bytes(),
        )
        .0;
        let last =
            |versions: &[CaseVersion]| versions.iter().max_by(|a, b| a.order().cmp(&b.order())).cloned().unwrap();
        assert_eq!(last(&versions).attributes.get("result").map(String::as_str), Some("XX"), "{ids}");
        assert_eq!(
            ids != "\"place\"",
            versions == later,
            "{ids}: by its place, a row put before gives the version another id"
        );
    }
}

#[test]
fn a_record_id_stands_in_the_ids_where_people_can_read_it_and_never_twice() {
    let mapping = mapping(&text("[\"id\"]").replace("id = \"-\", ", ""));
    let long = "x".repeat(120);
    let rows = format!(
        "K1,OPEN,2023-01-02T10:00:00,,90.00,,\nK1,PAY,2023-01-03T10:00:00,17,1.00,,\nK1,CALL,2023-01-03T10:00:00,17,,XX,\n\
         K1,PAY,2023-01-04T10:00:00,17,1.00,,\nK1,PAY,2023-01-05T10:00:00,,1.00,,\nK1,PAY,2023-01-06T10:00:00,{long},1.00,,\n\
         K1,PAY,2023-01-06T10:00:00,1/7,1.00,,\n"
    );
    let (_, activities, report) = run(&mapping, format!("{HEADER}{rows}").as_bytes());
    let ids: Vec<&str> = activities.iter().map(|activity| activity.id.as_str()).collect();
    assert_eq!(ids[..2], ["K1/PAY/17.0", "K1/CALL/17.1"]);
    assert!(ids.len() == 4 && ids[2..].iter().all(|id| id.len() < 40 && id.matches('/').count() == 1), "{ids:?}");
    assert_eq!(report.refused["the record stands twice in its case"].first, [(5, "PAY/17".to_owned())]);
    assert_eq!(report.refused["the row has no record id"].first, [(6, "id".to_owned())]);
}

#[test]
fn a_reversal_names_the_record_of_what_it_takes_back() {
    let whole = format!("{}{REVERSAL}", text("[\"id\"]").replace("unused = { id = \"-\", ref = \"-\" }\n", ""));
    let rows = "K1,OPEN,2023-01-02T10:00:00,,90.00,,\nK1,CALL,2023-01-03T10:00:00,17,,NA,\nK1,PAY,2023-01-03T10:00:00,17,5.00,,\n\
                K1,REV,2023-01-04T10:00:00,1,5.00,,17\nK1,REV,2023-01-04T10:00:00,2,5.00,,18\n";
    let (_, activities, report) = run(&mapping(&whole), format!("{HEADER}{rows}").as_bytes());
    let Some(Detail::Reversal { reverses, .. }) = activities.last().map(|last| &last.detail) else {
        panic!("{activities:?}")
    };
    assert_eq!(reverses.as_str(), "K1/PAY/17.0");
    let refused = &report.refused["no row before in the case made the activity of the record that is named"].first;
    assert_eq!(refused[..], [(6, "ref is \"18\", wanted is a payment or charge or interest or adjustment".to_owned())]);
    let found = complaints(&whole.replace("ids = [\"id\"]", "ids = \"content\""));
    assert!(found[0].contains("activity_of names a record by its id"), "{found:?}");
    let found = complaints(&whole.replace("reason = \"chargeback\"", "reason = { activity_of = \"ref\" }"));
    assert!(found.iter().any(|one| one.contains("reason names no activity")), "{found:?}");
}

/// An import that was made before ids could be chosen must not be stored again under other ids without a word.
#[test]
fn a_mapping_says_what_ids_are_made_of() {
    for (ids, told) in [
        ("", "source.ids is missing"),
        ("ids = \"row\"\n", "source.ids is neither columns"),
        ("ids = []\n", "source.ids names no columns"),
    ] {
        let found = complaints(&text("\"content\"").replace("ids = \"content\"\n", ids));
        assert!(found[0].contains(told), "{found:?}");
    }
}

/// Sends a file as the command does, in batches of about `size`.
async fn sent(client: &crate::cli::client::Client, mapping: &str, csv: String, size: usize) -> Sent {
    let mapping = super::mapping(mapping);
    let input: Box<dyn std::io::Read + Send> = Box::new(std::io::Cursor::new(csv));
    let source = Source::new(input, &mapping).unwrap();
    let (batches, inbox) = tokio::sync::mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || import::read(source, &mapping, &batches, size));
    let sent = send::send(client, "it", inbox, |_| {}).await.unwrap();
    assert_eq!(reading.await.unwrap().0.refused_rows(), 0);
    assert_eq!(sent.cases.refusals() + sent.activities.refusals(), 0, "{sent:?}");
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_interrupted_or_completed_later_is_stored_once_in_every_size_of_batch() {
    let directory = tempfile::tempdir().unwrap();
    let (server, client) = crate::cli::tests::server(directory.path()).await;
    for (number, size) in [1, 2, 3, 5, 2_000].into_iter().enumerate() {
        for (letter, ids, unused) in [("C", "\"content\"", "id = \"-\", "), ("R", "[\"id\"]", "")] {
            let mapping = text(ids).replace("id = \"-\", ", unused);
            let line = |event, day, cell| Line { case: 0, event, day, cell };
            let all = [line(0, 1, 0), line(1, 1, 2), line(1, 1, 2), line(0, 2, 1), line(1, 3, 0)];
            let all: Vec<(usize, Line)> = all.into_iter().enumerate().collect();
            let csv = |lines: &[(usize, Line)]| {
                csv(lines).replace("K0", &format!("{letter}{number}")).replace("K1", &format!("{letter}{number}-"))
            };
            let interrupted = sent(&client, &mapping, csv(&all[..3]), size).await;
            let without: Vec<(usize, Line)> = all.iter().copied().filter(|(id, _)| *id != 1).collect();
            let later = sent(&client, &mapping, csv(&without), 7 - size.min(6)).await;
            let whole = sent(&client, &mapping, csv(&all), size).await;
            let created = [&interrupted, &later, &whole].map(|sent| sent.activities.created);
            assert_eq!(created, [4, 2, 0], "{ids} in batches of {size}");
            assert_eq!(whole.activities.duplicates, 6, "{ids} in batches of {size}");
            assert_eq!([&interrupted, &later, &whole].map(|sent| sent.cases.created), [3, 1, 0]);
        }
    }
    server.stop(Duration::from_secs(10)).await;
}

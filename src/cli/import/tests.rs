//! Tests of the mapping engine: what rows become, and what becomes of rows that make no sense.

mod docs;
mod ids;
mod mended;
mod untaken;

use std::path::Path;

use super::engine::Engine;
use super::mapping::Mapping;
use super::report::{Report, Sum};
use super::source::{Source, SourceError};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::diagnostic::SourceFile;
use crate::domain::money::Currency;

const FINES: &str = include_str!("../../../config/imports/road-traffic-fines.toml");
const HEADER: &str = "case_id,activity,timestamp,resource,amount,total_payment_amount,payment_amount,expense,article,\
                      vehicle_class,points,dismissal,notification_type,last_sent,matricola\n";

fn mapping(text: &str) -> Mapping {
    Mapping::parse(&SourceFile { path: "m.toml".to_owned(), text: text.to_owned() }).unwrap_or_else(|e| panic!("{e}"))
}

fn complaints(text: &str) -> Vec<String> {
    let file = SourceFile { path: "m.toml".to_owned(), text: text.to_owned() };
    let diagnostics = Mapping::parse(&file).expect_err("the mapping should be refused");
    assert!(diagnostics.0.iter().all(|diagnostic| !diagnostic.remedy.is_empty()));
    diagnostics.0.iter().map(|d| format!("{}:{}: {}", d.line, d.column, d.message)).collect()
}

/// Runs rows (without the header) through the fines mapping.
fn run(mapping: &Mapping, csv: &[u8]) -> (Vec<CaseVersion>, Vec<Activity>, Report) {
    let (mut versions, mut activities, mut report) = (Vec::new(), Vec::new(), Report::default());
    let mut engine = Engine::new(mapping);
    let source = Source::new(csv, mapping).unwrap();
    source
        .each(|line, row| {
            match row {
                Err(seen) => report.unreadable(line, seen),
                Ok(row) => {
                    use super::engine::Row;
                    let outcome = engine.next(&row);
                    report.row(row.column(&mapping.event), line, &outcome);
                    if let Ok(records) = outcome {
                        versions.extend(records.version);
                        activities.extend(records.activities);
                    }
                }
            }
            true
        })
        .unwrap();
    (versions, activities, report)
}

fn fines(rows: &str) -> (Vec<CaseVersion>, Vec<Activity>, Report) {
    run(&mapping(FINES), format!("{HEADER}{rows}").as_bytes())
}

const OPENED: &str = "A1,Create Fine,2007-01-10T00:00:00+01:00,561,35.0,0.0,,,157,A,0,NIL,,,\n";
const SENT: &str = "A1,Send Fine,2007-02-01T00:00:00+01:00,,,,,11.0,,,,,,,\n";

#[test]
fn a_fine_becomes_a_case_with_its_principal_and_attributes() {
    let (versions, activities, report) = fines(OPENED);
    let case = &versions[0];
    assert_eq!((case.case.as_str(), case.principal(), case.claims[0].due()), ("A1", 3_500, None));
    assert_eq!(case.effective.to_string(), "2007-01-09T23:00:00Z");
    assert_eq!(case.placement.placed, Some(case.effective));
    assert_eq!(case.identity.creditor, "local-police");
    assert_eq!(case.attributes.get("article").map(String::as_str), Some("157"));
    assert!(activities.is_empty());
    assert_eq!(report.cases, Sum { count: 1, minor: 3_500 });
}

#[test]
fn a_sent_fine_is_a_letter_and_a_charge_of_the_same_instant_in_that_order() {
    let (_, activities, _) = fines(&format!("{OPENED}{SENT}"));
    let ids: Vec<_> = activities.iter().map(|a| (a.id.as_str(), a.detail.kind(), a.date_only)).collect();
    assert_eq!(ids, [("A1/2.0", "contact", true), ("A1/2.1", "charge", true)]);
    assert!(activities[0].order() < activities[1].order());
    assert_eq!(activities[1].detail.money().map(|m| m.minor), Some(1_100));
}

#[test]
fn the_notification_starts_the_term_to_pay_and_names_its_letter() {
    let notified = "A1,Insert Fine Notification,2007-03-01T00:00:00+01:00,,,,,,,,,,P,C,\n";
    let (versions, activities, report) = fines(&format!("{OPENED}{SENT}{notified}"));
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[1].claims[0].due().map(|due| due.to_string()).as_deref(), Some("2007-04-30"));
    assert_eq!(versions[1].attributes.get("last_sent").map(String::as_str), Some("C"));
    assert_eq!(versions[1].attributes.get("article").map(String::as_str), Some("157"));
    assert!(versions[0].order() < versions[1].order());
    assert_eq!(activities[2].parent.as_ref().map(|id| id.as_str()), Some("A1/2.0"));
    assert_eq!(report.versions, 1);
}

#[test]
fn a_penalty_is_the_difference_of_the_running_total_without_the_expenses() {
    let penalty = "A1,Add penalty,2007-05-01T00:00:00+02:00,,71.5,,,,,,,,,,\n";
    let (_, activities, _) = fines(&format!("{OPENED}{SENT}{penalty}"));
    assert_eq!(activities[2].detail.money().map(|m| m.minor), Some(3_650));
}

#[test]
fn a_dismissal_cancels_what_is_open_then_and_nothing_where_nothing_is() {
    let paid = "A1,Payment,2007-02-10T00:00:00+01:00,,,6.0,6.0,,,,,,,,\n";
    let dismissed = "A1,Send Appeal to Prefecture,2007-03-10T00:00:00+01:00,,,,,,,,,#,,,\n";
    let (_, activities, report) = fines(&format!("{OPENED}{SENT}{paid}{dismissed}"));
    let last = activities.last().unwrap();
    assert!(matches!(last.detail, Detail::Adjustment { .. }), "{last:?}");
    assert_eq!(last.detail.money().map(|m| m.minor), Some(3_500 + 1_100 - 600));
    assert!(report.left_out.is_empty());

    let again = dismissed.replace("2007-03-10", "2007-03-11");
    let (_, twice, report) = fines(&format!("{OPENED}{SENT}{paid}{dismissed}{again}"));
    assert_eq!(twice.len(), activities.len() + 1, "only the dispute's step");
    assert_eq!(report.left_out.get("nothing was open to cancel"), Some(&1));

    let kept = dismissed.replace('#', "NIL");
    let (_, activities, _) = fines(&format!("{OPENED}{SENT}{paid}{kept}"));
    assert!(!activities.iter().any(|activity| activity.detail.kind() == "adjustment"));
}

#[test]
fn repeating_an_import_makes_the_same_records() {
    let rows = format!("{OPENED}{SENT}");
    let (one, two) = (fines(&rows), fines(&rows));
    assert_eq!((one.0, one.1), (two.0, two.1));
}

#[test]
fn a_refused_row_leaves_the_ids_of_the_rows_behind_it_as_they_are() {
    let payment = "A1,Payment,2007-02-10T00:00:00+01:00,,,6.0,6.0,,,,,,,,\n";
    let broken = SENT.replace("11.0", "eleven");
    let whole = fines(&format!("{OPENED}{SENT}{payment}")).1;
    let (_, activities, report) = fines(&format!("{OPENED}{broken}{payment}"));
    assert_eq!(activities.len(), 1, "the letter of the refused row is not made either");
    assert_eq!(activities[0].id, whole[2].id);
    assert_eq!(report.refused_rows(), 1);
}

#[test]
fn every_row_that_makes_no_sense_is_named_in_the_report() {
    let wrong: [(&str, &str); 12] = [
        ("A1,Create Fine,2007-01-11T00:00:00+01:00,561,35.0,,,,,,,,,,\n", "the case was opened before"),
        ("A1,Fly,2007-01-11T00:00:00+01:00,,,,,,,,,,,,\n", "the mapping names no such event"),
        ("A1,Payment,soon,,,,1.0,,,,,,,,\n", "the time cannot be read"),
        ("A1,Payment,2007-02-30,,,,1.0,,,,,,,,\n", "the time cannot be read"),
        (
            "A1,Payment,2007-02-10T11:30:00+01:00,,,,1.0,,,,,,,,\n",
            "the time is no local midnight, and the mapping says date_only",
        ),
        ("A1,Payment,2007-02-10T00:00:00+01:00,,,,,,,,,,,,\n", "an amount cannot be read"),
        ("A1,Payment,2007-02-10T00:00:00+01:00,,,,1.234,,,,,,,,\n", "an amount cannot be read"),
        ("A1,Payment,2007-02-10T00:00:00+01:00,,,,99999999999999999999,,,,,,,,\n", "an amount cannot be read"),
        ("A1,Add penalty,2007-05-01T00:00:00+02:00,,20.0,,,,,,,,,,\n", "a running total fell"),
        ("A1,Payment,2007-02-10T00:00:00+01:00\n", "the row cannot be read"),
        (",Payment,2007-02-10T00:00:00+01:00,,,,1.0,,,,,,,,\n", "the case id is no id"),
        ("A2,Payment,2007-02-10T00:00:00+01:00,,,,1.0,,,,,,,,\n", "the case was not opened before"),
    ];
    for (row, reason) in wrong {
        let (versions, activities, report) = fines(&format!("{OPENED}{row}"));
        assert_eq!((versions.len(), activities.len()), (1, 0), "{row}");
        assert_eq!(report.refused.keys().copied().collect::<Vec<_>>(), [reason], "{row}");
        assert_eq!(report.refused[reason].first[0].0, 3, "line of {row}");
        assert_eq!((report.rows(), report.refused_rows()), (2, 1));
        assert!(report.text(Currency::parse("EUR").unwrap()).contains(reason));
    }
    let back = OPENED.replace("A1", "A2") + SENT;
    let (_, _, report) = fines(&format!("{OPENED}{back}"));
    assert!(report.refused.contains_key("the case's lines do not stand together"));
}

#[test]
fn bytes_that_are_no_text_and_rows_without_end_are_refused_and_the_rest_is_read() {
    let mut csv = format!("{HEADER}{OPENED}").into_bytes();
    csv.extend_from_slice(b"A1,Pay\xffment,2007-02-10T00:00:00+01:00,,,,1.0,,,,,,,,\n");
    csv.extend_from_slice(format!("A1,{},x\n", "y".repeat(70_000)).as_bytes());
    csv.extend_from_slice(SENT.as_bytes());
    let (_, activities, report) = run(&mapping(FINES), &csv);
    assert_eq!(activities.len(), 2);
    assert_eq!(report.refused["the row cannot be read"].count, 2);
    let escape = report_with_escape();
    assert!(!escape.contains('\u{1b}'));
}

/// A report with what it says of the rows that cannot be read: line, and what was seen.
fn unread(report: &Report) -> Vec<(u64, &str)> {
    let refusals = report.refused.get("the row cannot be read");
    refusals.iter().flat_map(|refusals| &refusals.first).map(|(line, seen)| (*line, seen.as_str())).collect()
}

#[test]
fn an_open_quotation_mark_is_named_and_what_it_swallowed_is_accounted_for() {
    let mapping = mapping(FINES);
    let opening = OPENED.replace("A1,", "A2,").replace("561", "\"561");
    let behind = "A3,Create Fine,2007-01-10T00:00:00+01:00,561,35.0,0.0,,,157,A,0,NIL,,,\n".repeat(3);
    for (end, bom) in [("\n", ""), ("\r\n", ""), ("\n", "\u{feff}")] {
        for tail in [end, "", &end.repeat(3)] {
            let text = format!("{bom}{HEADER}{OPENED}\n{opening}{behind}").replace('\n', end);
            let csv = format!("{}{tail}", text.trim_end());
            let (versions, _, report) = run(&mapping, csv.as_bytes());
            assert_eq!((versions.len(), report.rows(), report.refused_rows()), (1, 5, 4), "{csv:?}");
            let expected = "the quotation mark that opens on line 4 is not closed by the end of the file and took 4 lines: \
                            close it, or double it if it belongs to the text";
            assert_eq!(unread(&report), [(4, expected)], "{csv:?}");
            assert!(report.text(Currency::parse("EUR").unwrap()).contains(expected));
        }
    }
    // It opens behind a text of two lines that is closed: the row begins before it.
    let later = OPENED.replace(",157,", ",\"15\n7\",").replace("NIL", "\"NIL");
    let (_, _, report) = run(&mapping, format!("{HEADER}{later}{behind}").as_bytes());
    let (line, seen) = unread(&report)[0];
    assert!(line == 2 && seen.contains("opens on line 3 ") && seen.contains("took 4 lines"), "{line}: {seen}");
    assert_eq!((report.rows(), report.refused_rows()), (5, 5));
    // Bytes that are no text do not hide it, nor does a mark that is the last character.
    for last in [&b"\"\xff,1"[..], b"A9,\""] {
        let (_, _, report) = run(&mapping, &[HEADER.as_bytes(), OPENED.as_bytes(), last].concat());
        assert!(unread(&report)[0].1.contains("opens on line 3 "), "{report:?}");
        assert_eq!((report.rows(), report.refused_rows()), (2, 1));
    }
    let header = Source::new(HEADER.replace("article", "\"article").as_bytes(), &mapping).err().unwrap();
    assert!(matches!(header, SourceError::OpenHeader { opens: 1, lines: 1 }), "{header:?}");
}

#[test]
fn a_quotation_mark_that_is_closed_late_accounts_for_the_lines_between() {
    let late = format!(
        "{}{}",
        OPENED.replace("A1,", "A2,").replace("561", "\"561"),
        OPENED.replace("Create Fine", "Create Fine\"")
    );
    let (versions, _, report) = fines(&format!("{OPENED}{late}{SENT}"));
    assert_eq!((versions.len(), report.rows(), report.refused_rows()), (1, 4, 2));
    let expected = "the row has 17 columns, the header 15; a quotation mark holds the lines 3 to 4 together";
    assert_eq!(unread(&report), [(3, expected)]);
}

#[test]
fn a_text_of_several_lines_is_lawful_and_lines_are_counted_as_editors_do() {
    let long = OPENED.replace(",157,", ",\"1\n5\n7\",");
    let wrong = "A1,Fly,2007-01-11T00:00:00+01:00,,,,,,,,,,,,\n";
    for end in ["\n", "\r\n"] {
        let csv = format!("{HEADER}{long}\n{SENT}\n\n{wrong}").replace('\n', end);
        for csv in [csv.as_str(), csv.trim_end()] {
            let (versions, activities, report) = run(&mapping(FINES), csv.as_bytes());
            assert_eq!((versions.len(), activities.len(), report.rows(), report.refused_rows()), (1, 2, 3, 1));
            assert_eq!(versions[0].attributes.get("article"), Some(&"1\n5\n7".replace('\n', end)));
            assert_eq!(report.refused["the mapping names no such event"].first[0].0, 9, "{csv:?}");
        }
    }
}

#[test]
fn a_file_without_columns_says_why() {
    let mapping = mapping(FINES);
    let wrong = |csv: &str| Source::new(csv.as_bytes(), &mapping).err().unwrap();
    assert!(matches!(wrong(""), SourceError::Empty) && matches!(wrong("\n\r\n"), SourceError::Empty));
    for delimiter in [';', '\t', '|'] {
        let header = HEADER.replace(',', &delimiter.to_string());
        let error = wrong(&format!("{header}a{delimiter}b\n"));
        assert!(matches!(error, SourceError::Delimiter(found) if found == delimiter), "{error}");
    }
}

#[test]
fn a_header_in_another_encoding_is_named() {
    let encoding = |bytes: &[u8]| match Source::new(bytes, &mapping(FINES)).err() {
        Some(SourceError::NotUtf8 { encoding }) => encoding,
        other => panic!("{other:?}"),
    };
    let wide = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let text = HEADER.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(text).collect::<Vec<u8>>()
    };
    assert_eq!(encoding(&wide([0xff, 0xfe], u16::to_le_bytes)), "UTF-16");
    assert_eq!(encoding(&wide([0xfe, 0xff], u16::to_be_bytes)), "UTF-16");
    assert_eq!(encoding(b"case,betr\xe4ge\n"), "LATIN1");
}

fn report_with_escape() -> String {
    let (_, _, report) = fines(&format!("{OPENED}A1,\u{1b}[2J,2007-02-10T00:00:00+01:00,,,,1.0,,,,,,,,\n"));
    report.text(Currency::parse("EUR").unwrap())
}

#[test]
fn a_header_that_does_not_fit_the_mapping_is_refused_before_the_first_row() {
    let mapping = mapping(FINES);
    let missing = Source::new("case_id,activity\n".as_bytes(), &mapping).err().unwrap();
    assert!(
        matches!(&missing, SourceError::MissingColumns(names) if names.contains("timestamp") && names.contains("expense"))
    );
    let twice = HEADER.replace("article", "resource");
    assert!(
        matches!(Source::new(twice.as_bytes(), &mapping).err().unwrap(), SourceError::TwiceColumn(name) if name == "resource")
    );
    let more = HEADER.replace("matricola", "matricola,colour");
    assert!(
        matches!(Source::new(more.as_bytes(), &mapping).err().unwrap(), SourceError::UnknownColumn(name) if name == "colour")
    );
}

#[test]
fn everything_wrong_with_a_mapping_is_reported_at_once() {
    let text = "[source]\nzone = \"Rome\"\ncurrency = \"EUR\"\ncase = \"c\"\nevent = \"e\"\n[case]\nidentity = { creditr = \"x\" }\n\
                [[event]]\nname = \"Open\"\nopen = { principal = \"p\" }\n\
                [[event]]\nname = \"Pay\"\n[[event.emit]]\nparent = \"Opn\"\ninitiated_by = \"debtr\"\n\
                activity = { kind = \"payment\", amount = { money = \"a\" }, methd = \"card\" }\n\
                [[event]]\nname = \"Call\"\n[[event.emit]]\nactivity = { kind = \"contact\", channel = \"phone\" }\n\
                [[event.emit]]\nactivity = { kind = \"payment\", amount = { money = 3 } }\n";
    let found = complaints(text);
    let has = |start: &str| assert!(found.iter().any(|f| f.starts_with(start)), "{start} is not in {found:#?}");
    has("1:1: source.time is missing");
    has("2:8: \"Rome\" is no IANA time zone");
    has("7:14: case.identity has no field creditr");
    has("14:10: the parent event \"Opn\" is not mapped");
    has("15:16: \"debtr\" begins no activity");
    has("16:58: payment has no field methd");
    has("20:32: contact.channel: unknown variant `phone`");
    has("22:51: money has no use for this value");
}

#[test]
fn the_fines_mapping_reads_the_whole_history_with_its_known_totals() {
    // The history itself is no part of the repository; where it lies is told by the environment.
    let Some(path) = std::env::var_os("FAIRDUE_FINES") else { return };
    let mapping = mapping(FINES);
    let (mut report, mut engine) = (Report::default(), Engine::new(&mapping));
    let source = super::source::open(Path::new(&path), &mapping, |file, _| file).unwrap();
    source
        .each(|line, row| {
            use super::engine::Row;
            match row {
                Err(seen) => report.unreadable(line, seen),
                Ok(row) => {
                    let outcome = engine.next(&row);
                    report.row(row.column(&mapping.event), line, &outcome);
                }
            }
            true
        })
        .unwrap();
    assert_eq!((report.rows(), report.refused_rows()), (561_470, 0));
    assert_eq!(report.cases, Sum { count: 150_370, minor: 672_385_164 });
    assert_eq!(report.activities["payment"], Sum { count: 77_601, minor: 360_146_453 });
    assert_eq!(report.activities["contact"].count, 103_987);
    assert_eq!(report.activities["transfer"].count, 59_013);
    println!("{}", report.text(mapping.currency));
}

/// A file that a trial run praises and the server refuses is found wanting too late.
#[tokio::test]
async fn a_trial_run_tells_what_the_server_would_refuse_with_its_lines() {
    let mapping = mapping(FINES);
    let back = "A1,Payment,2007-02-11T00:00:00+01:00,,,,-6.0,,,,,,,,\n";
    let later = "A1,Payment,2999-02-11T00:00:00+01:00,,,,6.0,,,,,,,,\n";
    let csv = format!("{HEADER}{OPENED}\n{SENT}{back}{later}");
    let input: Box<dyn std::io::Read + Send> = Box::new(std::io::Cursor::new(csv));
    let source = Source::new(input, &mapping).unwrap();
    let (batches, inbox) = tokio::sync::mpsc::channel(4);
    let (report, broke_off) =
        tokio::task::spawn_blocking(move || super::read(source, &mapping, &batches, super::BATCH)).await.unwrap();
    assert!(broke_off.is_none() && report.refused_rows() == 0);
    let sent = super::judged(inbox).await.unwrap();
    assert_eq!((sent.cases.refusals(), sent.activities.refusals()), (0, 2), "{sent:?}");
    let told = super::refusals(&sent, "would be refused");
    for line in [
        "1 activities, INVALID_FIELD",
        "    line 5, A1/3.0: payment.amount: is less",
        "    line 6, A1/4.0: occur_time is 2999-",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

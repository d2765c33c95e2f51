//! What mending a file, or a later row of a case, may not change: the version in force, the balance, and the ids of other rows.

use super::{mapping, run};
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;

const HEADER: &str = "case,event,at,id,amount,note,ref\n";

/// A mapping whose events make versions, charges, payments, reversals and a write-off of what is open, with ids by `ids`.
fn text(ids: &str, more: &str) -> String {
    let unused = if ids.contains("id") { "" } else { "id = \"-\", " };
    format!(
        "[source]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\ncase = \"case\"\nevent = \"event\"\ntime = \"at\"\nids = {ids}\n\
         unused = {{ {unused}ref = \"-\" }}\n\
         [case]\nidentity = {{ creditor = \"c\", collector_role = \"agency\" }}\n\
         class = {{ debt_class = \"consumer\", debt_type = \"sale\" }}\n\
         [[event]]\nname = \"OPEN\"\nopen = {{ principal = \"amount\" }}\n\
         [[event]]\nname = \"STAGE\"\nversion = {{}}\nattributes = {{ stage = \"note\" }}\n\
         [[event]]\nname = \"TOWN\"\nversion = {{}}\nattributes = {{ town = \"note\" }}\n\
         [[event]]\nname = \"PAY\"\n[[event.emit]]\nactivity = {{ kind = \"payment\", amount = {{ money = \"amount\" }} }}\n\
         [[event]]\nname = \"FEE\"\n[[event.emit]]\nactivity = {{ kind = \"charge\", step = \"demand\", amount = {{ money = \"amount\" }} }}\n\
         [[event]]\nname = \"OFF\"\n[[event.emit]]\nactivity = {{ kind = \"adjustment\", adjustment = \"write_off\", amount = {{ open_balance = true }} }}\n{more}"
    )
}

const BACK: &str = "[[event]]\nname = \"BACK\"\n[[event.emit]]\n\
                    activity = { kind = \"reversal\", reverses = { activity_of = \"ref\" }, amount = { money = \"amount\" }, reason = \"reversal\" }\n";

fn in_force(versions: &[CaseVersion]) -> (Option<String>, Option<String>) {
    let last = versions.iter().max_by(|a, b| a.order().cmp(&b.order())).unwrap();
    let of = |name: &str| last.attributes.get(name).cloned();
    (of("stage"), of("town"))
}

#[test]
fn of_versions_of_one_instant_the_last_of_the_file_holds_with_what_those_before_say() {
    let both = [
        ("STAGE", "10", "early", "STAGE", "9", "late"),
        ("STAGE", "9", "early", "STAGE", "10", "late"),
        ("TOWN", "1", "Lund", "STAGE", "2", "late"),
        ("STAGE", "1", "late", "TOWN", "2", "Lund"),
    ];
    for ids in ["[\"id\"]", "\"content\"", "\"place\""] {
        let mapping = mapping(&text(ids, ""));
        for (first, id, note, second, other, after) in both {
            let rows = format!(
                "{HEADER}K,OPEN,2026-01-01T09:00:00,a,90.00,,\nK,{first},2026-01-02T10:00:00,{id},,{note},\n\
                 K,{second},2026-01-02T10:00:00,{other},,{after},\n"
            );
            let (stage, town) = in_force(&run(&mapping, rows.as_bytes()).0);
            let lund = (first == "TOWN" || second == "TOWN").then(|| "Lund".to_owned());
            assert_eq!((stage.as_deref(), town), (Some("late"), lund), "{ids}: {rows}");
        }
    }
}

#[test]
fn a_reversal_takes_back_what_its_target_did_to_the_balance() {
    let mapping = mapping(&text("[\"id\"]", BACK).replace("ref = \"-\"", ""));
    let off = |rows: &str| {
        let rows = format!("{HEADER}K,OPEN,2026-01-01T09:00:00,o,100.00,,\n{rows}K,OFF,2026-02-01T09:00:00,w,,,\n");
        let (_, activities, report) = run(&mapping, rows.as_bytes());
        assert_eq!(report.refused_rows(), 0, "{rows}");
        activities.iter().find_map(|one| match &one.detail {
            Detail::Adjustment { amount, .. } => Some(amount.minor),
            _ => None,
        })
    };
    let fee = "K,FEE,2026-01-02T09:00:00,f,20.00,,\n";
    let pay = "K,PAY,2026-01-02T09:00:00,p,30.00,,\n";
    let back = |of: &str, amount: &str, id: &str| format!("K,BACK,2026-01-03T09:00:00,{id},{amount},,{of}\n");
    assert_eq!(off(&format!("{fee}{}", back("f", "20.00", "b"))), Some(10_000));
    assert_eq!(off(&format!("{fee}{}", back("f", "5.00", "b"))), Some(11_500));
    assert_eq!(off(&format!("{pay}{}", back("p", "30.00", "b"))), Some(10_000));
    // No more than there is, however often it is said.
    assert_eq!(off(&format!("{pay}{}{}", back("p", "20.00", "b"), back("p", "20.00", "c"))), Some(10_000));
    assert_eq!(off(&format!("{fee}{pay}{}{}", back("f", "90.00", "b"), back("p", "0.50", "c"))), Some(7_050));
}

#[test]
fn a_row_that_is_mended_leaves_the_places_of_those_behind_it() {
    let rows = |event: &str, at: &str| {
        format!(
            "{HEADER}K,OPEN,2026-01-01T09:00:00,o,100.00,,\nK,{event},{at},s,,,\nK,PAY,2026-01-03T09:00:00,p,10.00,,\n\
             K,PAY,2026-01-04T09:00:00,q,20.00,,\n"
        )
    };
    let sms = "[[event]]\nname = \"SMS\"\n[[event.emit]]\nactivity = { kind = \"contact\", channel = \"sms\" }\n";
    let (before, after) = (mapping(&text("\"place\"", "")), mapping(&text("\"place\"", sms)));
    let ids = |mapping, rows: String| -> Vec<String> {
        let activities = run(mapping, rows.as_bytes()).1;
        let paid = activities.iter().filter(|one| matches!(one.detail, Detail::Payment(_)));
        paid.map(|one| one.id.as_str().to_owned()).collect()
    };
    let whole = ids(&after, rows("SMS", "2026-01-02T09:00:00"));
    assert_eq!(whole, ["K/3.0", "K/4.0"]);
    assert_eq!(ids(&before, rows("SMS", "2026-01-02T09:00:00")), whole, "an event that the mapping did not name");
    assert_eq!(ids(&after, rows("SMS", "yesterday")), whole, "a time that could not be read");
}

#[test]
fn rows_of_which_nothing_is_made_need_no_id_and_what_is_refused_takes_none() {
    let mapping = mapping(&text("[\"id\"]", "[[event]]\nname = \"NOTE\"\n"));
    let rows = format!(
        "{HEADER}K,OPEN,2026-01-01T09:00:00,,100.00,,\nK,NOTE,2026-01-02T09:00:00,,,,\nK,NOTE,2026-01-02T09:00:00,n,,,\n\
         K,NOTE,2026-01-03T09:00:00,n,,,\nK,PAY,2026-01-03T09:00:00,p9,x,,\nK,PAY,2026-01-03T09:00:00,p9,5.00,,\n\
         K,PAY,2026-01-04T09:00:00,p9,5.00,,\n"
    );
    let (_, activities, report) = run(&mapping, rows.as_bytes());
    let ids: Vec<&str> = activities.iter().map(|one| one.id.as_str()).collect();
    // The amount that is none, and the third row of the record, are refused.
    assert_eq!((ids, report.refused_rows()), (vec!["K/PAY/p9.0"], 2));
}

#[test]
fn an_amount_that_may_have_a_mark_between_thousands_is_refused() {
    let point = mapping(&text("\"content\"", ""));
    let comma = mapping(&text("\"content\"", "").replace("zone =", "decimal = \",\"\nzone ="));
    let yen = mapping(&text("\"content\"", "").replace("EUR", "JPY"));
    let dinar = mapping(&text("\"content\"", "").replace("EUR", "KWD"));
    for (mapping, cell) in
        [(&point, "1.250"), (&point, "1.251"), (&comma, "1,250"), (&comma, "12,000"), (&yen, "1.250")]
    {
        let error = mapping.money(cell).unwrap_err();
        assert!(error.contains(cell) && error.contains("may be thousands"), "{error}");
    }
    for (mapping, cell, minor) in [
        (&point, "1250.00", 125_000),
        (&point, "1250.0000", 125_000),
        (&comma, "1250,5", 125_050),
        (&yen, "1250", 1_250),
        (&dinar, "1.250", 1_250),
    ] {
        assert_eq!(mapping.money(cell).map(|money| money.minor), Ok(minor), "{cell}");
    }
    let error = comma.money("12,3456").unwrap_err();
    assert!(error.contains("12,3456") && error.contains("round it in the file"), "{error}");
}

#[test]
fn rows_that_a_quotation_mark_takes_in_are_told_with_their_lines() {
    let mapping = mapping(&text("\"content\"", ""));
    let rows = |note: &str, last: &str| {
        format!(
            "{HEADER}K,OPEN,2026-01-01T09:00:00,o,100.00,,\nK,STAGE,2026-01-02T09:00:00,s,,{note},\n\
             K,PAY,2026-01-03T09:00:00,p,10.00,,\nK,STAGE,2026-01-04T09:00:00,t,,{last},\nK,PAY,2026-01-05T09:00:00,q,20.00,,\n"
        )
    };
    let refused = |text: String| {
        let (_, activities, report) = run(&mapping, text.as_bytes());
        (activities.len(), report.refused_rows(), report.refused.values().next().map(|one| one.first[0].clone()))
    };
    // The mark that opens the note is closed two rows on, where another opens.
    let (made, count, first) = refused(rows("\"he said no", "\"and again\""));
    let (line, seen) = first.expect("a refusal");
    assert_eq!((made, count, line), (1, 3, 3), "{seen}");
    assert!(
        seen.contains("column 6 (\"note\") holds a line that looks like a row") && seen.contains("lines 3 to 5"),
        "{seen}"
    );
    // A text of several lines is one, whatever it lists.
    assert_eq!(refused(rows("\"a,b,c,d,e,f,g\nPAY, PAY, and\"", "x")), (2, 0, None));
}

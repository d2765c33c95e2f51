//! The schema of an entry `[[rules.tighten]]`: every key that tightens a rule of some kind.

use serde_json::Value;

use super::contact;
use super::shape::{MONTH_DAY, Table, amount, decimal, flag, number, patterns, table, text, texts, word};
use crate::rules::conduct::{Dealing, OptOut};
use crate::rules::model::{ClaimOrder, Kind, Payee};
use crate::rules::tighten;
use crate::rules::words::{Holidays, Per};

/// An entry. Which of the keys a rule knows depends on its kind: the reader says so.
pub(super) fn entry() -> Value {
    let mut entry = table("A rule of a pack with a stricter limit; each key bears its name in the rule's own table")
        .need("rule", text("The rule's id"))
        .may("block", flag("A breach blocks, whatever the default verdict"));
    let mut keys: Vec<&str> = Vec::new();
    for key in Kind::ALL.iter().flat_map(|kind| tighten::keys(*kind)) {
        if !keys.contains(key) {
            keys.push(key);
            entry = of(entry, key);
        }
    }
    entry.end()
}

/// The kinds whose rules know the key.
fn kinds(key: &str) -> String {
    let named: Vec<&str> =
        Kind::ALL.iter().filter(|kind| tighten::keys(**kind).contains(&key)).map(|kind| kind.as_str()).collect();
    named.join(", ")
}

fn of(entry: Table, key: &'static str) -> Table {
    let about = |what: &str| format!("{what} ({})", kinds(key));
    let term = || number(&about("Length of the term, in the law's own unit"), 0, 5_000);
    let value = match key {
        "open" => contact::spans(&about("Permitted stretches inside those of the law")),
        "closed_dates" => patterns(&about("Further days of the year without contact, as \"12-24\""), MONTH_DAY),
        "holidays" => word::<Holidays>(&about("Public holidays are closed")),
        "max" => number(&about("At most this many"), 0, 100_000),
        "window_days" => number(&about("Over so many days, no fewer than the law's"), 0, 3_660),
        "window_hours" => number(&about("Over so many hours, no fewer than the law's"), 0, 87_840),
        "window_minutes" => number(&about("Over so many minutes, no fewer than the law's"), 0, 10_080),
        "wait_days" => number(&about("Wait so many days"), 0, 3_660),
        "wait_hours" => number(&about("Wait so many hours"), 0, 87_840),
        "wait_minutes" => number(&about("Wait so many minutes"), 0, 10_080),
        "max_count" => number(&about("At most so many charges"), 0, 1_000),
        "min_days_between" => number(&about("Least number of days from one charge to the next"), 1, 3_660),
        "max_years" | "titled_years" | "longest_years" => number(&about("Years, no more than the law's"), 1, 100),
        "max_reports" => number(&about("At most so many reports of a case"), 1, 100),
        "erase_delay_days" => number(&about("Days, no more than the law's"), 0, 3_660),
        "maximum" | "minimum" => amount(&about("At most this amount")),
        "min_debt" => amount(&about("At least this amount")),
        "factor" | "factor_if_complex" | "factor_later" | "factor_if_paid_on_first_letter" => {
            decimal(&about("No more than the law's factor"))
        }
        "percent" | "total_percent" => decimal(&about("No more than the law's percentage")),
        "opt_out" => word::<OptOut>(&about("Which opt-outs bind, no fewer than the law's")),
        "disclosure" => word::<Dealing>(&about("Making the debt known to third persons is forbidden")),
        "claims" => word::<ClaimOrder>(&about("Which of several claims comes first, where the law leaves it open")),
        "per" => word::<Per>(&about("What counts together: all that the law counts, and more")),
        "payee" => word::<Payee>(&about("Who alone may receive payments, where the law leaves it open")),
        "order" => texts(&about("Components in their order, where the law states none")),
        "conditions" | "flags" | "forbids" | "before" | "stops" | "block_if" | "of" | "items" | "forbidden"
        | "roles" | "conduct" | "templates" | "needs" | "documents" | "must_carry" | "shown" => {
            texts(&about("Further ones, beside those of the law"))
        }
        "require" => texts(&about("Further duties of recording; some of the consents that the law accepts")),
        "forms" | "languages" => texts(&about("Some of those that the law accepts")),
        "exclude" | "interrupted_by" | "revived_by" | "unless" | "lifted_by" | "accepts" => {
            texts(&about("Some of the exceptions of the law, or none: []"))
        }
        "required"
        | "acknowledged_in_writing"
        | "respect_deadline"
        | "written"
        | "no_others"
        | "always"
        | "verify_identity"
        | "simple"
        | "debtor_choice"
        | "never_disputed"
        | "segregated"
        | "never"
        | "mark_disputed"
        | "scheme" => flag(&about("true: a duty that the law does not state")),
        "end_inclusive"
        | "written_only"
        | "until_verified"
        | "lifted_by_direct_consent"
        | "unless_evasion"
        | "unless_due_fixed"
        | "unless_paid"
        | "used_ever"
        | "grounded_only"
        | "unless_agreed"
        | "anywhere" => flag(&about("false: an exception of the law that is not made use of")),
        _ => term(),
    };
    entry.may(key, value)
}

//! The fault tests by clause: which tests hold each, how often each breaks what it breaks, and a table of what came out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comfy_table::Table;

/// A count that a test takes from the environment.
#[derive(Debug)]
struct Count {
    variable: &'static str,
    /// What it counts.
    of: &'static str,
    gate: u32,
    campaign: u32,
}

/// A clause and what holds it.
#[derive(Debug)]
struct Clause {
    id: &'static str,
    what: &'static str,
    /// Full names of tests in `tests/it`.
    tests: &'static [&'static str],
    counts: &'static [Count],
}

/// How long to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// The counts of every test run.
    Gate,
    /// Many times those.
    Campaign,
}

const fn count(variable: &'static str, of: &'static str, gate: u32, campaign: u32) -> Count {
    Count { variable, of, gate, campaign }
}

const CLAUSES: &[Clause] = &[
    Clause {
        id: "C-01",
        what: "the server is killed in mid-stream",
        tests: &["crash::killed_in_mid_stream_on_sqlite", "crash::killed_in_mid_stream_on_postgres"],
        counts: &[count("FAIRDUE_CRASH_KILLS", "kills on each database", 5, 200)],
    },
    Clause {
        id: "C-02",
        what: "PostgreSQL dies",
        tests: &["faults::database_dies::nothing_is_lost_when_postgresql_dies"],
        counts: &[count("FAIRDUE_FAULT_DEATHS", "deaths", 10, 300)],
    },
    Clause {
        id: "C-03",
        what: "connections to PostgreSQL fall silent",
        tests: &["faults::silent::no_connection_is_lost_to_silence"],
        counts: &[count("FAIRDUE_FAULT_SILENCES", "silences", 4, 100)],
    },
    Clause {
        id: "C-04",
        what: "clients give calls up",
        tests: &[
            "faults::cancelled::calls_that_are_given_up_leave_nothing_behind",
            "faults::cancelled::a_call_that_is_given_up_in_its_begin_leaves_no_transaction",
        ],
        counts: &[count("FAIRDUE_FAULT_CANCELS", "calls given up", 3_000, 500_000)],
    },
    Clause {
        id: "C-05",
        what: "two replicas are sent the same",
        tests: &["replicas::two_replicas_store_each_record_once"],
        counts: &[count("FAIRDUE_REPLICA_CASES", "cases", 32, 2_000)],
    },
    Clause {
        id: "C-06",
        what: "more wishes at once than places",
        tests: &[
            "permit_races::no_more_permits_are_granted_than_places_are_left",
            "permit_races::the_same_wish_sent_to_both_servers_is_one_permit",
        ],
        counts: &[count("FAIRDUE_PERMIT_ROUNDS", "rounds", 25, 20_000)],
    },
    Clause {
        id: "C-07",
        what: "late, repeated and reordered records",
        tests: &[
            "histories::arrival_changes_nothing_on_sqlite",
            "histories::arrival_changes_nothing_on_postgres",
            "finding_order::arrival_changes_no_life_on_sqlite",
            "finding_order::arrival_changes_no_life_on_postgres",
        ],
        counts: &[
            count("FAIRDUE_HISTORIES", "histories on each database", 30, 20_000),
            count("FAIRDUE_LIVES", "lives of findings", 12, 2_000),
        ],
    },
    Clause {
        id: "C-08",
        what: "every statement fails",
        tests: &[
            "faults::statements::every_statement_may_fail",
            "faults::statements::one_statement_in_twenty_may_fail",
        ],
        counts: &[
            count("FAIRDUE_FAULT_WAYS", "ways for each statement", 1, 4),
            count("FAIRDUE_FAULT_WRITES", "writes while one in twenty fails", 60, 20_000),
        ],
    },
    Clause {
        id: "C-09",
        what: "the feed's servers and consumers are killed",
        tests: &[
            "faults::feeds::the_feed_has_no_gap_whatever_is_slow_rolled_back_or_killed",
            "sync::feed::a_copy_equals_the_store_on_sqlite",
            "sync::feed::a_copy_equals_the_store_on_postgres",
            "sync::mirror::a_file_and_another_server_are_kept_in_step",
        ],
        counts: &[
            count("FAIRDUE_FAULT_FEED_KILLS", "servers killed", 4, 400),
            count("FAIRDUE_FEEDS", "histories on each database", 4, 400),
        ],
    },
    Clause {
        id: "C-17",
        what: "the disk is full",
        tests: &[
            "faults::full_disk::writes_are_refused_before_sqlite_fails",
            "faults::full_disk::nothing_is_lost_where_sqlite_has_no_room",
            "faults::full_disk::nothing_is_lost_where_postgresql_has_no_room",
        ],
        counts: &[count("FAIRDUE_FAULT_FILLS", "fills in each way", 2, 150)],
    },
    Clause {
        id: "C-20",
        what: "killed while the schema changes",
        tests: &[
            "faults::migrating::the_schema_is_brought_up_to_date_on_sqlite",
            "faults::migrating::the_schema_is_brought_up_to_date_on_postgres",
            "faults::migrating::a_new_database_survives_kills_while_it_is_made",
            "faults::migrating::a_start_does_not_wait_for_ever_for_the_schema",
        ],
        counts: &[
            count("FAIRDUE_FAULT_MIGRATIONS", "kills on each database", 5, 50),
            count("FAIRDUE_FAULT_COPIES", "copies of the rows", 20, 1_500),
        ],
    },
    Clause {
        id: "C-21",
        what: "the server is asked to stop",
        tests: &[
            "faults::stopping::a_stop_cuts_nothing_off_on_sqlite",
            "faults::stopping::a_stop_cuts_nothing_off_on_postgres",
            "faults::stopping::a_stop_ends_in_time_whatever_holds_it_up",
            "faults::stopping::a_slow_database_has_the_time_that_calls_have_left",
            "faults::stopping::a_connection_that_waits_to_be_accepted_is_served",
        ],
        counts: &[count("FAIRDUE_FAULT_STOPS", "stops on each database", 2, 500)],
    },
];

/// The test program, built if need be.
fn program() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["test", "--locked", "--test", "it", "--no-run", "--message-format", "json-render-diagnostics"];
    let built = Command::new(cargo).args(arguments).stderr(Stdio::inherit()).output();
    let built = built.map_err(|error| format!("cargo test: {error}"))?;
    if !built.status.success() {
        return Err("the tests do not build".to_owned());
    }
    let text = String::from_utf8_lossy(&built.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let named = |message: &serde_json::Value| message["target"]["name"] == "it" && message["executable"].is_string();
    let mut found = messages.filter(named).filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    found.next().ok_or_else(|| "cargo did not say where the tests are".to_owned())
}

/// The names of all tests.
fn existing(program: &PathBuf) -> Result<BTreeSet<String>, String> {
    let listed = Command::new(program).args(["--list", "--format", "terse"]).output();
    let listed = listed.map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&listed.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Fails if a test that a clause names does not exist: a test that was renamed must not drop out unseen.
fn all_exist(program: &PathBuf) -> Result<(), String> {
    let existing = existing(program)?;
    let named = CLAUSES.iter().flat_map(|clause| clause.tests.iter().map(move |test| (clause.id, *test)));
    let missing: Vec<String> =
        named.filter(|(_, test)| !existing.contains(*test)).map(|(id, test)| format!("{id}: {test}")).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("tests that do not exist:\n{}", missing.join("\n"))) }
}

impl Clause {
    fn rounds(&self, length: Length) -> String {
        let number = |count: &Count| if length == Length::Gate { count.gate } else { count.campaign };
        let of = |count: &Count| format!("{} {}", number(count), count.of);
        self.counts.iter().map(of).collect::<Vec<_>>().join(", ")
    }

    /// Runs the clause's tests, one after another; what they said, if they did not all pass.
    fn run(&self, program: &PathBuf, length: Length) -> Result<(), String> {
        let mut command = Command::new(program);
        command
            .args(["--exact", "--nocapture", "--test-threads", "1"])
            .args(self.tests)
            .env("FAIRDUE_FAULTS_ALONE", "1");
        for count in self.counts {
            let number = if length == Length::Gate { count.gate } else { count.campaign };
            command.env(count.variable, number.to_string());
        }
        let ran = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        // A filter that selects nothing passes too.
        let all = format!("test result: ok. {} passed; 0 failed; 0 ignored", self.tests.len());
        if ran.status.success() && said.contains(&all) { Ok(()) } else { Err(said) }
    }
}

/// Tells every clause.
pub fn list() -> Result<bool, String> {
    let mut table = Table::new();
    table.set_header(["clause", "fault", "gate", "campaign", "tests"]);
    for clause in CLAUSES {
        let (gate, campaign) = (clause.rounds(Length::Gate), clause.rounds(Length::Campaign));
        table.add_row([clause.id, clause.what, &gate, &campaign, &clause.tests.join("\n")]);
    }
    println!("{table}");
    all_exist(&program()?)?;
    Ok(true)
}

/// Runs the named clauses, or all; whether all of them held.
pub fn run(named: &[String], length: Length) -> Result<bool, String> {
    if let Some(unknown) = named.iter().find(|id| !CLAUSES.iter().any(|clause| clause.id == **id)) {
        let known: Vec<&str> = CLAUSES.iter().map(|clause| clause.id).collect();
        return Err(format!("{unknown} is no clause: there are {}", known.join(", ")));
    }
    let program = program()?;
    all_exist(&program)?;
    let mut table = Table::new();
    table.set_header(["clause", "fault", "rounds", "result", "seconds"]);
    let (mut held, mut whole) = (true, Duration::ZERO);
    for clause in CLAUSES.iter().filter(|clause| named.is_empty() || named.iter().any(|id| id == clause.id)) {
        let started = Instant::now();
        let result = clause.run(&program, length);
        let took = started.elapsed();
        whole += took;
        if let Err(said) = &result {
            held = false;
            println!("{} FAILED:\n{said}", clause.id);
        } else {
            println!("{} held ({:.0} s): {}", clause.id, took.as_secs_f64(), clause.what);
        }
        let word = if result.is_ok() { "held" } else { "FAILED" };
        let seconds = format!("{:.1}", took.as_secs_f64());
        table.add_row([clause.id, clause.what, &clause.rounds(length), word, &seconds]);
    }
    println!("{table}\n{:.0} s in all", whole.as_secs_f64());
    Ok(held)
}

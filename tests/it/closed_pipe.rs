//! Whoever reads what the program prints may stop reading, as `head` does, or its disk may be full.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::postgres::free_port;

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    for arguments in [["jurisdictions", "config"], ["schema", "--help"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fairdue"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the program");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("the program ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.is_empty(), "{arguments:?}: {:?}, {said}", ended.status);
    }
}

/// The exit code of a command whose output and errors cannot be written.
fn ends_without_room(arguments: &[&str]) -> Option<i32> {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairdue"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdout(full()).stderr(full());
    command.status().expect("start the program").code()
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_told_is_a_failure_and_no_panic() {
    assert_eq!(ends_without_room(&["jurisdictions", "config"]), Some(1));
    assert_eq!(ends_without_room(&["check", "no/such/directory"]), Some(1));
    // 1 would say that something differs.
    assert_eq!(ends_without_room(&["diff", "config", "config"]), Some(2));
}

#[test]
#[cfg(unix)]
fn a_service_outlives_whoever_reads_its_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite://{}", directory.path().join("market.db").display());
    let [listen, metrics] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_fairdue"))
        .args(["serve", "--config", "config", "--database", &database, "--listen", &listen, "--metrics", &metrics])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the service");
    let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
    assert!(log.any(|line| line.is_ok_and(|line| line.contains("serving"))), "it does not serve");
    drop(log);
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
        assert!(sent.expect("send a signal").success(), "the service is gone");
    };
    // A reload is told, too.
    signal("-HUP");
    std::thread::sleep(std::time::Duration::from_secs(3));
    signal("-TERM");
    assert_eq!(child.wait().expect("the service ends").code(), Some(0));
}

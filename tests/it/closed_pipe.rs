//! Whoever reads what the command line prints may stop reading, as `head` does.

use std::process::{Command, Stdio};

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

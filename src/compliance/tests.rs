//! Tests of the engine over the packs that ship.

use super::examples;
use crate::rules::tests::shipped;

#[test]
fn shipped_examples_hold_and_notice_every_change() {
    match examples::run(&shipped()) {
        Ok(report) => assert!(report.examples >= report.rules && report.changes >= report.rules),
        Err(found) => panic!("{found}"),
    }
}

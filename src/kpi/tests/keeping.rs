//! What changes a series, and which definition answers until its cells are there.

use std::sync::Arc;

use super::{shipped, shipped_files};
use crate::kpi::{Catalogue, Stand};

/// The shipped definitions with one text in place of another, wherever it stands.
fn changed(from: &str, to: &str) -> Arc<Catalogue> {
    let mut files = shipped_files(".toml");
    assert!(files.iter().any(|file| file.text.contains(from)), "nothing says {from}");
    files.iter_mut().for_each(|file| file.text = file.text.replace(from, to));
    Arc::new(Catalogue::compile(&files).unwrap_or_else(|found| panic!("{found}")))
}

const ATTEMPTS: &str = "where = { flags = [\"attempt\"] }\ndimension_sets = [";

#[test]
fn only_what_is_summed_makes_a_series() {
    let series = shipped().series();
    for (from, to) in [
        ("title = \"Attempts\"", "title = \"Tries\""),
        ("description = \"Promises", "description = \"All promises"),
        ("formula = \"right-party contacts / attempts x 100\"", "formula = \"whoever was reached\""),
        (
            "numerator = \"right_party_contacts\"\ndenominator = \"attempts\"",
            "numerator = \"right_party_contacts\"\ndenominator = \"connects\"",
        ),
    ] {
        assert_eq!(changed(from, to).series(), series, "{from}");
    }
    let mut files = shipped_files(".toml");
    files.reverse();
    assert_eq!(Catalogue::compile(&files).unwrap().series(), series, "the order of the files");
    let other = changed(ATTEMPTS, &ATTEMPTS.replace("[\"attempt\"]", "[\"attempt\", \"connect\"]")).series();
    let sets = shipped().measures().find(|measure| measure.id == "attempts").unwrap().dimension_sets.len();
    assert_eq!((series.difference(&other).count(), other.difference(&series).count()), (sets, sets));
    let further = changed(ATTEMPTS, &format!("{ATTEMPTS}[\"hour\", \"weekday\"], ")).series();
    assert!(further.is_superset(&series) && further.len() == series.len() + 1, "a set more is a series more");
}

#[test]
fn a_changed_kpi_is_answered_by_its_former_definition_and_others_by_their_own() {
    let former = shipped();
    let whole = former.series();
    let own = changed(ATTEMPTS, &ATTEMPTS.replace("[\"attempt\"]", "[\"attempt\", \"connect\"]"));
    let standing = own.standing(Some(former), &whole);
    assert_eq!(standing.unready.get("rpc_rate"), Some(&Stand::Former));
    assert_eq!(standing.unready.get("recovery_rate"), None);
    assert!(standing.catalogue.series().is_subset(&whole), "something is answered from cells that are not there");
    // Without the former definitions it is told by its own, from the facts.
    let standing = own.standing(None, &whole);
    assert_eq!(standing.unready.get("rpc_rate"), Some(&Stand::Current));
    // A set more changes no definition.
    let further = changed(ATTEMPTS, &format!("{ATTEMPTS}[\"hour\", \"weekday\"], "));
    assert_eq!(further.standing(Some(former), &whole).unready.get("rpc_rate"), Some(&Stand::Current));
    let ready = own.standing(Some(former), &own.series());
    assert!(ready.unready.is_empty() && Arc::ptr_eq(&ready.catalogue, &own));
}

//! Which rules replace each other: the ids of a rule's versions differ only in `old` or in a year.
//!
//! A rule's id is never reused for another law. Where the law changes, the version that ends keeps its text under an id
//! with `-old` or its year (`de-fee-table-2021` beside `de-fee-table`), with its last day.

use super::model::Rule;

/// The id without `old` and without years: what all versions of a rule share.
#[must_use]
pub fn lineage(id: &str) -> String {
    let year = |part: &str| {
        part.len() == 4 && (part.starts_with("19") || part.starts_with("20")) && part.parse::<u16>().is_ok()
    };
    let kept: Vec<&str> = id.split('-').filter(|part| *part != "old" && !year(part)).collect();
    kept.join("-")
}

/// Both are versions of one rule.
#[must_use]
pub fn same(a: &Rule, b: &Rule) -> bool {
    a.id != b.id && a.limits.kind() == b.limits.kind() && lineage(a.id.as_str()) == lineage(b.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::lineage;

    #[test]
    fn versions_share_what_is_left_of_their_ids() {
        for id in ["de-fee-table", "de-fee-table-2021", "de-fee-old-table", "de-fee-table-old"] {
            assert_eq!(lineage(id), "de-fee-table");
        }
        assert_ne!(lineage("us-regf-7-in-7"), lineage("us-regf-7"));
        assert_ne!(lineage("xx-form-1099"), lineage("xx-form"));
    }
}

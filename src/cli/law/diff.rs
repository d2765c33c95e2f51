//! `fairdue diff OLD NEW`: what changed in law, in plain words or as JSON.

use std::path::Path;

use serde::Serialize;

use super::{Law, read};
use crate::cli::error::CliError;
use crate::cli::say::say;
use crate::domain::diagnostic::Diagnostics;
use crate::rules::diff::{self, Change, Subject};

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'p> {
    old: String,
    new: String,
    changes: &'p [Change],
}

/// Runs `fairdue diff`; true if anything differs.
///
/// # Errors
/// Every diagnostic of either directory: only sound law is compared.
pub fn run(old: &Path, new: &Path, json: bool) -> Result<bool, CliError> {
    let changes = compared(old, new)?;
    if json {
        let printed = Printed { old: old.display().to_string(), new: new.display().to_string(), changes: &changes };
        let text = serde_json::to_string_pretty(&printed)
            .map_err(|error| CliError::new(format!("the changes cannot be written as JSON: {error}")))?;
        say!("{text}");
    } else {
        crate::cli::say::tell(format_args!("{}", told(&changes)), false);
    }
    Ok(!changes.is_empty())
}

/// The changes between the law of two directories.
fn compared(old: &Path, new: &Path) -> Result<Vec<Change>, Diagnostics> {
    let (old, new) = match (read(old), read(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(mut wrong), Err(other)) => {
            wrong.0.extend(other.0);
            return Err(wrong);
        }
        (Err(wrong), _) | (_, Err(wrong)) => return Err(wrong),
    };
    let mut changes = diff::compare(&old.packs, &new.packs);
    changes.retain(|change| wanted(change, [&old, &new]));
    Ok(changes)
}

/// The change concerns what was asked for: everything, or one pack and the tables that its rules read.
fn wanted(change: &Change, sides: [&Law; 2]) -> bool {
    if sides.iter().all(|side| side.only.is_none()) {
        return true;
    }
    sides.iter().filter_map(|side| Some((side, side.only.as_deref()?))).any(|(side, only)| match change.subject {
        Subject::Table => side.packs.get(only).is_some_and(|pack| {
            pack.rules.iter().flat_map(|rule| rule.limits.rate_tables()).any(|table| table.id == change.id)
        }),
        _ => change.jurisdiction.as_deref() == Some(only),
    })
}

/// The sentences under the jurisdiction they concern.
fn told(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no difference in law\n".to_owned();
    }
    let mut out = String::new();
    let mut last = None;
    for change in changes {
        let heading = change.jurisdiction.as_deref().unwrap_or("dated tables");
        if last != Some(heading) {
            out.push_str(if last.is_some() { "\n" } else { "" });
            out.push_str(heading);
            out.push('\n');
            last = Some(heading);
        }
        out.push_str("  ");
        out.push_str(&change.sentence);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn package() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(fs::copy(entry.path(), target)) }
        }
    }

    #[test]
    fn the_same_law_has_no_difference_however_it_is_named() {
        let config = package();
        assert!(!run(&config, &config.join("jurisdictions"), false).unwrap());
        assert!(!run(&config.join("jurisdictions/us-ny-nyc"), &config, true).unwrap());
        let error = run(&config.join("kpis"), &config, false).unwrap_err().to_string();
        assert!(error.contains("holds no packs"), "{error}");
    }

    #[test]
    fn an_edited_pack_is_told_and_one_pack_alone_tells_only_of_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (config, edited) = (package(), dir.path().join("config"));
        copy(&config.join("jurisdictions"), &edited.join("jurisdictions"));
        copy(&config.join("rates"), &edited.join("rates"));
        let edit = |path: &str, from: &str, to: &str| {
            let path = edited.join(path);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{} has no {from}", path.display());
            fs::write(path, text.replacen(from, to, 1)).unwrap();
        };
        edit("jurisdictions/us-ny-nyc/rules.toml", "\nmax = 3\n", "\nmax = 2\n");
        edit("jurisdictions/se/rules.toml", "confidence = \"read\"", "confidence = \"unconfirmed\"");
        edit(
            "rates/eu.toml",
            "from = 2025-07-01, until = 2026-06-30, value = \"2.15\"",
            "from = 2025-07-01, until = 2026-06-30, value = \"2.25\"",
        );

        let all = compared(&config, &edited).unwrap();
        let text = told(&all);
        let sentence =
            "us-ny-nyc-frequency: at most 2 instead of 3 attempts in any 7 calendar days from 1 January 2027";
        assert!(text.contains(sentence), "{text}");
        assert!(
            text.contains("eu-ecb-mro: from 1 July 2025: 2.25 instead of 2.15 % (read by ")
                && text.contains("\ndated tables\n"),
            "{text}"
        );
        assert!(text.contains("confidence: unconfirmed instead of read"), "{text}");

        let nyc = Path::new("jurisdictions/us-ny-nyc");
        let one = compared(&config.join(nyc), &edited.join(nyc)).unwrap();
        assert_eq!(one.iter().map(|change| change.id.as_str()).collect::<Vec<_>>(), ["us-ny-nyc-frequency"]);
        assert_eq!(one[0].field.as_deref(), Some("contact_frequency.max"));

        fs::write(edited.join(nyc).join("rules.toml"), "format = 2\n").unwrap();
        assert!(run(&config, &edited, false).is_err());
    }
}

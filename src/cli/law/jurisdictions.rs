//! `fairdue jurisdictions [DIR]`: every row of every pack as Markdown: the rule that encodes it, or why none does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::read;
use crate::cli::error::CliError;
use crate::rules::Packs;
use crate::rules::model::Rule;
use crate::rules::pack::{NotEncoded, Pack};
use crate::rules::tell::{dates, day, plain};
use crate::rules::words::Status;

/// Runs `fairdue jurisdictions`.
///
/// # Errors
/// Every diagnostic of the packs.
pub fn run(dir: &Path) -> Result<(), CliError> {
    crate::cli::say::tell(format_args!("{}", markdown(&read(dir)?.packs)?), false);
    Ok(())
}

const HEAD: &str = "\
# Jurisdictions

Written by `fairdue jurisdictions config > docs/jurisdictions.md` from the packs in `config/jurisdictions`; a test fails
where the two differ. Every row of law that was looked at is here: as the rule that encodes it, with the rules elsewhere that
do, or with the reason why it is not encoded. `docs/adding-a-jurisdiction.md` says what the words mean.

- effect and source decide what a breach answers: \"prohibits\" of a statute or regulation blocks, \"presumes breach\" blocks
  and can be overridden, \"expects\" advises against, \"informs\" only tells; a rule of a code speaks for its members.
- confidence \"unconfirmed\": the figure was not read in the text itself, so a breach is a warning.
- in force: by the day of the activity, unless another date is named. \"Proposed\" rules are listed and never judged.
";

/// The whole page.
fn markdown(packs: &Packs) -> Result<String, std::fmt::Error> {
    let mut out = HEAD.to_owned();
    let rules = || packs.iter().flat_map(|pack| &pack.rules);
    let left_out = |pack: &Pack| pack.not_encoded.iter().filter(|row| row.encoded_in.is_empty()).count();
    let elsewhere: usize = packs.iter().map(|pack| pack.not_encoded.len() - left_out(pack)).sum();
    writeln!(
        out,
        "\n{} jurisdictions, {} rules of {} kinds; {elsewhere} further rows encoded in these, {} not encoded.\n",
        packs.iter().count(),
        rules().count(),
        rules().map(|rule| rule.limits.kind().as_str()).collect::<std::collections::BTreeSet<_>>().len(),
        packs.iter().map(|pack| left_out(pack)).sum::<usize>(),
    )?;
    writeln!(out, "| jurisdiction | id | version | rules | unconfirmed | not encoded |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for pack in packs.iter() {
        let unconfirmed = pack.rules.iter().filter(|rule| rule.confidence.as_str() == "unconfirmed").count();
        writeln!(
            out,
            "| [{}](#{}) | {} | {} | {} | {unconfirmed} | {} |",
            cell(&pack.name),
            anchor(pack),
            pack.id,
            cell(&pack.version),
            pack.rules.len(),
            left_out(pack),
        )?;
    }
    for pack in packs.iter() {
        section(&mut out, packs, pack)?;
    }
    Ok(out)
}

fn heading(pack: &Pack) -> String {
    format!("{} ({})", pack.name, pack.id)
}

/// The heading's anchor as Markdown viewers make it: lower case, hyphens for spaces, nothing else but letters and digits.
fn anchor(pack: &Pack) -> String {
    let kept = heading(pack).to_lowercase();
    let kept = kept.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-'));
    kept.map(|one| if one == ' ' { '-' } else { one }).collect()
}

fn section(out: &mut String, packs: &Packs, pack: &Pack) -> std::fmt::Result {
    writeln!(out, "\n## {}\n", heading(pack))?;
    let mut beside: Vec<&str> = pack.includes.iter().map(|id| id.as_str()).collect();
    let mut above = packs.parent(pack.id.as_str());
    while let Some(one) = above {
        beside.push(one.id.as_str());
        beside.extend(one.includes.iter().map(|id| id.as_str()));
        above = packs.parent(one.id.as_str());
    }
    if pack.shared {
        writeln!(out, "A pack that others include; nobody lives in it.\n")?;
    }
    if !beside.is_empty() {
        writeln!(out, "Beside it speak: {}.\n", beside.join(", "))?;
    }
    for clause in pack.scope.as_deref().unwrap_or(&[]) {
        let when = dates(clause.valid_from, clause.valid_until, clause.version_by);
        let when = when.map_or(String::new(), |when| format!(", {when}"));
        writeln!(
            out,
            "- covers `{}`: {} ({}, {}{when})",
            clause.id,
            flat(&clause.text),
            flat(&clause.citation),
            clause.confidence
        )?;
    }
    if pack.scope.is_some() {
        out.push('\n');
    }
    let rows = rows(pack);
    if rows.is_empty() {
        return writeln!(out, "No row of its own.");
    }
    writeln!(out, "| row | what it says | kind | effect | law | confidence | in force |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for (id, row) in rows {
        match row {
            Row::Rule(rule) => encoded(out, rule)?,
            Row::LeftOut(row) => writeln!(out, "| {} | {} | - | - | - | - | - |", cell(id), cell(&row.told()))?,
        }
    }
    Ok(())
}

enum Row<'p> {
    Rule(&'p Rule),
    LeftOut(&'p NotEncoded),
}

/// Rules and rows left out together, by id.
fn rows(pack: &Pack) -> BTreeMap<&str, Row<'_>> {
    let left_out = pack.not_encoded.iter().map(|row| (row.id.as_str(), Row::LeftOut(row)));
    left_out.chain(pack.rules.iter().map(|rule| (rule.id.as_str(), Row::Rule(rule)))).collect()
}

fn encoded(out: &mut String, rule: &Rule) -> std::fmt::Result {
    let when = dates(rule.valid_from, rule.valid_until, rule.version_by).unwrap_or_else(|| "always".to_owned());
    let when = match rule.status {
        Status::InForce => when,
        Status::Superseded => format!("superseded, {when}"),
        Status::Proposed => format!("proposed, not judged, {when}"),
    };
    let source = match &rule.membership {
        Some(membership) => format!("{} of {membership}", plain(rule.source.as_str())),
        None => plain(rule.source.as_str()),
    };
    let mut confidence = rule.confidence.as_str().to_owned();
    if let Some(by) = &rule.review.by {
        let on = rule.review.on.map_or(String::new(), |on| format!(" on {}", day(on)));
        write!(confidence, ", reviewed by {by}{on}")?;
    }
    writeln!(
        out,
        "| {} | {} | {} | {} | {} ({}) | {} | {when} |",
        rule.id,
        cell(&rule.title),
        rule.limits.kind(),
        plain(rule.effect.as_str()),
        cell(&rule.citation),
        cell(&source),
        cell(&confidence),
    )
}

/// A text without line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text inside a table's cell.
fn cell(text: &str) -> String {
    flat(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The page that is committed is the one that the packs give. With `FAIRDUE_BLESS` set it is written anew.
    #[test]
    fn the_committed_page_is_what_the_packs_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let law = read(&root.join("config")).unwrap();
        let page = markdown(&law.packs).unwrap();
        let path = root.join("docs/jurisdictions.md");
        if std::env::var_os("FAIRDUE_BLESS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = committed.lines().zip(page.lines()).position(|(old, new)| old != new);
        assert!(
            committed == page,
            "docs/jurisdictions.md is not what the packs say (line {}); write it anew: cargo run -- jurisdictions config \
             > docs/jurisdictions.md",
            differs.unwrap_or(committed.lines().count().min(page.lines().count())) + 1
        );
        for pack in law.packs.iter() {
            for id in
                pack.rules.iter().map(|rule| rule.id.as_str()).chain(pack.not_encoded.iter().map(|row| row.id.as_str()))
            {
                assert!(page.contains(&format!("\n| {id} | ")), "{id} is not on the page");
            }
        }
    }

    #[test]
    fn a_text_cannot_break_the_table() {
        assert_eq!(cell("a | b\nc"), "a \\| b c");
    }
}

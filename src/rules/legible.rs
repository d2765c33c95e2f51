//! Characters of a file that nobody sees: those that turn text about, so that a lawyer reads other words than are meant, and
//! control characters, which a terminal obeys where `fairdue diff` or `fairdue jurisdictions` prints them.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Reading;

/// Refuses each text and key below the table that holds such a character.
pub(super) fn check(reading: &Reading<'_>, table: &DeTable<'_>) {
    for (key, value) in table {
        text(reading, key.get_ref(), key.span().start);
        within(reading, value);
    }
}

fn within(reading: &Reading<'_>, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::String(held) => text(reading, held, value.span().start),
        DeValue::Array(items) => items.iter().for_each(|item| within(reading, item)),
        DeValue::Table(table) => check(reading, table),
        _ => {}
    }
}

fn text(reading: &Reading<'_>, held: &str, at: usize) {
    // TOML takes no control character as it is but those that break lines and tabs.
    if held.is_ascii() && !reading.escapes {
        return;
    }
    if let Some(hidden) = held.chars().find(|one| is_hidden(*one)) {
        let message = format!("the character U+{:04X} stands here, which nobody sees", u32::from(hidden));
        reading.wrong(at, message, "remove it: what is read must be what is meant");
    }
}

/// A control character that breaks no line, or one that changes the direction of what follows.
fn is_hidden(one: char) -> bool {
    one.is_control() && !matches!(one, '\n' | '\r' | '\t')
        || matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

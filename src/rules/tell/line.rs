//! One thing that a rule says, and the difference between two of them as a sentence.

/// How a field is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A phrase in parts, of which only those that differ are told; none if the field says nothing.
    Parts(Vec<String>),
    /// Several words, of which only those that came or went are told.
    List {
        /// The words.
        words: Vec<String>,
        /// What it means that none is named: `any channel`.
        none: &'static str,
    },
    /// Rows under heads, such as hours under days. Each row is compared with that of its head; under other heads the tables
    /// are told whole, for what rows of both begin and end with belongs to other days.
    Table(Vec<(String, String)>),
    /// A text that is quoted whole.
    Text(String),
}

/// A field of a rule in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The key in the file; two versions of a rule are compared by it.
    pub key: String,
    /// What stands before the words, where they do not speak for themselves; else empty.
    pub name: String,
    /// What it says.
    pub told: Told,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key in the file.
    pub key: String,
    /// What it said; none if nothing.
    pub old: Option<String>,
    /// What it says; none if nothing.
    pub new: Option<String>,
    /// The difference as a sentence without subject and dates.
    pub sentence: String,
}

impl Line {
    /// A phrase; an empty one says nothing.
    pub fn phrase(key: &str, name: &str, phrase: impl Into<String>) -> Self {
        Self::parts(key, name, Some(vec![phrase.into()]))
    }

    /// A phrase that may be absent.
    pub fn optional(key: &str, name: &str, phrase: Option<String>) -> Self {
        Self::parts(key, name, phrase.map(|phrase| vec![phrase]))
    }

    /// A phrase that holds only where the flag is set.
    pub fn flag(key: &str, set: bool, phrase: &str) -> Self {
        Self::parts(key, "", set.then(|| vec![phrase.to_owned()]))
    }

    /// A phrase in parts.
    pub fn parts(key: &str, name: &str, parts: Option<Vec<String>>) -> Self {
        Self { key: key.to_owned(), name: name.to_owned(), told: Told::Parts(parts.unwrap_or_default()) }
    }

    /// A list of words.
    pub fn list(key: &str, name: &str, words: Vec<String>, none: &'static str) -> Self {
        Self { key: key.to_owned(), name: name.to_owned(), told: Told::List { words, none } }
    }

    /// Rows under heads.
    pub fn table(key: &str, name: &str, rows: Vec<(String, String)>) -> Self {
        Self { key: key.to_owned(), name: name.to_owned(), told: Told::Table(rows) }
    }

    /// A text.
    pub fn text(key: &str, name: &str, text: &str) -> Self {
        Self { key: key.to_owned(), name: name.to_owned(), told: Told::Text(text.to_owned()) }
    }

    /// All that it says, without its name; none if nothing.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        match &self.told {
            Told::Parts(parts) if parts.is_empty() => None,
            Told::Parts(parts) => Some(parts.join(", ")),
            Told::Table(rows) if rows.is_empty() => None,
            Told::Table(rows) => Some(rows.iter().map(whole_row).collect::<Vec<_>>().join(", ")),
            Told::List { words, .. } if words.is_empty() => None,
            Told::List { words, .. } => Some(words.join(", ")),
            Told::Text(text) => Some(text.clone()),
        }
    }

    /// All that it says, for somebody who has not read it before; none if nothing.
    #[must_use]
    pub fn whole(&self) -> Option<String> {
        self.said().map(|said| self.named(&said))
    }

    fn named(&self, text: &str) -> String {
        if self.name.is_empty() { text.to_owned() } else { format!("{}: {text}", self.name) }
    }
}

/// What differs between two versions, field by field in the order of the new one; what only the old one has comes last.
#[must_use]
pub fn differences(old: &[Line], new: &[Line]) -> Vec<Difference> {
    let of = |lines: &[Line], key: &str| lines.iter().find(|line| line.key == key).cloned();
    let mut found: Vec<Difference> =
        new.iter().filter_map(|line| difference(of(old, &line.key).as_ref(), Some(line))).collect();
    let gone = old.iter().filter(|line| !new.iter().any(|one| one.key == line.key));
    found.extend(gone.filter_map(|line| difference(Some(line), None)));
    found
}

fn difference(old: Option<&Line>, new: Option<&Line>) -> Option<Difference> {
    let line = new.or(old)?;
    let said = |line: Option<&Line>| line.and_then(Line::said);
    let (before, after) = (said(old), said(new));
    if old.map(|line| &line.told) == new.map(|line| &line.told) || before.is_none() && after.is_none() {
        return None;
    }
    let sentence = match (old.map(|line| &line.told), new.map(|line| &line.told)) {
        (Some(Told::Parts(old)), Some(Told::Parts(new))) if !old.is_empty() && !new.is_empty() => {
            line.named(&parts(old, new))
        }
        (Some(Told::Table(old)), Some(Told::Table(new))) if !old.is_empty() && !new.is_empty() => {
            line.named(&tables(old, new))
        }
        (Some(Told::List { words: old, none }), Some(Told::List { words: new, .. })) => {
            line.named(&lists(old, new, none))
        }
        (Some(Told::Text(old)), Some(Told::Text(new))) => line.named(&format!("\"{new}\" instead of \"{old}\"")),
        _ => match (&before, &after) {
            (_, Some(after)) => line.named(&format!("now {after}")),
            (Some(before), None) => line.named(&gone(before)),
            (None, None) => return None,
        },
    };
    Some(Difference { key: line.key.clone(), old: before, new: after, sentence })
}

/// That a phrase says nothing any more. Negated once more, one that denies would say what nobody understands.
fn gone(phrase: &str) -> String {
    match phrase.strip_prefix("not ") {
        Some(denied) => format!("now also {denied}"),
        None if phrase.starts_with("no ") => format!("\"{phrase}\" no longer holds"),
        None => format!("no longer {phrase}"),
    }
}

fn whole_row((head, said): &(String, String)) -> String {
    format!("{head} {said}")
}

/// Under the same heads the rows that differ, else both tables.
fn tables(old: &[(String, String)], new: &[(String, String)]) -> String {
    let heads = |rows: &[(String, String)]| rows.iter().map(|(head, _)| head.clone()).collect::<Vec<_>>();
    let whole = |rows: &[(String, String)]| rows.iter().map(whole_row).collect::<Vec<_>>().join(", ");
    if heads(old) != heads(new) {
        return format!("{}; instead of {}", whole(new), whole(old));
    }
    let changed = old.iter().zip(new).filter(|(old, new)| old != new);
    changed.map(|((_, old), (head, new))| format!("{head} {}", woven(old, new))).collect::<Vec<_>>().join(", ")
}

/// Only the parts that differ.
fn parts(old: &[String], new: &[String]) -> String {
    let mut told = Vec::new();
    for at in 0..old.len().max(new.len()) {
        match (old.get(at), new.get(at)) {
            (Some(old), Some(new)) if old != new => told.push(woven(old, new)),
            (None, Some(new)) => told.push(format!("now {new}")),
            (Some(old), None) => told.push(gone(old)),
            _ => {}
        }
    }
    told.join(", ")
}

fn lists(old: &[String], new: &[String], none: &'static str) -> String {
    if old.is_empty() || new.is_empty() {
        let said = |words: &[String]| if words.is_empty() { none.to_owned() } else { words.join(", ") };
        return format!("{} instead of {}", said(new), said(old));
    }
    let without = |all: &[String], other: &[String]| {
        let rest: Vec<&str> = all.iter().filter(|word| !other.contains(word)).map(String::as_str).collect();
        rest.join(", ")
    };
    let (came, went) = (without(new, old), without(old, new));
    match (came.is_empty(), went.is_empty()) {
        (false, false) => format!("now also {came}, no longer {went}"),
        (false, true) => format!("now also {came}"),
        (true, false) => format!("no longer {went}"),
        (true, true) => format!("in the order {} instead of {}", new.join(", "), old.join(", ")),
    }
}

/// `at most 3 instead of 4 a week`: what both phrases share is said once.
fn woven(old: &str, new: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), new.split(' ').collect());
    let shortest = before.len().min(after.len());
    let first = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let last = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count().min(shortest - first);
    let middle = |words: &[&str]| words.get(first..words.len() - last).unwrap_or(&[]).join(" ");
    let (mut gone, mut come) = (middle(&before), middle(&after));
    if gone.is_empty() || come.is_empty() {
        return format!("{new} instead of {old}");
    }
    let mut mark = "";
    if let (Some(a), Some(b)) = (gone.strip_suffix(','), come.strip_suffix(',')) {
        (gone, come, mark) = (a.to_owned(), b.to_owned(), ",");
    }
    let mut told: Vec<&str> = after.iter().take(first).copied().collect();
    let changed = format!("{come} instead of {gone}{mark}");
    told.push(&changed);
    told.extend(after.iter().skip(after.len() - last));
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_share_is_said_once() {
        for (old, new, told) in [
            ("at most 4 a week", "at most 3 a week", "at most 3 instead of 4 a week"),
            ("from 08:00 to 21:00, Sunday closed", "from 08:00 to 20:00, Sunday closed", {
                "from 08:00 to 20:00 instead of 21:00, Sunday closed"
            }),
            ("14 days", "1 month", "1 month instead of 14 days"),
            ("a b", "a c b", "a c b instead of a b"),
            ("a a", "a a a", "a a a instead of a a"),
        ] {
            assert_eq!(woven(old, new), told);
        }
    }

    #[test]
    fn words_that_came_and_went_are_told() {
        let list = |words: &[&str]| Line::list("k", "on", words.iter().map(|&one| one.into()).collect(), "any channel");
        let told = |old: &[&str], new: &[&str]| {
            differences(&[list(old)], &[list(new)]).into_iter().map(|one| one.sentence).collect::<Vec<_>>()
        };
        assert_eq!(told(&["call"], &["call", "sms"]), ["on: now also sms"]);
        assert_eq!(told(&["call"], &["sms"]), ["on: now also sms, no longer call"]);
        assert_eq!(told(&["call"], &[]), ["on: any channel instead of call"]);
        assert_eq!(told(&["a", "b"], &["b", "a"]), ["on: in the order b, a instead of a, b"]);
        assert!(told(&["call"], &["call"]).is_empty());
    }

    #[test]
    fn every_days_old_and_new_hours_can_be_read_out_of_a_table_that_changed() {
        let hours = |rows: &[(&str, &str)]| {
            Line::table("open", "open", rows.iter().map(|(day, said)| ((*day).into(), (*said).into())).collect())
        };
        let told =
            |old: &[(&str, &str)], new: &[(&str, &str)]| differences(&[hours(old)], &[hours(new)]).remove(0).sentence;
        let old = [("Monday to Friday", "from 08:00 to 21:00"), ("Saturday to Sunday", "closed")];
        let other_hours = [("Monday to Friday", "from 08:00 to 20:00"), ("Saturday to Sunday", "closed")];
        assert_eq!(told(&old, &other_hours), "open: Monday to Friday from 08:00 to 20:00 instead of 21:00");
        let other_days = [
            ("Monday to Thursday", "from 09:00 to 20:00"),
            ("Friday", "from 09:00 to 21:00"),
            ("Saturday to Sunday", "closed"),
        ];
        assert_eq!(
            told(&old, &other_days),
            "open: Monday to Thursday from 09:00 to 20:00, Friday from 09:00 to 21:00, Saturday to Sunday closed; instead of \
             Monday to Friday from 08:00 to 21:00, Saturday to Sunday closed"
        );
        assert_eq!(told(&[], &old), "open: now Monday to Friday from 08:00 to 21:00, Saturday to Sunday closed");
    }

    #[test]
    fn what_only_one_version_says_is_told() {
        let (with, without) = ([Line::flag("k", true, "in writing only")], [Line::flag("k", false, "in writing only")]);
        assert_eq!(differences(&without, &with)[0].sentence, "now in writing only");
        assert_eq!(differences(&with, &without)[0].sentence, "no longer in writing only");
        assert_eq!(differences(&with, &[])[0].sentence, "no longer in writing only");
        let old = [Line::parts("t", "term", Some(vec!["14 days".into(), "from sending".into()]))];
        let new = [Line::parts("t", "term", Some(vec!["14 days".into(), "from receipt".into()]))];
        assert_eq!(differences(&old, &new)[0].sentence, "term: from receipt instead of sending");
    }
}

//! Debtors counted once in a group and a period. There are as many as facts, so that neither a name nor a place in a table is
//! made of each: rows are counted where each is another debtor, else the ids are sorted.

use std::collections::HashMap;

use super::block::Cell;
use super::gather::Group;
use super::hash::QuickState;
use super::strings::Strings;

/// What stands for the value being counted in the group of a sum that is such a number already.
pub(super) const COUNTED: u32 = u32::MAX;

/// What an id begins with, so that it is no other dimension's value: no text of a record has control characters.
const MARK: char = '\u{2}';

/// The text of an id as cells hold it.
pub(super) fn written(id: u64) -> String {
    format!("{MARK}{id:016x}")
}

/// The text of an id as it is told; another text as it is.
pub(super) fn shown(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The id of such a text.
pub(super) fn read(text: &str) -> Option<u64> {
    text.strip_prefix(MARK).and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

/// How the rows of a block are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// Each is another one of its group, and no other block has any of its stretch.
    Rows,
    /// By their ids.
    Ids,
}

/// Debtors of each group and place: numbers of them, and sums by id that are not counted yet.
#[derive(Debug, Default)]
pub(super) struct Ids {
    counted: Vec<((Group, usize), i128)>,
    lists: HashMap<(Group, usize), Vec<(u64, i128)>, QuickState>,
}

impl Ids {
    /// How many ids of each group and place have something left; of each that was met at all.
    pub(super) fn numbers(&mut self) -> impl Iterator<Item = ((Group, usize), i128)> {
        let lists = std::mem::take(&mut self.lists).into_iter().map(|(of, mut list)| {
            // What comes from one block is sorted already, which this sort makes use of.
            list.sort_by_key(|(id, _)| *id);
            let left = |run: &[(u64, i128)]| run.iter().map(|(_, sum)| *sum).fold(0, i128::wrapping_add) > 0;
            let there = list.chunk_by(|one, next| one.0 == next.0).filter(|run| left(run)).count();
            (of, i128::try_from(there).unwrap_or(i128::MAX))
        });
        std::mem::take(&mut self.counted).into_iter().chain(lists)
    }
}

/// The rows of a block on their way into the sums.
pub(super) struct Rows<'a> {
    counting: Counting,
    /// Where the id stands.
    at: usize,
    strings: &'a Strings,
    bucket: usize,
    group: Option<Group>,
    there: i128,
    list: Vec<(u64, i128)>,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(counting: Counting, at: usize, strings: &'a Strings, bucket: usize) -> Self {
        Self { counting, at, strings, bucket, group: None, there: 0, list: Vec::new() }
    }

    /// Takes a row of a group; hands on what was gathered of another one before.
    pub(super) fn take(&mut self, group: Group, key: &[u32], cell: Cell, to: &mut Ids) {
        if self.group != Some(group) {
            self.hand_on(to);
            self.group = Some(group);
        }
        match self.counting {
            Counting::Rows => self.there += i128::from(cell.sum > 0),
            Counting::Ids => {
                let text = key.get(self.at).and_then(|value| value.checked_sub(1));
                if let Some(id) = text.and_then(|place| read(self.strings.get(place as usize)?)) {
                    self.list.push((id, cell.sum));
                }
            }
        }
    }

    /// Hands on what was gathered last.
    pub(super) fn hand_on(&mut self, to: &mut Ids) {
        let Some(group) = self.group.take() else { return };
        match self.counting {
            Counting::Rows => to.counted.push(((group, self.bucket), std::mem::take(&mut self.there))),
            Counting::Ids => to.lists.entry((group, self.bucket)).or_default().append(&mut self.list),
        }
    }
}

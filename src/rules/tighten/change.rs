//! One entry of a tenant against the rule that it tightens. Each method reads a key if it is there, compares it with what
//! the law says, and changes the limit only where that is stricter or the same; what is looser is refused with both lines.

use crate::domain::money::Currency;
use crate::rules::conduct::Words;
use crate::rules::model::{Rule, Term};
use crate::rules::reader::Reader;
use crate::rules::step::Step;
use crate::rules::words::{Set, Word};
use crate::rules::{parse_conduct, parse_fee, parse_limits};

/// Longest term that a tenant may write.
const LONGEST: i64 = 5_000;

/// Whose side of a number is the stricter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stricter {
    Less,
    More,
}

/// An entry being read, and the rule as the law has it.
pub(super) struct Change<'c, 'r, 'a> {
    pub reader: &'c mut Reader<'r, 'a>,
    pub law: &'c Rule,
    /// Currency of amounts.
    pub currency: Option<Currency>,
    /// Some limit of the kind was named.
    pub touched: bool,
}

impl Change<'_, '_, '_> {
    /// Refuses what the key says: it would loosen the law.
    pub fn loosens(&mut self, key: &'static str, what: &str) {
        let at = self.reader.at(key);
        let message = format!("{key} loosens rule {} of {}: {what}", self.law.id, self.law.limits_position);
        self.reader.cx.wrong(at, message, "a tenant may only tighten: write a stricter limit or remove this entry");
    }

    /// Refuses a key that the rule gives nothing to compare with.
    pub fn unstated(&mut self, key: &'static str, what: &str) {
        let at = self.reader.at(key);
        let message = format!("{key} tightens nothing: rule {} of {} {what}", self.law.id, self.law.limits_position);
        self.reader.cx.wrong(
            at,
            message,
            "write a rule of your own with [[rules.add]], which is judged beside the law's",
        );
    }

    fn named(&mut self, key: &'static str) -> bool {
        let named = self.reader.has(key);
        self.touched |= named;
        named
    }

    fn stricter(&mut self, key: &'static str, value: i64, law: Option<i64>, side: Stricter) -> Option<i64> {
        self.touched = true;
        match (law, side) {
            (Some(limit), Stricter::Less) if value > limit => {
                self.loosens(key, &format!("{value} is more than the {limit} that it allows"));
                None
            }
            (Some(limit), Stricter::More) if value < limit => {
                self.loosens(key, &format!("{value} is less than the {limit} that it demands"));
                None
            }
            _ => Some(value),
        }
    }

    fn number<N: Copy + Into<i64> + TryFrom<i64>>(
        &mut self,
        key: &'static str,
        law: Option<N>,
        (low, high): (i64, i64),
        side: Stricter,
    ) -> Option<N> {
        let value = self.reader.integer(key, low, high)?;
        self.stricter(key, value, law.map(Into::into), side).and_then(|value| N::try_from(value).ok())
    }

    /// A number of which less is stricter; where the law states none, any is.
    pub fn at_most<N: Copy + Into<i64> + TryFrom<i64>>(
        &mut self,
        key: &'static str,
        limit: &mut Option<N>,
        bounds: (i64, i64),
    ) {
        *limit = self.number(key, *limit, bounds, Stricter::Less).or(*limit);
    }

    /// A number of which more is stricter; where the law states none, any is.
    pub fn at_least<N: Copy + Into<i64> + TryFrom<i64>>(
        &mut self,
        key: &'static str,
        limit: &mut Option<N>,
        bounds: (i64, i64),
    ) {
        *limit = self.number(key, *limit, bounds, Stricter::More).or(*limit);
    }

    /// A number that the law states, of which more is stricter.
    pub fn more<N: Copy + Into<i64> + TryFrom<i64>>(&mut self, key: &'static str, limit: &mut N, most: i64) {
        *limit = self.number(key, Some(*limit), (0, most), Stricter::More).unwrap_or(*limit);
    }

    /// A number that the law states, of which less is stricter.
    pub fn less<N: Copy + Into<i64> + TryFrom<i64>>(&mut self, key: &'static str, limit: &mut N, most: i64) {
        *limit = self.number(key, Some(*limit), (0, most), Stricter::Less).unwrap_or(*limit);
    }

    /// The length of a term in the law's own unit, within which something must be done.
    pub fn shorter(&mut self, key: &'static str, term: &mut Option<Term>) {
        self.term(key, term, Stricter::Less);
    }

    /// The length of a term in the law's own unit, for which something must wait.
    pub fn longer(&mut self, key: &'static str, term: &mut Option<Term>) {
        self.term(key, term, Stricter::More);
    }

    fn term(&mut self, key: &'static str, term: &mut Option<Term>, side: Stricter) {
        if !self.named(key) {
            return;
        }
        match term {
            Some(term) => {
                term.length = self.number(key, Some(term.length), (0, LONGEST), side).unwrap_or(term.length);
            }
            None => self.unstated(key, "states no such term"),
        }
    }

    /// A duty that a tenant may take on.
    pub fn demands(&mut self, key: &'static str, duty: &mut bool) {
        self.flag(key, duty, true);
    }

    /// An indulgence of the law that a tenant may do without.
    pub fn forgoes(&mut self, key: &'static str, indulgence: &mut bool) {
        self.flag(key, indulgence, false);
    }

    fn flag(&mut self, key: &'static str, limit: &mut bool, strict: bool) {
        let Some(value) = self.reader.boolean(key) else { return };
        self.touched = true;
        if value == strict {
            *limit = strict;
        } else if *limit == strict {
            self.loosens(key, &format!("it says {strict}"));
        }
    }

    /// Words beside those of the law.
    pub fn further<T: Word>(&mut self, key: &'static str, words: &mut Set<T>) {
        if self.named(key) {
            let further: Set<T> = self.reader.set(key);
            further.iter().for_each(|word| words.insert(word));
        }
    }

    /// Words of contacts or names of documents beside those of the law.
    pub fn further_words(&mut self, key: &'static str, words: &mut Words) {
        if self.named(key) {
            let further = parse_conduct::words(self.reader, key);
            let mut all: Vec<Box<str>> = words.iter().map(Into::into).collect();
            all.extend(further.iter().filter(|word| !words.iter().any(|one| one == *word)).map(Into::into));
            *words = Words::of(all);
        }
    }

    /// Steps beside those of the law.
    pub fn further_steps(&mut self, key: &'static str, steps: &mut Vec<Step>) {
        if self.named(key) {
            for step in parse_limits::steps(self.reader, key, true) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
    }

    /// Some of the words that the law accepts; any where it accepts all.
    pub fn some_of<T: Word>(&mut self, key: &'static str, accepted: &mut Set<T>) {
        if self.named(key) {
            let some: Set<T> = self.reader.set(key);
            if accepted.is_empty() || accepted.covers(some) {
                // A list that could not be read leaves the law's.
                *accepted = if some.is_empty() { *accepted } else { some };
            } else {
                self.outside(key, some.iter().find(|word| !accepted.has(*word)).map(Word::name));
            }
        }
    }

    /// Some of the exceptions that the law makes, or none of them.
    pub fn fewer<T: Word>(&mut self, key: &'static str, exceptions: &mut Set<T>) {
        if self.named(key) {
            let list = self.reader.raw(key).and_then(|(value, _)| value.as_array());
            let none = list.is_some_and(|list| list.iter().next().is_none());
            let some: Set<T> = if none { Set::default() } else { self.reader.set(key) };
            if exceptions.covers(some) {
                *exceptions = some;
            } else {
                self.outside(key, some.iter().find(|word| !exceptions.has(*word)).map(Word::name));
            }
        }
    }

    /// The same for words of contacts and other texts.
    pub fn fewer_texts<T: Clone + AsRef<str>>(&mut self, key: &'static str, exceptions: &mut Vec<T>) {
        if self.named(key) {
            let some = self.reader.texts(key);
            match some.iter().find(|text| !exceptions.iter().any(|one| one.as_ref() == text.as_str())) {
                Some(text) => self.outside(key, Some(text)),
                None => exceptions.retain(|one| some.iter().any(|text| text == one.as_ref())),
            }
        }
    }

    fn outside(&mut self, key: &'static str, word: Option<&str>) {
        self.loosens(key, &format!("\"{}\" is not among what it names", word.unwrap_or_default()));
    }

    /// A word that lies further on the way from lenient to strict, in the order of its list.
    pub fn stricter_word<T: Word + PartialOrd + Copy>(&mut self, key: &'static str, limit: &mut Option<T>) {
        let Some(word) = self.reader.word::<T>(key) else { return };
        self.touched = true;
        match limit {
            Some(law) if word.bit() < law.bit() => {
                let message = format!("{} is less strict than its {}", word.name(), law.name());
                self.loosens(key, &message);
            }
            _ => *limit = Some(word),
        }
    }

    /// A word where the law leaves it open.
    pub fn chooses<T: Word + PartialEq>(&mut self, key: &'static str, limit: &mut Option<T>) {
        let Some(word) = self.reader.word::<T>(key) else { return };
        self.touched = true;
        match limit {
            Some(law) if *law != word => self.loosens(key, &format!("it says {}", law.name())),
            _ => *limit = Some(word),
        }
    }

    /// An amount of which less is stricter.
    pub fn amount_at_most(&mut self, key: &'static str, limit: &mut Option<i64>, law: Option<i64>) {
        let Some(value) = self.amount(key) else { return };
        if law.is_some_and(|law| value > law) {
            let most = law.unwrap_or(value);
            self.loosens(key, &format!("{value} minor units are more than the {most} that it allows"));
        } else {
            *limit = Some(value);
        }
    }

    /// An amount of which more is stricter.
    pub fn amount_at_least(&mut self, key: &'static str, limit: &mut Option<i64>) {
        let Some(value) = self.amount(key) else { return };
        match *limit {
            Some(law) if value < law => {
                self.loosens(key, &format!("{value} minor units are less than the {law} that it demands"));
            }
            _ => *limit = Some(value),
        }
    }

    fn amount(&mut self, key: &'static str) -> Option<i64> {
        if !self.named(key) {
            return None;
        }
        let Some(currency) = self.currency else {
            self.unstated(key, "has no currency");
            return None;
        };
        parse_fee::amount(self.reader, key, currency)
    }

    /// A decimal or percentage, in millionths, of which less is stricter; a new one only where `or_new`.
    pub fn share_at_most(&mut self, key: &'static str, limit: &mut Option<i64>, per_hundred: bool, or_new: bool) {
        if !self.named(key) {
            return;
        }
        let Some(value) = parse_fee::decimal(self.reader, key, per_hundred) else { return };
        match *limit {
            None if !or_new => self.unstated(key, "states no such figure"),
            Some(law) if value > law => {
                self.loosens(key, &format!("{value} millionths are more than the {law} that it allows"));
            }
            _ => *limit = Some(value),
        }
    }
}

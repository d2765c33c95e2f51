//! The words that a contact holds: its content items and attestations, its template's, and what typed fields say.

use super::situation::Situation;
use crate::domain::detail::Contact;
use crate::domain::vocabulary::Component;
use crate::rules::conduct::Words;

/// What a contact holds.
pub(crate) struct Held<'a> {
    contact: &'a Contact,
    template: Option<&'a [Box<str>]>,
    /// It holds no word at all, as far as is stated.
    nothing: bool,
}

impl<'a> Held<'a> {
    /// What the contact under judgement holds, if it is one.
    pub fn of(situation: &Situation<'a>) -> Option<Self> {
        let contact = situation.contact()?;
        let template = contact.template.as_deref().and_then(|id| situation.rules.template(id));
        let nothing = template.is_none()
            && contact.content_items.is_empty()
            && contact.attestations.is_empty()
            && contact.amounts.is_empty()
            && contact.deadline.is_none();
        Some(Self { contact, template, nothing })
    }

    /// The content is stated: what is not in it is not held.
    pub const fn content_stated(&self) -> bool {
        !self.contact.content_items.is_empty() || self.template.is_some()
    }

    /// Content or attestations are stated.
    pub const fn anything_stated(&self) -> bool {
        self.content_stated() || !self.contact.attestations.is_empty()
    }

    /// Holds the word, or one of several written `a|b`.
    pub fn has(&self, entry: &str) -> bool {
        !self.nothing && entry.split('|').any(|word| self.word(word))
    }

    fn word(&self, word: &str) -> bool {
        let contact = self.contact;
        contact.content_items.iter().chain(&contact.attestations).any(|one| one == word)
            || self.template.is_some_and(|words| words.iter().any(|one| **one == *word))
            || match word {
                "principal" => contact.amounts.contains_key(&Component::Principal),
                "interest_amount" => contact.amounts.contains_key(&Component::Interest),
                "costs" => contact.amounts.contains_key(&Component::Cost),
                "deadline" => contact.deadline.is_some(),
                _ => false,
            }
    }

    /// The first of the words that is held.
    pub fn first<'w>(&self, words: &'w Words) -> Option<&'w str> {
        if self.nothing { None } else { words.iter().find(|entry| self.has(entry)) }
    }

    /// The words that are not held, as a list; `None` if all are.
    pub fn lacking(&self, words: &Words) -> Option<String> {
        let mut out: Option<String> = None;
        for entry in words.iter().filter(|entry| !self.has(entry)) {
            let out = out.get_or_insert_default();
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(entry);
        }
        out
    }

    /// The first stated content item that none of the lists names.
    pub fn stranger(&self, lists: [&Words; 2]) -> Option<&str> {
        let named = |word: &str| {
            lists.iter().flat_map(|words| words.iter()).any(|entry| entry.split('|').any(|one| one == word))
        };
        let stated = self.contact.content_items.iter().map(String::as_str);
        let of_template = self.template.iter().flat_map(|words| words.iter()).map(AsRef::as_ref);
        stated.chain(of_template).find(|word| !named(word))
    }
}

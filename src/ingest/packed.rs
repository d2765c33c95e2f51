//! The remembered state of a case or a person as a few bytes: what was not used lately is kept so.
//!
//! A state is written down by serde and then compressed against a sample of states of the same market. Cases of one
//! market are alike in most of their words, so little more is left of each than what is its own.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::derive::{CaseEntry, Position};
use crate::compliance::{CaseWatch, PackedWatch, PersonLog};
use crate::domain::case::CaseVersion;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::CaseLedger;
use crate::rules::RuleSet;

/// Bytes of the sample. A larger one leaves less of each state, and costs more at each packing.
const SAMPLE: usize = 4_096;

/// What states are compressed against: once it is chosen it stays, because what was packed needs it.
#[derive(Debug, Default)]
pub(super) struct Sample(OnceLock<Box<[u8]>>);

impl Sample {
    /// Takes some states as the sample, if there is none yet.
    pub(super) fn choose<'a>(&self, mut states: impl Iterator<Item = &'a [u8]>) {
        self.0.get_or_init(|| {
            let mut sample = Vec::with_capacity(SAMPLE);
            while sample.len() < SAMPLE
                && let Some(state) = states.next()
            {
                sample.extend_from_slice(state);
            }
            sample.truncate(SAMPLE);
            sample.into()
        });
    }

    fn bytes(&self) -> &[u8] {
        self.0.get().map_or(&[], AsRef::as_ref)
    }

    /// A state compressed.
    pub(super) fn pack(&self, state: &[u8]) -> Box<[u8]> {
        lz4_flex::block::compress_prepend_size_with_dict(state, self.bytes()).into()
    }

    /// A state as it was before it was compressed; `None` if the bytes are no such thing.
    pub(super) fn unpack(&self, packed: &[u8]) -> Option<Vec<u8>> {
        lz4_flex::block::decompress_size_prepended_with_dict(packed, self.bytes()).ok()
    }
}

/// A state that can be written down.
pub(super) trait Written: Sized {
    /// What identifies it.
    type Key;

    /// Its bytes; `None` if it has no such form.
    fn write(&self, key: &Self::Key) -> Option<Vec<u8>>;

    /// The state of that key; `None` if the bytes are another's, or do not read.
    fn read(written: &[u8], key: &Self::Key, rules: &RuleSet) -> Option<Self>;
}

/// A case's state with its versions as text: they leave out what is not set, which these bytes cannot.
#[derive(Serialize, Deserialize)]
struct WrittenCase<'a> {
    #[serde(borrow)]
    versions: std::borrow::Cow<'a, str>,
    ledger: std::borrow::Cow<'a, CaseLedger>,
    watch: PackedWatch<'a>,
    last: std::borrow::Cow<'a, Position>,
    last_timer: Timestamp,
    advanced_to: Timestamp,
    stored_due: Option<Timestamp>,
}

impl Written for CaseEntry {
    type Key = CaseId;

    fn write(&self, _key: &CaseId) -> Option<Vec<u8>> {
        use std::borrow::Cow;
        let written = WrittenCase {
            versions: Cow::Owned(serde_json::to_string(&*self.versions).ok()?),
            ledger: Cow::Borrowed(&self.ledger),
            watch: self.watch.packed(),
            last: Cow::Borrowed(&self.last),
            last_timer: self.last_timer,
            advanced_to: self.advanced_to,
            stored_due: self.stored_due,
        };
        postcard::to_stdvec(&written).ok()
    }

    fn read(written: &[u8], key: &CaseId, rules: &RuleSet) -> Option<Self> {
        let written: WrittenCase<'_> = postcard::from_bytes(written).ok()?;
        let versions: Vec<CaseVersion> = serde_json::from_str(&written.versions).ok()?;
        if versions.first()?.case != *key {
            return None;
        }
        Some(Self {
            versions: versions.into(),
            ledger: written.ledger.into_owned(),
            watch: CaseWatch::unpacked(written.watch, rules)?,
            last: written.last.into_owned(),
            last_timer: written.last_timer,
            advanced_to: written.advanced_to,
            stored_due: written.stored_due,
        })
    }
}

impl Written for PersonLog {
    type Key = PersonId;

    fn write(&self, key: &PersonId) -> Option<Vec<u8>> {
        postcard::to_stdvec(&(key, self)).ok()
    }

    fn read(written: &[u8], key: &PersonId, _rules: &RuleSet) -> Option<Self> {
        let (of, log): (PersonId, Self) = postcard::from_bytes(written).ok()?;
        (of == *key).then_some(log)
    }
}

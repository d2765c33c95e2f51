//! The remembered state of a case or a person as a few bytes: what was not used lately is kept so.
//!
//! A state is written down by serde and then compressed with a dictionary made from states of the same market. Cases of
//! one market are alike in most of their words, so little more is left of each than what is its own.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use zstd::zstd_safe::{self, CCtx, CDict, CParameter, DCtx, DDict};

use super::derive::{CaseEntry, Position};
use super::kept::Kept;
use crate::compliance::{CaseWatch, PackedWatch, PersonLog};
use crate::domain::case::CaseVersion;
use crate::domain::circle::Circle;
use crate::domain::ids::{CaseId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::{Barred, CaseLedger};
use crate::rules::RuleSet;
use crate::store::{read_version, version_record};

/// The dictionaries of a market, one after the other: how many states must have been packed, from so many at the most it is
/// made, its bytes, and how hard the compression with it tries. The first serves markets with few states; states grow with
/// their history, so that what the first ones taught fits those that come later less and less.
const DICTIONARIES: [(usize, usize, usize, i32); 3] =
    [(0, 1_024, 16_384, 1), (16_384, 4_096, 65_536, 3), (262_144, 4_096, 65_536, 3)];
/// The first bytes of every compressed frame: they are left out.
const MAGIC: [u8; 4] = zstd_safe::MAGICNUMBER.to_le_bytes();

/// What the states of a market are compressed against. A dictionary that was made stays, because what was packed needs it;
/// the first byte of a packed state tells which one.
#[derive(Default)]
pub(super) struct Dictionary {
    made: [OnceLock<Option<DDict<'static>>>; DICTIONARIES.len()],
    packing: Mutex<Packing>,
}

/// What states are compressed with.
#[derive(Default)]
struct Packing {
    packed: usize,
    /// With its number.
    newest: Option<(u8, Arc<CDict<'static>>)>,
}

thread_local! {
    /// Working memory for expanding, and the frame with its first bytes again.
    static EXPANDING: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

impl Dictionary {
    fn packing(&self) -> MutexGuard<'_, Packing> {
        // Whole after every step.
        self.packing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next dictionary from some states, if it is time for one.
    pub(super) fn learn(&self, states: &[&[u8]]) {
        let packed = {
            let mut packing = self.packing();
            packing.packed += states.len();
            packing.packed - states.len()
        };
        let due = DICTIONARIES.iter().rposition(|(from, ..)| packed >= *from);
        let (false, Some(number)) = (states.is_empty(), due) else { return };
        let Some((made, (_, samples, bytes, level))) = self.made.get(number).zip(DICTIONARIES.get(number)) else {
            return;
        };
        made.get_or_init(|| {
            let stride = states.len().div_ceil(*samples);
            let samples: Vec<&[u8]> = states.iter().step_by(stride).copied().collect();
            // Too few states to learn from: they themselves are what others are compared with.
            let bytes = zstd::dict::from_samples(&samples, *bytes)
                .unwrap_or_else(|_| samples.iter().copied().flatten().copied().take(*bytes).collect());
            let newest = (u8::try_from(number).ok()?, Arc::new(CDict::try_create(&bytes, *level)?));
            let expanding = DDict::try_create(&bytes)?;
            self.packing().newest = Some(newest);
            Some(expanding)
        });
    }

    /// States compressed; `None` for one that cannot be.
    pub(super) fn pack(&self, states: &[Option<Vec<u8>>]) -> Vec<Option<Box<[u8]>>> {
        let nothing = || states.iter().map(|_| None).collect();
        let newest = self.packing().newest.clone();
        let (Some((number, dictionary)), Some(mut context)) = (newest, CCtx::try_create()) else {
            return nothing();
        };
        if context.set_parameter(CParameter::DictIdFlag(false)).is_err() || context.ref_cdict(&dictionary).is_err() {
            return nothing();
        }
        let mut frame = Vec::new();
        let mut pack = |state: &Vec<u8>| {
            frame.clear();
            frame.reserve(zstd_safe::compress_bound(state.len()));
            context.compress2(&mut frame, state).ok()?;
            let body = frame.strip_prefix(&MAGIC)?;
            Some([&[number], body].concat().into())
        };
        states.iter().map(|state| pack(state.as_ref()?)).collect()
    }

    /// Hands a state as it was before it was compressed to a reader; `None` if the bytes are no such thing.
    pub(super) fn unpack<T>(&self, packed: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let (number, packed) = packed.split_first()?;
        let dictionary = self.made.get(usize::from(*number))?.get()?.as_ref()?;
        EXPANDING.with_borrow_mut(|(context, frame)| {
            frame.clear();
            frame.extend_from_slice(&MAGIC);
            frame.extend_from_slice(packed);
            let size = usize::try_from(zstd_safe::get_frame_content_size(frame).ok()??).ok()?;
            let mut state = Vec::with_capacity(size);
            context.decompress_using_ddict(&mut state, frame, dictionary).ok()?;
            read(&state)
        })
    }
}

/// A state that can be written down.
pub(super) trait Written: Sized {
    /// What identifies it.
    type Key;

    /// Bytes that it takes as it is, about.
    fn weight(&self) -> usize;

    /// Its bytes; `None` if it has no such form.
    fn write(&self, key: &Self::Key) -> Option<Vec<u8>>;

    /// The state of that key; `None` if the bytes are another's, or do not read.
    fn read(written: &[u8], key: &Self::Key, rules: &RuleSet) -> Option<Self>;
}

/// A case's state with its versions as they are stored, one behind the other: that form leaves out what is not set, which
/// these bytes cannot.
#[derive(Serialize, Deserialize)]
struct WrittenCase<'a> {
    #[serde(borrow, serialize_with = "as_bytes")]
    versions: Cow<'a, [u8]>,
    ledger: Cow<'a, CaseLedger>,
    watch: PackedWatch<'a>,
    barred: Cow<'a, Barred>,
    last: Cow<'a, Position>,
    advanced_to: Timestamp,
    stored_due: Option<Timestamp>,
    met: Cow<'a, BTreeSet<PersonId>>,
}

#[expect(clippy::ptr_arg, reason = "serde hands over the field")]
fn as_bytes<S: serde::Serializer>(bytes: &Cow<'_, [u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Versions one behind the other, each behind its length.
fn write_versions(versions: &[CaseVersion]) -> Option<Vec<u8>> {
    let mut written = Vec::new();
    for record in versions.iter().map(version_record) {
        written.extend_from_slice(&u32::try_from(record.len()).ok()?.to_le_bytes());
        written.extend_from_slice(&record);
    }
    Some(written)
}

/// The versions of such bytes; `None` if they are no such thing.
fn read_versions(mut written: &[u8]) -> Option<Vec<CaseVersion>> {
    let mut versions = Vec::with_capacity(1);
    while let Some((length, rest)) = written.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        versions.push(read_version(record).ok()?);
        written = rest;
    }
    written.is_empty().then_some(versions)
}

/// What a case's ledger and its rules take, about, before anything is remembered of its contacts.
const BARE: usize = 1_536;
/// What is remembered of one contact, about.
const CONTACT: usize = 192;

impl Written for CaseEntry {
    type Key = CaseId;

    fn weight(&self) -> usize {
        let kept = self.kept.as_ref().map_or(0, Kept::bytes);
        BARE + self.versions.iter().map(CaseVersion::footprint).sum::<usize>()
            + self.watch.remembered() * CONTACT
            + kept
    }

    fn write(&self, _key: &CaseId) -> Option<Vec<u8>> {
        let written = WrittenCase {
            versions: Cow::Owned(write_versions(&self.versions)?),
            ledger: Cow::Borrowed(&self.ledger),
            watch: self.watch.packed(),
            barred: Cow::Borrowed(&self.barred),
            last: Cow::Borrowed(&self.last),
            advanced_to: self.advanced_to,
            stored_due: self.stored_due,
            met: Cow::Borrowed(&self.met),
        };
        postcard::to_stdvec(&written).ok()
    }

    fn read(written: &[u8], key: &CaseId, rules: &RuleSet) -> Option<Self> {
        let written: WrittenCase<'_> = postcard::from_bytes(written).ok()?;
        let versions = read_versions(&written.versions)?;
        if versions.first()?.case != *key {
            return None;
        }
        Some(Self {
            versions: versions.into(),
            ledger: written.ledger.into_owned(),
            watch: CaseWatch::unpacked(written.watch, rules)?,
            barred: written.barred.into_owned(),
            last: written.last.into_owned(),
            advanced_to: written.advanced_to,
            stored_due: written.stored_due,
            kept: None,
            met: written.met.into_owned(),
        })
    }
}

impl Written for PersonLog {
    type Key = Circle;

    fn weight(&self) -> usize {
        (1 + self.stamps().len()) * CONTACT
    }

    fn write(&self, key: &Circle) -> Option<Vec<u8>> {
        postcard::to_stdvec(&(key, self)).ok()
    }

    fn read(written: &[u8], key: &Circle, _rules: &RuleSet) -> Option<Self> {
        let (of, log): (Circle, Self) = postcard::from_bytes(written).ok()?;
        (of == *key).then_some(log)
    }
}

//! What is on record of a case, kept beside its state for as long as that is kept as it is: most facts that come late, and
//! most voids, concern cases of these days, and reading those from the database cost it more than all other questions.

use std::sync::Arc;

use super::items::Set;
use crate::domain::activity::Activity;
use crate::store::{activity_record, read_activity};

/// An activity as it is stored; cases that it names share it.
pub type Record = Arc<[u8]>;

/// The activities of a case that count, as stored. What a commit adds lies on top of what was there, which the states of
/// before share.
#[derive(Debug, Clone, Default)]
pub struct Kept(Option<Arc<Layer>>);

/// What one commit added.
#[derive(Debug)]
struct Layer {
    records: Vec<Record>,
    /// Bytes of this layer and of all below.
    bytes: usize,
    below: Option<Arc<Layer>>,
}

/// What a record costs beside its bytes: its counters, its place in the layer, and a part of the layer.
const OVERHEAD: usize = 64;

impl Kept {
    /// These activities.
    pub(super) fn of<'a>(activities: impl Iterator<Item = &'a Activity>) -> Self {
        let mut kept = Self::default();
        kept.add(activities.map(|activity| activity_record(activity).into()).collect());
        kept
    }

    /// These records on top.
    pub(super) fn add(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let bytes = self.bytes() + records.iter().map(|record| record.len() + OVERHEAD).sum::<usize>();
        self.0 = Some(Arc::new(Layer { records, bytes, below: self.0.take() }));
    }

    /// Bytes that they take, about.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |layer| layer.bytes)
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::successors(self.0.as_deref(), |layer| layer.below.as_deref()).flat_map(|layer| &layer.records)
    }

    /// The activities, in no order; `None` if one of them does not read: then the database is asked, which tells.
    pub(super) fn activities(&self) -> Option<Vec<Activity>> {
        self.records().map(|record| read_activity(record).ok()).collect()
    }

    /// The same without some of these activities.
    pub(super) fn without(&self, gone: &Set<&str>) -> Option<Self> {
        let mut left = Vec::new();
        for record in self.records() {
            if !gone.contains(read_activity(record).ok()?.id.as_str()) {
                left.push(Arc::clone(record));
            }
        }
        let mut kept = Self::default();
        kept.add(left);
        Some(kept)
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        // One after the other: dropping each within the one above would need a stack as deep as the case is long.
        let mut below = self.below.take();
        while let Some(mut layer) = below.and_then(Arc::into_inner) {
            below = layer.below.take();
        }
    }
}

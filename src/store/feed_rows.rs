//! Rows of the change feed: records as their bytes, which are read only where somebody has to know what they say.

use std::borrow::Cow;
use std::ops::Range;

use sea_orm::QueryResult;

use super::StoreError;
use super::copy::CopiedRow;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::digest::Leaf;
use crate::domain::feed::SyncEntity;
use crate::domain::ids::{CaseId, VersionId};
use crate::domain::time::Timestamp;
use crate::wire::stored::{self, Bytes};

/// A case version in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedVersion {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// The case.
    pub case: CaseId,
    /// The version.
    pub version: VersionId,
    /// When it takes effect.
    pub effective: Timestamp,
    /// Its bytes.
    pub record: Bytes,
}

/// Columns of a [`FeedVersion`], first in what is selected.
pub(super) const VERSION: &str = "case_id, version_id, effective_at, revision, recorded_at, record";

impl FeedVersion {
    /// By the places of columns: looking names up for each row takes longer than reading.
    pub(super) fn of(row: &QueryResult) -> Result<Self, StoreError> {
        Ok(Self {
            case: CaseId::trusted(&row.try_get_by_index::<String>(0)?),
            version: VersionId::trusted(&row.try_get_by_index::<String>(1)?),
            effective: Timestamp(row.try_get_by_index(2)?),
            revision: row.try_get_by_index::<i64>(3)?.cast_unsigned(),
            recorded: Timestamp(row.try_get_by_index(4)?),
            record: row.try_get_by_index::<Vec<u8>>(5)?.into(),
        })
    }

    /// The same from what was copied out.
    pub(super) fn copied(mut row: CopiedRow) -> Result<Self, StoreError> {
        Ok(Self {
            case: row.text(CaseId::trusted)?,
            version: row.text(VersionId::trusted)?,
            effective: Timestamp(row.int()?),
            revision: row.int()?.cast_unsigned(),
            recorded: Timestamp(row.int()?),
            record: row.bytes()?,
        })
    }

    /// The order of versions of a case.
    #[must_use]
    pub fn order(&self) -> (Timestamp, &VersionId) {
        (self.effective, &self.version)
    }

    /// Its leaf.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        Leaf::version(&self.record)
    }

    /// What it says.
    ///
    /// # Errors
    /// Its bytes are corrupt.
    pub fn read(&self) -> Result<CaseVersion, StoreError> {
        stored::read_version(&self.record).map_err(|cause| StoreError::corrupt("case version", cause))
    }
}

/// An activity or void in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRecord {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Whether it is a void.
    pub entity: SyncEntity,
    /// Its bytes.
    pub record: Bytes,
    /// Where in them its id stands.
    id: Range<usize>,
    /// What it says; of activities only where that was asked for, of voids always.
    pub activity: Option<Box<Activity>>,
}

/// Columns of a [`FeedRecord`], of the table of activities as `a`, first in what is selected. What else there is to know of it
/// stands in its bytes.
pub(super) const RECORD: &str = "a.revision, a.recorded_at, a.record";

/// A row of the table of activities, as far as it is known without reading its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Revision of its commit.
    pub revision: u64,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Its bytes.
    pub record: Bytes,
    /// Where in them its id stands.
    pub id: Range<usize>,
    /// Whether it is a void.
    pub void: bool,
}

impl RecordRow {
    fn new(revision: i64, recorded: i64, record: Bytes) -> Result<Self, StoreError> {
        let (id, void) =
            stored::skim(&record).ok_or_else(|| StoreError::corrupt("activity", "its bytes are no message"))?;
        Ok(Self { revision: revision.cast_unsigned(), recorded: Timestamp(recorded), record, id, void })
    }

    /// By the places of columns, as [`FeedVersion::of`].
    pub(super) fn of(row: &QueryResult) -> Result<Self, StoreError> {
        let record: Vec<u8> = row.try_get_by_index(2)?;
        Self::new(row.try_get_by_index(0)?, row.try_get_by_index(1)?, record.into())
    }

    /// The same from what was copied out.
    pub(super) fn copied(mut row: CopiedRow) -> Result<Self, StoreError> {
        Self::new(row.int()?, row.int()?, row.bytes()?)
    }

    /// What it is about.
    #[must_use]
    pub const fn entity(&self) -> SyncEntity {
        if self.void { SyncEntity::Void } else { SyncEntity::Activity }
    }
}

fn read(record: &[u8]) -> Result<Activity, StoreError> {
    stored::read_activity(record).map_err(|cause| StoreError::corrupt("activity", cause))
}

impl FeedRecord {
    /// The record of a row, read if that is wished or it is a void.
    ///
    /// # Errors
    /// The bytes are corrupt.
    pub fn from_row(row: RecordRow, read: bool) -> Result<Self, StoreError> {
        let activity = if read || row.void { Some(Box::new(self::read(&row.record)?)) } else { None };
        let entity = row.entity();
        let RecordRow { revision, recorded, record, id, .. } = row;
        Ok(Self { revision, recorded, entity, record, id, activity })
    }

    /// A record from its bytes.
    ///
    /// # Errors
    /// The bytes are corrupt.
    pub fn new(revision: u64, recorded: Timestamp, record: Bytes, read: bool) -> Result<Self, StoreError> {
        Self::from_row(RecordRow::new(revision.cast_signed(), recorded.0, record)?, read)
    }

    /// By the places of columns, likewise.
    pub(super) fn of(row: &QueryResult, read: bool) -> Result<Self, StoreError> {
        Self::from_row(RecordRow::of(row)?, read)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        std::str::from_utf8(self.id_bytes()).unwrap_or_default()
    }

    /// The bytes of its id, by which records of a commit are ordered.
    #[must_use]
    pub fn id_bytes(&self) -> &[u8] {
        self.record.get(self.id.clone()).unwrap_or_default()
    }

    /// What it says, read now if it was not.
    ///
    /// # Errors
    /// Its bytes are corrupt.
    pub fn read(&self) -> Result<Cow<'_, Activity>, StoreError> {
        match &self.activity {
            Some(activity) => Ok(Cow::Borrowed(activity)),
            None => Ok(Cow::Owned(read(&self.record)?)),
        }
    }

    /// Its leaf.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        Leaf::record(self.entity, &self.record)
    }

    /// The activity that it takes out, if it is a void.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match &self.activity.as_ref()?.detail {
            Detail::Void { target, .. } => Some(target.as_str()),
            _ => None,
        }
    }

    /// The cases that it names, where it was read.
    #[must_use]
    pub fn cases(&self) -> &[CaseId] {
        self.activity.as_ref().map(|activity| activity.cases.as_slice()).unwrap_or_default()
    }
}

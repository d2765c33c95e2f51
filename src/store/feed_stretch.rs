//! Whole commits of the change feed, read by revision alone: the database need not sort what its index gives it, and a commit is
//! not read again because a page ends in its middle. Ids are put in order here.

use sea_orm::ConnectionTrait;

use super::copy::{CopiedRow, plain};
use super::feed_rows::{FeedRecord, FeedVersion, RECORD, RecordRow, VERSION};
use super::{Backend, StoreError, TenantScope};
use crate::domain::feed::SyncEntity;
use crate::domain::ids::MarketId;

/// What whole commits hold.
#[derive(Debug)]
pub struct Stretch<T> {
    /// Their rows, in order.
    pub rows: Vec<T>,
    /// Up to this revision nothing is missing. Not beyond where the stretch began if its first commit alone holds more than was
    /// asked for.
    pub through: u64,
}

impl TenantScope {
    /// Case versions of the commits behind a revision up to another: at most so many, and whether they are likely to be many.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub async fn stretch_of_versions(
        &self,
        market: &MarketId,
        between: (u64, u64),
        (most, many): (u32, bool),
    ) -> Result<Stretch<Box<FeedVersion>>, StoreError> {
        let select = format!("SELECT {VERSION} FROM case_version");
        let make = |row| FeedVersion::copied(row).map(Box::new);
        let rows = match self.copied(market, &select, between, "", (most, many), make).await? {
            Some(rows) => rows,
            None => {
                let rows = self.selected(market, &select, between, "", most).await?;
                rows.iter().map(|row| FeedVersion::of(row).map(Box::new)).collect::<Result<_, StoreError>>()?
            }
        };
        let mut stretch = Stretch::of(rows, between.1, most, |row| row.revision);
        stretch.rows.sort_by(|a, b| {
            (a.revision, a.case.as_str(), a.version.as_str()).cmp(&(b.revision, b.case.as_str(), b.version.as_str()))
        });
        Ok(stretch)
    }

    /// What `make` makes of the activities of the commits behind a revision up to another: at most so many, and whether they
    /// are likely to be many. It gets them as they come, by revision, and perhaps some of a commit that is then left out.
    /// [`order_by_id`] gives the order in which [`TenantScope::feed_records`] tells them.
    ///
    /// # Errors
    /// The database is away, a row is corrupt, or `make` fails.
    pub async fn stretch_of_records<T: Committed>(
        &self,
        market: &MarketId,
        between: (u64, u64),
        only: Option<SyncEntity>,
        (most, many): (u32, bool),
        mut make: impl FnMut(RecordRow) -> Result<T, StoreError>,
    ) -> Result<Stretch<T>, StoreError> {
        let (select, only) = (format!("SELECT {RECORD} FROM activity a"), only_kind(only));
        let copied = |row| make(RecordRow::copied(row)?);
        let rows = match self.copied(market, &select, between, only, (most, many), copied).await? {
            Some(rows) => rows,
            None => {
                let rows = self.selected(market, &select, between, only, most).await?;
                rows.iter().map(|row| make(RecordRow::of(row)?)).collect::<Result<_, StoreError>>()?
            }
        };
        Ok(Stretch::of(rows, between.1, most, T::revision))
    }

    /// What is made of the rows as PostgreSQL copies them out, which spares it and us most of what a row costs besides its
    /// bytes; `None` where they have to be selected. Few rows are: a copy is planned anew each time.
    async fn copied<T>(
        &self,
        market: &MarketId,
        select: &str,
        (behind, through): (u64, u64),
        only: &str,
        (most, many): (u32, bool),
        make: impl FnMut(CopiedRow) -> Result<T, StoreError>,
    ) -> Result<Option<Vec<T>>, StoreError> {
        let (tenant, market) = (self.tenant.as_str(), market.as_str());
        if !many || self.store.backend != Backend::Postgres || !plain(tenant) || !plain(market) {
            return Ok(None);
        }
        let sql = format!(
            "COPY ({select} WHERE tenant_id = '{tenant}' AND market_id = '{market}' AND revision > {behind}
             AND revision <= {through}{only} ORDER BY revision LIMIT {}) TO STDOUT (FORMAT binary)",
            most.saturating_add(1)
        );
        self.reader().copy_out(&sql, None, make).await.map(Some)
    }

    async fn selected(
        &self,
        market: &MarketId,
        select: &str,
        (behind, through): (u64, u64),
        only: &str,
        most: u32,
    ) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
        let sql = format!(
            "{select} WHERE tenant_id = $1 AND market_id = $2 AND revision > $3 AND revision <= $4{only}
             ORDER BY revision LIMIT {}",
            most.saturating_add(1)
        );
        let values = [behind.cast_signed().into(), through.cast_signed().into()];
        Ok(self.reader().query_all_raw(self.statement(market, &sql, values)).await?)
    }
}

/// The condition on records of that entity alone.
pub(super) const fn only_kind(only: Option<SyncEntity>) -> &'static str {
    match only {
        Some(SyncEntity::Void) => " AND kind = 'void'",
        Some(_) => " AND kind <> 'void'",
        None => "",
    }
}

impl<T> Stretch<T> {
    /// Rows by revision, without those of a commit that may have more.
    fn of(mut rows: Vec<T>, through: u64, most: u32, revision: fn(&T) -> u64) -> Self {
        let more = rows.len() > most as usize;
        let Some(last) = rows.last().map(revision).filter(|_| more) else { return Self { rows, through } };
        rows.truncate(rows.partition_point(|row| revision(row) < last));
        Self { rows, through: last.saturating_sub(1) }
    }
}

/// What belongs to a commit.
pub trait Committed {
    /// The commit's revision.
    fn revision(&self) -> u64;
}

impl Committed for FeedRecord {
    fn revision(&self) -> u64 {
        self.revision
    }
}

impl<T: Committed> Committed for Box<T> {
    fn revision(&self) -> u64 {
        (**self).revision()
    }
}

/// The places of rows, in the order of their revisions and the bytes of their ids.
#[must_use]
pub fn order_by_id<'a, T: Committed>(rows: &'a [T], id: impl Fn(&'a T) -> &'a [u8]) -> Vec<usize> {
    // Ids begin alike, and what follows decides: eight bytes of that are compared as a number, and whole ids where those
    // are the same.
    let alike = |one: &[u8], other: &[u8]| one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let first = rows.first().map(&id).unwrap_or_default();
    let common = rows.iter().fold(first.len(), |common, row| alike(first.get(..common).unwrap_or_default(), id(row)));
    let next_eight = |row| {
        let mut eight = [0; 8];
        id(row).iter().skip(common).zip(&mut eight).for_each(|(byte, place)| *place = *byte);
        u64::from_be_bytes(eight)
    };
    let mut keyed: Vec<_> =
        rows.iter().enumerate().map(|(place, row)| (row.revision(), next_eight(row), place)).collect();
    let whole = |place: usize| rows.get(place).map(&id);
    keyed.sort_unstable_by(|(at, a, one), (other_at, b, other)| {
        (at, a).cmp(&(other_at, b)).then_with(|| whole(*one).cmp(&whole(*other)))
    });
    keyed.into_iter().map(|(_, _, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::Timestamp;

    fn record(revision: u64, id: &str) -> Box<FeedRecord> {
        // A message whose first field is a text.
        let record = [&[0x0a, u8::try_from(id.len()).unwrap()], id.as_bytes()].concat();
        Box::new(FeedRecord::new(revision, Timestamp(0), record.into(), false).unwrap())
    }

    proptest! {
        #[test]
        fn records_stand_in_the_order_of_revisions_and_the_bytes_of_ids(
            ids in proptest::collection::vec((1..4u64, "(ab|abcdefghij)?[a-d\u{0}é]{1,12}"), 0..40),
        ) {
            let mut rows: Vec<_> = ids.iter().map(|(revision, id)| record(*revision, id)).collect();
            rows.sort_by_key(|row| row.revision);
            let of = |rows: &[Box<FeedRecord>]| {
                rows.iter().map(|row| (row.revision, row.id().as_bytes().to_vec())).collect::<Vec<_>>()
            };
            let mut expected = of(&rows);
            expected.sort();
            let order = order_by_id(&rows, |row| row.id_bytes());
            let ordered: Vec<_> = order.into_iter().map(|place| rows[place].clone()).collect();
            prop_assert_eq!(of(&ordered), expected);
        }
    }

    #[test]
    fn a_commit_that_may_have_more_is_left_for_the_next_time() {
        let of = |revisions: &[u64], most| {
            let stretch = Stretch::of(revisions.to_vec(), 9, most, |revision| *revision);
            (stretch.rows, stretch.through)
        };
        assert_eq!(of(&[], 2), (vec![], 9));
        assert_eq!(of(&[3, 4], 2), (vec![3, 4], 9));
        assert_eq!(of(&[3, 4, 4], 2), (vec![3], 3));
        assert_eq!(of(&[4, 4, 4], 2), (vec![], 3));
    }
}

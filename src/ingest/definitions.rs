//! Which KPI definitions the cells of a market follow.
//!
//! The database says so, and not the configuration of whoever writes: servers with other definitions may share it, and a
//! definition may have been changed while its cells are not filled yet. The market's row bears a mark of it, which changes
//! with it, so that a copy that a process keeps is never believed for its age.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::IngestError;
use super::told_of::follows_from_rules;
use crate::domain::diagnostic::SourceFile;
use crate::domain::facts::Kinds;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::kpi::Catalogue;
use crate::store::{DefinitionRow, Definitions, MarketTx};

/// How hard the texts of definitions are compressed: they are stored once for each market.
const LEVEL: i32 = 9;

/// The definitions that a market's cells follow.
#[derive(Debug)]
pub struct Defined {
    /// As the market's row has it.
    pub marker: String,
    /// Those definitions, by the series whose cells are whole.
    pub whole: Arc<Catalogue>,
    /// These series.
    pub series: BTreeSet<u32>,
    /// Those that are being filled.
    pub next: Option<Next>,
    /// This program cannot keep all that is stored right: whoever writes must say so first.
    lacking: bool,
}

/// Definitions that are being filled.
#[derive(Debug)]
pub struct Next {
    /// All of them.
    pub catalogue: Arc<Catalogue>,
    /// The series that are being filled.
    pub missing: BTreeSet<u32>,
    /// The definitions by these series alone: what commits add to them while older facts are told.
    pub grown: Arc<Catalogue>,
}

/// What a process knows of the markets' definitions.
#[derive(Default)]
pub struct Keeping {
    known: Mutex<HashMap<MarketKey, Arc<Defined>>>,
    loaded: Mutex<Option<(String, Timestamp)>>,
}

/// Definitions as they are stored.
///
/// # Errors
/// There is no memory to pack them.
pub(super) fn row_of(
    catalogue: &Catalogue,
    loaded: Timestamp,
    series: &BTreeSet<u32>,
) -> Result<DefinitionRow, IngestError> {
    // Directories are the server's own matter.
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let texts: Vec<(String, &str)> =
        catalogue.sources().iter().map(|file| (name(&file.path), file.text.as_str())).collect();
    let text = serde_json::to_vec(&texts).map_err(|_| corrupt())?;
    let body = zstd::bulk::compress(&text, LEVEL).map_err(|_| corrupt())?;
    let series = series.iter().copied().collect();
    Ok(DefinitionRow { digest: catalogue.digest().to_owned(), loaded, series, body })
}

/// The definitions of a row; `None` if this program cannot read them.
fn read(row: &DefinitionRow, own: &Arc<Catalogue>) -> Result<Option<Arc<Catalogue>>, IngestError> {
    if row.digest == own.digest() {
        return Ok(Some(Arc::clone(own)));
    }
    let text = zstd::decode_all(row.body.as_slice()).map_err(|_| corrupt())?;
    let texts: Vec<(String, String)> = serde_json::from_slice(&text).map_err(|_| corrupt())?;
    let files: Vec<SourceFile> = texts.into_iter().map(|(path, text)| SourceFile { path, text }).collect();
    Ok(Catalogue::compile(&files).ok().map(Arc::new))
}

fn corrupt() -> IngestError {
    IngestError::corrupt("a market's stored KPI definitions are corrupt")
}

/// The catalogue by some of its series alone.
fn only(catalogue: &Arc<Catalogue>, series: &BTreeSet<u32>) -> Arc<Catalogue> {
    if catalogue.series() == *series { Arc::clone(catalogue) } else { Arc::new(catalogue.only(series)) }
}

impl Defined {
    /// All cells follow these definitions.
    #[must_use]
    pub fn all(catalogue: &Arc<Catalogue>) -> Self {
        let series = catalogue.series();
        let marker = format!("{} {}", catalogue.digest(), series.len());
        Self { marker, whole: Arc::clone(catalogue), series, next: None, lacking: false }
    }

    /// What is stored, for a process with definitions of its own; `None` if it was not stored yet: for a market that an
    /// earlier version wrote by other definitions.
    ///
    /// # Errors
    /// A row is corrupt.
    pub fn of(found: &Definitions, head: &str, own: &Arc<Catalogue>) -> Result<Option<Self>, IngestError> {
        let Some(row) = &found.kept else {
            return Ok((head == own.digest()).then(|| Self { marker: head.to_owned(), ..Self::all(own) }));
        };
        let stored: BTreeSet<u32> = row.series.iter().copied().collect();
        // Of definitions that this program does not read, those series can be kept that its own have, too.
        let catalogue = read(row, own)?.unwrap_or_else(|| Arc::clone(own));
        let series: BTreeSet<u32> = stored.intersection(&catalogue.series()).copied().collect();
        let mut kept = Self {
            marker: format!("{} {}", row.digest, row.series.len()),
            whole: only(&catalogue, &series),
            lacking: series != stored,
            series,
            next: None,
        };
        if let Some((row, filling)) = &found.filling {
            kept.marker = format!("{} {}@{}", kept.marker, row.digest, filling.known);
            let missing: BTreeSet<u32> = row.series.iter().copied().collect();
            match read(row, own)?.filter(|next| missing.is_subset(&next.series())) {
                Some(catalogue) => {
                    let grown = only(&catalogue, &missing);
                    kept.next = Some(Next { catalogue, missing, grown });
                }
                None => kept.lacking = true,
            }
        }
        Ok(Some(kept))
    }

    /// What is stored of it once facts that follow from rules are others: the series that take them are whole no more.
    ///
    /// # Errors
    /// The row is corrupt.
    pub(super) fn but_for_rules(
        row: &DefinitionRow,
        own: &Arc<Catalogue>,
    ) -> Result<Option<DefinitionRow>, IngestError> {
        let Some(catalogue) = read(row, own)? else { return Ok(None) };
        let others = catalogue.series_of(follows_from_rules);
        let series = row.series.iter().copied().filter(|series| !others.contains(series)).collect();
        Ok(Some(DefinitionRow { series, ..row.clone() }))
    }

    /// Kinds of facts that commits count.
    pub(super) fn kinds(&self) -> Kinds {
        let grown = self.next.as_ref().map_or(Kinds::NONE, |next| next.grown.kinds());
        self.whole.kinds().with(grown)
    }

    /// Whether commits add to a series.
    #[must_use]
    pub fn adds_to(&self, series: u32) -> bool {
        self.series.contains(&series) || self.next.as_ref().is_some_and(|next| next.missing.contains(&series))
    }
}

impl Keeping {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<MarketKey, Arc<Defined>>> {
        // Entries are whole whatever panicked beside them, and compared with the market's row before use.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a market; the market's row says whether it still holds.
    #[must_use]
    pub fn get(&self, key: &MarketKey) -> Option<Arc<Defined>> {
        self.all().get(key).cloned()
    }

    /// Notes what the database says of a market.
    pub fn note(&self, key: &MarketKey, kept: Defined) -> Arc<Defined> {
        let kept = Arc::new(kept);
        self.all().insert(key.clone(), Arc::clone(&kept));
        kept
    }

    /// When this process was first seen with these definitions in force.
    pub fn loaded(&self, catalogue: &Catalogue, now: Timestamp) -> Timestamp {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loaded {
            Some((digest, at)) if digest == catalogue.digest() => *at,
            _ => {
                *loaded = Some((catalogue.digest().to_owned(), now));
                now
            }
        }
    }

    /// What the cells of a market follow, under its lock; `None` if they must be derived anew by `own`, the definitions of
    /// this process. Says of a market that is new that they follow these; and of series that this program does not know that
    /// they are not kept right any more.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub(super) async fn under_lock(
        &self,
        key: &MarketKey,
        tx: &MarketTx,
        own: &Arc<Catalogue>,
        now: Timestamp,
    ) -> Result<Option<Arc<Defined>>, IngestError> {
        let head = &tx.head;
        if head.revision == 0 {
            let (kept, loaded) = (Defined::all(own), self.loaded(own, now));
            tx.put_kept(&row_of(own, loaded, &kept.series)?).await?;
            return Ok(Some(self.note(key, kept)));
        }
        if let Some(known) = self.get(key).filter(|known| known.marker == head.catalogue_digest && !known.lacking) {
            return Ok(Some(known));
        }
        let found = tx.definitions().await?;
        let Some(mut kept) = Defined::of(&found, &head.catalogue_digest, own)? else { return Ok(None) };
        match &found.kept {
            None => {
                kept = Defined::all(own);
                tx.put_kept(&row_of(own, self.loaded(own, now), &kept.series)?).await?;
            }
            Some(row) if kept.lacking => {
                let row = DefinitionRow { series: kept.series.iter().copied().collect(), ..row.clone() };
                tx.put_kept(&row).await?;
                tx.end_filling().await?;
                let lesser = Definitions { kept: Some(row), filling: None };
                let Some(left) = Defined::of(&lesser, &head.catalogue_digest, own)? else { return Ok(None) };
                kept = left;
            }
            Some(_) => {}
        }
        Ok(Some(self.note(key, kept)))
    }
}

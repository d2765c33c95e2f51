//! What a market needs of the filler: a look at it, held against the definitions in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::definitions::Defined;
use super::ground::ground;
use super::writer::Markets;
use crate::config::Snapshot;
use crate::domain::market::MarketKey;
use crate::domain::time::Timestamp;
use crate::kpi::Catalogue;
use crate::store::Definitions;

/// What a market needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: its cells follow the definitions in force, or those of a server whose configuration was loaded later.
    Nothing,
    /// Other definitions by the same series: their texts are noted.
    Texts,
    /// The same for a filling under way.
    TextsOfFilling,
    /// The filling under way is of definitions that are not in force any more.
    GiveUp,
    /// Series are missing.
    Begin,
    /// A filling goes on.
    GoOn,
}

/// A look at a market, and what it is held against.
pub(super) struct Look<'a> {
    pub(super) markets: &'a Arc<Markets>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) key: &'a MarketKey,
    pub(super) loaded: Timestamp,
}

impl Look<'_> {
    pub(super) fn own(&self) -> &Arc<Catalogue> {
        &self.snapshot.catalogue
    }

    /// Whether something more urgent has come up.
    pub(super) fn is_over(&self) -> bool {
        self.markets.is_stopping() || !Arc::ptr_eq(&self.markets.config.get(), self.snapshot)
    }

    /// Of what this server's facts are told; `None` if its configuration does not have the market.
    pub(super) fn ground(&self) -> Option<String> {
        let tenant = self.snapshot.tenants.get(&self.key.tenant)?;
        Some(ground(tenant.markets.get(&self.key.market)?, &tenant.rules))
    }

    /// Whether this server has derived the market by these rules before: if others are in force there now, they are newer.
    pub(super) fn has_held(&self, ground: &str) -> bool {
        self.markets.handle(self.key).state.in_force.has_held(ground)
    }

    pub(super) fn need(&self, found: &Definitions, kept: &Defined) -> Need {
        let (own, loaded) = (self.own(), self.loaded);
        let series = own.series();
        let missing: BTreeSet<u32> = series.difference(&kept.series).copied().collect();
        if let Some((definition, _)) = &found.filling {
            let same: BTreeSet<u32> = definition.series.iter().copied().collect();
            return match definition.digest == own.digest() {
                true => Need::GoOn,
                // Which configuration was loaded last is what holds; an earlier one helps.
                false if loaded < definition.loaded => Need::GoOn,
                false if missing == same => Need::TextsOfFilling,
                false => Need::GiveUp,
            };
        }
        let Some(row) = &found.kept else { return Need::Texts };
        if row.digest == own.digest() && kept.series == series {
            return Need::Nothing;
        }
        match missing.is_empty() {
            _ if row.digest != own.digest() && loaded < row.loaded => Need::Nothing,
            true => Need::Texts,
            false => Need::Begin,
        }
    }
}

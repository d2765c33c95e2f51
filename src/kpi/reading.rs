//! Which reading of a figure a market means by its bare name: definitions say one, and a tenant may choose another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::definition::{Definition, KpiInfo};

/// The readings that a market has chosen, by the name that stands for them. Where it has chosen none, the definitions hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults(Arc<BTreeMap<String, String>>);

impl FromIterator<(String, String)> for Defaults {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(chosen: I) -> Self {
        Self(Arc::new(chosen.into_iter().collect()))
    }
}

impl Defaults {
    /// The KPI that is meant by a name: the name itself, where nothing else was chosen.
    #[must_use]
    pub fn meant<'d>(&'d self, kpi: &'d str) -> &'d str {
        self.0.get(kpi).map_or(kpi, String::as_str)
    }

    /// Each name with what was chosen for it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, kpi)| (name.as_str(), kpi.as_str()))
    }
}

impl Catalogue {
    /// What is meant by an id where these were chosen, under the id as asked.
    pub(super) fn meant(&self, id: &str, defaults: &Defaults) -> Option<Cow<'_, Definition>> {
        let own = self.kpi(id)?;
        let meant = defaults.meant(id);
        // Former definitions may not have what is chosen of those in force.
        let Some(chosen) = self.kpi(meant).filter(|_| meant != id && own.info.alias_of.is_some()) else {
            return Some(Cow::Borrowed(own));
        };
        let mut chosen = chosen.clone();
        let KpiInfo { id, title, description, .. } = own.info.clone();
        chosen.info = KpiInfo { id, title, description, alias_of: Some(meant.to_owned()), ..chosen.info };
        Some(Cow::Owned(chosen))
    }

    /// Every KPI as a market reads it, in the order of the files.
    pub fn list_as<'c>(&'c self, defaults: &'c Defaults) -> impl Iterator<Item = KpiInfo> + 'c {
        self.list().map(|info| self.meant(&info.id, defaults).map_or_else(|| info.clone(), |meant| meant.info.clone()))
    }

    /// The readings that a name can stand for: the one that the definitions say, and its variants of the same unit.
    ///
    /// # Errors
    /// The id is no KPI, or one with a formula of its own, which means just that. What to write stands behind what is wrong.
    pub fn readings(&self, id: &str) -> Result<Vec<&str>, (String, String)> {
        let names = || {
            let names = self.list().filter(|info| info.alias_of.is_some()).map(|info| info.id.as_str());
            format!("write one of {}", names.collect::<Vec<_>>().join(", "))
        };
        let Some(own) = self.kpi(id) else {
            return Err((format!("\"{}\" is no KPI", id.escape_debug()), names()));
        };
        let Some(of) = own.info.alias_of.as_deref() else {
            let message = format!("\"{id}\" has a formula of its own, and means just that");
            return Err((message, format!("{}, whose reading may be chosen", names())));
        };
        let first = self.kpi(of).map(|kpi| &kpi.info);
        let fits = |info: &&KpiInfo| {
            let near = info.id == of
                || info.variants.iter().any(|variant| variant == of)
                || first.is_some_and(|first| first.variants.contains(&info.id));
            let same = (info.unit, info.currency_policy) == (own.info.unit, own.info.currency_policy);
            info.alias_of.is_none() && near && same
        };
        Ok(self.list().filter(fits).map(|info| info.id.as_str()).collect())
    }
}

//! What a KPI means, whatever it is called and however its files are written.

use super::catalogue::Catalogue;
use super::definition::Definition;
use super::formula::Leaf;
use super::need::Need;

impl Catalogue {
    /// A hash of all that a KPI's figures follow from: its formula, what its measures take, what must be over before there is a value.
    /// Ids, titles, descriptions, sources, dimension sets and the order of the files do not change it, so that an alias, and any other
    /// KPI of the same formula, has the same one; `None` if there is no such KPI.
    #[must_use]
    pub fn meaning(&self, kpi: &str) -> Option<String> {
        self.kpi(kpi).map(|definition| self.meaning_of(definition))
    }

    /// The KPIs that mean this, in the order of the files.
    pub fn meaning_this<'c>(&'c self, meaning: &'c str) -> impl Iterator<Item = &'c str> {
        let same = move |kpi: &&Definition| self.meaning_of(kpi) == meaning;
        self.kpis.iter().filter(same).map(|kpi| kpi.info.id.as_str())
    }

    fn meaning_of(&self, definition: &Definition) -> String {
        let leaf = |leaf: &Leaf| {
            let measure = self.measures.get(leaf.measure)?;
            let counted = measure.own_dimension().map(|dimension| dimension.name(&self.case));
            Some(format!("{}|{:?}|{counted:?}|{}|{:?}", measure.fact, measure.source, measure.by_currency, leaf.window))
        };
        let all = |leaves: &[Leaf]| leaves.iter().map(leaf).collect::<Vec<_>>();
        let by_case = |need: &Need| (all(&need.leaves), need.by.map(|by| by.shown(&self.case)));
        let needs: Vec<_> = definition.needs.iter().map(by_case).collect();
        let Definition { info, root, told, control, .. } = definition;
        let leaves = all(&definition.leaves);
        let meaning = format!("1|{}|{}|{root:?}|{leaves:?}|{told:?}|{control:?}|{needs:?}", info.kind, info.unit);
        blake3::hash(meaning.as_bytes()).to_hex().to_string()
    }
}

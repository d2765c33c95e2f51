//! The compiled definitions: everything that facts and questions are held against.

use std::collections::HashMap;
use std::sync::Arc;

use super::curve::Curve;
use super::definition::{Definition, Kind, KpiInfo};
use super::dimension::{DimSet, Dimension};
use super::formula::{self, Formula};
use super::layout::{Layout, MAX_COLUMNS};
use super::need::Need;
use super::parse_kpi::{self, Written};
use super::parse_measure;
use super::read::{Reader, Table, whole};
use super::schema::{Measure, MeasureInfo, Place};
use crate::domain::buckets::{Buckets, MOST};
use crate::domain::case_dimensions::{CaseDimensions, MOST as MOST_CASE};
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};

/// The key of the values of cases that are dimensions.
const CASE_DIMENSIONS: &str = "case_dimensions";
/// The format of definition files that this build reads.
const FORMAT: i128 = 1;

/// All KPI definitions of a deployment, compiled once and shared.
#[derive(Debug)]
pub struct Catalogue {
    pub(super) measures: Vec<Measure>,
    pub(super) kpis: Vec<Definition>,
    by_id: HashMap<String, usize>,
    layout: Arc<Layout>,
    buckets: Buckets,
    pub(super) case: CaseDimensions,
    digest: String,
    sources: Arc<[SourceFile]>,
}

impl Catalogue {
    /// Reads and checks definition files. Worked cases (`*.cases.toml`) among them are passed over: see
    /// `kpi::cases`.
    ///
    /// # Errors
    /// Every fault of every file at once, each with its place and what to write instead.
    pub fn compile(files: &[SourceFile]) -> Result<Self, Diagnostics> {
        let files: Vec<&SourceFile> = files.iter().filter(|file| !is_cases(file)).collect();
        let mut found: Vec<Diagnostic> = Vec::new();
        let case = stated(&files, &mut found);
        let mut read = Read::default();
        for (number, file) in files.iter().enumerate() {
            let mut reader = Reader::new(file, &case);
            read_file(&mut reader, number, &mut read);
            found.append(&mut reader.found);
        }
        let mut note = |place: Place, message: String, remedy: String| {
            if let Some(file) = files.get(place.file) {
                found.push(Diagnostic::at(&file.path, &file.text, place.at, message, remedy));
            }
        };
        let mut ids: HashMap<&str, ()> = HashMap::new();
        let measures = read.measures.iter().map(|measure| (measure.id.as_str(), measure.place));
        let formulas = read.formulas.iter().map(|formula| (formula.id.as_str(), formula.place));
        for (id, place) in measures.chain(formulas) {
            if ids.insert(id, ()).is_some() {
                note(
                    place,
                    format!("\"{id}\" is defined twice"),
                    "give each measure and formula its own id".to_owned(),
                );
            }
        }
        ids.clear();
        for kpi in &read.kpis {
            if ids.insert(&kpi.info.id, ()).is_some() {
                let message = format!("KPI \"{}\" is defined twice", kpi.info.id);
                note(kpi.place, message, "give each KPI its own id".to_owned());
            }
        }
        for kpi in &read.kpis {
            for variant in kpi.info.variants.iter().filter(|variant| !ids.contains_key(variant.as_str())) {
                let message = format!("KPI \"{}\" names the variant \"{variant}\", which is no KPI", kpi.info.id);
                note(kpi.place, message, "define it or remove it from variants".to_owned());
            }
        }
        for (kpi, message, remedy) in parse_kpi::guards(&read.kpis) {
            note(Place { at: kpi.guard_at, ..kpi.place }, message, remedy);
        }
        for (place, _) in read.buckets.iter().skip(1) {
            let message = "the buckets of days past due are stated twice".to_owned();
            note(*place, message, "state days_past_due in one file".to_owned());
        }
        let buckets = read.buckets.first().map_or_else(Buckets::default, |(_, buckets)| buckets.clone());
        known_buckets(&read.measures, &buckets, &mut note);
        let layout = lay_out(&read.measures, &case, &mut note);
        let (mut kpis, faults) = parse_kpi::link(&read.kpis, &read.measures, &read.formulas);
        for (place, message, remedy) in faults {
            note(place, message, remedy);
        }
        for kpi in &mut kpis {
            kpi.info.group_by = common_sets(kpi, &read.measures, &case);
        }
        let mut hash = blake3::Hasher::new();
        for file in &files {
            hash.update(file.text.as_bytes()).update(&[0]);
        }
        let digest = hash.finalize().to_hex().to_string();
        let by_id = kpis.iter().enumerate().map(|(place, kpi)| (kpi.info.id.clone(), place)).collect();
        Diagnostics(found).into_result(())?;
        let sources = files.into_iter().cloned().collect();
        Ok(Self { measures: read.measures, kpis, by_id, layout: Arc::new(layout), buckets, case, digest, sources })
    }

    /// The texts that it was compiled from.
    #[must_use]
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// Every KPI, in the order of the files.
    pub fn list(&self) -> impl Iterator<Item = &KpiInfo> {
        self.kpis.iter().map(|kpi| &kpi.info)
    }

    /// Every measure, in the order of the files.
    pub fn measures(&self) -> impl Iterator<Item = MeasureInfo<'_>> {
        self.measures.iter().map(|measure| MeasureInfo {
            id: &measure.id,
            title: &measure.title,
            description: &measure.description,
            fact: measure.fact,
            quantity: measure.quantity,
            dimension_sets: &measure.declared,
        })
    }

    pub(super) fn kpi(&self, id: &str) -> Option<&Definition> {
        self.by_id.get(id).and_then(|place| self.kpis.get(*place))
    }

    /// The buckets of days past due by which accounts are aged and followed.
    #[must_use]
    pub const fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// The values of cases that are dimensions.
    #[must_use]
    pub const fn case_dimensions(&self) -> &CaseDimensions {
        &self.case
    }

    /// A hash of the definitions' text, in the order of the files.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The same definitions with other sets of dimensions: `sets` gives each measure's, with the number of its series.
    /// Measures without one count nothing. `exact`: lengths are counted by themselves. Sums of such a catalogue are for one
    /// answer and are never stored.
    pub(super) fn with_sets(&self, exact: bool, sets: impl Fn(usize, &Measure) -> Option<(DimSet, u32)>) -> Self {
        let mut measures = self.measures.clone();
        for (place, measure) in measures.iter_mut().enumerate() {
            measure.sets = sets(place, measure).into_iter().collect();
        }
        self.made_of(measures, self.kpis.clone(), exact)
    }

    /// A catalogue of these measures and KPIs, under the same ids and the same digest. `exact`: as in [`Catalogue::with_sets`].
    pub(super) fn made_of(&self, measures: Vec<Measure>, kpis: Vec<Definition>, exact: bool) -> Self {
        let mut layout = Layout::default();
        layout.exact = exact;
        for measure in measures.iter().filter(|measure| !measure.sets.is_empty()) {
            layout.insert(measure.fact, measure.source.clone(), &measure.sets);
        }
        let (by_id, layout, buckets) = (self.by_id.clone(), Arc::new(layout), self.buckets.clone());
        let (case, digest, sources) = (self.case.clone(), self.digest.clone(), Arc::clone(&self.sources));
        Self { measures, kpis, by_id, layout, buckets, case, digest, sources }
    }

    pub(super) const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

/// Whether the file holds worked cases instead of definitions.
pub(super) fn is_cases(file: &SourceFile) -> bool {
    file.path.ends_with(".cases.toml")
}

/// What the files hold.
#[derive(Default)]
struct Read {
    measures: Vec<Measure>,
    formulas: Vec<Formula>,
    kpis: Vec<Written>,
    buckets: Vec<(Place, Buckets)>,
}

/// Refuses measures that take a bucket which there is not: such a measure would count nothing and say so to nobody.
fn known_buckets(measures: &[Measure], buckets: &Buckets, note: &mut impl FnMut(Place, String, String)) {
    for measure in measures {
        let known = |name: &str| buckets.names().any(|bucket| bucket == name);
        for name in measure.source.filter.buckets.iter().filter(|name| !known(name)) {
            let message = format!("measure \"{}\" takes the bucket \"{name}\", which there is not", measure.id);
            note(measure.place, message, format!("write one of {}", super::read::names(buckets.names())));
        }
    }
}

/// Gives every series its place among the tables that facts are added to.
fn lay_out(measures: &[Measure], case: &CaseDimensions, note: &mut impl FnMut(Place, String, String)) -> Layout {
    let mut layout = Layout::default();
    let mut series: HashMap<u32, &str> = HashMap::new();
    for measure in measures {
        for (set, number) in &measure.sets {
            // The same measure twice is noted already.
            if let Some(other) = series.insert(*number, &measure.id).filter(|other| *other != measure.id) {
                let message =
                    format!("measure \"{}\" by {} has the series number of \"{other}\"", measure.id, set.shown(case));
                note(measure.place, message, "rename one of the two measures".to_owned());
            }
        }
        if layout.kind(measure.fact).is_some_and(|kind| kind.sources.len() >= MAX_COLUMNS) {
            let message = format!("there are more than {MAX_COLUMNS} measures over facts of kind {}", measure.fact);
            note(measure.place, message, "remove a measure over this kind".to_owned());
        }
        layout.insert(measure.fact, measure.source.clone(), &measure.sets);
    }
    layout
}

/// The largest sets by which all measures of the KPI are kept, and by which it can be asked for.
fn common_sets(kpi: &Definition, measures: &[Measure], case: &CaseDimensions) -> Vec<Vec<String>> {
    let of: Vec<(Option<Curve>, &Measure)> = kpi
        .leaves
        .iter()
        .enumerate()
        .filter_map(|(place, leaf)| Some((Curve::of(kpi, place), measures.get(leaf.measure)?)))
        .collect();
    let (cohort, horizon) = (kpi.info.kind == Kind::Cohort, kpi.told.months.is_some());
    // What each value of must have records is told by it, too.
    let each: DimSet = kpi.needs.iter().filter_map(|need| need.each).collect();
    let kept = |(curve, measure): &(Option<Curve>, &Measure), set: DimSet| {
        // The months of a curve are those of what was cumulated, which one horizon takes in without being asked by them.
        let needed = match curve {
            Some(curve) if curve.by_month() => set.with(Dimension::MonthsSince),
            Some(_) => set.without(Dimension::MonthsSince),
            None => set,
        };
        measure.sets.iter().any(|(stored, _)| stored.contains(needed.union(each)))
    };
    let needed = |need: &Need, set: DimSet| {
        let set = need.by.map_or(set, |by| set.intersection(by)).union(need.each.into_iter().collect());
        let kept = |measure: &Measure| measure.sets.iter().any(|(stored, _)| stored.contains(set));
        need.leaves.iter().filter_map(|leaf| measures.get(leaf.measure)).all(kept)
    };
    let mut common: Vec<DimSet> = Vec::new();
    for set in of.iter().flat_map(|(_, measure)| measure.declared.iter().copied()) {
        let set = if cohort && horizon { set.without(Dimension::MonthsSince) } else { set };
        let set = kpi.info.apart().iter().fold(set, DimSet::without);
        let asked = !cohort || horizon || set.has(Dimension::MonthsSince);
        if asked
            && !common.contains(&set)
            && of.iter().all(|one| kept(one, set))
            && kpi.needs.iter().all(|need| needed(need, set))
        {
            common.push(set);
        }
    }
    let largest = |set: &&DimSet| !common.iter().any(|other| other != *set && other.contains(**set));
    let names = |set: &DimSet| set.iter().map(|dimension| dimension.name(case).to_owned()).collect();
    common.iter().filter(largest).map(names).collect()
}

/// The values of cases that are dimensions: what one of the files states. All files are read with it.
fn stated(files: &[&SourceFile], found: &mut Vec<Diagnostic>) -> CaseDimensions {
    let mut of_cases: Option<CaseDimensions> = None;
    for file in files {
        let mut reader = Reader::new(file, &CaseDimensions::default());
        let document = reader.document();
        // What is no TOML is told when the file is read for its definitions.
        reader.found.clear();
        let mut root = Table::new(document.get_ref(), 0, "the file");
        let Some(value) = root.get(CASE_DIMENSIONS) else { continue };
        let at = value.span().start;
        let names = root.texts(&mut reader, CASE_DIMENSIONS);
        let texts: Vec<&str> = names.iter().map(|(text, _)| *text).collect();
        match CaseDimensions::new(&texts) {
            _ if of_cases.is_some() => {
                reader.wrong(at, "the dimensions of cases are stated twice", "state case_dimensions in one file");
            }
            Ok(stated) => of_cases = Some(stated),
            Err((place, message)) => {
                let at = names.get(place).map_or(at, |(_, at)| *at);
                let remedy =
                    format!("write at most {MOST_CASE} names such as \"attribute:risk_band\" or \"segment:region\"");
                reader.wrong(at, message, remedy);
            }
        }
        found.append(&mut reader.found);
    }
    of_cases.unwrap_or_default()
}

fn read_file(reader: &mut Reader<'_>, number: usize, read: &mut Read) {
    let document = reader.document();
    let mut root = Table::new(document.get_ref(), 0, "the file");
    match root.get("version").map(|value| (whole(value), value.span().start)) {
        Some((Some(FORMAT), _)) => {}
        None => reader.wrong(0, "the file lacks the key \"version\"", format!("add version = {FORMAT}")),
        Some((_, at)) => reader.wrong(at, "this file has an unknown version", format!("write version = {FORMAT}")),
    }
    for (table, at) in tables(reader, &mut root, "measure") {
        read.measures.extend(parse_measure::measure(reader, Table::new(table, at, "a measure"), number));
    }
    for (table, at) in tables(reader, &mut root, "formula") {
        read.formulas.extend(formula::formula(reader, Table::new(table, at, "a formula"), number));
    }
    for (table, at) in tables(reader, &mut root, "kpi") {
        read.kpis.extend(parse_kpi::kpi(reader, Table::new(table, at, "a KPI"), number));
    }
    if let Some(value) = root.get("days_past_due") {
        let at = value.span().start;
        let days: Option<Vec<i32>> = value
            .get_ref()
            .as_array()
            .and_then(|days| days.iter().map(|day| whole(day).and_then(|day| i32::try_from(day).ok())).collect());
        match days.and_then(|days| Buckets::new(&days)) {
            Some(buckets) => read.buckets.push((Place { file: number, at }, buckets)),
            None => {
                let message = format!("days_past_due is no list of at most {MOST} rising days that begins with 1");
                reader.wrong(
                    at,
                    message,
                    "write days_past_due = [1, 8, 31, 61, 91, 181]: the first day of each bucket",
                );
            }
        }
    }
    // Read before all else.
    root.get(CASE_DIMENSIONS);
    root.finish(reader);
}

/// The tables of an array of tables.
pub(super) fn tables<'t>(
    reader: &mut Reader<'_>,
    root: &mut Table<'t>,
    key: &'static str,
) -> Vec<(&'t toml::de::DeTable<'t>, usize)> {
    let Some(value) = root.get(key) else { return Vec::new() };
    let Some(items) = value.get_ref().as_array() else {
        reader.wrong(value.span().start, format!("\"{key}\" is no list of tables"), format!("write [[{key}]]"));
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items.iter() {
        match item.get_ref().as_table() {
            Some(table) => found.push((table, item.span().start)),
            None => reader.wrong(item.span().start, format!("\"{key}\" holds no table"), format!("write [[{key}]]")),
        }
    }
    found
}

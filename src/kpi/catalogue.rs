//! The compiled definitions: everything that facts and questions are held against.

use std::collections::HashMap;
use std::sync::Arc;

use super::layout::{Layout, MAX_COLUMNS};
use super::parse_measure;
use super::read::{Reader, Table, whole};
use super::schema::{Measure, Place};
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};

/// The format of definition files that this build reads.
const FORMAT: i128 = 1;

/// All KPI definitions of a deployment, compiled once and shared.
#[derive(Debug)]
pub struct Catalogue {
    pub(super) measures: Vec<Measure>,
    layout: Arc<Layout>,
    digest: String,
}

impl Catalogue {
    /// Reads and checks definition files.
    ///
    /// # Errors
    /// Every fault of every file at once, each with its place and what to write instead.
    pub fn compile(files: &[SourceFile]) -> Result<Self, Diagnostics> {
        let mut found: Vec<Diagnostic> = Vec::new();
        let mut measures: Vec<Measure> = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let mut reader = Reader::new(file);
            read_file(&mut reader, number, &mut measures);
            found.append(&mut reader.found);
        }
        let mut note = |place: Place, message: String, remedy: String| {
            if let Some(file) = files.get(place.file) {
                found.push(Diagnostic::at(&file.path, &file.text, place.at, message, remedy));
            }
        };
        let mut layout = Layout::default();
        let mut ids: HashMap<&str, ()> = HashMap::new();
        let mut series: HashMap<u32, &str> = HashMap::new();
        for measure in &measures {
            if ids.insert(&measure.id, ()).is_some() {
                let message = format!("measure \"{}\" is defined twice", measure.id);
                note(measure.place, message, "give each definition its own id".to_owned());
                continue;
            }
            for (set, number) in &measure.sets {
                if let Some(other) = series.insert(*number, &measure.id) {
                    let message = format!("measure \"{}\" by {set} has the series number of \"{other}\"", measure.id);
                    note(measure.place, message, "rename one of the two measures".to_owned());
                }
            }
            if layout.kind(measure.fact).is_some_and(|kind| kind.sources.len() >= MAX_COLUMNS) {
                let message = format!("there are more than {MAX_COLUMNS} measures over facts of kind {}", measure.fact);
                note(measure.place, message, "remove a measure over this kind".to_owned());
            }
            layout.insert(measure.fact, measure.source.clone(), &measure.sets);
        }
        let mut hash = blake3::Hasher::new();
        for file in files {
            hash.update(file.text.as_bytes()).update(&[0]);
        }
        let digest = hash.finalize().to_hex().to_string();
        Diagnostics(found).into_result(())?;
        Ok(Self { measures, layout: Arc::new(layout), digest })
    }

    /// A hash of the definitions' text, in the order of the files.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub(super) const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }
}

fn read_file(reader: &mut Reader<'_>, number: usize, measures: &mut Vec<Measure>) {
    let document = reader.document();
    let mut root = Table::new(document.get_ref(), 0, "the file");
    match root.need(reader, "version").map(|value| (whole(value), value.span().start)) {
        None | Some((Some(FORMAT), _)) => {}
        Some((_, at)) => reader.wrong(at, "this file has an unknown version", format!("write version = {FORMAT}")),
    }
    for (table, at) in tables(reader, &mut root, "measure") {
        measures.extend(parse_measure::measure(reader, Table::new(table, at, "a measure"), number));
    }
    root.finish(reader);
}

/// The tables of an array of tables.
fn tables<'t>(
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

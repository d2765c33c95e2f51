//! Rules that a tenant thinks of: its candidate files laid over those in force, checked as a load checks them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::source::{self, MAX_FILE_BYTES};
use super::{Snapshot, keep, tenant};
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::domain::ids::TenantId;
use crate::rules::{Packs, RuleSet};

/// Most files of a candidate.
pub const MAX_CANDIDATE_FILES: usize = 500;

/// A file of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateFile {
    /// Its place below the configuration directory: `jurisdictions/us/rules.toml`.
    pub path: String,
    /// Its text; `None`: the file of that name is taken away.
    pub text: Option<String>,
}

/// What candidate files make of the rules.
#[derive(Debug)]
pub struct Candidate {
    /// The packs, with their worked examples: those in force where no file of theirs is another.
    pub packs: Arc<Packs>,
    /// The tenant's rules.
    pub rules: RuleSet,
}

/// The files of rules as they were read, by their place below the configuration directory.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Keeps the texts of a load.
    pub(super) fn of<'f>(dir: &Path, files: impl Iterator<Item = &'f SourceFile>) -> Self {
        Self(files.map(|file| (place_below(dir, file), file.text.clone())).collect())
    }

    /// Packs and rates are the same, so that what was compiled of the one is what would be of the other.
    pub(super) fn same_law(&self, other: &Self) -> bool {
        let (own, others) = (self.0.iter(), other.0.iter());
        own.filter(|(place, _)| is_law(place)).eq(others.filter(|(place, _)| is_law(place)))
    }

    /// The files of packs and rates.
    fn into_law(self) -> Vec<SourceFile> {
        let law = self.0.into_iter().filter(|(place, _)| is_law(place));
        law.map(|(path, text)| SourceFile { path, text }).collect()
    }

    /// What was found in these files, with their paths in the directory.
    pub(super) fn found_in(&self, dir: &Path, found: Diagnostics) -> Diagnostics {
        found.below(dir, |place| self.0.contains_key(place))
    }

    /// The text of a file, by its place.
    pub(super) fn text(&self, place: &str) -> Option<&str> {
        self.0.get(place).map(String::as_str)
    }
}

/// It is the place of a file of packs or rates: the others are tenants'.
fn is_law(place: &str) -> bool {
    !place.starts_with("tenants/")
}

/// The place of a file below a directory, with slashes.
pub(super) fn place_below(dir: &Path, file: &SourceFile) -> String {
    let path = Path::new(&file.path);
    let parts = path.strip_prefix(dir).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A tenant's candidate in shadow, as it was read.
pub(super) struct Shadowed {
    tenant: String,
    directory: std::path::PathBuf,
    /// Its files.
    pub(super) files: Vec<SourceFile>,
}

/// The files of each tenant's candidate in shadow: `shadow/TENANT/`, laid out as the configuration itself.
pub(super) fn shadows(dir: &Path, found: &mut Vec<Diagnostic>) -> Vec<Shadowed> {
    let mut shadows = Vec::new();
    for own in source::directories(dir, found) {
        let Some(tenant) = own.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let mut files = source::folders(&own.join("jurisdictions"), found);
        files.extend(source::folder(&own.join("rates"), found));
        files.extend(source::folder(&own.join("tenants"), found));
        shadows.push(Shadowed { tenant, directory: own, files });
    }
    shadows
}

impl Snapshot {
    /// Gives tenants their candidates in shadow.
    pub(super) fn cast(&mut self, shadows: &[Shadowed], found: &mut Vec<Diagnostic>) {
        for Shadowed { tenant: name, directory, files } in shadows {
            let Some(id) = self.tenants.keys().find(|id| id.as_str() == name).cloned() else {
                let message = format!("there is no tenant \"{name}\"");
                found.push(wrong(&format!("shadow/{name}"), message, "name the directory as a tenant"));
                continue;
            };
            let place = |file: &SourceFile| place_below(directory, file);
            let candidate: Vec<CandidateFile> =
                files.iter().map(|file| CandidateFile { path: place(file), text: Some(file.text.clone()) }).collect();
            match self.candidate(&id, &candidate) {
                Ok(candidate) => {
                    if let Some(tenant) = self.tenants.get_mut(&id) {
                        tenant.shadow = Some(Arc::new(candidate.rules));
                    }
                }
                Err(Diagnostics(wrong)) => found.extend(
                    wrong.into_iter().map(|one| Diagnostic { file: format!("shadow/{name}/{}", one.file), ..one }),
                ),
            }
        }
    }

    /// The rules that the tenant would have with these files in place of those in force. Markets, KPIs and settings stay
    /// as they are.
    ///
    /// # Errors
    /// Every diagnostic, as a load would tell it: files are named by their place below the configuration directory.
    pub fn candidate(&self, tenant: &TenantId, files: &[CandidateFile]) -> Result<Candidate, Diagnostics> {
        let mut found = Vec::new();
        let own = format!("tenants/{tenant}.toml");
        let mut texts = self.sources.0.clone();
        if files.len() > MAX_CANDIDATE_FILES {
            let message = format!("{} files, the limit is {MAX_CANDIDATE_FILES}", files.len());
            found.push(wrong("candidate", message, "send only the files that differ"));
        }
        for file in files.iter().take(MAX_CANDIDATE_FILES) {
            if file.path != own && !is_rule_file(&file.path) {
                let remedy = format!(
                    "name it jurisdictions/ID/NAME.toml, rates/NAME.toml or {own}: a candidate changes nothing else"
                );
                found.push(wrong(&file.path, "is no file of this tenant's rules".to_owned(), &remedy));
                continue;
            }
            match &file.text {
                Some(text) if text.len() as u64 > MAX_FILE_BYTES => {
                    let message = format!("is larger than {MAX_FILE_BYTES} bytes");
                    found.push(wrong(&file.path, message, "split it into several files"));
                }
                Some(text) => {
                    texts.insert(file.path.clone(), text.clone());
                }
                None => {
                    if texts.remove(&file.path).is_none() {
                        let message = "is to be taken away and is not in force".to_owned();
                        found.push(wrong(&file.path, message, "name a file of the configuration in force"));
                    }
                }
            }
        }
        let overlay = texts.remove(&own).map(|text| SourceFile { path: own, text });
        let texts = Sources(texts);
        let packs = if self.sources.same_law(&texts) {
            Some(Arc::clone(&self.packs))
        } else {
            keep(Packs::compile(&texts.into_law()), &mut found).map(Arc::new)
        };
        let has_rules =
            overlay.as_ref().and_then(|file| tenant::read(file, &mut found)).is_some_and(|tenant| tenant.has_rules);
        let candidate = packs.and_then(|packs| {
            let rules = keep(RuleSet::for_tenant(&packs, overlay.as_ref().filter(|_| has_rules)), &mut found)?;
            Some(Candidate { packs, rules })
        });
        match candidate {
            Some(candidate) => Diagnostics(found).into_result(candidate),
            None => Err(Diagnostics(found).into_result(()).err().unwrap_or_default()),
        }
    }
}

fn wrong(file: &str, message: String, remedy: &str) -> Diagnostic {
    let shown: String = file.chars().filter(|letter| !letter.is_control()).take(120).collect();
    Diagnostic { file: shown, line: 1, column: 1, message, remedy: remedy.to_owned() }
}

/// The place of a pack's file or of a table of rates.
fn is_rule_file(path: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty()
            && name.len() <= 80
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    let file = |name: &str| name.strip_suffix(".toml").is_some_and(plain);
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["jurisdictions", id, name] => plain(id) && file(name),
        ["rates", name] => file(name),
        _ => false,
    }
}

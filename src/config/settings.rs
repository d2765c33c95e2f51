//! The server's settings as layers: compiled-in defaults, then the file, then the environment. The defaults name every
//! key and its type, so a key that they lack is unknown and a value of another type is wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::document::{Complaints, Section, integer, suggestion, type_name};
use super::environment::{self, Name};
use crate::domain::diagnostic::Diagnostic;

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl Value {
    const fn wanted(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text in quotes",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
        }
    }

    fn same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Where a value came from: what a complaint about it points at.
#[derive(Debug, Clone)]
struct Origin {
    file: String,
    line: u32,
    column: u32,
}

/// Merged settings, read by `section.key`.
pub struct Settings {
    values: BTreeMap<String, (Value, Origin)>,
    found: Vec<Diagnostic>,
}

impl Settings {
    /// The compiled-in defaults.
    #[must_use]
    pub fn defaults(text: &str) -> Self {
        let mut settings = Self { values: BTreeMap::new(), found: Vec::new() };
        settings.read("server.toml (defaults)", text, true);
        settings
    }

    /// Lays a file over what is there.
    pub fn file(&mut self, path: &str, text: &str) {
        self.read(path, text, false);
    }

    fn read(&mut self, path: &str, text: &str, defining: bool) {
        let mut out = Complaints::new(path, text);
        if let Some(table) = out.parse() {
            let mut top = Section::new("", 0, table.get_ref());
            for (name, at) in top.keys() {
                let Some((value, span)) = top.remove(name) else { continue };
                let DeValue::Table(table) = value else {
                    out.at(at, format!("{name} stands outside of a section"), "put it under a [section]");
                    continue;
                };
                let mut section = Section::new(name, span.start, table);
                for (key, at) in section.keys() {
                    let Some((value, span)) = section.remove(key) else { continue };
                    let place = Diagnostic::at(path, text, span.start, "", "");
                    let origin = Origin { file: place.file, line: place.line, column: place.column };
                    self.set(&mut out, &format!("{name}.{key}"), [at, span.start], value, origin, defining);
                }
            }
        }
        self.found.extend(out.into_found());
    }

    fn set(
        &mut self,
        out: &mut Complaints,
        path: &str,
        at: [usize; 2],
        value: &DeValue,
        origin: Origin,
        defining: bool,
    ) {
        let [key_at, value_at] = at;
        let found = match value {
            DeValue::String(text) => Some(Value::Text(text.as_ref().to_owned())),
            DeValue::Integer(_) => integer(value).map(Value::Integer),
            DeValue::Boolean(value) => Some(Value::Boolean(*value)),
            _ => None,
        };
        match (self.values.get_mut(path), found) {
            (None, Some(value)) if defining => {
                self.values.insert(path.to_owned(), (value, origin));
            }
            (None, _) => {
                let remedy = suggestion(path, self.values.keys().map(String::as_str));
                out.at(key_at, format!("{path} is not a setting"), remedy);
            }
            (Some(slot), Some(value)) if slot.0.same_type(&value) => *slot = (value, origin),
            (Some(slot), _) => {
                let message = format!("{path} is {}, not {}", type_name(value), slot.0.wanted());
                out.at(value_at, message, format!("write {}", slot.0.wanted()));
            }
        }
    }

    /// Lays the environment over what is there: `FAIRDUE_<SECTION>__<KEY>`. A variable that is nearly such a one is a
    /// mistake; others are left alone.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, text) in variables {
            let origin = Origin { file: format!("environment {name}"), line: 1, column: 1 };
            let path = match environment::read(&name, self.values.keys().map(String::as_str)) {
                Name::Setting(path) => path,
                Name::Nearly(paths) => {
                    let meant: Vec<String> = paths.iter().map(|path| environment::variable(path)).collect();
                    let message = format!("{name} is no setting, but nearly {}", paths.join(", "));
                    let remedy = format!("write {}: section and key have two _ between them", meant.join(" or "));
                    self.complain(&origin, message, remedy);
                    continue;
                }
                Name::Plain | Name::Unknown => continue,
            };
            let Some(slot) = self.values.get_mut(&path) else {
                let remedy = suggestion(&path, self.values.keys().map(String::as_str));
                self.complain(&origin, format!("{path} is not a setting"), remedy);
                continue;
            };
            let value = match &slot.0 {
                Value::Text(_) => Some(Value::Text(text)),
                Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
                Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
            };
            let wanted = slot.0.wanted();
            match value {
                Some(value) => *slot = (value, origin),
                None => self.complain(&origin, format!("{path} is not {wanted}"), format!("set {wanted}")),
            }
        }
    }

    /// Names of variables that begin as those of settings do and are none, nor nearly one.
    #[must_use]
    pub fn unknown(&self, variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
        let unknown = |name: &String| environment::read(name, self.values.keys().map(String::as_str)) == Name::Unknown;
        variables.map(|(name, _)| name).filter(unknown).collect()
    }

    fn complain(&mut self, origin: &Origin, message: String, remedy: impl Into<String>) {
        self.found.push(Diagnostic {
            file: origin.file.clone(),
            line: origin.line,
            column: origin.column,
            message,
            remedy: remedy.into(),
        });
    }

    /// Complains about the value of a key, where that value was written.
    pub fn refuse(&mut self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let origin = self.values.get(path).map(|(_, origin)| origin.clone());
        let origin = origin.unwrap_or(Origin { file: "server.toml (defaults)".to_owned(), line: 1, column: 1 });
        self.complain(&origin, message.into(), remedy);
    }

    /// A text setting.
    pub fn text(&mut self, path: &str) -> String {
        match self.values.get(path) {
            Some((Value::Text(text), _)) => text.clone(),
            _ => {
                self.refuse(
                    path,
                    format!("{path} has no default"),
                    "report it: the compiled-in defaults are incomplete",
                );
                String::new()
            }
        }
    }

    /// A setting that is true or false; false where it was refused (the load fails then).
    pub fn flag(&mut self, path: &str) -> bool {
        match self.values.get(path) {
            Some((Value::Boolean(value), _)) => *value,
            _ => {
                self.refuse(
                    path,
                    format!("{path} has no default"),
                    "report it: the compiled-in defaults are incomplete",
                );
                false
            }
        }
    }

    /// A number setting inside `range`; its lowest value where it was refused (the load fails then).
    pub fn number<N: TryFrom<i64> + Copy + Into<i128>>(&mut self, path: &str, range: RangeInclusive<N>) -> N {
        let (low, high): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
        let Some((Value::Integer(number), _)) = self.values.get(path) else {
            self.refuse(path, format!("{path} has no default"), "report it: the compiled-in defaults are incomplete");
            return *range.start();
        };
        let number = *number;
        if (low..=high).contains(&i128::from(number))
            && let Ok(number) = N::try_from(number)
        {
            return number;
        }
        let message = format!("{path} is {number}, allowed is {low} to {high}");
        self.refuse(path, message, format!("set a whole number from {low} to {high}"));
        *range.start()
    }

    /// What was found wrong.
    #[must_use]
    pub fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }
}

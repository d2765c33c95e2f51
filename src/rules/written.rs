//! The limits of a rule as its file writes them: what an explanation shows as data.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

/// Keys and values of a table, in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written(Arc<[(Box<str>, Box<str>)]>);

impl Written {
    /// What a table says.
    #[must_use]
    pub fn of(table: &DeTable<'_>) -> Self {
        let text = |value: &DeValue<'_>| {
            let mut out = String::new();
            write(value, &mut out);
            out.into()
        };
        Self(table.iter().map(|(key, value)| (key.get_ref().as_ref().into(), text(value.get_ref()))).collect())
    }

    /// The same with what a tenant's entry tightens, under names of its own: the law's figure stays to be seen.
    #[must_use]
    pub fn tightened(&self, entry: &Self) -> Self {
        let own = entry.0.iter().filter(|(key, _)| &**key != "rule");
        let named = own.map(|(key, value)| (format!("tightened.{key}").into(), value.clone()));
        Self(self.0.iter().cloned().chain(named).collect())
    }

    /// Key and value of each limit.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

/// Writes a value as TOML does in one line.
fn write(value: &DeValue<'_>, out: &mut String) {
    match value {
        // Words and texts are shown without their quotes.
        DeValue::String(text) => out.push_str(text),
        DeValue::Integer(number) => out.push_str(&number.to_string()),
        DeValue::Float(number) => out.push_str(&number.to_string()),
        DeValue::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        DeValue::Datetime(at) => out.push_str(&at.to_string()),
        DeValue::Array(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(item.get_ref(), out);
            }
            out.push(']');
        }
        DeValue::Table(table) => {
            out.push('{');
            for (index, (key, item)) in table.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                out.push_str(key.get_ref());
                out.push_str(" = ");
                write(item.get_ref(), out);
            }
            out.push_str(" }");
        }
    }
}

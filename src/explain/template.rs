//! Templates of sentences: text with `{slots}` and `[parts that go where a slot in them is empty]`.

/// A template as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Slot(Slot),
    Optional(Vec<Part>),
}

/// A slot: `{limit}`, or `{limit.dat}` for its value in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: Box<str>,
    /// The form asked for.
    pub form: Option<Box<str>>,
    /// It stands in a part that may go.
    pub optional: bool,
}

/// What is wrong with a template, and at which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Byte in the text.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first bracket that does not fit.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let mut outer: Vec<Part> = Vec::new();
        let mut inner: Option<(usize, Vec<Part>)> = None;
        let mut plain = String::new();
        let mut rest = text.char_indices();
        while let Some((at, letter)) = rest.next() {
            let wrong = |what| Broken { at, what };
            match letter {
                '{' => {
                    let Some(length) = text.get(at + 1..).and_then(|tail| tail.find('}')) else {
                        return Err(wrong("a { without its }"));
                    };
                    let name = text.get(at + 1..at + 1 + length).unwrap_or("");
                    let word = |part: &str| {
                        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                    };
                    let (name, form) = name.split_once('.').map_or((name, None), |(name, form)| (name, Some(form)));
                    if !word(name) || !form.is_none_or(word) {
                        return Err(wrong("a slot whose name is no lower-case word"));
                    }
                    let optional = inner.is_some();
                    let slot = Slot { name: name.into(), form: form.map(Into::into), optional };
                    let parts = inner.as_mut().map_or(&mut outer, |(_, parts)| parts);
                    flush(&mut plain, parts);
                    parts.push(Part::Slot(slot));
                    rest.by_ref().find(|(_, letter)| *letter == '}');
                }
                '}' => return Err(wrong("a } without its {")),
                '[' if inner.is_some() => return Err(wrong("a [ inside another")),
                '[' => {
                    flush(&mut plain, &mut outer);
                    inner = Some((at, Vec::new()));
                }
                ']' => {
                    let Some((_, mut parts)) = inner.take() else { return Err(wrong("a ] without its [")) };
                    flush(&mut plain, &mut parts);
                    outer.push(Part::Optional(parts));
                }
                letter => plain.push(letter),
            }
        }
        if let Some((at, _)) = inner {
            return Err(Broken { at, what: "a [ without its ]" });
        }
        flush(&mut plain, &mut outer);
        Ok(Self(outer))
    }

    /// Every slot that it names.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0
            .iter()
            .flat_map(|part| match part {
                Part::Optional(parts) => parts.as_slice(),
                part => std::slice::from_ref(part),
            })
            .filter_map(|part| match part {
                Part::Slot(slot) => Some(slot),
                _ => None,
            })
    }

    /// The text with its slots filled; what `value` has no answer for outside an optional part is told to `lacking` and
    /// written as a question mark.
    pub fn fill(&self, value: &dyn Fn(&Slot) -> Option<String>, lacking: &mut dyn FnMut(&str)) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Slot(slot) => match value(slot) {
                    Some(text) => out.push_str(&text),
                    None => {
                        lacking(&slot.name);
                        out.push('?');
                    }
                },
                Part::Optional(parts) => out.push_str(&whole(parts, value).unwrap_or_default()),
            }
        }
        out
    }
}

/// The parts with their slots filled; `None` if one is empty.
fn whole(parts: &[Part], value: &dyn Fn(&Slot) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Slot(slot) => out.push_str(&value(slot)?),
            Part::Optional(_) => {}
        }
    }
    Some(out)
}

fn flush(plain: &mut String, parts: &mut Vec<Part>) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let value = |slot: &Slot| match (&*slot.name, slot.form.as_deref()) {
            ("a", None) => Some("A".to_owned()),
            ("a", Some(form)) => Some(format!("A in {form}")),
            _ => None,
        };
        let mut lacking = Vec::new();
        let out = Template::parse(text).unwrap().fill(&value, &mut |name| lacking.push(name.to_owned()));
        format!("{out} {lacking:?}")
    }

    #[test]
    fn slots_are_filled_and_optional_parts_go_with_an_empty_slot() {
        assert_eq!(filled("é {a}, {a.dat}."), "é A, A in dat. []");
        assert_eq!(filled("x[ and {b}][ or {a}]"), "x or A []");
        assert_eq!(filled("x {b}"), "x ? [\"b\"]");
    }

    #[test]
    fn brackets_that_do_not_fit_are_refused_where_they_stand() {
        for (text, at) in
            [("é{a", 2), ("a}", 1), ("[a[b]]", 2), ("a]", 1), ("[a", 0), ("{}", 0), ("{A}", 0), ("{a.}", 0)]
        {
            assert_eq!(Template::parse(text).map_err(|broken| broken.at), Err(at), "{text}");
        }
    }
}

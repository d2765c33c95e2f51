//! Which attributes and segments of cases are dimensions of figures: `attribute:risk_band`, `segment:region`.

use std::sync::Arc;

use super::case::CaseVersion;
use super::fact::Dims;

/// The most values of a case that are dimensions.
pub const MOST: usize = 6;
/// The most characters of a key.
const MAX_KEY: usize = 64;
/// What names begin with.
const ATTRIBUTE: &str = "attribute:";
const SEGMENT: &str = "segment:";

/// The values of cases that are dimensions, in the order in which the definitions state them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseDimensions(Arc<[CaseValue]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct CaseValue {
    name: Box<str>,
    from: From,
    key: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Attributes,
    Segments,
}

/// One value for each of them.
pub type Values<'a> = [Option<&'a str>; MOST];

/// The name among a case's segments that is the dimension `segment`.
pub const OF_SEGMENT: &str = "segment";

/// Words of a case's values; most cases have none.
pub type CaseWords = Option<Box<[Option<Arc<str>>; MOST]>>;

impl Dims {
    /// The case's value at a place of those that are dimensions.
    #[must_use]
    pub fn case_word(&self, place: usize) -> Option<&str> {
        self.case.as_ref()?.get(place)?.as_deref()
    }

    /// The case's values.
    #[must_use]
    pub fn case_words(&self) -> Values<'_> {
        words(&self.case)
    }
}

/// The values that words are of.
#[must_use]
pub fn words(of: &CaseWords) -> Values<'_> {
    of.as_ref().map_or([None; MOST], |words| words.each_ref().map(Option::as_deref))
}

/// Words of a case's values.
#[must_use]
pub fn case_words(values: Values<'_>) -> CaseWords {
    let any = values.iter().any(Option::is_some);
    any.then(|| Box::new(values.map(|value| value.map(Arc::from))))
}

impl CaseDimensions {
    /// Those of these names.
    ///
    /// # Errors
    /// What is wrong with one of them, by its place.
    pub fn new(names: &[&str]) -> Result<Self, (usize, String)> {
        let mut found: Vec<CaseValue> = Vec::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            let shown = name.chars().take(80).collect::<String>().escape_debug().to_string();
            let wrong = |why: &str| Err((place, format!("\"{shown}\" {why}")));
            let parts = name.strip_prefix(ATTRIBUTE).map(|key| (From::Attributes, key));
            let parts = parts.or_else(|| name.strip_prefix(SEGMENT).map(|key| (From::Segments, key)));
            let Some((from, key)) = parts else { return wrong("begins neither with attribute: nor with segment:") };
            if key.is_empty() || key.chars().count() > MAX_KEY || key.chars().any(|c| c.is_control() || c == '=') {
                return wrong("has no key of 1 to 64 printable characters other than = behind the colon");
            }
            if from == From::Segments && key == OF_SEGMENT {
                return wrong("is a dimension already: segment");
            }
            if found.iter().any(|known| *known.name == **name) {
                return wrong("is stated twice");
            }
            if found.len() == MOST {
                return wrong(&format!("is one more than the {MOST} that there may be"));
            }
            found.push(CaseValue { name: Box::from(*name), from, key: Box::from(key) });
        }
        Ok(Self(found.into()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|value| &*value.name)
    }

    /// The place of a name.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|value| *value.name == *name)
    }

    /// The name at a place.
    #[must_use]
    pub fn name(&self, place: usize) -> Option<&str> {
        self.0.get(place).map(|value| &*value.name)
    }

    /// What a case has of them.
    #[must_use]
    pub fn values<'a>(&self, version: &'a CaseVersion) -> Values<'a> {
        let mut found = [None; MOST];
        for (slot, value) in found.iter_mut().zip(self.0.iter()) {
            let of = match value.from {
                From::Attributes => &version.attributes,
                From::Segments => &version.steering.segments,
            };
            *slot = of.get(&*value.key).map(String::as_str);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::CaseDimensions;

    #[test]
    fn names_say_where_the_value_is_and_are_refused_otherwise() {
        let found = CaseDimensions::new(&["attribute:risk band", "segment:region"]).unwrap();
        assert_eq!((found.place("segment:region"), found.place("region")), (Some(1), None));
        let long = format!("attribute:{}", "x".repeat(65));
        for (names, place, why) in [
            (vec!["risk"], 0, "begins neither"),
            (vec!["attribute:"], 0, "has no key"),
            (vec![long.as_str()], 0, "has no key"),
            (vec!["attribute:a\u{7}"], 0, "has no key"),
            (vec!["attribute:a=b"], 0, "has no key"),
            (vec!["segment:segment"], 0, "already"),
            (vec!["attribute:a", "attribute:a"], 1, "twice"),
            (
                ["a", "b", "c", "d", "e", "f", "g"].map(|key| ["attribute:", key].concat().leak() as &str).to_vec(),
                6,
                "more",
            ),
        ] {
            let (at, said) = CaseDimensions::new(&names).unwrap_err();
            assert!(at == place && said.contains(why), "{names:?}: {at} {said}");
        }
    }
}

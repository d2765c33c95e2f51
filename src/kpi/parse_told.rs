//! Reads what must be over before a KPI has a value, and the ends of accounts that a duration asks for.

use super::definition::{Definition, Kind, Told};
use super::dimension::MOST_MONTHS;
use super::formula::{Leaf, Window};
use super::layout::On;
use super::read::{Reader, Table, names};
use super::schema::Measure;
use crate::domain::fact::ENDS;

/// The most days after a period's end.
const MOST_DAYS: i32 = 3_660;

/// Reads `told_after_days`, and of a cohort `months`.
pub(super) fn told(reader: &mut Reader<'_>, table: &mut Table<'_>, kind: Option<Kind>) -> Option<Told> {
    let mut within = |key: &'static str, most: i32| -> Option<Option<i32>> {
        let Some((number, at)) = table.whole(reader, key) else {
            // A value that is no number has been noted.
            return table.get(key).is_none().then_some(None);
        };
        let fits = i32::try_from(number).ok().filter(|number| (1..=most).contains(number));
        if fits.is_none() {
            reader.wrong(
                at,
                format!("{key} = {number} of {}", table.what),
                format!("write 1 to {most}, or leave it out"),
            );
        }
        fits.map(Some)
    };
    let after_days = within("told_after_days", MOST_DAYS)?;
    let months = if kind == Some(Kind::Cohort) { within("months", MOST_MONTHS)? } else { None };
    let months = months.and_then(|months| u16::try_from(months).ok());
    Some(Told { after_days, months, ahead: false })
}

/// Whether a period that has not begun may have a value: what is counted in it is told ahead, whatever stood before it.
pub(super) fn is_ahead(leaves: &[Leaf], measures: &[Measure]) -> bool {
    let told = |leaf: &Leaf| measures.get(leaf.measure).is_some_and(|measure| measure.fact.is_told_ahead());
    leaves.iter().any(told) && leaves.iter().all(|leaf| told(leaf) || leaf.window == Window::Opening)
}

impl Told {
    /// What is counted by what follows it is told once that can have followed, and where accounts went in a month once the month
    /// is over; a definition may say later.
    pub(super) fn wait_for(&mut self, kind: Kind, window_days: Option<i64>) {
        let window = window_days.and_then(|days| i32::try_from(days).ok());
        let least = if kind == Kind::Transition { Some(0) } else { window };
        self.after_days = self.after_days.max(least);
    }
}

/// Reads `control`: the variant that the others are held against.
pub(super) fn control(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<String> {
    let (text, at) = table.text(reader, "control")?;
    if text.contains('/') {
        let message = format!("control = \"{text}\" of {} has a slash", table.what);
        reader.wrong(at, message, "write the variant alone, as contacts name it");
        return None;
    }
    Some(text.to_owned())
}

/// Reads `reached`: the bits of ends.
pub(super) fn reached(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<u16> {
    let mut bits = 0;
    for (text, at) in table.texts(reader, "reached") {
        match ENDS.iter().position(|end| *end == text) {
            Some(place) => bits |= 1 << place,
            None => {
                let message = format!("\"{text}\" is no end of an account");
                reader.wrong(at, message, format!("write one of {}", names(ENDS.into_iter())));
                return None;
            }
        }
    }
    if bits == 0 {
        let message = format!("reached of {} names no end of accounts", table.what);
        reader.wrong(table.at, message, format!("write one of {}", names(ENDS.into_iter())));
        return None;
    }
    Some(bits)
}

/// What is wrong with a cohort, which cumulates sums by the day of placement, or with a duration until ends of accounts,
/// which counts from that day.
pub(super) fn claim(definition: &Definition, measures: &[Measure]) -> Option<(String, String)> {
    let survival = definition.leaves.iter().any(|leaf| matches!(leaf.window, Window::Survival(..)));
    if definition.info.kind != Kind::Cohort && !survival {
        return None;
    }
    let remedy = "name measures with day = \"placed\", without opening, closing or mean".to_owned();
    let of = |leaf: &Leaf| measures.get(leaf.measure);
    if definition.leaves.iter().filter_map(of).any(|measure| measure.source.on != On::Placed) {
        return Some(("is a cohort of facts of their own day".to_owned(), remedy));
    }
    if survival {
        return None;
    }
    if definition.leaves.iter().any(|leaf| leaf.window != Window::Flow) {
        return Some(("is a cohort of stocks".to_owned(), remedy));
    }
    let above = definition.above();
    let below = definition.below();
    let both = above.iter().any(|leaf| below.contains(leaf));
    both.then(|| {
        let remedy = "name other measures below the line: they count to date, and those above up to a month".to_owned();
        ("is a cohort with one measure above and below the line".to_owned(), remedy)
    })
}

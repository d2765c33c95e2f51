//! Which templates of a rule's kind may tell an answer, by what was seen.

use crate::compliance::{IN_ALL, ON};
use crate::domain::verdict::{Observation, Unit};
use crate::rules::model::Kind;

/// What an observation notes where a dated table has no figure for the day.
pub(super) const NO_RATE: &str = "missing: table_rate";

/// Figures told as a text of their own, and how.
fn class(observation: &Observation) -> &'static str {
    match (observation.unit, observation.note.as_deref()) {
        (Some(Unit::Attempts), Some("charges")) => "charges",
        (Some(Unit::Attempts | Unit::Contacts | Unit::Conversations), _) => "count",
        (Some(Unit::MinorUnits), Some(ON)) => ON,
        (Some(Unit::MinorUnits), Some(IN_ALL)) => IN_ALL,
        (Some(Unit::MinorUnits), _) => "amount",
        (Some(Unit::Days | Unit::Minutes), _) => "days",
        (Some(Unit::RatePpm), _) => "rate",
        (Some(Unit::Flag), _) => "reports",
        (Some(Unit::MinuteOfDay) | None, _) => "",
    }
}

/// Keys of the templates that may tell an answer, the most exact first.
pub(super) fn wanted(
    kind: Kind,
    observation: &Observation,
    by_representative: bool,
    answer: &str,
    noted: bool,
) -> Vec<&'static str> {
    let class = class(observation);
    // A term that is over by so many days, with nothing to wait for, is told by its words alone.
    let figured = observation.observed.is_some() && observation.limit.is_some();
    let pointless = class == "days" && observation.limit == Some(0) && kind != Kind::LimitationPeriod;
    let by_class = |all: &[(&str, &'static str)]| {
        all.iter().find(|(one, _)| figured && !pointless && *one == class).map(|(_, name)| *name)
    };
    let mut wanted = Vec::new();
    match answer {
        "kept" => {
            wanted.extend(by_class(&[
                ("count", "kept_count"),
                ("amount", "kept_amount"),
                (ON, "kept_base"),
                (IN_ALL, "kept_total"),
                ("charges", "kept_charges"),
                ("rate", "kept_rate"),
                ("days", "kept_days"),
            ]));
            wanted.push("kept");
        }
        "broken" => {
            if by_representative {
                wanted.push("representative");
            }
            // A condition of a fee is told by its words: its figures are the charge and nothing.
            let by_words = kind == Kind::FeeCap && noted;
            if !by_words {
                wanted.extend(by_class(&[
                    ("count", "broken_count"),
                    ("amount", "broken_amount"),
                    (ON, "broken_base"),
                    (IN_ALL, "broken_total"),
                    ("charges", "broken_charges"),
                    ("rate", "broken_rate"),
                    ("days", "broken_days"),
                ]));
                if class == "reports" && !noted {
                    wanted.push("broken_reports");
                }
            }
            wanted.push("broken");
        }
        "unknown" => {
            if noted {
                wanted.push("unknown_note");
            }
            if observation.note.as_deref() == Some(NO_RATE) {
                wanted.push("unknown_rate");
            }
            wanted.push("unknown");
        }
        "duty" => wanted.push("duty"),
        _ => wanted.push("omitted"),
    }
    wanted
}

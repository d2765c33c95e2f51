//! A candidate of rules, and what of its effects is asked for.

use std::time::Duration;

use super::request::market;
use super::{At, DecodeError, collect};
use crate::config::{CandidateFile, MAX_CANDIDATE_FILES};
use crate::domain::ids::MarketId;
use crate::proto::v1;
use crate::query::simulate::{Simulation, Span};

/// Longest place of a file.
const MAX_PATH: usize = 255;
/// Samples where none are asked for.
const USUAL_SAMPLES: usize = 5;
/// How long a simulation waits for a client that takes nothing.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most samples.
const MAX_SAMPLES: i32 = 100;

/// The market and the simulation of a request.
///
/// # Errors
/// Every field that is wrong. What is wrong inside a file is told by the simulation.
pub fn request(wire: v1::SimulateRulesRequest) -> Result<(MarketId, Simulation), DecodeError> {
    collect("", |at| {
        let market = market(at, &wire.region_code);
        let files = at.field("files").list(wire.files, MAX_CANDIDATE_FILES, file);
        at.field("files").no_doubles(files.iter().map(|file| file.path.as_str()));
        let from = at.field("start_time").optional_time(wire.start_time);
        let to = at.field("end_time").optional_time(wire.end_time);
        if let (Some(from), Some(to)) = (from, to)
            && to <= from
        {
            at.field("end_time").refuse("lies not after start_time: send a later instant");
        }
        let samples = match wire.sample_size {
            0 => Some(USUAL_SAMPLES),
            size => {
                at.field("sample_size").within(size, 1, MAX_SAMPLES).and_then(|size: i32| usize::try_from(size).ok())
            }
        };
        let strict = wire.refuse_failing_examples;
        Some((market?, Simulation { files, span: Span { from, to }, samples: samples?, strict, patience: PATIENCE }))
    })
}

fn file(at: &At<'_>, wire: v1::CandidateFile) -> Option<CandidateFile> {
    let path = at.field("path");
    if wire.path.is_empty() {
        path.refuse("is required and was not sent");
        return None;
    }
    if wire.path.len() > MAX_PATH || wire.path.chars().any(char::is_control) {
        path.refuse("is no place of a file: send one such as jurisdictions/us/rules.toml");
        return None;
    }
    if wire.removed && !wire.text.is_empty() {
        at.field("text").refuse("is to be empty for a file that is taken away");
        return None;
    }
    Some(CandidateFile { path: wire.path, text: (!wire.removed).then_some(wire.text) })
}

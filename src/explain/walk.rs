//! Every worked example of the packs told in every language: what a rule's own examples make it say must be sayable.

use std::collections::BTreeSet;

use super::phrase::Teller;
use super::tell::Scene;
use super::{Language, Languages};
use crate::compliance::examples::{Told, each_told};
use crate::compliance::trace::Trace;
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::rules::Packs;
use crate::rules::example::Example;

/// What was told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walked {
    /// Tags of the languages.
    pub languages: Vec<String>,
    /// Sentences in each of them.
    pub sentences: usize,
    /// Words that a language does not have, with its tag.
    pub untranslated: BTreeSet<(String, String)>,
}

/// Tells what the examples make their rules say, in every language.
///
/// # Errors
/// Each example that a template has no value for.
pub fn walk(packs: &Packs, languages: &Languages) -> Result<Walked, Diagnostics> {
    let mut walked =
        Walked { languages: languages.iter().map(|one| one.tag().to_owned()).collect(), ..Walked::default() };
    let mut found = Vec::new();
    each_told(packs, &mut |example, told| {
        let trace = match told {
            Told::Fact { watch, context, activity, asked } => Some(watch.trace(context, activity, asked)),
            Told::Finding(finding, _) if finding.rule != example.rule => return,
            Told::Finding(..) => None,
        };
        walked.sentences += 1;
        for language in languages.iter() {
            let teller = Teller::new(language);
            tell(&teller, example, told, trace.as_ref());
            for word in teller.untranslated() {
                note(example, language, word, &mut walked, &mut found);
            }
        }
    });
    Diagnostics(found).into_result(walked)
}

fn tell(teller: &Teller<'_>, example: &Example, told: Told<'_>, trace: Option<&Trace>) -> Option<String> {
    let own = |trace: &Trace| trace.rules.iter().find(|one| one.active.rule.id == example.rule).cloned();
    match (told, trace) {
        (Told::Fact { context, activity, .. }, Some(trace)) => {
            let currency = activity.detail.money().map_or(context.version.currency, |money| money.currency);
            let scene = Scene { at: trace.at, date_only: activity.date_only, zone: trace.zone, currency };
            own(trace).map(|one| teller.rule(&scene, &one.active.rule, &one.said))
        }
        (Told::Finding(finding, context), _) => {
            let active = context.rules.active(&finding.rule)?;
            let (zone, currency) = (context.market.zone, context.version.currency);
            let scene = Scene { at: finding.at, date_only: false, zone, currency };
            Some(teller.finding(&scene, &active.rule, finding))
        }
        _ => None,
    }
}

/// A word that a language lacks is told as it is; a template without a value is a mistake.
fn note(example: &Example, language: &Language, word: String, walked: &mut Walked, found: &mut Vec<Diagnostic>) {
    if !word.starts_with("rules.") {
        walked.untranslated.insert((word, language.tag().to_owned()));
        return;
    }
    let message = format!(
        "example \"{}\" of rule {} cannot be told in \"{}\": {word} has no value",
        example.name,
        example.rule,
        language.tag()
    );
    found.push(example.position.wrong(message, "put what has not always a value into [ ] in that template"));
}

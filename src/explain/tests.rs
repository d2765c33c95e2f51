//! Tests of the sentences: golden ones in each language, how languages write figures, and what is refused of a file.

mod files;
mod golden;

use std::collections::BTreeSet;
use std::path::Path;

use chrono_tz::Tz;

use super::*;
use crate::compliance::examples::{Told, each_told};
use crate::compliance::trace::{Said, Silence, Spoken};
use crate::compliance::{Note, Speaking};
use crate::domain::finding::{Finding, Severity};
use crate::domain::ids::{ActivityId, FindingId, JurisdictionId, RuleId};
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Effect, Observation, Unit, Verdict};
use crate::domain::vocabulary::Channel;
use crate::rules::RuleNumber;
use crate::rules::model::{Limits, Rule};
use crate::rules::tests::shipped;
use crate::rules::words::{Attribute, Counted, Per};

fn languages() -> Languages {
    let mut found = Vec::new();
    Languages::read("messages", &[], &mut found).unwrap_or_else(|| panic!("{found:?}"))
}

fn each(tell: impl Fn(&Language) -> String) -> Vec<String> {
    languages().iter().map(|language| format!("{}: {}", language.tag(), tell(language))).collect()
}

/// 3 March 2026, 21:45 in Paris.
const EVENING: Timestamp = Timestamp(1_772_570_700_000_000);

fn scene() -> Scene {
    Scene { at: EVENING, date_only: false, zone: Tz::Europe__Paris, currency: Currency::parse("EUR").unwrap() }
}

/// A shipped rule under a citation of its own, so that a citation made better in a pack does not change the golden
/// sentences.
fn rule(id: &str) -> Rule {
    let packs = shipped();
    let rule = packs.iter().flat_map(|pack| &pack.rules).find(|rule| rule.id.as_str() == id);
    let rule = rule.unwrap_or_else(|| panic!("no rule {id}"));
    Rule { citation: "BGB § 286(3)".to_owned(), ..Rule::clone(rule) }
}

fn speaking(answer: Answer, seen: Observation) -> Speaking {
    Speaking {
        answer,
        verdict: Verdict::NotPermitted,
        observed: seen.observed,
        limit: seen.limit,
        unit: seen.unit,
        note: seen.note.map_or(Note::None, |note| Note::Text(note.into())),
        ..Speaking::kept(RuleNumber::new(0))
    }
}

fn spoke(answer: Answer, observed: Observation, missing: Option<Attribute>) -> Said {
    let spoken =
        Spoken { speaking: speaking(answer, observed), severity: Some(Severity::Violation), untested: false, missing };
    Said::Spoke(Box::new(spoken))
}

fn seen(observed: i64, limit: i64, unit: Unit) -> Observation {
    Observation { observed: Some(observed), limit: Some(limit), unit: Some(unit), note: None }
}

fn noted(note: &str) -> Observation {
    Observation { note: Some(note.to_owned()), ..Observation::default() }
}

fn told(rule: &Rule, said: &Said) -> Vec<String> {
    each(|language| {
        let teller = Teller::new(language);
        let sentence = teller.rule(&scene(), rule, said);
        assert_eq!(teller.untranslated(), Vec::<String>::new(), "{sentence}");
        sentence
    })
}

#[test]
fn figures_are_written_as_each_language_does() {
    let euro = Currency::parse("EUR").unwrap();
    let yen = Currency::parse("JPY").unwrap();
    let dinar = Currency::parse("KWD").unwrap();
    let all = |tell: &dyn Fn(&Language) -> String| -> Vec<String> {
        languages().iter().map(|language| tell(language).replace('\u{a0}', "·").replace('\u{202f}', "¦")).collect()
    };
    // da, de, en, es, fr, sv
    let amounts = all(&|language| language.amount(-123_456_789, euro));
    assert_eq!(
        amounts,
        [
            "−1.234.567,89·EUR",
            "−1.234.567,89·EUR",
            "EUR −1,234,567.89",
            "−1.234.567,89·EUR",
            "−1¦234¦567,89·EUR",
            "−1·234·567,89·SEK".replace("SEK", "EUR").as_str()
        ]
    );
    assert_eq!(
        all(&|language| language.amount(123_400, euro))[3],
        "1234,00·EUR",
        "four digits stay together in Spanish"
    );
    assert_eq!(all(&|language| language.amount(1_234, yen))[2], "JPY 1,234");
    assert_eq!(all(&|language| language.amount(1_234, dinar))[1], "1,234·KWD");
    assert_eq!(
        all(&|language| language.percent(101_500)),
        ["10,15·%", "10,15·%", "10.15%", "10,15·%", "10,15¦%", "10,15·%"]
    );
    assert_eq!(all(&|language| language.percent(80_000))[2], "8%");
    assert_eq!(all(&|language| language.time(1_440))[1], "24:00·Uhr");
    let first: chrono::NaiveDate = "2026-05-01".parse().unwrap();
    assert_eq!(
        all(&|language| language.date(first)),
        ["1. maj 2026", "1. Mai 2026", "1 May 2026", "1 de mayo de 2026", "1er mai 2026", "1 maj 2026"]
    );
    // The clocks go back on 25 October 2026 in Berlin: 02:30 comes twice.
    let twice = [Timestamp(1_792_888_200_000_000), Timestamp(1_792_891_800_000_000)];
    let told = twice.map(|at| all(&|language| language.instant(at, Tz::Europe__Berlin))[2].clone());
    assert_eq!(
        told,
        ["25 October 2026 at 02:30 (Europe/Berlin, UTC+02:00)", "25 October 2026 at 02:30 (Europe/Berlin, UTC+01:00)"]
    );
}

#[test]
fn nouns_stand_in_the_right_number() {
    let days = |number| -> Vec<String> {
        languages()
            .iter()
            .map(|language| language.counted("days", number, None).replace(['\u{a0}', '\u{202f}'], " "))
            .collect()
    };
    assert_eq!(days(0), ["0 dage", "0 Tage", "0 days", "0 días", "0 jour", "0 dagar"]);
    assert_eq!(days(1), ["1 dag", "1 Tag", "1 day", "1 día", "1 jour", "1 dag"]);
    assert_eq!(days(2), ["2 dage", "2 Tage", "2 days", "2 días", "2 jours", "2 dagar"]);
    assert_eq!(days(1_000_000)[3..5], ["1.000.000 de días", "1 000 000 de jours"]);
    let german = languages().choose(&["de".to_owned()]).unwrap().language;
    assert_eq!(german.counted("days", 2, Some("dat")), "2 Tagen");
}

#[test]
fn a_language_is_found_without_its_region_and_a_fallback_is_declared() {
    let chosen = |wishes: &[&str]| {
        let wishes: Vec<String> = wishes.iter().map(|wish| (*wish).to_owned()).collect();
        let chosen = languages().choose(&wishes).unwrap();
        (chosen.language.tag().to_owned(), chosen.fallback)
    };
    assert_eq!(chosen(&[]), ("en".to_owned(), false));
    assert_eq!(chosen(&["de-AT"]), ("de".to_owned(), false));
    assert_eq!(chosen(&["fi", "SV-se"]), ("sv".to_owned(), false));
    assert_eq!(chosen(&["fi", "nl"]), ("en".to_owned(), true));
}

#[test]
fn languages_have_the_same_words() {
    let words = |language: &Language| -> BTreeSet<String> {
        language.paths().filter(|path| path.starts_with("words.")).collect()
    };
    let languages = languages();
    let all: Vec<(String, BTreeSet<String>)> =
        languages.iter().map(|language| (language.tag().to_owned(), words(language))).collect();
    let (_, first) = &all[0];
    for (tag, words) in &all {
        assert_eq!(words.symmetric_difference(first).collect::<Vec<_>>(), Vec::<&String>::new(), "{tag}");
    }
}

#[test]
fn every_example_of_every_pack_is_told_in_every_language() {
    let walked = walk(&shipped(), &languages()).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(walked.languages, ["da", "de", "en", "es", "fr", "sv"]);
    assert!(walked.sentences > 2_000, "{walked:?}");
    assert_eq!(walked.untranslated, BTreeSet::new());
}

/// What an explanation shows is what the check has said, rule by rule, and every rule that is silent says why.
#[test]
fn a_trace_says_what_the_check_says_and_why_the_rest_is_silent() {
    let mut silent: BTreeSet<Silence> = BTreeSet::new();
    let mut asked_about = 0;
    each_told(&shipped(), &mut |example, told| {
        let Told::Fact { watch, context, activity, asked } = told else { return };
        let trace = watch.trace(context, activity, asked);
        let mut spoken = Vec::new();
        for one in &trace.rules {
            match &one.said {
                Said::Spoke(spoke) => spoken.push(spoke.speaking.clone()),
                Said::Nothing(why, word) => {
                    let named = matches!(why, Silence::OtherCase | Silence::Exempt | Silence::NotInForce);
                    assert_eq!(named, word.is_some(), "{}: {why}", one.active.rule.id);
                    silent.insert(*why);
                }
            }
        }
        if asked {
            asked_about += 1;
            assert_eq!(spoken, watch.check(context, activity).speaking, "{}: {}", example.rule, example.name);
        }
    });
    assert!(asked_about > 50, "{asked_about}");
    // No pack that ships states a scope of its own yet.
    silent.insert(Silence::OutsideScope);
    let all: BTreeSet<Silence> = Silence::ALL.iter().copied().collect();
    assert_eq!(silent, all, "some example meets each reason");
}

/// Each word by which the kinds note what they found has its phrase.
#[test]
fn every_note_of_the_kinds_has_a_phrase() {
    let known: BTreeSet<&str> = expected::notes().collect();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compliance");
    let mut found = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for head in [
            "Note::Word(\"",
            "broken(\"",
            "absent(\"",
            "flag(false, \"",
            "flag(followed, \"",
            "=> \"not ",
            "Forbidden(\"",
        ] {
            for (at, _) in text.match_indices(head) {
                let from = at + head.find('"').unwrap() + 1;
                let note = text[from..].split('"').next().unwrap();
                found += 1;
                let told =
                    ["charges", "no figure", "interest base", "all interest"].contains(&note) || known.contains(note);
                assert!(told, "{}: \"{note}\" is not in expected::NOTES", path.display());
            }
        }
    }
    assert!(found > 40, "{found}");
}

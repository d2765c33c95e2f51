//! Sentences: what a rule said or why it was silent, what a finding is, what all of it comes to.

use chrono_tz::Tz;

use super::counting;
use super::expected::{NOUNS, turned, variants};
use super::phrase::Teller;
use super::template::Slot;
use super::wanted::{NO_RATE, wanted};
use crate::compliance::trace::{Said, Silence, Spoken};
use crate::compliance::{ConditionalLimit, Speaking};
use crate::domain::finding::Finding;
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Answer, Duties, Effect, Observation, Unit, Verdict};
use crate::domain::vocabulary::Channel;
use crate::rules::model::Rule;

/// Where and when it is told.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// The instant judged.
    pub at: Timestamp,
    /// Only its date is known.
    pub date_only: bool,
    /// The person's zone.
    pub zone: Tz,
    /// Currency of the amounts that rules compare.
    pub currency: Currency,
}

/// What was asked, or what happened.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// A contact that is planned.
    Contact(Channel),
    /// A charge that is planned.
    Charge(Money),
    /// Something that happened, and the worst that rules say of it.
    Activity(&'a str, Worst),
    /// A finding, and whether it still stands.
    Finding(&'a Finding, bool),
}

/// The worst that rules say of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worst {
    /// No rule is broken.
    Kept,
    /// Something is missing that could break one.
    Unknown,
    /// One is broken.
    Broken(crate::domain::finding::Severity),
}

/// What the rules together say.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The verdict of a check.
    pub verdict: Verdict,
    /// The next lawful instant of a check.
    pub next: Option<Timestamp>,
    /// Names of what is missing.
    pub missing: &'a [String],
    /// Citations of the rules that decided.
    pub because: &'a [String],
}

/// What is told of a rule: what it says of something asked about, or what a finding of it says.
struct Telling<'a> {
    answer: Answer,
    verdict: Verdict,
    observed: Observation,
    remaining: Option<i64>,
    conditional: Option<&'a ConditionalLimit>,
    allowed_from: Option<Timestamp>,
    overridable: bool,
    known_at_time: bool,
    duties: Option<&'a Duties>,
}

impl<'a> Telling<'a> {
    fn of(speaking: &'a Speaking) -> Self {
        Self {
            answer: speaking.answer,
            verdict: speaking.verdict,
            observed: speaking.observation(),
            remaining: speaking.remaining,
            conditional: speaking.conditional.as_deref(),
            allowed_from: speaking.allowed_from,
            overridable: speaking.overridable,
            known_at_time: speaking.known_at_time,
            duties: speaking.duties.as_ref(),
        }
    }
}

impl Teller<'_> {
    /// What a rule said, or why it said nothing, as one sentence behind its citation.
    #[must_use]
    pub fn rule(&self, scene: &Scene, rule: &Rule, said: &Said) -> String {
        let sentence = match said {
            Said::Spoke(spoken) => self.spoken(scene, rule, spoken),
            Said::Nothing(silence, why) => {
                let why = match (silence, why) {
                    (Silence::Exempt, Some(why)) => self.language.plain(&format!("exemptions.{why}")),
                    (Silence::OtherCase, Some(why)) => self.attribute(why),
                    _ => self.language.plain("frame.an_input"),
                };
                self.language.filled(&format!("silent.{silence}"), &|_| Some(why.clone()))
            }
        };
        self.cited(rule, sentence)
    }

    /// What a stored finding says, as one sentence behind the rule's citation.
    #[must_use]
    pub fn finding(&self, scene: &Scene, rule: &Rule, finding: &Finding) -> String {
        let telling = Telling {
            answer: Answer::Broken,
            verdict: Verdict::NotPermitted,
            observed: finding.observed.clone(),
            remaining: None,
            conditional: None,
            allowed_from: None,
            overridable: false,
            known_at_time: finding.known_at_time,
            duties: None,
        };
        let kind = if finding.omission { "omitted" } else { "broken" };
        let mut sentence = self.kind(scene, rule, &telling, kind, None);
        if !finding.known_at_time {
            self.add(&mut sentence, "not_known", None);
        }
        self.cited(rule, sentence)
    }

    fn cited(&self, rule: &Rule, sentence: String) -> String {
        if rule.citation == "-" {
            return sentence;
        }
        self.language.filled("frame.rule", &|slot| {
            Some(if slot == "citation" { rule.citation.clone() } else { sentence.clone() })
        })
    }

    fn spoken(&self, scene: &Scene, rule: &Rule, spoken: &Spoken) -> String {
        let speaking = &Telling::of(&spoken.speaking);
        if spoken.untested {
            return self.language.plain(match speaking.observed.note.as_deref() {
                Some("no figure") => "frame.no_figure",
                Some(NO_RATE) => "frame.no_rate",
                _ => "frame.untested",
            });
        }
        let missing = spoken.missing.map(|attribute| self.attribute(attribute.as_str()));
        let answer = match speaking.answer {
            Answer::Kept => "kept",
            Answer::Duty => "duty",
            Answer::Broken => "broken",
            Answer::Unknown => "unknown",
        };
        let mut sentence = self.kind(scene, rule, speaking, answer, missing);
        if rule.effect == Effect::Informs && speaking.answer == Answer::Broken {
            // Its text forbids nothing: what does not follow it is permitted all the same.
            return self.language.filled("frame.informs", &|_| Some(sentence.clone()));
        }
        if let Some(at) = speaking.allowed_from.filter(|_| speaking.answer == Answer::Broken) {
            self.add(&mut sentence, "allowed_from", Some(self.language.instant(at, scene.zone)));
        }
        if let (Some(left), Answer::Kept) = (speaking.remaining, speaking.answer) {
            let unit = speaking.observed.unit;
            let charges = speaking.observed.note.as_deref() == Some("charges");
            let left = self.figure(scene, unit, charges, Some(left), None);
            if left.is_some() {
                self.add(&mut sentence, "remaining", left);
            }
        }
        if let Some(conditional) = speaking.conditional {
            let limit = self.language.amount(conditional.limit, scene.currency);
            self.add(&mut sentence, "conditional", Some(limit));
        }
        if speaking.overridable {
            self.add(&mut sentence, "overridable", None);
        }
        if !speaking.known_at_time && speaking.answer == Answer::Broken {
            self.add(&mut sentence, "not_known", None);
        }
        sentence
    }

    /// A further sentence of the frame.
    fn add(&self, sentence: &mut String, key: &str, value: Option<String>) {
        sentence.push(' ');
        sentence.push_str(&self.language.filled(&format!("frame.{key}"), &|_| value.clone()));
    }

    /// The template of the rule's kind that fits the answer, filled.
    fn kind(
        &self,
        scene: &Scene,
        rule: &Rule,
        speaking: &Telling<'_>,
        answer: &str,
        missing: Option<String>,
    ) -> String {
        let kind = rule.limits.kind();
        let observation = &speaking.observed;
        let charges = observation.note.as_deref() == Some("charges");
        let note = self.note(observation);
        let missing = missing.or_else(|| Some(self.language.plain("frame.an_input")));
        let duties = speaking.duties.map(|duties| self.duties(duties.iter().map(AsRef::as_ref)));
        let value = |name: &str, form: Option<&str>| match name {
            "when" => Some(self.when(scene)),
            "zone" => Some(scene.zone.name().to_owned()),
            "observed" => self.figure(scene, observation.unit, charges, observation.observed, form),
            "limit" => self.figure(scene, observation.unit, charges, observation.limit, form),
            "remaining" => self.figure(scene, observation.unit, charges, speaking.remaining, form),
            "clock" => counting::clock(&rule.limits),
            "window" => counting::window(self.language, &rule.limits),
            "circle" => counting::circle(self.language, &rule.limits),
            "note" => note.clone(),
            "missing" => missing.clone(),
            "duties" => duties.clone(),
            "last_day" => self.last_day(observation),
            _ => None,
        };
        let by_representative = speaking.verdict == Verdict::RepresentativeOnly;
        let wanted = wanted(kind, observation, by_representative, answer, note.is_some());
        let fitting = wanted.iter().find_map(|name| {
            let name = turned(&rule.limits, name);
            let variant = variants(kind).iter().find(|variant| variant.name == name)?;
            variant.slots.iter().all(|slot| !slot.always || value(slot.name, None).is_some()).then_some(variant.name)
        });
        let name = fitting.unwrap_or(answer);
        let path = format!("rules.{kind}.{name}");
        match self.language.template(&path) {
            Some(template) => {
                let of_slot = |slot: &Slot| value(&slot.name, slot.form.as_deref());
                template.fill(&of_slot, &mut |slot| self.lacking(&format!("{path}: {slot}")))
            }
            None => {
                self.lacking(&path);
                self.language.plain("frame.untested")
            }
        }
    }

    fn when(&self, scene: &Scene) -> String {
        if scene.date_only {
            self.language.date(scene.at.date(scene.zone))
        } else {
            self.language.instant(scene.at, scene.zone)
        }
    }

    /// A figure of an observation in its unit.
    fn figure(
        &self,
        scene: &Scene,
        unit: Option<Unit>,
        charges: bool,
        value: Option<i64>,
        form: Option<&str>,
    ) -> Option<String> {
        let value = value?;
        let language = self.language;
        if form == Some("n") {
            return Some(language.number(value));
        }
        Some(match unit? {
            Unit::Attempts if charges => language.counted("charges", value, form),
            Unit::MinorUnits => language.amount(value, scene.currency),
            Unit::MinuteOfDay => language.time(value),
            Unit::RatePpm => language.percent(value),
            Unit::Flag => language.number(value),
            unit => {
                let noun = NOUNS.iter().find(|noun| **noun == unit.as_str())?;
                language.counted(noun, value, form)
            }
        })
    }

    /// What all of it comes to.
    #[must_use]
    pub fn summary(&self, scene: &Scene, about: About<'_>, outcome: &Outcome<'_>) -> String {
        let language = self.language;
        let when = self.when(scene);
        let planned = matches!(about, About::Contact(_) | About::Charge(_));
        let path = match about {
            About::Contact(_) => format!("summary.contact.{}", outcome.verdict),
            About::Charge(_) => format!("summary.charge.{}", outcome.verdict),
            About::Activity(_, Worst::Kept) => "summary.activity.kept".to_owned(),
            About::Activity(_, Worst::Unknown) => "summary.activity.unknown".to_owned(),
            About::Activity(_, Worst::Broken(severity)) => format!("summary.activity.{severity}"),
            About::Finding(finding, _) => format!("summary.finding.{}", finding.severity),
        };
        let mut told = language.filled(&path, &|slot| match (slot, about) {
            ("when", _) => Some(when.clone()),
            ("channel", About::Contact(channel)) => Some(language.plain(&format!("channels.{channel}"))),
            ("amount", About::Charge(money)) => Some(language.amount(money.minor, money.currency)),
            ("id", About::Activity(id, _)) => Some(id.to_owned()),
            ("id", About::Finding(finding, _)) => finding.activity.as_ref().map(ToString::to_string),
            _ => None,
        });
        let mut add = |key: &str, value: Option<String>| {
            told.push(' ');
            told.push_str(&language.filled(&format!("summary.{key}"), &|_| value.clone()));
        };
        if matches!(about, About::Finding(_, false)) {
            add("withdrawn", None);
        }
        if !outcome.because.is_empty() {
            add("because", Some(language.list(outcome.because)));
        }
        if !outcome.missing.is_empty() {
            let missing: Vec<String> = outcome.missing.iter().map(|name| self.attribute(name)).collect();
            add("missing", Some(language.phrases(&missing)));
        }
        if planned && outcome.verdict > Verdict::AllowedWithDuties {
            // What is only advised against is lawful now.
            let advised = outcome.verdict == Verdict::AdvisedAgainst;
            match outcome.next {
                Some(next) => {
                    let key = if advised { "next_advised" } else { "next" };
                    add(key, Some(language.instant(next, scene.zone)));
                }
                // What is only unknown may be lawful now.
                None if outcome.verdict == Verdict::Unknown => {}
                None => add(if advised { "no_next_advised" } else { "no_next" }, None),
            }
        }
        told
    }
}

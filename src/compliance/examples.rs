//! Runs the packs' worked examples, and proves that each rule's examples depend on the rule and on its numbers.

mod mutate;
mod mutate_conduct;
mod mutate_counts;
mod nearby;
mod prove;
mod story;
#[cfg(test)]
mod told;

use std::collections::BTreeMap;

use super::{CaseWatch, Context, Emission, PersonLogs, Speaking, TestOutcome};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::diagnostic::{Diagnostic, Diagnostics};
use crate::domain::finding::Finding;
use crate::domain::tenant::TenantFacts;
use crate::rules::example::{Check, Example};
use crate::rules::model::Rule;
use crate::rules::overlay::Overlay;
use crate::rules::pack::Pack;
use crate::rules::words::Status;
use crate::rules::{Packs, RuleSet};
pub use prove::{failing, failing_anew};
use story::Story;

/// What was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Rules in all packs.
    pub rules: usize,
    /// Worked examples that gave what they promise.
    pub examples: usize,
    /// Changes of a rule (taken out, or a limit moved by one) that an example noticed.
    pub changes: usize,
}

/// Runs every example, then takes out each rule and moves each of its limits by one: an example of the rule must fail.
///
/// # Errors
/// Every example that gives something else than it promises, and every change that no example notices.
pub fn run(packs: &Packs) -> Result<Report, Diagnostics> {
    let (report, found) = run_of(packs, &|_| true, &|| false);
    Diagnostics(found).into_result(report)
}

/// The same for some of the packs, until `stopped` says that nobody wants to know any more. What does not hold is told
/// beside what does.
pub fn run_of(packs: &Packs, wanted: &dyn Fn(&Pack) -> bool, stopped: &dyn Fn() -> bool) -> (Report, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut report = Report::default();
    let mut told: BTreeMap<&str, Vec<Story<'_>>> = BTreeMap::new();
    let mut sets = RuleSets::default();
    let some = || packs.iter().filter(|pack| wanted(pack));
    for example in some().flat_map(|pack| &pack.examples).take_while(|_| !stopped()) {
        match Story::tell(packs, example) {
            Ok(story) => {
                let rules = sets.of(packs, example);
                match outcome(&story, rules) {
                    Ok(()) => report.examples += 1,
                    Err(wrong) => found.push(failed(example, &wrong)),
                }
                told.entry(example.rule.as_str()).or_default().push(story);
            }
            Err(wrong) => found.push(failed(example, &wrong)),
        }
    }
    for rule in some().flat_map(|pack| &pack.rules).filter(|rule| rule.status != Status::Proposed) {
        if stopped() {
            break;
        }
        report.rules += 1;
        let stories = told.get(rule.id.as_str()).map_or(&[][..], Vec::as_slice);
        let packs = &nearby::packs(packs, stories);
        for (name, changed) in mutate::changes(rule).into_iter().chain(mutate_conduct::changes(rule)) {
            if notices(packs, rule, changed.as_ref(), stories) {
                report.changes += 1;
            } else {
                found.push(rule.position.wrong(
                    format!("no example of rule {} fails when {name}", rule.id),
                    "add an example just inside or just outside that limit",
                ));
            }
        }
    }
    for pack in some().take_while(|_| !stopped()) {
        let stories: Vec<&Story<'_>> =
            pack.rules.iter().filter_map(|rule| told.get(rule.id.as_str())).flatten().collect();
        let packs = nearby::packs(packs, stories.iter().copied());
        for (clause, name, scope) in mutate_conduct::scopes(pack) {
            let changed = packs.with_scope(pack.id.as_str(), scope);
            let mut sets = RuleSets::default();
            if stories.iter().any(|story| outcome(story, sets.of(&changed, story.example)).is_err()) {
                report.changes += 1;
            } else {
                found.push(clause.position.wrong(
                    format!("no example of pack {} fails when {name}", pack.id),
                    "add examples of a rule for cases just inside and just outside that scope",
                ));
            }
        }
    }
    if !stopped() {
        tables(packs, wanted, &told, &mut found, &mut report);
    }
    (report, found)
}

/// Moves each value of each dated table by one: an example of a rule that names the table must fail.
/// A table that rules of other packs name too is proved only with all of them.
fn tables(
    packs: &Packs,
    wanted: &dyn Fn(&Pack) -> bool,
    told: &BTreeMap<&str, Vec<Story<'_>>>,
    found: &mut Vec<Diagnostic>,
    report: &mut Report,
) {
    for table in packs.rates().values() {
        let names = |rule: &&std::sync::Arc<Rule>| rule.limits.rate_tables().iter().any(|one| one.id == table.id);
        if !packs.iter().filter(|pack| pack.rules.iter().any(|rule| names(&rule))).all(|pack| wanted(pack)) {
            continue;
        }
        let rules: Vec<_> = packs.iter().flat_map(|pack| &pack.rules).filter(names).collect();
        let stories = || rules.iter().filter_map(|rule| told.get(rule.id.as_str())).flatten();
        let packs = nearby::packs(packs, stories());
        for (name, position, changed) in mutate::values(table) {
            let changed = packs.with_rates(&changed);
            let mut sets = RuleSets::default();
            if stories().any(|story| outcome(story, sets.of(&changed, story.example)).is_err()) {
                report.changes += 1;
            } else {
                let message = format!("no example of a rule that names table {} fails when {name}", table.id);
                found.push(position.wrong(message, "add an example just inside or just outside what it gives"));
            }
        }
    }
}

fn failed(example: &Example, wrong: &str) -> Diagnostic {
    example.position.wrong(
        format!("example \"{}\" of rule {}: {wrong}", example.name, example.rule),
        "correct the rule, or the example if it does not say what the law says",
    )
}

/// Whether some example gives another outcome under the changed rule (`None`: without the rule).
fn notices(packs: &Packs, rule: &Rule, changed: Option<&Rule>, stories: &[Story<'_>]) -> bool {
    let changed = packs.with_rule(rule.id.as_str(), |_| changed.cloned());
    let mut sets = RuleSets::default();
    stories.iter().any(|story| outcome(story, sets.of(&changed, story.example)).is_err())
}

/// Rule sets by what an example lets its tenant declare.
#[derive(Default)]
struct RuleSets(BTreeMap<(Vec<String>, bool, Option<TenantFacts>), RuleSet>);

impl RuleSets {
    fn of(&mut self, packs: &Packs, example: &Example) -> &RuleSet {
        let key = (example.memberships.clone(), example.block_guidelines, example.facts.clone());
        self.0.entry(key).or_insert_with(|| {
            let overlay = Overlay {
                memberships: example.memberships.clone(),
                block_guidelines: example.block_guidelines,
                facts: example.facts.clone().unwrap_or_else(TenantFacts::everything).member_of(&example.memberships),
                ..Overlay::default()
            };
            RuleSet::build(packs, &overlay)
        })
    }
}

/// What the rule under proof said while the story was folded.
#[derive(Default)]
struct Seen {
    findings: Vec<(String, Finding)>,
    unknown: Vec<String>,
}

/// Something that a worked example tells: it is about to be judged, or was found.
#[derive(Clone, Copy)]
pub enum Told<'t> {
    /// An activity, or what is asked about (`asked`).
    Fact {
        /// The case before it.
        watch: &'t CaseWatch,
        /// What it is judged with.
        context: &'t Context<'t>,
        /// The activity.
        activity: &'t Activity,
        /// It has not happened.
        asked: bool,
    },
    /// A finding, and what it was judged with.
    Finding(&'t Finding, &'t Context<'t>),
}

/// Calls `visit` with everything that the worked examples of all packs tell, and the example.
pub fn each_told(packs: &Packs, visit: &mut dyn FnMut(&Example, Told<'_>)) {
    let mut sets = RuleSets::default();
    for example in packs.iter().flat_map(|pack| &pack.examples) {
        if let Ok(story) = Story::tell(packs, example) {
            // Whether the example holds is told by `run`.
            let _ = followed(&story, sets.of(packs, example), &mut |told| visit(example, told));
        }
    }
}

/// Folds the story and compares; the error says what differs.
fn outcome(story: &Story<'_>, rules: &RuleSet) -> Result<(), String> {
    followed(story, rules, &mut |_| ())
}

/// The same, with a look at everything on the way.
fn followed(story: &Story<'_>, rules: &RuleSet, visit: &mut dyn FnMut(Told<'_>)) -> Result<(), String> {
    let example = story.example;
    let mut seen = Seen::default();
    let mut logs = PersonLogs::default();
    let mut out = Vec::new();
    let mut watches: Vec<(&story::Told, CaseWatch)> = Vec::new();
    for case in &story.cases {
        let context = context(story, rules, &case.first, true, &logs);
        watches.push((case, CaseWatch::open(&context, &mut out)));
        show(&out, &context, visit);
        seen.collect(example, "placement", &case.id, &mut out);
    }
    for moment in story.moments() {
        for (told, watch) in &mut watches {
            let (case, version) = (told.id.as_str(), told.version_at(moment.at));
            let whole = context(story, rules, version, true, &logs);
            watch.advance(&whole, moment.at, &mut out);
            show(&out, &whole, visit);
            seen.collect(example, "timer", case, &mut out);
            match moment.activity {
                None if moment.version => {
                    watch.version(&whole, &mut out);
                    show(&out, &whole, visit);
                    seen.collect(example, "version", case, &mut out);
                }
                Some(activity) if activity.cases.iter().any(|one| one.as_str() == case) => {
                    let lead = activity.cases.first().is_some_and(|one| one.as_str() == case);
                    let context = context(story, rules, version, lead, &logs);
                    visit(Told::Fact { watch, context: &context, activity, asked: false });
                    watch.apply(&context, activity, &mut out);
                    show(&out, &context, visit);
                    seen.collect(example, activity.id.as_str(), case, &mut out);
                }
                _ => {}
            }
        }
        if let Some(activity) = moment.activity {
            let lead =
                story.cases.iter().find(|case| activity.cases.first().is_some_and(|one| one.as_str() == case.id));
            lead.into_iter().for_each(|case| logs.note(activity, case.version_at(moment.at)));
        }
    }
    compare(example, &seen)?;
    let Some(check) = &example.check else { return Ok(()) };
    let Some(candidate) = &story.candidate else { return Err("the contact asked about cannot be read".to_owned()) };
    let Some((told, watch)) = watches.first_mut() else { return Err("there is no case".to_owned()) };
    let context = context(story, rules, told.version_at(candidate.occurred), true, &logs);
    watch.advance(&context, candidate.occurred, &mut out);
    visit(Told::Fact { watch, context: &context, activity: candidate, asked: true });
    asked(example, check, candidate, watch, &context)
}

/// Shows the findings that were just made.
fn show(out: &[Emission], context: &Context<'_>, visit: &mut dyn FnMut(Told<'_>)) {
    for emission in out {
        if let Emission::Opened(finding) = emission {
            visit(Told::Finding(finding, context));
        }
    }
}

fn context<'a>(
    story: &'a Story<'_>,
    rules: &'a RuleSet,
    version: &'a CaseVersion,
    lead: bool,
    persons: &'a PersonLogs,
) -> Context<'a> {
    Context { rules, market: &story.market, version, lead, persons }
}

impl Seen {
    fn collect(&mut self, example: &Example, cause: &str, case: &str, out: &mut Vec<Emission>) {
        let label = |name: &str| if case == "c" { name.to_owned() } else { format!("{name}/{case}") };
        for emission in out.drain(..) {
            match emission {
                Emission::Opened(finding) if finding.rule == example.rule => {
                    let day = finding.observed.note.as_deref().and_then(|note| Some(note.rsplit_once(" by ")?.1));
                    let name = match (finding.omission, day) {
                        (true, Some(day)) => label(&format!("due:{day}")),
                        _ => label(cause),
                    };
                    self.findings.push((name, *finding));
                }
                Emission::Test { rule, outcome: TestOutcome::Unknown, .. } if rule == example.rule => {
                    self.unknown.push(label(cause));
                }
                _ => {}
            }
        }
    }
}

fn compare(example: &Example, seen: &Seen) -> Result<(), String> {
    let sorted = |names: &mut Vec<String>| {
        names.sort();
        names.join(", ")
    };
    let mut names: Vec<String> = seen.findings.iter().map(|(name, _)| name.clone()).collect();
    let (mut wanted, mut unknown, mut missing) =
        (example.findings.clone(), seen.unknown.clone(), example.unknown.clone());
    let (got, expected) = (sorted(&mut names), sorted(&mut wanted));
    if got != expected {
        return Err(format!("findings on [{expected}] expected, got [{got}]"));
    }
    let (got, expected) = (sorted(&mut unknown), sorted(&mut missing));
    if got != expected {
        return Err(format!("\"unknown\" on [{expected}] expected, got [{got}]"));
    }
    if let Some(severity) = &example.severity {
        for (name, finding) in &seen.findings {
            if finding.severity.as_str() != severity {
                return Err(format!("finding on {name}: severity {severity} expected, got {}", finding.severity));
            }
        }
    }
    Ok(())
}

fn asked(
    example: &Example,
    check: &Check,
    candidate: &Activity,
    watch: &CaseWatch,
    context: &Context<'_>,
) -> Result<(), String> {
    let answer = watch.check(context, candidate);
    let named = |one: &&Speaking| context.rules.numbered(one.rule).is_some_and(|active| active.rule.id == example.rule);
    let own = answer.speaking.iter().find(named);
    if let Some(verdict) = check.verdict
        && verdict != answer.verdict
    {
        return Err(format!(
            "verdict {verdict} expected, got {} ({})",
            answer.verdict,
            told(context.rules, &answer.speaking)
        ));
    }
    if let Some(wanted) = &check.answer {
        let got = own.map_or("silent", |one| one.answer.as_str());
        if got != wanted {
            return Err(format!("answer {wanted} expected, got {got}"));
        }
    }
    if let Some(wanted) = check.next_allowed
        && answer.next_allowed != Some(wanted)
    {
        let got = answer.next_allowed.map_or("none".to_owned(), |at| at.to_string());
        return Err(format!("next allowed {wanted} expected, got {got}"));
    }
    if let Some(wanted) = &check.duties {
        let got = own.and_then(|one| one.duties.as_deref()).map_or(&[][..], Vec::as_slice);
        if !got.iter().map(AsRef::as_ref).eq(wanted.iter().map(String::as_str)) {
            return Err(format!("duties [{}] expected, got [{}]", wanted.join(", "), got.join(", ")));
        }
    }
    if let Some(wanted) = check.remaining
        && own.and_then(|one| one.remaining) != Some(wanted)
    {
        let got = own.and_then(|one| one.remaining).map_or("none".to_owned(), |rest| rest.to_string());
        return Err(format!("{wanted} remaining expected, got {got}"));
    }
    let figures = own.map(|one| (one.observed, one.limit));
    for (name, wanted, got) in [
        ("observed", check.observed, figures.and_then(|figures| figures.0)),
        ("limit", check.limit, figures.and_then(|figures| figures.1)),
    ] {
        if wanted.is_some() && wanted != got {
            let got = got.map_or("none".to_owned(), |got| got.to_string());
            return Err(format!("{name} {} expected, got {got}", wanted.unwrap_or(0)));
        }
    }
    Ok(())
}

fn told(rules: &RuleSet, speaking: &[Speaking]) -> String {
    let told = speaking.iter().filter_map(|one| Some(format!("{} {}", rules.numbered(one.rule)?.rule.id, one.answer)));
    let told: Vec<String> = told.collect();
    told.join(", ")
}

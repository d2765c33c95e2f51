//! Whose contacts count together: persons, households, collectors and creditors over two cases, against a count by hand; and that
//! contacts which are planned count as if they had been made.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, market, noon, rules};
use crate::compliance::{CaseWatch, Context, Emission, PersonLogs, Planned, TestOutcome, check_among};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::Detail;
use crate::domain::permit::{Permit, PermitAsk};
use crate::domain::time::{DAY, SECOND};
use crate::domain::verdict::{Answer, Verdict};
use crate::rules::RuleSet;
use crate::rules::words::Per;

const HOUR: i64 = 3_600 * SECOND;
const PERSONS: [&str; 3] = ["p", "q", "r"];
const ROLES: [&str; 3] = ["primary", "spouse", "parent"];
const KEYS: [Option<&str>; 3] = [None, Some("h"), Some("k")];
const COMPANIES: [Option<&str>; 3] = [None, Some("one"), Some("two")];
const CREDITORS: [&str; 3] = ["", "one", "two"];

/// Who lives where, who collects each case, and for whom.
#[derive(Debug, Clone)]
struct World {
    households: [usize; 3],
    collectors: [usize; 2],
    creditors: [usize; 2],
}

/// A call: its hour, its case, and the person. The third case stands for both.
type Call = (i64, usize, usize);

fn world() -> impl Strategy<Value = World> {
    ([0..3_usize, 0..3, 0..3], [0..3_usize, 0..3], [0..3_usize, 0..3])
        .prop_map(|(households, collectors, creditors)| World { households, collectors, creditors })
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec((0..24 * 20_i64, 0..3_usize, 0..3_usize), 1..14).prop_map(|mut calls| {
        calls.sort_unstable();
        calls.dedup_by_key(|call| call.0);
        calls
    })
}

impl World {
    fn case(&self, case: usize) -> CaseVersion {
        let parties: Vec<Value> = (0..3)
            .map(|one| {
                let household = KEYS[self.households[one]];
                json!({ "person": (PERSONS[one]), "role": (ROLES[one]), "household": household, "residences": [{ "country": "FR" }] })
            })
            .collect();
        let (id, company) = (["c", "d"][case], COMPANIES[self.collectors[case]]);
        let whole = json!({
            "case": id, "version": "v1", "effective": 0, "currency": "EUR", "parties": parties,
            "identity": { "creditor": (CREDITORS[self.creditors[case]]), "collector_entity": company },
            "claims": [{ "id": "c1", "principal": 10_000 }],
        });
        serde_json::from_value(whole).unwrap()
    }

    /// Whether the two lead cases are collected by the same company.
    fn same_company(&self, one: usize, other: usize) -> Option<bool> {
        match (COMPANIES[self.collectors[one]], COMPANIES[self.collectors[other]]) {
            (one, other) if one == other => Some(true),
            (Some(_), Some(_)) => Some(false),
            _ => None,
        }
    }

    /// Whether a call about that case, or about both, was for the creditor of this one.
    fn same_creditor(&self, case: usize, lead: usize, both: bool) -> Option<bool> {
        match (self.creditors[case], self.creditors[lead]) {
            (0, _) | (_, 0) => None,
            (one, other) if one == other => Some(true),
            _ => (!both).then_some(false),
        }
    }

    fn live_together(&self, one: usize, other: usize) -> Option<bool> {
        match (KEYS[self.households[one]], KEYS[self.households[other]]) {
            _ if one == other => Some(true),
            (Some(one), Some(other)) => Some(one == other),
            _ => None,
        }
    }

    /// Whether an earlier call counts with one that is judged on a case; `None`: nobody can tell.
    fn together(&self, per: Per, judged: (usize, usize), earlier: &Call) -> Option<bool> {
        let (case, person) = judged;
        let here = earlier.1 == case || earlier.1 == 2;
        // A call about both cases is counted over cases with the first of them.
        let lead = earlier.1 % 2;
        match per {
            Per::Case => Some(here),
            Per::PersonAndCase => Some(here && earlier.2 == person),
            Per::Person => Some(earlier.2 == person),
            Per::Collector if earlier.2 == person => self.same_company(case, lead),
            Per::Collector => Some(false),
            Per::Creditor if earlier.2 != person => Some(false),
            Per::Creditor if here => Some(true),
            Per::Creditor => self.same_creditor(case, lead, earlier.1 == 2),
            Per::HouseholdAndCase if here => self.live_together(person, earlier.2),
            Per::HouseholdAndCase => Some(false),
            // Who has no household is in no other person's.
            Per::Household => Some(earlier.2 == person || self.live_together(person, earlier.2) == Some(true)),
        }
    }

    /// What the rule says of a call on one of its cases, by counting: `None` where nobody can tell.
    fn kept(
        &self,
        per: Per,
        (max, days, roles): (usize, i64, bool),
        made: &[Call],
        judged: (i64, usize, usize),
    ) -> Option<bool> {
        let (hour, case, person) = judged;
        let day = |hour: i64| (hour + 12).div_euclid(24);
        let near = made.iter().filter(|one| one.0 < hour && day(one.0) > day(hour) - days);
        let near = near.filter(|one| !roles || one.2 != 2);
        let answers: Vec<Option<bool>> = near.map(|one| self.together(per, (case, person), one)).collect();
        let sure = answers.iter().filter(|one| **one == Some(true)).count() + 1;
        let most = answers.iter().filter(|one| **one != Some(false)).count() + 1;
        if sure > max {
            return Some(false);
        }
        let unknown =
            per == Per::Household && self.households[person] == 0 || per == Per::Creditor && self.creditors[case] == 0;
        (most <= max && !unknown).then_some(true)
    }
}

/// The call as an activity. Calls on the third case are about both.
fn call(number: usize, one: Call) -> Activity {
    call_as(number, one, "right_party_no_commitment")
}

fn call_as(number: usize, (hour, case, person): Call, outcome: &str) -> Activity {
    let cases = [json!(["c"]), json!(["d"]), json!(["c", "d"])][case].clone();
    let detail = json!({ "kind": "contact", "channel": "call", "outcome": outcome });
    activity(number, noon(0).plus(hour * HOUR), json!({ "person": (PERSONS[person]), "cases": cases }), detail)
}

fn law(per: Per, (max, days, roles): (usize, i64, bool)) -> RuleSet {
    let roles = if roles { "roles = [\"primary\", \"spouse\"]\n" } else { "" };
    rules(&format!(
        "[rule.contact_frequency]\nmax = {max}\nwindow = {{ calendar_days = {days} }}\ncount = \"attempts\"\nper = \"{per}\"\n{roles}"
    ))
}

/// Both cases as they are folded.
struct Folded {
    versions: [CaseVersion; 2],
    watches: Vec<CaseWatch>,
    logs: PersonLogs,
    /// What was said of each call on each of its cases that is judged: the call, the case, kept, broken or unknown.
    said: Vec<(usize, usize, Option<bool>)>,
}

fn context<'a>(
    rules: &'a RuleSet,
    folded: (&'a CaseVersion, &'a PersonLogs),
    market: &'a crate::domain::market::Market,
    lead: bool,
) -> Context<'a> {
    Context { rules, market, version: folded.0, lead, persons: folded.1 }
}

fn fold(rules: &RuleSet, world: &World, made: &[Call]) -> Folded {
    fold_as(rules, world, made, &|_| "right_party_no_commitment")
}

/// The same with outcomes by the hour of a call.
fn fold_as(rules: &RuleSet, world: &World, made: &[Call], outcome: &dyn Fn(i64) -> &'static str) -> Folded {
    let market = market();
    let mut folded = Folded {
        versions: [0, 1].map(|case| world.case(case)),
        watches: Vec::new(),
        logs: PersonLogs::default(),
        said: Vec::new(),
    };
    let mut out = Vec::new();
    for version in &folded.versions {
        folded.watches.push(CaseWatch::open(&context(rules, (version, &folded.logs), &market, true), &mut out));
    }
    for (number, one) in made.iter().enumerate() {
        let activity = call_as(number, *one, outcome(one.0));
        for case in (0..2).filter(|case| one.1 == 2 || one.1 == *case) {
            let lead = case == one.1 % 2;
            out.clear();
            let version = &folded.versions[case];
            folded.watches[case].apply(&context(rules, (version, &folded.logs), &market, lead), &activity, &mut out);
            let tested = out.iter().find_map(|emission| match emission {
                Emission::Test { outcome, .. } => Some(*outcome),
                Emission::Opened(_) => None,
            });
            let word = |outcome| match outcome {
                TestOutcome::Passed => Some(true),
                TestOutcome::Failed => Some(false),
                TestOutcome::Unknown => None,
            };
            folded.said.extend(tested.map(|outcome| (number, case, word(outcome))));
        }
        folded.logs.note(&activity, &folded.versions[one.1 % 2]);
    }
    folded
}

/// A contact about both cases is judged once, with the first of them.
fn once(per: Per) -> bool {
    per.over_cases() && per != Per::Creditor
}

fn per() -> impl Strategy<Value = Per> {
    prop::sample::select(Per::ALL)
}

fn limits() -> impl Strategy<Value = (usize, i64, bool)> {
    (1..4_usize, 1..9_i64, any::<bool>())
}

/// A permit for a call on one case.
fn permit(number: usize, one: Call, world: &World) -> Permit {
    let activity = call(number, one);
    let Detail::Contact(contact) = &activity.detail else { unreachable!("a call") };
    let mut contact = contact.clone();
    contact.outcome = None;
    let detail = Detail::Contact(contact);
    let planned = Activity { detail: detail.clone(), ..activity };
    let ask = PermitAsk {
        case: planned.cases[0].clone(),
        person: planned.person.clone(),
        person_role: None,
        at: Some(planned.occurred),
        contact: detail,
        initiated_by: None,
        at_debtors_request: false,
        seconds: None,
    };
    let role = serde_json::from_value(json!(ROLES[one.2])).unwrap();
    Permit {
        id: crate::domain::ids::PermitId::trusted(planned.id.as_str()),
        ask,
        ends: planned.occurred.plus(DAY),
        planned: Activity { person_role: Some(role), ..planned },
        consented: false,
        household: KEYS[world.households[one.2]].map(Into::into),
        collector: COMPANIES[world.collectors[one.1]].map(Into::into),
        creditor: Some(CREDITORS[world.creditors[one.1]].into()),
        check: ("run".into(), 1),
        verdict: Verdict::Allowed,
        granted: noon(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_counts_together_is_what_counting_by_hand_finds(world in world(), calls in calls(), per in per(), limits in limits()) {
        let folded = fold(&law(per, limits), &world, &calls);
        let mut wanted = Vec::new();
        for (number, one) in calls.iter().enumerate() {
            let judged = (0..2).filter(|case| if one.1 < 2 { one.1 == *case } else { *case == 0 || !once(per) });
            for case in judged.filter(|_| !limits.2 || one.2 != 2) {
                wanted.push((number, case, world.kept(per, limits, &calls, (one.0, case, one.2))));
            }
        }
        prop_assert_eq!(folded.said, wanted);
    }

    /// For a creditor calls count from the first conversation with the person about any of its debts, or with anybody
    /// about this one; every third call is a conversation.
    #[test]
    fn the_first_conversation_is_the_creditors(world in world(), calls in calls(), limits in limits()) {
        let (max, days, _) = limits;
        let spoken = |hour: i64| hour % 3 == 0;
        let rules = rules(&format!(
            "[rule.contact_frequency]\nmax = {max}\nwindow = {{ calendar_days = {days} }}\ncount = \"attempts\"\n\
             per = \"creditor\"\nexclude = [\"before_conversation\"]\n"
        ));
        let folded = fold_as(&rules, &world, &calls, &|hour| if spoken(hour) { "right_party_refused" } else { "no_answer" });
        let day = |hour: i64| (hour + 12).div_euclid(24);
        let mut wanted = Vec::new();
        for (number, (hour, which, person)) in calls.iter().enumerate() {
            for case in (0..2).filter(|case| *which == 2 || which == case) {
                let told = |one: &Call| (one.0, world.together(Per::Creditor, (case, *person), one));
                let before: Vec<(i64, Option<bool>)> = calls[..number].iter().map(told).collect();
                let here = calls[..number].iter().filter(|one| (one.1 == case || one.1 == 2) && spoken(one.0)).map(|one| one.0).min();
                let first = |sure: bool| {
                    let same = before.iter().filter(|one| spoken(one.0) && one.1.unwrap_or(!sure)).map(|one| one.0).min();
                    here.into_iter().chain(same).min()
                };
                let seen = |sure: bool| {
                    let counted = |one: &&(i64, Option<bool>)| one.1.unwrap_or(!sure) && day(one.0) > day(*hour) - days;
                    let since = first(sure).unwrap_or(i64::MAX);
                    before.iter().filter(counted).filter(|one| one.0 > since).count()
                };
                let said = match (first(true), first(false)) {
                    (_, None) => continue,
                    (Some(_), _) if seen(true) >= max => Some(false),
                    _ => (seen(false) < max && world.creditors[case] != 0).then_some(true),
                };
                wanted.push((number, case, said));
            }
        }
        prop_assert_eq!(folded.said, wanted);
    }

    /// Contacts that hold a permit count as those that were made, for the same persons, households and collectors.
    #[test]
    fn what_is_planned_counts_as_what_was_made(world in world(), calls in calls(), per in per(), limits in limits(), cut in 0..14_usize) {
        let rules = law(per, limits);
        let Some(((hour, case, person), before)) = calls.split_last() else { return Ok(()) };
        let (case, before) = (case % 2, before.iter().map(|one| (one.0, one.1 % 2, one.2)).collect::<Vec<_>>());
        let cut = cut.min(before.len());
        let (made, planned) = before.split_at(cut);
        let folded = fold(&rules, &world, made);
        let permits: Vec<Permit> = planned.iter().enumerate().map(|(number, one)| permit(500 + number, *one, &world)).collect();
        let among: Vec<Planned<'_>> = permits.iter().zip(planned).map(|(permit, one)| {
            Planned { permit, watch: &folded.watches[one.1], version: &folded.versions[one.1] }
        }).collect();
        let candidate = Activity { source_seq: i64::MAX, ..call(900, (*hour, case, *person)) };
        let market = market();
        let context = context(&rules, (&folded.versions[case], &folded.logs), &market, true);
        let answered = check_among(&context, &folded.watches[case], &candidate, &among);
        let said = answered.speaking.first().map(|one| match one.answer {
            Answer::Kept | Answer::Duty => Some(true),
            Answer::Broken => Some(false),
            Answer::Unknown => None,
        });
        let judged = !limits.2 || *person != 2;
        prop_assert_eq!(said, judged.then(|| world.kept(per, limits, &before, (*hour, case, *person))));
    }

    /// A rule that counts more together is at least as strict, whatever the cases state.
    #[test]
    fn what_covers_more_admits_no_more(world in world(), calls in calls(), limits in limits()) {
        // The better answer is the smaller number.
        let rank = |said: Option<Option<bool>>| match said {
            None | Some(Some(true)) => 0,
            Some(None) => 1,
            Some(Some(false)) => 2,
        };
        let all: Vec<Folded> = Per::ALL.iter().map(|per| fold(&law(*per, limits), &world, &calls)).collect();
        for (wider, more) in Per::ALL.iter().zip(&all) {
            for (narrower, less) in Per::ALL.iter().zip(&all).filter(|(one, _)| wider.covers(**one)) {
                for (number, case, said) in &less.said {
                    let other = more.said.iter().find(|one| one.0 == *number && one.1 == *case).map(|one| one.2);
                    // Over cases, a call about both is judged once: with the first.
                    // Without a creditor the narrower count is never kept, which a wider one need not be.
                    let nobodys = *narrower == Per::Creditor && world.creditors[*case] == 0;
                    if (other.is_some() || !once(*wider)) && !nobodys {
                        prop_assert!(rank(other) >= rank(Some(*said)), "{wider} {other:?} against {narrower} {said:?} of {number} on {case}");
                    }
                }
            }
        }
    }
}

/// What the words say of each other, once and for all.
#[test]
fn which_counts_cover_which() {
    let covered =
        |wider: Per| Per::ALL.iter().filter(|one| wider.covers(**one)).map(|one| one.as_str()).collect::<Vec<_>>();
    assert_eq!(covered(Per::PersonAndCase), ["person_and_case"]);
    assert_eq!(covered(Per::Case), ["person_and_case", "case", "household_and_case"]);
    assert_eq!(covered(Per::Person), ["person_and_case", "person", "collector", "creditor"]);
    assert_eq!(covered(Per::Creditor), ["person_and_case", "creditor"]);
    assert_eq!(covered(Per::Collector), ["collector"]);
    assert_eq!(covered(Per::HouseholdAndCase), ["person_and_case", "household_and_case"]);
    assert_eq!(covered(Per::Household), ["person_and_case", "person", "collector", "creditor", "household"]);
}

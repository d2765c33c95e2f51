//! Histories told by hand, each in two orders of arrival: what random ones meet too seldom.

use fairdue::domain::activity::Activity;
use fairdue::domain::case::CaseVersion;
use fairdue::domain::detail::Detail;
use fairdue::domain::ids::ActivityId;

use super::deliver::{self, Act};
use super::generate::{at_minute, case_id, version};
use super::snapshot::Snapshot;
use crate::support::builders;
use crate::support::database::{Backend, Database};

const NEW_YORK: u16 = 0;
const WASHINGTON: u16 = 1;

fn opening(case: u8, place: u16) -> CaseVersion {
    version(case, 0, at_minute(0, 0), place)
}

fn call(id: &str, case: u8, day: u16, minute: u16) -> Activity {
    builders::call(id, case_id(case).as_str(), at_minute(day, minute))
}

fn void(target: &str) -> Activity {
    let detail = Detail::Void { target: ActivityId::trusted(target), reason: None };
    let mut void = builders::activity(&format!("void {target}"), "", at_minute(60, 0), detail);
    void.cases.clear();
    void
}

fn each(activities: &[Activity]) -> Vec<Act> {
    activities.iter().map(|one| Act::Record(vec![one.clone()])).collect()
}

/// Both orders must end in the same findings, and the rule must have found so many breaches.
fn end_alike(rule: &str, breaches: usize, one: &[Act], other: &[Act]) {
    let (_directory, holder) = deliver::configuration();
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let [a, b] = [one, other].map(|acts| {
            let database = waiting.block_on(Database::fresh(backend));
            deliver::run(&database.url, &holder, acts);
            waiting.block_on(Snapshot::read(&database))
        });
        assert_eq!(a.breaches_of(rule), breaches, "{rule} on {backend:?}");
        assert_eq!(a.differs_from(&b), None, "{rule} on {backend:?}");
    }
}

#[test]
fn a_rule_counts_late_contacts_of_cases_in_which_it_does_not_speak() {
    let calls = [call("a", 1, 2, 900), call("b", 1, 2, 960), call("late", 0, 2, 840)];
    let mut abroad = opening(0, NEW_YORK);
    for residence in abroad.parties.iter_mut().flat_map(|party| &mut party.residences) {
        (residence.country, residence.subdivision) = ("DE".into(), None);
    }
    for other in [opening(0, NEW_YORK), abroad] {
        let versions = Act::Upsert(vec![other, opening(1, WASHINGTON)]);
        let at_once = [versions.clone(), Act::Record(calls.to_vec())];
        let one_by_one = [vec![versions], each(&calls)].concat();
        end_alike("us-wa-mobile", 1, &at_once, &one_by_one);
        let voided = [one_by_one, vec![Act::Restart], each(&[void("late")])].concat();
        let never = [&at_once[..1], &each(&calls[..2])].concat();
        end_alike("us-wa-mobile", 0, &voided, &never);
    }
}

#[test]
fn a_call_about_two_debtors_counts_for_the_first_of_them() {
    let mut both = call("both", 0, 2, 840);
    both.cases.push(case_id(2));
    let calls = [call("a", 2, 2, 900), call("b", 2, 2, 960), both, call("c", 0, 2, 930), call("d", 0, 2, 940)];
    let versions = Act::Upsert(vec![opening(0, WASHINGTON), opening(2, WASHINGTON)]);
    let at_once = [versions.clone(), Act::Record(calls.to_vec())];
    let one_by_one = [vec![versions], each(&calls)].concat();
    end_alike("us-wa-mobile", 1, &one_by_one, &at_once);
}

#[test]
fn a_call_that_names_nobody_counts_for_the_debtor_whom_a_later_version_brings() {
    let mut nobody = opening(0, WASHINGTON);
    nobody.parties.clear();
    let debtor = version(0, 1, at_minute(1, 0), WASHINGTON);
    let calls = [call("a", 1, 2, 900), call("b", 1, 2, 960), call("nameless", 0, 2, 840)];
    let others = vec![nobody, opening(1, WASHINGTON)];
    let at_once = [Act::Upsert(others.clone()), Act::Upsert(vec![debtor.clone()]), Act::Record(calls.to_vec())];
    let debtor_last = [vec![Act::Upsert(others)], each(&calls), vec![Act::Upsert(vec![debtor])]].concat();
    end_alike("us-wa-mobile", 1, &at_once, &debtor_last);
    let judged_later = [&debtor_last[..1], &debtor_last[3..], &debtor_last[1..3]].concat();
    end_alike("us-wa-mobile", 1, &judged_later, &at_once);
}

#[test]
fn a_case_that_opens_with_several_versions_remembers_for_all_of_them() {
    let calls = [call("a", 0, 2, 900), call("b", 0, 8, 900), call("c", 0, 13, 900), call("d", 0, 19, 900)];
    let versions = vec![opening(0, NEW_YORK), version(0, 1, at_minute(1, 0), WASHINGTON)];
    let in_order = [vec![Act::Upsert(versions.clone())], each(&calls)].concat();
    let version_last =
        [vec![Act::Upsert(versions[..1].to_vec())], each(&calls), vec![Act::Upsert(versions[1..].to_vec())]].concat();
    end_alike("tenant-calls-of-a-case-in-wa", 1, &in_order, &version_last);
}

#[test]
fn an_agents_roster_records_take_each_others_place_in_any_order() {
    let roster = |id: &str, day: u16, fte_thousandths: u32| {
        let detail = Detail::AgentRoster { agent: "agent-0".into(), team: None, fte_thousandths, until: None };
        let mut record = builders::activity(id, "", at_minute(day, 600), detail);
        record.cases.clear();
        record
    };
    let records = [roster("a", 2, 1_000), roster("b", 20, 500), roster("c", 9, 750)];
    let versions = Act::Upsert(vec![opening(0, NEW_YORK)]);
    let at_once = [versions.clone(), Act::Record(records.to_vec())];
    let one_by_one = [vec![versions.clone()], each(&records)].concat();
    end_alike("us-wa-mobile", 0, &at_once, &one_by_one);
    let never = [versions.clone(), Act::Record(records[..2].to_vec())];
    let voided = [one_by_one, vec![Act::Restart], each(&[void("c")])].concat();
    end_alike("us-wa-mobile", 0, &voided, &never);
    let void_first = [vec![versions], each(&[void("c")]), each(&records)].concat();
    end_alike("us-wa-mobile", 0, &void_first, &never);
}

//! Tests of the demo's histories.

use std::collections::HashSet;

use super::country::COUNTRIES;
use super::story::{self, CASES};
use crate::domain::detail::Detail;

#[test]
fn the_story_is_the_same_every_time_and_its_ids_are_unique() {
    for country in COUNTRIES {
        let (one, two) = (story::tell(country), story::tell(country));
        assert_eq!(one.activities, two.activities);
        assert_eq!(one.cases, two.cases);
        assert_eq!(one.cases.len(), CASES as usize);
        let ids: HashSet<_> = one.activities.iter().map(|activity| activity.id.clone()).collect();
        assert_eq!(ids.len(), one.activities.len());
        let cases: HashSet<_> = one.cases.iter().map(|case| case.case.clone()).collect();
        assert!(one.activities.iter().all(|activity| activity.cases.iter().all(|case| cases.contains(case))));
    }
}

#[test]
fn the_story_holds_every_kind_that_the_figures_need() {
    for country in COUNTRIES {
        let history = story::tell(country);
        let kinds: HashSet<_> = history.activities.iter().map(|activity| activity.detail.kind()).collect();
        for kind in
            ["contact", "message_event", "promise", "payment", "page", "dispute", "operating_cost", "client_revenue"]
        {
            assert!(kinds.contains(kind), "{} has no {kind}", country.market);
        }
        let outside = history.activities.iter().filter(|activity| match &activity.detail {
            Detail::Contact(contact) if contact.channel == crate::domain::vocabulary::Channel::Call => {
                let case = history.cases.iter().find(|case| activity.cases.contains(&case.case)).unwrap();
                let zone: chrono_tz::Tz = case.parties[0].zones[0].zone.parse().unwrap();
                let hour = chrono::Timelike::hour(&activity.occurred.local(zone));
                !(9..19).contains(&hour)
            }
            _ => false,
        });
        let wanted = country.breaches.iter().filter(|(_, breach)| *breach == super::country::Breach::NightCall).count();
        assert_eq!(outside.count(), wanted, "{}: only the night calls told on purpose", country.market);
    }
}

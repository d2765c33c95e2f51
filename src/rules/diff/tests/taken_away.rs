//! What a rule no longer says is told so that it means what the rule says then.

use crate::rules::conduct::Asking;
use crate::rules::model::{Limits, Rule, Window};
use crate::rules::tell::{differences, rule as told};
use crate::rules::tests::shipped;

/// The sentences of what changes in a shipped rule.
fn sentences(id: &str, before: impl Fn(&mut Rule), after: impl Fn(&mut Rule)) -> Vec<String> {
    let packs = shipped();
    let found = packs.iter().flat_map(|pack| &pack.rules).find(|rule| rule.id.as_str() == id);
    let (mut old, mut new) = (Rule::clone(found.unwrap()), Rule::clone(found.unwrap()));
    before(&mut old);
    after(&mut new);
    differences(&told(&old), &told(&new)).into_iter().map(|one| one.sentence).collect()
}

#[test]
fn what_is_no_longer_stated_is_told_by_its_meaning() {
    let suspends = |value| {
        move |rule: &mut Rule| {
            let Limits::LimitationPeriod(limits) = &mut rule.limits else { panic!("{}", rule.id) };
            limits.negotiation_suspends = value;
        }
    };
    for (old, new, sentence) in [
        (Some(false), None, "negotiations hold it: not known instead of no"),
        (None, Some(true), "negotiations hold it: yes instead of not known"),
        (Some(true), Some(false), "negotiations hold it: no instead of yes"),
    ] {
        assert_eq!(sentences("nl-limitation-sale", suspends(old), suspends(new)), [sentence]);
    }
    let licence = |kind: Option<&'static str>| {
        move |rule: &mut Rule| {
            let Limits::Licence(limits) = &mut rule.limits else { panic!("{}", rule.id) };
            limits.licence = kind.map(Into::into);
        }
    };
    assert_eq!(
        sentences("au-qld-licence", licence(Some("field_agent")), licence(None)),
        ["licence: any of the jurisdiction instead of field_agent"]
    );
    assert_eq!(
        sentences("au-qld-licence", licence(None), licence(Some("field_agent"))),
        ["licence: field_agent instead of any of the jurisdiction"]
    );
}

#[test]
fn an_exception_that_falls_away_is_no_double_negation() {
    let begun = |exempt| move |rule: &mut Rule| rule.exempt.initiated_by_debtor = exempt;
    let hours = "us-reg-f-contact-hours";
    assert_eq!(sentences(hours, begun(true), begun(false)), ["now also for contacts that the debtor began"]);
    assert_eq!(sentences(hours, begun(false), begun(true)), ["now not for contacts that the debtor began"]);
    let stated = |none| {
        move |rule: &mut Rule| {
            let Limits::ContactHours(limits) = &mut rule.limits else { panic!("{}", rule.id) };
            limits.no_figure = none;
        }
    };
    assert_eq!(sentences(hours, stated(true), stated(false)), ["\"no hours are stated\" no longer holds"]);
}

#[test]
fn what_may_be_once_is_told_so() {
    let asking = |max| {
        move |rule: &mut Rule| {
            let Limits::ChannelConsent(limits) = &mut rule.limits else { panic!("{}", rule.id) };
            limits.asking = Some(Asking { max, window: Window::CalendarDays(8) });
        }
    };
    let packs = shipped();
    let mut rules = packs.iter().flat_map(|pack| &pack.rules);
    let consent = rules.find(|rule| matches!(rule.limits, Limits::ChannelConsent(_))).unwrap().id.to_string();
    let of = |max| {
        let lines = sentences(&consent, asking(3), asking(max));
        lines.concat()
    };
    assert_eq!(of(1), "consent: may be asked for once instead of 3 times in any 8 calendar days");
    assert_eq!(of(2), "consent: may be asked for 2 instead of 3 times in any 8 calendar days");
}

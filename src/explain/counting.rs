//! What a rule measures by: the window it counts over, whose contacts it puts together, the clock it reads.

use super::language::Language;
use crate::rules::model::{Limits, Window};
use crate::rules::words::Per;

/// The window or wait of a rule in words; `None` where it has none.
pub(super) fn window(language: &Language, limits: &Limits) -> Option<String> {
    let window = match limits {
        Limits::ContactFrequency(limits) => limits.window,
        Limits::ContactCooldown(limits) => limits.wait?,
        Limits::ThirdParty(limits) => limits.window?,
        _ => return None,
    };
    Some(match window {
        Window::CalendarDays(days) => language.in_number("windows.days", days.into()),
        Window::Minutes(minutes) => language.in_number("windows.minutes", minutes.into()),
        Window::Hours(hours) => language.in_number("windows.hours", hours.into()),
        Window::CalendarWeek => language.plain("windows.week"),
        Window::CalendarMonth => language.plain("windows.month"),
    })
}

/// The clock that the law names, as its zone is called; `None` where it is that of the person's place.
pub(super) fn clock(limits: &Limits) -> Option<String> {
    match limits {
        Limits::ContactHours(limits) => limits.zone.map(|zone| zone.name().to_owned()),
        _ => None,
    }
}

/// Whose contacts a rule counts together, in words; `None` where it counts those of one person about one debt.
pub(super) fn circle(language: &Language, limits: &Limits) -> Option<String> {
    let per = match limits {
        Limits::ContactFrequency(limits) => limits.per,
        Limits::ContactCooldown(limits) => limits.per,
        _ => return None,
    };
    (per != Per::PersonAndCase).then(|| language.plain(&format!("circles.{per}")))
}

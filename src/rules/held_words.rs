//! Which words of contacts rules ask for.

use super::conduct::{RECORDING_CONSENTED, Words};
use super::model::Limits;

/// The words that a rule asks a contact for, each of several that will do by itself.
pub(super) fn asked(limits: &Limits) -> impl Iterator<Item = &str> {
    let none = Words::none();
    let lists: [&Words; 4] = match limits {
        Limits::Content(limits) => {
            [&limits.items, &limits.where_due, &limits.forbidden, &limits.items_if_deadline_inside]
        }
        Limits::ProhibitedConduct(limits) => [&limits.conduct, &limits.unless, &limits.needs, none],
        Limits::ChannelConsent(limits) => [&limits.carrying, &limits.must_carry, none, none],
        Limits::ThirdParty(limits) => [&limits.shown, &limits.lifted_by, none, none],
        _ => [none; 4],
    };
    let recording = matches!(limits, Limits::CallRecording(_)).then_some(RECORDING_CONSENTED);
    lists.into_iter().flat_map(Words::iter).flat_map(|entry| entry.split('|')).chain(recording)
}

/// Whether a rule bans what it does not name.
pub(super) fn bans_others(limits: &Limits) -> bool {
    matches!(limits, Limits::Content(limits) if limits.no_others)
}

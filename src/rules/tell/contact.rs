//! Hours, frequency, rest and flags in words.

use super::super::model::{ContactBlock, ContactCooldown, ContactFrequency, ContactHours, HOLIDAY, OpenSpan, Window};
use super::super::words::{BlockAnswer, Count, Holidays};
use super::line::Line;
use super::words::{lasting, plain, set, steps, stretch, term, window, word};

const DAYS: [&str; 8] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "public holidays"];
const ANY_CHANNEL: &str = "any channel";
const ANY_CLOCK: &str = "of where the person may be";
const ANY_PLACE: &str = "any place";
const NOBODY_ELSE: &str = "nobody else";
const NOTHING: &str = "nothing";

pub(super) fn hours(limits: &ContactHours) -> Vec<Line> {
    let ContactHours {
        channels,
        holidays,
        closed_dates,
        end_inclusive,
        open,
        no_figure,
        places,
        unless_preferred,
        zone,
    } = limits;
    let holidays = match holidays {
        Holidays::Closed => "closed unless they have hours of their own",
        Holidays::Ignored => "like any other day",
    };
    let closed = closed_dates.iter().map(|(month, day)| format!("{month:02}-{day:02}")).collect();
    vec![
        Line::table("contact_hours.open", "open", if open.is_empty() { Vec::new() } else { week(open) }),
        Line::phrase("contact_hours.zone", "clock", zone.map_or(ANY_CLOCK, |zone| zone.name())),
        Line::phrase("contact_hours.holidays", "public holidays", holidays),
        Line::list("contact_hours.closed_dates", "days of the year without contact", closed, "none"),
        Line::flag("contact_hours.end_inclusive", *end_inclusive, "the last minute still counts as inside"),
        Line::flag("contact_hours.no_figure", *no_figure, "no hours are stated"),
        set("contact_hours.channels", "channels", *channels, ANY_CHANNEL),
        set("contact_hours.places", "places", *places, ANY_PLACE),
        Line::flag(
            "contact_hours.unless_preferred",
            *unless_preferred,
            "not where the person stated preferred hours for one of these places",
        ),
    ]
}

/// Each day's hours; days that follow each other with the same hours are told together.
fn week(open: &[OpenSpan]) -> Vec<(String, String)> {
    let of = |day: u8| {
        let spans = open.iter().filter(|span| span.day == day);
        let told: Vec<String> = spans.map(|span| format!("from {} to {}", clock(span.from), clock(span.to))).collect();
        if told.is_empty() { "closed".to_owned() } else { told.join(" and ") }
    };
    let mut told = Vec::new();
    let mut first = 0;
    for day in 0..HOLIDAY {
        if day + 1 == HOLIDAY || of(day + 1) != of(first) {
            let name = |day: u8| DAYS.get(usize::from(day)).copied().unwrap_or("");
            let days = if first == day { name(day).to_owned() } else { format!("{} to {}", name(first), name(day)) };
            told.push((days, of(first)));
            first = day + 1;
        }
    }
    if open.iter().any(|span| span.day == HOLIDAY) {
        told.push(("public holidays".to_owned(), of(HOLIDAY)));
    }
    told
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

pub(super) fn frequency(limits: &ContactFrequency) -> Vec<Line> {
    let ContactFrequency {
        max,
        window: over,
        count,
        per,
        roles,
        channels,
        technologies,
        exclude,
        places,
        during,
        during_written,
    } = limits;
    let (count, over) = (count.as_str(), window(*over));
    let most = match max {
        Some(0) => format!("no {count} at all {over}"),
        Some(max) => format!("at most {max} {count} {over}"),
        None => format!("no figure for {count} {over} is stated"),
    };
    vec![
        Line::phrase("contact_frequency.max", "", most),
        word("contact_frequency.per", "counted together", *per),
        set("contact_frequency.channels", "channels", *channels, ANY_CHANNEL),
        set("contact_frequency.technologies", "technologies", *technologies, "any technology"),
        set("contact_frequency.exclude", "not counted", *exclude, NOTHING),
        set("contact_frequency.places", "places", *places, ANY_PLACE),
        set("contact_frequency.roles", "with persons who are", *roles, "anybody"),
        set("contact_frequency.while", "while the person has the condition", *during, "any or none"),
        Line::flag("contact_frequency.while_written", *during_written, "only a condition stated in writing"),
    ]
}

pub(super) fn cooldown(limits: &ContactCooldown) -> Vec<Line> {
    let ContactCooldown { after, after_channels, after_inbound, wait, days, per, channels, exclude } = limits;
    let count = match days {
        Count::FromNthDay => "the day itself counted",
        Count::ClearDays => "the day itself not counted",
    };
    let mut told =
        vec![wait.map_or("no figure is stated".to_owned(), |wait| format!("no contact for {}", stretch(wait)))];
    // Hours are not counted in days; the word is told all the same, as the file may state it.
    told.push(count.to_owned());
    if matches!(wait, Some(Window::CalendarWeek | Window::CalendarMonth)) {
        told.push("to its end".to_owned());
    }
    let begun = if *after_inbound { "begun by either side" } else { "begun by the collector only" };
    vec![
        Line::parts("contact_cooldown.wait", "", Some(told)),
        Line::phrase("contact_cooldown.after", "after", plain(after.as_str())),
        set("contact_cooldown.after_channels", "after those on", *after_channels, ANY_CHANNEL),
        Line::phrase("contact_cooldown.after_inbound", "after those", begun),
        word("contact_cooldown.per", "counted together", *per),
        set("contact_cooldown.channels", "channels that rest", *channels, ANY_CHANNEL),
        set("contact_cooldown.exclude", "not counted", *exclude, NOTHING),
    ]
}

pub(super) fn block(limits: &ContactBlock) -> Vec<Line> {
    let ContactBlock {
        conditions,
        flags,
        quiet,
        answer,
        written_only,
        only_within,
        only_within_after,
        if_expired,
        until_verified,
        lifted_by_direct_consent,
        lasts,
        also_toward,
        also_of,
        place,
        channels,
        forbids,
    } = limits;
    let answer = match answer {
        BlockAnswer::NotPermitted => "nobody is contacted",
        BlockAnswer::RepresentativeOnly => "only the representative is contacted",
    };
    vec![
        set("contact_block.conditions", "conditions that block", *conditions, "none"),
        set("contact_block.flags", "flags that block", *flags, "none"),
        Line::flag("contact_block.quiet", *quiet, "it says nothing while none is recorded"),
        Line::phrase("contact_block.answer", "meanwhile", answer),
        steps("contact_block.forbids", "what is blocked", forbids, NOTHING),
        Line::flag("contact_block.written_only", *written_only, "only a condition stated in writing blocks"),
        term("contact_block.only_within", "only a condition stated within", only_within.as_ref()),
        steps("contact_block.only_within_after", "after which that runs", only_within_after, NOTHING),
        Line::list(
            "contact_block.if_expired",
            "only where a claim has expired under",
            if_expired.iter().map(ToString::to_string).collect(),
            "any state of the claim",
        ),
        Line::flag("contact_block.until_verified", *until_verified, "it ends when verification was sent"),
        Line::flag(
            "contact_block.lifted_by_direct_consent",
            *lifted_by_direct_consent,
            "a consent to direct contact lifts it",
        ),
        lasting("contact_block.lasts", lasts),
        set("contact_block.lasts_for", "conditions that this ends", lasts.of, "all of them"),
        set("contact_block.also_toward", "the primary party's conditions block toward", *also_toward, NOBODY_ELSE),
        set("contact_block.also_of", "it blocks toward the primary party by conditions of", *also_of, NOBODY_ELSE),
        set("contact_block.place", "places", *place, ANY_PLACE),
        set("contact_block.channels", "channels", *channels, ANY_CHANNEL),
    ]
}

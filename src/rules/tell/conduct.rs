//! Content, consent, third persons, recording and conduct in words.

use super::super::conduct::{
    Asking, CallRecording, ChannelConsent, Content, Dealing, ProhibitedConduct, ThirdParty, Which,
};
use super::line::Line;
use super::terms::ids;
use super::words::{plain, set, steps, term, texts, window, word, words};

const NOTHING: &str = "nothing";
const NOBODY: &str = "nobody";

/// Which contacts are judged. The duty `not_by` follows from the technologies.
fn which(kind: &str, which: &Which) -> Vec<Line> {
    let Which { on, channels, technologies, number_types, places, message_left, not_by: _ } = which;
    let key = |key: &str| format!("{kind}.{key}");
    vec![
        steps(&key("on"), "judged", on, NOTHING),
        set(&key("channels"), "channels", *channels, "any channel"),
        set(&key("technologies"), "technologies", *technologies, "any technology"),
        set(&key("number_types"), "types of number", *number_types, "any number"),
        set(&key("places"), "places", *places, "any place"),
        set(&key("message_left"), "messages left", *message_left, "any message or none"),
    ]
}

pub(super) fn content(limits: &Content) -> Vec<Line> {
    // What a check tells (duties) follows from the words.
    let Content {
        which: contacts,
        occasion,
        items,
        where_due,
        forbidden,
        no_others,
        forms,
        languages,
        least_deadline,
        if_expired,
        during,
        during_after,
        items_if_deadline_inside,
        duties: _,
    } = limits;
    let mut lines = vec![
        words("content.items", "must hold", items, NOTHING),
        words("content.where_due", "must hold where it applies", where_due, NOTHING),
        words("content.forbidden", "must not hold", forbidden, NOTHING),
        Line::flag("content.no_others", *no_others, "nothing else may be held"),
        word("content.occasion", "which of a case's contacts", *occasion),
        set("content.forms", "form", *forms, "any form"),
        texts("content.languages", "languages", languages, "any language"),
        term("content.least_deadline", "least deadline", least_deadline.as_ref()),
        texts("content.if_expired", "only where a claim has expired under", &ids(if_expired), "any state of the claim"),
        term("content.during", "only within", during.as_ref()),
        steps("content.during_after", "after which that runs", during_after, NOTHING),
        words(
            "content.items_if_deadline_inside",
            "must hold where a deadline inside that term is given",
            items_if_deadline_inside,
            NOTHING,
        ),
    ];
    lines.extend(which("content", contacts));
    lines
}

pub(super) fn channel_consent(limits: &ChannelConsent) -> Vec<Line> {
    // What a check tells (leave_out, honour) follows from the words.
    let ChannelConsent {
        which: contacts,
        carrying,
        require,
        written,
        max_age,
        verified_within,
        judge_revocation,
        used_within,
        used_ever,
        after_notice,
        notice_term,
        asking,
        tried_first,
        opt_out,
        honour_within,
        must_carry,
        leave_out: _,
        honour: _,
    } = limits;
    let asking = asking.map(|Asking { max, window: over }| {
        let often = if max == 1 { "once".to_owned() } else { format!("{max} times") };
        format!("may be asked for {often} {}", window(over))
    });
    let mut lines = vec![
        set("channel_consent.require", "consent needed, any of", *require, "none"),
        Line::flag("channel_consent.written", *written, "the consent must be in writing"),
        term("channel_consent.max_age", "the consent is no older than", max_age.as_ref()),
        term("channel_consent.verified_within", "the contact point was verified within", verified_within.as_ref()),
        Line::flag("channel_consent.judge_revocation", *judge_revocation, "a revoked consent no longer counts"),
        term("channel_consent.used_within", "instead, the person used the channel within", used_within.as_ref()),
        Line::flag("channel_consent.used_ever", *used_ever, "it does instead that the person ever used the channel"),
        steps("channel_consent.after_notice", "instead, after", after_notice, NOTHING),
        term("channel_consent.notice_term", "and this time after it", notice_term.as_ref()),
        Line::optional("channel_consent.asking", "consent", asking),
        steps("channel_consent.tried_first", "tried before", tried_first, NOTHING),
        Line::optional("channel_consent.opt_out", "opt-outs that bind", opt_out.map(|one| plain(one.as_str()))),
        term("channel_consent.honour_within", "opt-outs and revocations bind after", honour_within.as_ref()),
        words("channel_consent.must_carry", "each contact must hold", must_carry, NOTHING),
        words("channel_consent.carrying", "only contacts that hold any of", carrying, "anything"),
    ];
    lines.extend(which("channel_consent", contacts));
    lines
}

fn dealing(key: &str, name: &str, dealing: Dealing) -> Line {
    let said = match dealing {
        Dealing::Free => "free",
        Dealing::Inquiry => "only to inquire",
        Dealing::Forbidden => "forbidden",
    };
    Line::phrase(key, name, said)
}

pub(super) fn third_party(limits: &ThirdParty) -> Vec<Line> {
    // What a check tells (inquiry_duty, identity_duty) is always the same.
    let ThirdParty {
        which: contacts,
        told,
        persons,
        contact,
        purposes,
        max,
        window: over,
        disclosure,
        shown,
        verify_identity,
        debtor,
        unless,
        lifted_by,
        inquiry_duty: _,
        identity_duty: _,
    } = limits;
    let most = max.map(|max| format!("at most {max} {}", over.map_or("ever".to_owned(), window)));
    let idle = max.is_none().then(|| over.map(window)).flatten();
    let mut lines = vec![
        dealing("third_party.contact", "contact with third persons", *contact),
        dealing("third_party.disclosure", "making the debt known to third persons", *disclosure),
        dealing("third_party.debtor", "contact with those who may be told", *debtor),
        Line::optional("third_party.max", "inquiries of one third person", most),
        Line::optional("third_party.window", "inquiries are counted", idle),
        set("third_party.purposes", "purposes of inquiries", *purposes, "any purpose"),
        set("third_party.told", "who may be told of the debt", *told, NOBODY),
        set("third_party.persons", "third persons concerned", *persons, "anybody"),
        words("third_party.shown", "words that make the debt known", shown, NOTHING),
        Line::flag(
            "third_party.verify_identity",
            *verify_identity,
            "the identity is verified before anything is conveyed",
        ),
        set("third_party.unless", "lifted by", *unless, NOTHING),
        words("third_party.lifted_by", "words that lift it", lifted_by, NOTHING),
    ];
    lines.extend(which("third_party", contacts));
    lines
}

pub(super) fn call_recording(limits: &CallRecording) -> Vec<Line> {
    // What a check tells (duties) follows from what is required.
    let CallRecording { which: contacts, require, duties: _ } = limits;
    let mut lines = vec![set("call_recording.require", "asked of recording", *require, NOTHING)];
    lines.extend(which("call_recording", contacts));
    lines
}

pub(super) fn prohibited_conduct(limits: &ProhibitedConduct) -> Vec<Line> {
    let ProhibitedConduct { which: contacts, conduct, unless, always, templates, needs, duties } = limits;
    let told: Vec<String> = duties.iter().flat_map(|all| all.iter()).map(|one| plain(one)).collect();
    let mut lines = vec![
        words("prohibited_conduct.conduct", "prohibited", conduct, NOTHING),
        words("prohibited_conduct.unless", "unless it also holds", unless, NOTHING),
        Line::flag("prohibited_conduct.always", *always, "each such contact is a breach"),
        texts("prohibited_conduct.templates", "prohibited templates", templates, "none"),
        words("prohibited_conduct.needs", "must hold", needs, NOTHING),
        Line::list("prohibited_conduct.duties", "told in a check", told, NOTHING),
    ];
    lines.extend(which("prohibited_conduct", contacts));
    lines
}

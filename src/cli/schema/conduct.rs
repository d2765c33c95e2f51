//! Limits of the kinds about what a contact holds, with whom it is, and what must be dealt with first.

use serde_json::Value;

use super::contact::{no_figure, steps, term, window};
use super::shape::{Table, amount, flag, number, patterns, set, table, text, texts, word};
use crate::domain::party::Condition;
use crate::domain::vocabulary::{
    Channel, ConsentScope, Form, MessageLeft, NumberType, PartyRole, Place, Purpose, Technology,
};
use crate::rules::conduct::{Dealing, Lift, MAX_WORDS, Occasion, OptOut, RecordingDuty};
use crate::rules::model::{EraseFrom, WaitFrom};

const WORDS: &str = "^[a-z0-9_]+(\\|[a-z0-9_]+)*$";

/// Words of contacts or names of documents; `a|b` is either.
fn words(about: &str) -> Value {
    let mut list = patterns(about, WORDS);
    if let Value::Object(list) = &mut list {
        list.insert("minItems".to_owned(), 1.into());
        list.insert("maxItems".to_owned(), MAX_WORDS.into());
        list.insert("uniqueItems".to_owned(), true.into());
    }
    list
}

/// Keys that choose the contacts judged.
fn which(table: Table) -> Table {
    table
        .may("on", steps("The contacts judged: any of these steps"))
        .may("channels", set::<Channel>("On these channels; all without this key"))
        .may("technologies", set::<Technology>("Made in these ways; all without this key"))
        .may("number_types", set::<NumberType>("To numbers of these types; all without this key"))
        .may("places", set::<Place>("At these places; all without this key"))
        .may("message_left", set::<MessageLeft>("That left this; all without this key"))
}

/// The limits of these kinds.
pub(super) fn kinds() -> Vec<(&'static str, Table)> {
    vec![
        ("content", content()),
        ("channel_consent", channel_consent()),
        ("third_party", third_party()),
        ("call_recording", call_recording()),
        ("prohibited_conduct", prohibited_conduct()),
        ("dispute_handling", dispute_handling()),
        ("documents_held", documents_held()),
        ("credit_reporting", credit_reporting()),
        ("licence", licence()),
    ]
}

fn content() -> Table {
    which(table("What a contact must hold, and what it must not"))
        .need("on", steps("The contacts judged: any of these steps"))
        .may("occasion", word::<Occasion>("Which of a case's contacts; every without this key"))
        .may("items", words("What must be held"))
        .may("where_due", words("What must be held where it applies, which records do not tell"))
        .may("forbidden", words("What must not be held"))
        .may("no_others", flag("Nothing else may be held"))
        .may("forms", set::<Form>("It must have one of these forms"))
        .may("languages", texts("It must be in one of these languages; \"person\" is the one recorded"))
        .may("least_deadline", term("A deadline that it gives is not before this term's last day"))
        .may("if_expired", texts("Only where a claim has expired under one of these rules"))
        .may("during", term("Only inside this term after during_after"))
        .may("during_after", steps("The steps that begin it"))
        .may("items_if_deadline_inside", words("What must be held where a deadline inside that term is given"))
}

fn channel_consent() -> Table {
    let asking = table("Instead: it asks for the consent")
        .need("max", number("At most so often", 0, 1000))
        .need("window", window("In this window"));
    which(table("A consent that must stand, or an opt-out that binds"))
        .may("carrying", words("Only contacts that hold one of these"))
        .may("require", set::<ConsentScope>("A consent of one of these scopes must stand"))
        .may("written", flag("Only a consent given in writing"))
        .may("max_age", term("An older consent does not count"))
        .may("verified_within", term("The contact point was verified within this term"))
        .may("judge_revocation", flag("A revoked consent no longer counts (the default)"))
        .may("used_within", term("Instead: the person used the channel within this term"))
        .may("used_ever", flag("Instead: the person ever used it"))
        .may("after_notice", steps("Instead: one of these notices was given"))
        .may("notice_term", term("And this term after it has ended"))
        .may("asking", asking.end())
        .may("tried_first", steps("One of these steps has happened before"))
        .may("opt_out", word::<OptOut>("Which opt-outs bind; none without this key"))
        .may("honour_within", term("Opt-outs and revocations bind from the end of this term on"))
        .may("must_carry", words("What each contact must hold"))
}

fn third_party() -> Table {
    which(table("Contacts with others, and what becomes known to them"))
        .may("told", set::<PartyRole>("Who may be told of the debt; primary, co_debtor, guarantor without this key"))
        .may("persons", set::<PartyRole>("Only contacts with these third persons"))
        .may("contact", word::<Dealing>("What is allowed with third persons; free without this key"))
        .may("purposes", set::<Purpose>("Purposes of inquiries"))
        .may("max", number("At most so many inquiries of one third person", 0, 1000))
        .may("window", window("In this window; ever without this key"))
        .may("disclosure", word::<Dealing>("Making the debt known to third persons; forbidden without this key"))
        .may("shown", words("Words that make it known"))
        .may("verify_identity", flag("The identity must be verified before anything is conveyed"))
        .may("debtor", word::<Dealing>("What is allowed with those who may be told; free without this key"))
        .may("unless", set::<Lift>("What lifts the bans"))
        .may("lifted_by", words("Words that lift the bans"))
}

fn call_recording() -> Table {
    which(table("Recording of contacts, of calls unless channels says otherwise"))
        .need("require", set::<RecordingDuty>("What is asked"))
}

fn prohibited_conduct() -> Table {
    which(table("Methods and statements that are banned"))
        .may("conduct", words("Each of these words is a breach"))
        .may("unless", words("Unless one of these is held too"))
        .may("always", flag("Each contact judged is a breach"))
        .may("templates", texts("Use of these templates is a breach"))
        .may("needs", words("Words without which it is a breach"))
        .may("duties", words("Told in a check"))
}

fn dispute_handling() -> Table {
    table("What stops after a dispute, and until when it must be answered")
        .may("opened_by", steps("Steps or condition:NAME that open it; dispute without this key"))
        .may("written_only", flag("Only what was stated in writing"))
        .may("grounded_only", flag("Only what states grounds"))
        .may("only_within", term("Only what was stated in this term"))
        .may("only_within_after", steps("The steps after which that term runs"))
        .may("stops", steps("What may not be done meanwhile"))
        .may("until", steps("What ends the stop, beside the matter's own end"))
        .may("resume", term("How long the stop goes on after its end"))
        .may("answer", steps("What answers it; dispute:resolved and verification_sent without this key"))
        .may("answer_within", term("Answered within"))
        .may("answer_if_before", steps("Only if one of these happened before"))
}

fn documents_held() -> Table {
    table("Documents that must be held or produced")
        .need("documents", words("The documents"))
        .may("before", steps("What may only be done while all are held"))
        .may("request", steps("What asks for them"))
        .may("within", term("Produced within this term after the request"))
        .may("stops", steps("What rests from the request until all are produced"))
}

fn credit_reporting() -> Table {
    table("What must go before a report to a credit bureau, and how long it may stand")
        .may("never", flag("Not at all"))
        .may("notices", steps("Notices that must have gone: any of these"))
        .may("min_notices", number("So many of them; 1 without this key", 1, 100))
        .may("forms", set::<Form>("They count only in these forms"))
        .may("after_due", flag("They count only from the due date on"))
        .may("spacing", term("At least this from the first to the last"))
        .may("wait", term("The report is lawful after this"))
        .may("wait_from", word::<WaitFrom>("Of which notice that runs; last without this key"))
        .may("max_age", term("The last notice is no older"))
        .may("announced", steps("One of these must have gone too, not before the first notice"))
        .may("or_spoken", flag("A conversation about the debt does instead of the notice and its wait"))
        .may("instead", steps("Any of these does instead of notices, wait and overdue"))
        .may("requires", steps("One of these must have happened"))
        .may("requires_wait", term("So long ago"))
        .may("overdue", term("Since the oldest due date"))
        .may("min_debt", amount("Least amount, in the pack's currency"))
        .may("block_if", set::<Condition>("Conditions under which nothing is reported"))
        .may("mark_disputed", flag("A disputed debt only with the mark"))
        .may("max_reports", number("At most so many reports of a case", 1, 100))
        .may("erase", term("The report stands no longer"))
        .may("erase_from", word::<EraseFrom>("From when that runs; needed with erase"))
        .may("erase_delay_days", number("It begins so many days later", 0, 3660))
        .may("erase_paid", term("Withdrawn so soon after the debt was paid"))
        .may("no_figure", no_figure())
}

fn licence() -> Table {
    table("A registration without which nobody may collect")
        .may("licence", text("The word of the tenant's licence; any of the jurisdiction without this key"))
        .may("forbids", steps("What is forbidden without it; contact without this key"))
        .may("accepts", texts("Jurisdictions whose licences serve too"))
        .may("anywhere", flag("A licence of any jurisdiction serves"))
        .may("longest_years", number("A licence holds no longer", 1, 100))
}

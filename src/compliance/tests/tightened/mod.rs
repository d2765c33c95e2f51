//! A tenant tightens and never loosens: under a stricter rule of any kind no history has fewer breaches, and no contact is
//! answered better.

mod laws;
mod looser;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::small::{activity, ask, fold, noon, rules_with, version};
use crate::compliance::CaseWatch;
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::time::{DAY, SECOND, Timestamp};
use crate::domain::verdict::Answer;
use crate::rules::RuleSet;
use crate::rules::model::Kind;
use crate::rules::tighten;
use laws::law;

const HOUR: i64 = 3_600 * SECOND;
/// Kinds of activities that happen.
const ACTS: usize = 44;
/// Hours in which they do.
const HOURS: i64 = 24 * 40;

/// What the tenant declares, and a holiday of the calendar.
const FACTS: &str = "[[facts.licence]]\njurisdiction = \"fr\"\nnumber = \"1\"\nfrom = 2023-01-01\n";
const HOLIDAY: &str = "[[calendar.holiday]]\nname = \"Day\"\ndate = \"01-12\"";

fn day(hour: i64) -> String {
    (chrono::NaiveDate::from_ymd_opt(2026, 1, 5).unwrap() + chrono::Days::new(u64::try_from(hour / 24).unwrap()))
        .to_string()
}

/// What happens: an activity's own fields, and those of its kind.
#[allow(clippy::too_many_lines)] // a table
fn detail(what: usize, hour: i64) -> (Value, Value) {
    let call = |outcome: &str| json!({ "kind": "contact", "channel": "call", "outcome": outcome });
    let letter = |more: Value| {
        let mut whole = json!({ "kind": "contact", "channel": "letter", "outcome": "delivered", "purpose": "demand" });
        for (key, value) in more.as_object().unwrap() {
            whole[key] = value.clone();
        }
        whole
    };
    let euros = |minor: i64| json!({ "m": minor, "c": "EUR" });
    let none = || json!({});
    match what {
        0 => (none(), call("no_answer")),
        1 => (none(), call("voicemail_full_message")),
        2 => (none(), call("right_party_no_commitment")),
        3 => (none(), letter(none())),
        4 => (none(), json!({ "kind": "legal_step", "step": "lawsuit" })),
        5 => (none(), json!({ "kind": "charge", "step": "demand", "amount": euros(hour % 37 * 100) })),
        6 => (none(), call("busy")),
        7 => (none(), letter(json!({ "form": "paper", "content_items": ["creditor_name"], "language": "en" }))),
        8 => {
            let items = ["creditor_name", "client_name", "badge", "offer", "opt_out"];
            let (one, other) =
                (items[usize::try_from(hour % 5).unwrap()], items[usize::try_from(hour % 3 + 2).unwrap()]);
            (
                none(),
                letter(
                    json!({ "form": "text_form", "content_items": ["creditor_name", one, other], "language": "fr" }),
                ),
            )
        }
        9 => {
            let notices = json!({ "notices": ["consent"], "deadline": day(hour + 24 * 9), "form": "paper" });
            (none(), letter(notices))
        }
        10 => (none(), json!({ "kind": "payment", "amount": euros(2_000), "received_by": "collector" })),
        11 => (
            none(),
            json!({ "kind": "payment", "amount": euros(3_000), "claim": "c2", "allocation": { "principal": 3_000 },
                    "direction": if hour % 2 == 0 { json!("elsewhere") } else { Value::Null } }),
        ),
        12 => (none(), json!({ "kind": "payment", "amount": euros(20_000), "received_by": "creditor" })),
        13 => {
            let (from, to) = (day(hour.max(240) - 240), day(hour));
            let rate = 10_000 * (hour % 12);
            (
                none(),
                json!({ "kind": "interest", "amount": euros(50), "from": from, "to": to, "rate_ppm": rate, "base": 10_000 }),
            )
        }
        14 => (none(), json!({ "kind": "interest", "amount": euros(900), "compound": true })),
        15 => (none(), json!({ "kind": "transfer", "transfer": "place" })),
        16 | 17 => {
            let condition = ["cease_requested", "represented", "insolvency"][usize::try_from(hour % 3).unwrap()];
            let written = match hour % 4 {
                0 => Value::Null,
                other => json!(other != 1),
            };
            (
                none(),
                json!({ "kind": "condition", "condition": condition, "written": written, "direct_contact_consented": hour % 5 == 0 }),
            )
        }
        18 => (none(), json!({ "kind": "hold" })),
        19 => (
            none(),
            json!({ "kind": "dispute", "step": "opened", "written": hour % 2 == 0, "grounded": hour % 3 != 0 }),
        ),
        20 => (none(), json!({ "kind": "verification_sent" })),
        21 => (none(), json!({ "kind": "document", "document": "contract", "produced": hour % 2 == 0 })),
        22 => (none(), json!({ "kind": "document", "document": "contract", "requested": true })),
        23 => (none(), json!({ "kind": "credit_report", "report": "furnish", "amount": euros(7_000) })),
        24 => (none(), json!({ "kind": "credit_report", "report": "withdraw" })),
        25 => (none(), json!({ "kind": "records_erased" })),
        26 => (none(), json!({ "kind": "case_status", "closed": true })),
        27 => (none(), json!({ "kind": "complaint", "step": "opened" })),
        28 => {
            let step = ["acknowledged", "extended", "resolved_upheld", "updated"][usize::try_from(hour % 4).unwrap()];
            (none(), json!({ "kind": "complaint", "step": step }))
        }
        29 => (none(), json!({ "kind": "data_request", "step": "opened" })),
        30 => {
            let scope = ["all", "channel", "debt_details"][usize::try_from(hour % 3).unwrap()];
            let written = hour % 2 == 0;
            let given = noon(0).plus(hour * HOUR).0;
            let permission =
                json!({ "granted": true, "scope": scope, "channel": "letter", "given": given, "written": written });
            (none(), json!({ "kind": "permission", "permission": permission }))
        }
        31 => {
            let given = noon(0).plus(hour * HOUR).0;
            let channel = if hour % 2 == 0 { "letter" } else { "email" };
            (
                none(),
                json!({ "kind": "permission", "permission": { "granted": false, "scope": "channel", "channel": channel, "given": given } }),
            )
        }
        32 => {
            let call = json!({ "kind": "contact", "channel": "call", "outcome": "third_party", "purpose": "location_inquiry",
                               "content_items": [if hour % 3 == 0 { "offer" } else { "greeting" }] });
            (json!({ "person": "q", "person_role": "employer" }), call)
        }
        33 => {
            let call = json!({ "kind": "contact", "channel": "call", "outcome": "third_party", "purpose": "demand",
                               "content_items": [if hour % 2 == 0 { "badge" } else { "offer" }], "third_party_disclosure": hour % 3 == 0 });
            (json!({ "person": "q", "person_role": "employer" }), call)
        }
        34 => {
            let mut recorded = call("right_party_no_commitment");
            recorded["recorded"] = json!(hour % 4 != 0);
            recorded["recording_notice"] = json!(hour % 2 == 0);
            recorded["identity_verified"] = json!(hour % 3 == 0);
            (none(), recorded)
        }
        35 => (none(), json!({ "kind": "acknowledgement", "written": hour % 2 == 0 })),
        36 => (none(), json!({ "kind": "title_obtained", "on": "2023-01-10" })),
        37 => (none(), letter(json!({ "form": "paper", "template": if hour % 2 == 0 { "harsh" } else { "mild" } }))),
        38 => {
            let reply = json!({ "kind": "contact", "channel": "call", "outcome": "right_party_no_commitment", "purpose": "reply" });
            (none(), reply)
        }
        39 => (none(), json!({ "kind": "remittance", "amount": euros(2_000) })),
        40 => (none(), letter(json!({ "contact_point": "cp", "content_items": ["opt_out", "offer"] }))),
        41 => (none(), json!({ "kind": "adjustment", "adjustment": "write_off", "amount": euros(hour % 50 * 100) })),
        43 => {
            let whose = if hour % 2 == 0 { "p" } else { "q" };
            (
                json!({ "person": whose }),
                json!({ "kind": "condition", "condition": "cease_requested", "written": true }),
            )
        }
        _ => {
            let inbound = json!({ "kind": "contact", "channel": "letter", "outcome": "replied" });
            (json!({ "initiated_by": "debtor" }), inbound)
        }
    }
}

/// How bad an answer is for whoever means to make the contact.
const fn rank(answer: Option<Answer>) -> u8 {
    match answer {
        None | Some(Answer::Kept | Answer::Duty) => 0,
        Some(Answer::Unknown) => 1,
        Some(Answer::Broken) => 2,
    }
}

/// A case whose claims and terms make every kind speak; `which` varies them.
fn case(which: usize) -> CaseVersion {
    // The older claim is one that a title of 10 January 2023 can be of.
    let (arose, due) = if which % 5 == 4 { (json!("2023-01-02"), "2023-01-20") } else { (Value::Null, "2026-01-09") };
    let claims = json!([
        { "id": "c1", "principal": 6_000, "arose": arose, "due_original": due, "invoice_date": "2025-12-31", "due_fixed_by_contract": which.is_multiple_of(2) },
        { "id": "c2", "principal": 4_000, "due_original": "2026-01-12", "invoice_date": "2026-01-01", "due_fixed_by_contract": true },
    ]);
    let agreed = match which % 3 {
        0 => Value::Null,
        other => json!(other == 1),
    };
    let terms = json!({ "complex": which % 2 == 1, "payment_term_agreed": agreed, "evasion": which % 4 == 3 });
    let verified = noon(i64::try_from(which % 20).unwrap()).0;
    let points = json!([{ "id": "cp", "kind": "postal_address", "verified": verified }]);
    let debtor = json!({ "language": "en", "contact_points": points, "household": "h" });
    let mut version = version(json!({ "claims": claims, "terms": terms }), debtor);
    let household = [json!("h"), json!("elsewhere"), Value::Null][which % 3].clone();
    let lodger =
        json!({ "person": "q", "role": "employer", "household": household, "residences": [{ "country": "FR" }] });
    version.parties.push(serde_json::from_value(lodger).unwrap());
    version
}

/// What a rule says of a history: breaches with omissions, and its answers to questions afterwards.
struct Told {
    found: BTreeSet<String>,
    watch: CaseWatch,
}

fn tell(rules: &RuleSet, case: &CaseVersion, history: &[Activity]) -> Told {
    let (watch, found) = fold(rules, case, history, at(HOURS).plus(60 * DAY));
    let omitted = found.omitted.into_iter().map(|(activity, _)| activity);
    // A term that a tenant shortens may have ended before it could begin: the breach is then that of the activity.
    Told { found: found.broken.into_iter().chain(omitted).collect(), watch }
}

fn at(hour: i64) -> Timestamp {
    noon(0).plus(hour * HOUR)
}

fn history_of(acts: &[(i64, usize)]) -> Vec<Activity> {
    let mut acts = acts.to_vec();
    acts.sort_unstable();
    let made = |(number, (hour, what)): (usize, &(i64, usize))| {
        let (head, detail) = detail(*what, *hour);
        activity(number, at(*hour), head, detail)
    };
    acts.iter().enumerate().map(made).collect()
}

/// The rules with a tenant's entry, or without one.
fn rules_of(limits: &str, entry: &str) -> RuleSet {
    let tenant = if entry.is_empty() {
        FACTS.to_owned()
    } else {
        format!("{FACTS}[[rules.tighten]]\nrule = \"fr-rule\"\n{entry}\n")
    };
    rules_with(HOLIDAY, "", limits, Some(&tenant))
}

/// Compares what both say of a history, and of each kind of activity that is asked about after it. True: they differ.
fn compare(law: &RuleSet, own: &RuleSet, acts: &[(i64, usize)], asked: i64) -> Result<bool, TestCaseError> {
    let case = case(acts.len());
    let history = history_of(acts);
    let (before, after) = (tell(law, &case, &history), tell(own, &case, &history));
    prop_assert!(before.found.is_subset(&after.found), "{:?} against {:?}", before.found, after.found);
    let mut differs = before.found != after.found;
    for what in 0..ACTS {
        let (mut head, mut wish) = detail(what, asked);
        if let Some(fields) = wish.as_object_mut().filter(|fields| fields["kind"] == "contact") {
            fields.remove("outcome");
        }
        if head.get("initiated_by").is_none() {
            head["initiated_by"] = json!("collector");
        }
        let wish = activity(999, at(asked), head, wish);
        let answer = |rules: &RuleSet, told: &Told| rank(ask(rules, &case, &told.watch, &wish).map(|one| one.answer));
        let (by_law, by_own) = (answer(law, &before), answer(own, &after));
        prop_assert!(by_own >= by_law, "{by_own} against {by_law}: {wish:?}");
        differs |= by_own != by_law;
    }
    Ok(differs)
}

/// The lines of an entry that `mask` picks, all of them if none; a key that two of them state is stated once.
fn entry_of(stricter: &[String], mask: u16) -> String {
    let picked: Vec<&String> =
        (0..).zip(stricter).filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, line)| line).collect();
    let picked = if picked.is_empty() { stricter.iter().collect() } else { picked };
    let mut stated: BTreeMap<&str, &str> = BTreeMap::new();
    for line in picked.iter().flat_map(|lines| lines.lines()) {
        stated.entry(line.split(' ').next().unwrap()).or_insert(line);
    }
    stated.into_values().map(|line| format!("{line}\n")).collect()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_stricter_overlay_never_admits_more(
        kind in kinds(),
        numbers in (1..14_u16, 0..10_u16, 0..3_usize),
        mask in any::<u16>(),
        acts in prop::collection::vec((0..HOURS, any::<prop::sample::Index>(), 0..ACTS, prop::bool::weighted(0.8)), 1..24),
        asked in 0..HOURS + 120,
    ) {
        let law = law(kind, numbers);
        let pool = acts_of(kind);
        let acts: Vec<(i64, usize)> = acts.iter().map(|(hour, at, any, apt)| (*hour, if *apt { *at.get(pool) } else { *any })).collect();
        compare(&rules_of(&law.limits, ""), &rules_of(&law.limits, &entry_of(&law.stricter, mask)), &acts, asked)?;
    }
}

/// Each line of each kind finds more in some history: none is written in vain, and the property above is no empty one.
#[test]
fn every_key_of_every_kind_makes_a_difference() {
    // These need licences of other jurisdictions, of which there is none here: the examples of packs prove them.
    let elsewhere = ["licence.accepts", "licence.anywhere"];
    let mut idle = Vec::new();
    for kind in Kind::ALL {
        let mut missing: BTreeSet<&str> = tighten::keys(*kind).iter().copied().collect();
        missing.retain(|key| !elsewhere.contains(&format!("{kind}.{key}").as_str()));
        for (a, b) in [(5, 4), (10, 8), (13, 9)] {
            for law in (0..3).map(|c| law(*kind, (a, b, c))) {
                for line in &law.stricter {
                    let keys = || line.lines().map(|line| line.split(' ').next().unwrap());
                    if keys().all(|key| !missing.contains(key)) {
                        continue;
                    }
                    let rules = (rules_of(&law.limits, ""), rules_of(&law.limits, line));
                    let differs = (0..250_u64).any(|seed| {
                        let acts = random(seed, acts_of(*kind));
                        compare(&rules.0, &rules.1, &acts, i64::try_from(seed * 7).unwrap() % HOURS).unwrap()
                    });
                    if differs {
                        keys().for_each(|key| {
                            missing.remove(key);
                        });
                    }
                }
            }
        }
        idle.extend(missing.into_iter().map(|key| format!("{kind}.{key}")));
    }
    assert_eq!(idle, Vec::<String>::new(), "keys that change nothing");
}

/// What a rule of the kind has to do with.
const fn acts_of(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::ContactHours => &[0, 1, 2, 6, 38],
        Kind::ContactFrequency | Kind::ContactCooldown => &[0, 1, 2, 6, 32, 33, 38],
        Kind::ContactBlock => &[2, 3, 7, 16, 17, 18, 20, 32, 43, 43],
        Kind::NoticePeriod => &[3, 4, 7, 9],
        Kind::RequiredNotice => &[2, 3, 7, 8, 12],
        Kind::FeeCap => &[3, 5, 5, 12],
        Kind::LimitationPeriod => &[3, 4, 10, 35, 36],
        Kind::CallRecording => &[2, 30, 34],
        Kind::ChannelConsent => &[7, 8, 9, 30, 30, 31, 40, 40, 42],
        Kind::Content => &[3, 7, 8, 9],
        Kind::DisputeHandling => &[3, 4, 19, 20],
        Kind::DocumentsHeld => &[3, 4, 21, 22],
        Kind::ProhibitedConduct => &[2, 8, 33, 37],
        Kind::ThirdParty => &[30, 32, 33, 34],
        Kind::InterestCap => &[5, 13, 14],
        Kind::PaymentApplication => &[5, 10, 11, 12, 13, 19],
        Kind::PaymentTerm => &[15],
        Kind::ClientFunds => &[10, 12, 39],
        Kind::CreditReporting => &[3, 12, 16, 19, 23, 23, 24, 35],
        Kind::RecordRetention => &[2, 25, 26],
        Kind::Licence => &[2, 3],
        Kind::ComplaintHandling => &[27, 28, 29],
    }
}

/// A history by a number: the same each time.
fn random(seed: u64, pool: &[usize]) -> Vec<(i64, usize)> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let length = 8 + next(24);
    (0..length)
        .map(|_| {
            (
                i64::try_from(next(u64::try_from(HOURS).unwrap())).unwrap(),
                pool[usize::try_from(next(pool.len() as u64)).unwrap()],
            )
        })
        .collect()
}

//! What would loosen a rule is refused, key by key and kind by kind, with the tenant's line and the law's.

use std::collections::BTreeSet;

use crate::compliance::tests::small::try_rules_with;
use crate::rules::model::Kind;
use crate::rules::tighten;

/// Keys whose words come beside those of the law: nothing that they say can be looser.
const BESIDE: [(Kind, &str); 20] = [
    (Kind::ContactHours, "closed_dates"),
    (Kind::ContactBlock, "conditions"),
    (Kind::ContactBlock, "flags"),
    (Kind::ContactBlock, "also_toward"),
    (Kind::ContactBlock, "also_of"),
    (Kind::ContactBlock, "forbids"),
    (Kind::LimitationPeriod, "forbids"),
    (Kind::CallRecording, "require"),
    (Kind::ChannelConsent, "must_carry"),
    (Kind::Content, "forbidden"),
    (Kind::DisputeHandling, "stops"),
    (Kind::DocumentsHeld, "documents"),
    (Kind::DocumentsHeld, "before"),
    (Kind::ProhibitedConduct, "conduct"),
    (Kind::ProhibitedConduct, "templates"),
    (Kind::ProhibitedConduct, "needs"),
    (Kind::ThirdParty, "shown"),
    (Kind::CreditReporting, "block_if"),
    (Kind::ComplaintHandling, "of"),
    (Kind::Licence, "forbids"),
];

const TERM: &str = "{ days = 10, count = \"clear_days\", from = \"sent\", roll = \"none\" }";

/// A rule of the kind that says as much as it can, and looser entries.
#[allow(clippy::too_many_lines)] // a table
fn looser(kind: Kind) -> (&'static str, &'static [&'static str]) {
    match kind {
        Kind::ContactHours => (
            "holidays = \"closed\"\nend_inclusive = false\nopen = [{ days = [\"mon-fri\"], from = \"08:00\", to = \"20:00\" }]",
            &[
                "open = [{ days = [\"mon-fri\"], from = \"07:30\", to = \"20:00\" }]",
                "open = [{ days = [\"sat\"], from = \"09:00\", to = \"12:00\" }]",
                "holidays = \"ignored\"",
                "end_inclusive = true",
            ],
        ),
        Kind::ContactFrequency => (
            "max = 2\nwindow = { calendar_days = 7 }\ncount = \"attempts\"\nper = \"case\"\nexclude = [\"replies\"]",
            &[
                "max = 3",
                "window_days = 6",
                "exclude = [\"not_connected\"]",
                "per = \"person_and_case\"",
                "per = \"household\"",
                "roles = [\"primary\"]",
            ],
        ),
        Kind::ContactCooldown => (
            "after = \"conversations\"\nwait = { calendar_days = 7 }\ndays = \"clear_days\"\nper = \"case\"",
            &["wait_days = 6", "exclude = [\"replies\"]", "per = \"person\""],
        ),
        Kind::ContactBlock => (
            "conditions = [\"insolvency\"]\nlasts = TERM\nonly_within = TERM\nonly_within_after = [\"demand\"]",
            &[
                "lasts = 9",
                "only_within = 9",
                "written_only = true",
                "until_verified = true",
                "lifted_by_direct_consent = true",
            ],
        ),
        Kind::NoticePeriod => (
            "after = [\"demand\"]\nbefore = [\"legal_step\"]\nrequired = true\nrespect_deadline = true\nterm = TERM",
            &[
                "term = 9",
                "required = false",
                "respect_deadline = false",
                "unless_evasion = true",
                "unless_due_fixed = true",
            ],
        ),
        Kind::RequiredNotice => (
            "notices = [\"demand\"]\nevent = [\"contact:call\"]\ntiming = \"within\"\nforms = [\"paper\"]\nterm = TERM",
            &["term = 11", "unless_paid = true", "forms = [\"oral\"]"],
        ),
        Kind::FeeCap => (
            "steps = [\"demand\"]\nbound = \"ceiling\"\namount = \"10.00\"\nper = \"case\"\nminimum = \"1.00\"\nfactor = \"2\"\nfactor_if_complex = \"3\"\nfactor_later = \"4\"\nlater_after = [\"demand\"]\nlater_than_step = TERM\nfactor_if_paid_on_first_letter = \"1\"\nmax_count = 2\nmin_days_between = 14",
            &[
                "maximum = \"10.01\"",
                "minimum = \"1.01\"",
                "factor = \"2.1\"",
                "factor_if_complex = \"3.1\"",
                "factor_later = \"4.1\"",
                "factor_if_paid_on_first_letter = \"1.1\"",
                "max_count = 3",
                "min_days_between = 13",
            ],
        ),
        Kind::LimitationPeriod => (
            "start = \"due\"\nterm = TERM\ninterrupted_by = [\"payment\", \"acknowledgement\"]\nacknowledged_in_writing = true\nmax_years = 3\ntitled_years = 4\nforbids = [\"legal_step\"]",
            &[
                "term = 11",
                "max_years = 4",
                "titled_years = 5",
                "interrupted_by = [\"court_action\"]",
                "revived_by = [\"payment\"]",
                "acknowledged_in_writing = false",
            ],
        ),
        Kind::CallRecording => ("require = [\"recording\"]", &[]),
        Kind::ChannelConsent => (
            "require = [\"all\"]\nwritten = true\nmax_age = TERM\nverified_within = TERM\nused_within = TERM\nafter_notice = [\"notice:n\"]\nnotice_term = TERM\nopt_out = \"channel\"\nhonour_within = TERM",
            &[
                "require = [\"channel\"]",
                "written = false",
                "max_age = 11",
                "verified_within = 11",
                "used_within = 11",
                "used_ever = true",
                "notice_term = 9",
                "opt_out = \"point\"",
                "honour_within = 11",
            ],
        ),
        Kind::Content => (
            "on = [\"demand\"]\nitems = [\"creditor_name\"]\nforms = [\"paper\"]\nlanguages = [\"en\"]\nleast_deadline = TERM\nduring = TERM\nduring_after = [\"notice:n\"]\nno_others = true",
            &[
                "items = [\"client_name\"]",
                "forms = [\"oral\"]",
                "languages = [\"fr\"]",
                "languages = []",
                "least_deadline = 9",
                "during = 9",
                "no_others = false",
            ],
        ),
        Kind::DisputeHandling => (
            "stops = [\"demand\"]\nuntil = [\"verification_sent\"]\nresume = TERM\nanswer_within = TERM\nonly_within = TERM\nonly_within_after = [\"demand\"]",
            &["resume = 9", "answer_within = 11", "only_within = 9", "written_only = true", "grounded_only = true"],
        ),
        Kind::DocumentsHeld => {
            ("documents = [\"contract\"]\nrequest = [\"document_request\"]\nwithin = TERM", &["within = 11"])
        }
        Kind::ProhibitedConduct => {
            ("always = true\nconduct = [\"badge\"]\nunless = [\"joke\"]", &["unless = [\"mistake\"]", "always = false"])
        }
        Kind::ThirdParty => (
            "contact = \"inquiry\"\npurposes = [\"location_inquiry\"]\nmax = 1\nwindow = { calendar_days = 7 }\nunless = [\"consent\"]\nlifted_by = [\"asked\"]\nverify_identity = true",
            &[
                "max = 2",
                "window_days = 6",
                "unless = [\"no_other_point\"]",
                "lifted_by = [\"told\"]",
                "disclosure = \"free\"",
                "verify_identity = false",
            ],
        ),
        Kind::InterestCap => (
            "bound = \"ceiling\"\nsimple = true\nrate = { percent = \"8\" }\ntotal = { percent = \"20\", count = [\"interest\"] }",
            &["percent = \"8.1\"", "total_percent = \"21\"", "simple = false"],
        ),
        Kind::PaymentApplication => (
            "order = [\"cost\", \"interest\"]\nclaims = \"oldest_due\"\npayee = \"creditor\"\ndebtor_choice = true\nnever_disputed = true",
            &["order = [\"interest\", \"cost\"]", "debtor_choice = false", "never_disputed = false"],
        ),
        Kind::PaymentTerm => ("longest = TERM\nunless_agreed = false", &["longest = 11", "unless_agreed = true"]),
        Kind::ClientFunds => ("within = TERM\nsegregated = true", &["segregated = false"]),
        Kind::CreditReporting => (
            "never = true\nnotices = [\"demand\"]\nwait = TERM\nmax_age = TERM\nrequires = [\"dispute\"]\nrequires_wait = TERM\noverdue = TERM\nmin_debt = \"50.00\"\nmark_disputed = true\nmax_reports = 3\nerase = TERM\nerase_from = \"report\"\nerase_delay_days = 2\nerase_paid = TERM",
            &[
                "never = false",
                "wait = 9",
                "max_age = 11",
                "requires_wait = 9",
                "overdue = 9",
                "min_debt = \"49.99\"",
                "mark_disputed = false",
                "max_reports = 4",
                "erase = 11",
                "erase_paid = 11",
                "erase_delay_days = 3",
            ],
        ),
        Kind::RecordRetention => {
            ("start = \"case_closed\"\nkeep_at_least = TERM\nerase_by = TERM", &["keep_at_least = 9", "erase_by = 11"])
        }
        Kind::Licence => {
            ("accepts = [\"de\"]\nlongest_years = 5", &["accepts = [\"at\"]", "anywhere = true", "longest_years = 6"])
        }
        Kind::ComplaintHandling => ("of = [\"complaint\"]\nanswer = TERM\nscheme = true", &["scheme = false"]),
    }
}

/// Keys that the rules above cannot be given a looser value of: a closed list of one word, or a window of another unit.
const WITHOUT: [(Kind, &str); 7] = [
    (Kind::ContactFrequency, "window_hours"),
    (Kind::ContactFrequency, "window_minutes"),
    (Kind::ContactCooldown, "wait_hours"),
    (Kind::ContactCooldown, "wait_minutes"),
    (Kind::PaymentApplication, "claims"),
    (Kind::PaymentApplication, "payee"),
    (Kind::PaymentTerm, "longest_agreed"),
];

fn refused(kind: Kind, limits: &str, entry: &str) -> String {
    let limits = format!("[rule.{kind}]\n{}", limits.replace("TERM", TERM));
    let tenant = format!("[[rules.tighten]]\nrule = \"fr-rule\"\n{entry}\n");
    match try_rules_with("", "", &limits, Some(&tenant)) {
        Ok(_) => panic!("{kind}: {entry} was taken"),
        Err(found) => found.to_string(),
    }
}

#[test]
fn what_is_looser_is_refused_with_both_lines() {
    for kind in Kind::ALL {
        let (limits, entries) = looser(*kind);
        let mut open: BTreeSet<&str> = tighten::keys(*kind).iter().copied().collect();
        open.retain(|key| !BESIDE.contains(&(*kind, *key)) && !WITHOUT.contains(&(*kind, *key)));
        for entry in entries {
            let said = refused(*kind, limits, entry);
            let key = entry.split(' ').next().unwrap();
            open.remove(key);
            let law = format!("{key} loosens rule fr-rule of fr/rules.toml:");
            assert!(said.contains(&law) && said.starts_with("tenant.toml:3:"), "{kind}: {entry}: {said}");
        }
        assert_eq!(open, BTreeSet::new(), "{kind}: keys of which nothing looser was tried");
    }
    let hours = "after = \"contacts\"\nwait = { hours = 24 }\nper = \"case\"";
    assert!(refused(Kind::ContactCooldown, hours, "wait_hours = 23").contains("23 is less than the 24"));
    let minutes = "after = \"attempts\"\nwait = { minutes = 5 }\nper = \"case\"";
    assert!(refused(Kind::ContactCooldown, minutes, "wait_minutes = 4").contains("4 is less than the 5"));
    let window = "max = 2\nwindow = { hours = 24 }\ncount = \"attempts\"\nper = \"case\"";
    assert!(refused(Kind::ContactFrequency, window, "window_hours = 23").contains("23 is less than the 24"));
    let quick = "max = 2\nwindow = { minutes = 9 }\ncount = \"attempts\"\nper = \"case\"";
    assert!(refused(Kind::ContactFrequency, quick, "window_minutes = 8").contains("8 is less than the 9"));
    let agreed = "longest = TERM\nunless_agreed = true\nlongest_agreed = TERM";
    assert!(refused(Kind::PaymentTerm, agreed, "longest_agreed = 11").contains("11 is more than the 10"));
}

#[test]
fn what_the_law_does_not_say_cannot_be_tightened() {
    let cases = [
        (
            Kind::NoticePeriod,
            "after = [\"demand\"]\nbefore = [\"legal_step\"]\nrequired = true",
            "term = 5",
            "states no such term",
        ),
        (
            Kind::FeeCap,
            "steps = [\"demand\"]\nbound = \"default_if_not_agreed\"\namount = \"10.00\"\nper = \"case\"",
            "maximum = \"5.00\"",
            "accuses nobody",
        ),
        (
            Kind::InterestCap,
            "bound = \"default_if_not_agreed\"\nrate = { percent = \"8\" }",
            "percent = \"5\"",
            "accuses nobody",
        ),
        (Kind::ChannelConsent, "opt_out = \"point\"", "written = true", "requires no consent"),
        (
            Kind::LimitationPeriod,
            "start = \"due\"\nterm = TERM\nforbids = [\"legal_step\"]",
            "titled_years = 4",
            "states no term of a title",
        ),
        (
            Kind::ContactFrequency,
            "max = 2\nwindow = { calendar_week = true }\ncount = \"attempts\"\nper = \"case\"",
            "window_days = 9",
            "unknown key",
        ),
        (
            Kind::ContactHours,
            "holidays = \"closed\"\nopen = [{ days = [\"mon\"], from = \"08:00\", to = \"20:00\" }]",
            "max = 1",
            "is named and not tightened",
        ),
    ];
    for (kind, limits, entry, says) in cases {
        let said = refused(kind, limits, entry);
        assert!(said.contains(says), "{kind}: {entry}: {said}");
    }
    let since = "notices = [\"demand\"]\nsince = \"due\"\ntiming = \"within\"\nterm = TERM";
    let said = refused(Kind::RequiredNotice, since, "term = 5");
    assert!(said.contains("term tightens nothing: rule fr-rule of fr/rules.toml"), "{said}");
    let twice = "max = 1\n[[rules.tighten]]\nrule = \"fr-rule\"\nwindow_days = 9";
    let said = refused(Kind::ContactFrequency, looser(Kind::ContactFrequency).0, twice);
    assert!(said.contains("rule fr-rule is tightened twice, first in tenant.toml:1"), "{said}");
}

/// The page for editors names every key that tightens, kind by kind.
#[test]
fn the_documentation_names_every_key() {
    let page = include_str!("../../../../docs/editing-configuration.md");
    for kind in Kind::ALL {
        let line = page.lines().find(|line| line.starts_with(&format!("| {kind} |")));
        let line = line.unwrap_or_else(|| panic!("no line of {kind}"));
        for key in tighten::keys(*kind) {
            assert!(line.contains(&format!("`{key}`")), "{kind}: {key}");
        }
    }
}

/// Findings are known by their rule's id: two rules of a tenant that share one would be one finding.
#[test]
fn two_rules_of_a_tenant_with_one_id_are_refused() {
    let add = |zone: &str| {
        format!(
            "[[rules.add]]\nid = \"tenant-hours\"\njurisdiction = \"fr\"\ntitle = \"t\"\ntext = \"t\"\ncitation = \"c\"\n\
             effect = \"prohibits\"\n[rules.add.contact_hours]\nzone = \"{zone}\"\nholidays = \"ignored\"\n\
             open = [{{ days = [\"mon-sun\"], from = \"08:00\", to = \"20:00\" }}]\n"
        )
    };
    let law = "[rule.contact_frequency]\nmax = 2\nwindow = { calendar_days = 7 }\ncount = \"attempts\"\nper = \"case\"";
    assert!(try_rules_with("", "", law, Some(&add("UTC"))).is_ok());
    let both = format!("{}{}", add("UTC"), add("Europe/Paris"));
    let said = try_rules_with("", "", law, Some(&both)).expect_err("two rules of one id").to_string();
    assert!(said.contains("rule tenant-hours stands here already, in tenant.toml:1"), "{said}");
}

//! A rule of every kind, and what a tenant writes to tighten each of its limits. `a` and `b` are the numbers: the law's,
//! and how much stricter the tenant is; `c` picks among ways of writing the rule.

use crate::rules::model::Kind;

/// A rule's limits, what a tenant may write one by one, and what both declare.
pub struct Law {
    /// The rule's table, and what stands before the rule.
    pub limits: String,
    /// Lines of an entry, each stricter by itself.
    pub stricter: Vec<String>,
}

/// A term of so many days.
fn days(days: u16) -> String {
    format!("{{ days = {days}, count = \"clear_days\", from = \"sent\", roll = \"none\" }}")
}

fn clock(hour: u16) -> String {
    format!("{hour:02}:00")
}

/// A rule of the kind.
pub fn law(kind: Kind, (a, b, c): (u16, u16, usize)) -> Law {
    let (less, more, term) = (a.saturating_sub(b), a + b, days(a));
    let (limits, stricter): (String, Vec<String>) = match kind {
        Kind::ContactHours | Kind::ContactFrequency | Kind::ContactCooldown | Kind::ContactBlock => {
            return contact(kind, (a, b, c));
        }
        Kind::FeeCap
        | Kind::InterestCap
        | Kind::PaymentApplication
        | Kind::PaymentTerm
        | Kind::ClientFunds
        | Kind::CreditReporting => return money(kind, (a, b, c)),
        Kind::CallRecording | Kind::ChannelConsent | Kind::Content | Kind::ProhibitedConduct | Kind::ThirdParty => {
            return conduct(kind, (a, b, c));
        }
        Kind::NoticePeriod => (
            format!(
                "after = [\"demand\"]\nbefore = [\"legal_step\"]\nunless_evasion = true\nunless_due_fixed = true\nterm = {term}"
            ),
            vec![
                format!("term = {more}"),
                "required = true".into(),
                "respect_deadline = true".into(),
                "unless_evasion = false".into(),
                "unless_due_fixed = false".into(),
            ],
        ),
        Kind::RequiredNotice => (
            format!(
                "notices = [\"demand\"]\nevent = [\"contact:call\"]\ntiming = \"within\"\nunless_paid = true\nforms = [\"paper\", \"text_form\"]\nterm = {term}"
            ),
            vec![format!("term = {less}"), "unless_paid = false".into(), "forms = [\"paper\"]".into()],
        ),
        Kind::LimitationPeriod => (
            format!(
                "start = \"due\"\nterm = {term}\ninterrupted_by = [\"payment\", \"acknowledgement\"]\nrevived_by = [\"payment\", \"acknowledgement\"]\nmax_years = 3\ntitled_years = 4\nforbids = [\"legal_step\"]"
            ),
            vec![
                format!("term = {less}"),
                "interrupted_by = []".into(),
                "revived_by = [\"acknowledgement\"]".into(),
                "acknowledged_in_writing = true".into(),
                "max_years = 2".into(),
                "titled_years = 1".into(),
                "forbids = [\"demand\"]".into(),
            ],
        ),
        Kind::DisputeHandling => (
            format!(
                "stops = [\"demand\"]\nuntil = [\"verification_sent\"]\nresume = {term}\nanswer_within = {term}\nwritten_only = true\ngrounded_only = true\nonly_within = {term}\nonly_within_after = [\"demand\"]"
            ),
            vec![
                format!("resume = {more}"),
                format!("answer_within = {less}"),
                format!("only_within = {more}"),
                "stops = [\"legal_step\"]".into(),
                "written_only = false".into(),
                "grounded_only = false".into(),
            ],
        ),
        Kind::DocumentsHeld => (
            format!(
                "documents = [\"contract\"]\nbefore = [\"legal_step\"]\nrequest = [\"document_request\"]\nwithin = {term}"
            ),
            vec!["documents = [\"invoice\"]".into(), format!("within = {less}"), "before = [\"demand\"]".into()],
        ),
        Kind::RecordRetention if c == 0 => {
            (format!("start = \"last_activity\"\nkeep_at_least = {term}"), vec![format!("keep_at_least = {more}")])
        }
        Kind::RecordRetention => {
            (format!("start = \"case_closed\"\nerase_by = {term}"), vec![format!("erase_by = {less}")])
        }
        Kind::Licence => (
            // An agent's licence is not the one that is declared.
            format!(
                "forbids = [\"contact:call\"]\nlongest_years = 5\nanywhere = true\naccepts = [\"de\"]{}",
                if c == 0 { "\nlicence = \"agent\"" } else { "" }
            ),
            vec![
                "longest_years = 1".into(),
                "forbids = [\"demand\"]".into(),
                "anywhere = false".into(),
                "accepts = []".into(),
                "anywhere = false\naccepts = []".into(),
            ],
        ),
        Kind::ComplaintHandling => (
            format!(
                "of = [\"complaint\"]\nacknowledge = {term}\nupdate_every = {term}\nanswer = {term}\nextended = {}",
                days(2 * a)
            ),
            vec!["of = [\"data_request\"]".into(), "scheme = true".into()],
        ),
    };
    Law { limits: format!("[rule.{kind}]\n{limits}"), stricter }
}

/// What counts together by law and with the tenant. Those over several cases have a test of their own.
const PER: [(&str, &str); 3] =
    [("person_and_case", "household_and_case"), ("household_and_case", "case"), ("person_and_case", "case")];

fn contact(kind: Kind, (a, b, c): (u16, u16, usize)) -> Law {
    let (less, more) = (a.saturating_sub(b), a + b);
    let (limits, stricter): (String, Vec<String>) = match kind {
        Kind::ContactHours => {
            let (from, to) = (8, 8 + a.clamp(1, 12));
            let end = to.saturating_sub(b).max(from + 1);
            (
                format!(
                    "holidays = \"ignored\"\nend_inclusive = true\nopen = [{{ days = [\"mon-sat\"], from = \"{}\", to = \"{}\" }}]",
                    clock(from),
                    clock(to)
                ),
                vec![
                    format!("open = [{{ days = [\"mon-fri\"], from = \"{}\", to = \"{}\" }}]", clock(from), clock(end)),
                    "closed_dates = [\"01-07\", \"01-20\"]".into(),
                    "holidays = \"closed\"".into(),
                    "end_inclusive = false".into(),
                ],
            )
        }
        Kind::ContactFrequency => {
            let count = ["attempts", "contacts", "conversations"][c];
            let (per, roles) = (PER[c], ["\nroles = [\"primary\"]", "", ""][c]);
            let (window, wider) = match c {
                0 => (format!("{{ calendar_days = {a} }}"), format!("window_days = {more}")),
                1 => (format!("{{ hours = {} }}", 9 * a), format!("window_hours = {}", 9 * a + b)),
                _ => (format!("{{ minutes = {} }}", 540 * a), format!("window_minutes = {}", 540 * a + 60 * b)),
            };
            (
                format!(
                    "max = 2\nwindow = {window}\ncount = \"{count}\"\nper = \"{}\"{roles}\nexclude = [\"not_connected\", \"replies\"]",
                    per.0
                ),
                [format!("max = {}", 2_u16.saturating_sub(b)), wider, "exclude = []".into()]
                    .into_iter()
                    .chain([format!("per = \"{}\"", per.1)])
                    .chain((c == 0).then(|| "roles = [\"employer\"]".into()))
                    .collect(),
            )
        }
        Kind::ContactCooldown if c < 2 => {
            let (wait, longer) = match c {
                0 => (format!("hours = {}", 9 * a), format!("wait_hours = {}", 9 * a + b)),
                _ => (format!("minutes = {}", 540 * a), format!("wait_minutes = {}", 540 * a + 60 * b)),
            };
            let per = PER[c];
            (
                format!("after = \"contacts\"\nwait = {{ {wait} }}\nper = \"{}\"\nexclude = [\"replies\"]", per.0),
                vec![longer, "exclude = []".into(), format!("per = \"{}\"", per.1)],
            )
        }
        Kind::ContactCooldown => (
            format!(
                "after = \"conversations\"\nwait = {{ calendar_days = {a} }}\ndays = \"clear_days\"\nper = \"{}\"\nexclude = [\"replies\"]",
                PER[c].0
            ),
            vec![format!("wait_days = {more}"), "exclude = []".into(), format!("per = \"{}\"", PER[c].1)],
        ),
        _ => (
            format!(
                "conditions = [\"cease_requested\", \"represented\"]\nforbids = [\"contact:call\"]\nwritten_only = true\n{}\nlifted_by_direct_consent = true\nlasts = {}\nonly_within = {}\nonly_within_after = [\"demand\"]",
                if c == 0 { "until_verified = true" } else { "" },
                days(a),
                days(a)
            ),
            vec![
                "conditions = [\"insolvency\"]".into(),
                "flags = [\"hold\"]".into(),
                "also_toward = [\"employer\"]".into(),
                "also_of = [\"employer\"]".into(),
                "forbids = [\"contact:letter\"]".into(),
                format!("lasts = {more}"),
                format!("only_within = {more}"),
                "written_only = false".into(),
                "until_verified = false".into(),
                "lifted_by_direct_consent = false".into(),
            ],
        ),
    };
    let _ = less;
    Law { limits: format!("[rule.{kind}]\n{limits}"), stricter }
}

fn conduct(kind: Kind, (a, b, c): (u16, u16, usize)) -> Law {
    let (less, more, term) = (a.saturating_sub(b), a + b, days(a));
    let (limits, stricter): (String, Vec<String>) = match kind {
        Kind::CallRecording => (
            "require = [\"recording\"]".into(),
            vec!["require = [\"notice\"]".into(), "require = [\"consent\"]".into()],
        ),
        Kind::ChannelConsent => (
            format!(
                "channels = [\"letter\", \"call\"]\nrequire = [\"all\", \"channel\"]\nmax_age = {term}\n{}\nafter_notice = [\"notice:consent\"]\nnotice_term = {term}\nopt_out = \"channel\"\nhonour_within = {term}\nmust_carry = [\"opt_out\"]{}",
                if c == 0 {
                    "used_ever = true".into()
                } else {
                    format!("used_within = {term}\nverified_within = {term}")
                },
                if c == 2 { "\ncarrying = [\"offer\"]" } else { "" }
            ),
            vec![
                "require = [\"all\"]".into(),
                "written = true".into(),
                format!("max_age = {less}"),
                if c == 0 { "used_ever = false".into() } else { format!("used_within = {less}") },
                if c == 0 { "used_ever = false".into() } else { format!("verified_within = {less}") },
                format!("notice_term = {more}"),
                "opt_out = \"everything\"".into(),
                format!("honour_within = {less}"),
                "must_carry = [\"creditor_name\"]".into(),
            ],
        ),
        Kind::Content => (
            format!(
                "on = [\"demand\"]\nitems = [\"creditor_name\"]\nforbidden = [\"badge\"]\nforms = [\"paper\", \"text_form\"]\nlanguages = [\"en\", \"fr\"]\nleast_deadline = {term}{}",
                if c == 0 { format!("\nduring = {term}\nduring_after = [\"notice:consent\"]") } else { String::new() }
            ),
            [
                "items = [\"client_name\"]".to_owned(),
                "forbidden = [\"offer\"]".into(),
                "forms = [\"paper\"]".into(),
                "languages = [\"en\"]".into(),
                format!("least_deadline = {more}"),
                "no_others = true".into(),
            ]
            .into_iter()
            .chain((c == 0).then(|| format!("during = {more}")))
            .collect(),
        ),
        Kind::ProhibitedConduct => (
            "conduct = [\"badge\"]\nunless = [\"offer\"]\ntemplates = [\"harsh\"]\nneeds = [\"creditor_name\"]".into(),
            vec![
                "conduct = [\"opt_out\"]".into(),
                "unless = []".into(),
                "always = true".into(),
                "templates = [\"mild\"]".into(),
                "needs = [\"client_name\"]".into(),
            ],
        ),
        _ => (
            format!(
                "contact = \"inquiry\"\npurposes = [\"location_inquiry\"]\nmax = 2\nwindow = {{ calendar_days = {a} }}\nunless = [\"consent\"]\nlifted_by = [\"offer\"]\ndisclosure = \"free\""
            ),
            vec![
                "max = 1".into(),
                format!("window_days = {more}"),
                "unless = []".into(),
                "lifted_by = []".into(),
                "shown = [\"badge\"]".into(),
                "disclosure = \"forbidden\"".into(),
                "verify_identity = true".into(),
            ],
        ),
    };
    Law { limits: format!("[rule.{kind}]\n{limits}"), stricter }
}

fn money(kind: Kind, (a, b, c): (u16, u16, usize)) -> Law {
    let (less, more, term) = (a.saturating_sub(b), a + b, days(a));
    let (limits, stricter): (String, Vec<String>) = match kind {
        Kind::FeeCap => (
            format!(
                "steps = [\"demand\"]\nbound = \"ceiling\"\namount = \"{a}.00\"\nper = \"case\"\nminimum = \"1.00\"\nfactor = \"2\"\nfactor_if_complex = \"3\"\nfactor_later = \"4\"\nlater_after = [\"demand\"]\nlater_than_step = {}\nfactor_if_paid_on_first_letter = \"1\"",
                days(5)
            ),
            vec![
                format!("maximum = \"{less}.00\""),
                "minimum = \"0.00\"\nfactor = \"0\"".into(),
                "factor = \"1\"".into(),
                "factor_if_complex = \"2\"".into(),
                "factor_later = \"1\"".into(),
                "factor_if_paid_on_first_letter = \"0.5\"".into(),
                "max_count = 1".into(),
                format!("min_days_between = {}", b + 1),
            ],
        ),
        Kind::InterestCap => (
            format!(
                "bound = \"ceiling\"\n{}\ntotal = {{ percent = \"20\", count = [\"interest\", \"charges\"] }}",
                if c == 0 { "" } else { "rate = { percent = \"9\" }" }
            ),
            vec!["percent = \"5\"".into(), "total_percent = \"3\"".into(), "simple = true".into()],
        ),
        Kind::PaymentApplication => (
            if c == 0 {
                "order = [\"cost\", \"interest\", \"principal\"]".into()
            } else {
                "debtor_choice = true".into()
            },
            [
                "claims = \"oldest_due\"".to_owned(),
                "payee = \"creditor\"".into(),
                "debtor_choice = true".into(),
                "never_disputed = true".into(),
            ]
            .into_iter()
            .chain((c != 0).then(|| "order = [\"interest\", \"cost\", \"principal\"]".to_owned()))
            .collect(),
        ),
        Kind::PaymentTerm => (
            format!("longest = {term}\nunless_agreed = true\nlongest_agreed = {}", days(a + 4)),
            vec![
                format!("longest = {less}"),
                format!("longest_agreed = {}", (a + 4).saturating_sub(b)),
                "unless_agreed = false".into(),
            ],
        ),
        Kind::ClientFunds => (format!("within = {term}"), vec!["segregated = true".into()]),
        _ => (
            format!(
                "notices = [\"demand\"]\nwait = {term}\nmax_age = {}\nrequires = [\"dispute\", \"acknowledgement\"]\nrequires_wait = {term}\noverdue = {term}\nmin_debt = \"50.00\"\nblock_if = [\"represented\"]\nmax_reports = 3\nerase = {term}\nerase_from = \"report\"\nerase_delay_days = 2\nerase_paid = {term}",
                days(a + 20)
            ),
            vec![
                "never = true".into(),
                format!("wait = {more}"),
                format!("max_age = {}", a + 20 - b),
                format!("requires_wait = {more}"),
                format!("overdue = {more}"),
                "min_debt = \"80.00\"".into(),
                "block_if = [\"disputed\"]".into(),
                "mark_disputed = true".into(),
                "max_reports = 1".into(),
                format!("erase = {less}"),
                format!("erase_paid = {less}"),
                "erase_delay_days = 0".into(),
            ],
        ),
    };
    Law { limits: format!("[rule.{kind}]\n{limits}"), stricter }
}

//! `fairdue simulate`: what candidate rules would change of a running service's history, told rule by rule.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::args::SimulateArgs;
use super::client::Client;
use super::error::CliError;
use super::import::{progress, report};
use crate::cli::say::say;
use crate::config::source;
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::proto::v1;
use crate::proto::v1::simulate_rules_response::Event;
use crate::wire::encode::scalar::time;

/// Runs `fairdue simulate`.
///
/// # Errors
/// The candidate is not sound: every diagnostic; or it cannot be read, or the service does not answer.
pub async fn run(args: &SimulateArgs) -> Result<(), CliError> {
    let files = files(&args.candidate, args.tenant.as_deref())?;
    say!("{} files of {} are laid over the rules in force", files.len(), args.candidate.display());
    let client = Client::connect(&args.url, &args.key).await?;
    let instant = |text: &Option<String>| text.as_deref().map(instant).transpose();
    let request = v1::SimulateRulesRequest {
        region_code: args.market.clone(),
        files,
        start_time: instant(&args.from)?,
        end_time: instant(&args.to)?,
        sample_size: i32::from(args.samples),
        refuse_failing_examples: args.strict,
    };
    let bar = progress();
    let outcome = ask(&client, request, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    say!("{}", outcome?.text());
    Ok(())
}

/// What was told.
#[derive(Debug, Default)]
pub struct Told {
    rules: Vec<v1::RuleChange>,
    totals: v1::SimulationTotals,
    digests: (String, String),
    examples: i64,
    failed: Vec<v1::FileDiagnostic>,
}

/// Asks for a simulation and waits for its end.
///
/// # Errors
/// As [`run`].
pub async fn ask(
    client: &Client,
    request: v1::SimulateRulesRequest,
    mut progressed: impl FnMut(u64, u64),
) -> Result<Told, CliError> {
    let mut events = client.compliance.clone().simulate_rules(request).await?.into_inner();
    let (mut told, mut cases) = (Told::default(), 0);
    while let Some(message) = events.message().await? {
        match message.event {
            Some(Event::Started(started)) => {
                cases = started.case_count;
                told.digests = (started.rules_digest, started.candidate_digest);
                (told.examples, told.failed) = (started.example_count, started.failed_examples);
            }
            Some(Event::Refused(refused)) => return Err(diagnostics(refused.diagnostics).into()),
            Some(Event::Progress(progress)) => progressed(whole(progress.case_count), whole(cases)),
            Some(Event::Rule(rule)) => told.rules.push(rule),
            Some(Event::Finished(totals)) => {
                told.totals = totals;
                return Ok(told);
            }
            None => {}
        }
    }
    Err(CliError::new("the simulation broke off before its end: run it again"))
}

fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn diagnostics(told: Vec<v1::FileDiagnostic>) -> Diagnostics {
    let small = |number: i32| u32::try_from(number).unwrap_or(0);
    let each = told.into_iter().map(|one| Diagnostic {
        file: one.path,
        line: small(one.line),
        column: small(one.column),
        message: one.message,
        remedy: one.remedy,
    });
    Diagnostics(each.collect())
}

/// The candidate's files, by their place below the directory.
///
/// # Errors
/// A file cannot be read, or there is none.
pub fn files(directory: &Path, tenant: Option<&str>) -> Result<Vec<v1::CandidateFile>, CliError> {
    let mut found = Vec::new();
    let mut read: Vec<SourceFile> = source::folders(&directory.join("jurisdictions"), &mut found);
    read.extend(source::folder(&directory.join("rates"), &mut found));
    if let Some(tenant) = tenant {
        read.extend(source::required(&directory.join("tenants").join(format!("{tenant}.toml")), &mut found));
    }
    Diagnostics(found).into_result(())?;
    if read.is_empty() {
        let text = format!(
            "{} holds no candidate: put files there as in the configuration, such as jurisdictions/us/rules.toml",
            directory.display()
        );
        return Err(CliError::new(text));
    }
    let place = |file: SourceFile| {
        let path = Path::new(&file.path);
        let parts = path.strip_prefix(directory).unwrap_or(path).components();
        let path = parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        v1::CandidateFile { path, text: file.text, removed: false }
    };
    Ok(read.into_iter().map(place).collect())
}

/// A date (its first instant in UTC) or an instant in RFC 3339.
///
/// # Errors
/// The text is neither.
pub fn instant(text: &str) -> Result<prost_types::Timestamp, CliError> {
    let day = text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let at = day.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()));
    let at = at.ok_or_else(|| {
        CliError::new(format!("{text} is no instant: write 2026-01-31 (in UTC) or 2026-01-31T08:00:00+01:00"))
    })?;
    Ok(time(at.into()))
}

impl Told {
    /// The changes as a table, with samples below it.
    #[must_use]
    pub fn text(&self) -> String {
        let totals = &self.totals;
        let mut text = format!(
            "{} cases and {} activities replayed: {} findings in force, {} under the candidate\n",
            totals.case_count, totals.activity_count, totals.finding_count_before, totals.finding_count_after
        );
        if self.digests.0 == self.digests.1 {
            text.push_str("the candidate is what is in force\n");
        }
        match (self.examples, self.failed.len()) {
            (0, 0) => {}
            (run, 0) => text.push_str(&format!("{run} worked examples of the candidate, all as promised\n")),
            (run, wrong) => text.push_str(&format!(
                "{run} worked examples of the candidate, {wrong} mistakes: `fairdue check` refuses it\n{}\n",
                diagnostics(self.failed.clone())
            )),
        }
        if self.rules.is_empty() {
            text.push_str("no rule changes anything\n");
            return text;
        }
        let mut table = report::table(&["rule", "found", "would find", "opened", "gone", "changed", "inputs missing"]);
        for rule in &self.rules {
            let mark = match (&rule.before, &rule.after) {
                (None, _) => " (new)",
                (_, None) => " (taken away)",
                _ => "",
            };
            let missing: Vec<String> = rule.missing.iter().map(missing).collect();
            table.add_row([
                format!("{}{mark}", rule.rule_id),
                rule.finding_count_before.to_string(),
                rule.finding_count_after.to_string(),
                severities(&rule.opened),
                severities(&rule.gone),
                rule.changed_count.to_string(),
                missing.join(", "),
            ]);
        }
        text.push_str(&table.to_string());
        for rule in &self.rules {
            for sample in &rule.samples {
                text.push_str(&format!("\n{}: {}", rule.rule_id, of_sample(sample)));
            }
        }
        text
    }
}

fn missing(one: &v1::LackingInput) -> String {
    format!("{} {} -> {}", one.name, one.count_before, one.count_after)
}

fn severities(counts: &[v1::SeverityCount]) -> String {
    let named = |one: &v1::SeverityCount| {
        let name = one.severity().as_str_name().trim_start_matches("SEVERITY_").to_lowercase();
        format!("{} {name}", one.count)
    };
    if counts.is_empty() { "0".to_owned() } else { counts.iter().map(named).collect::<Vec<_>>().join(", ") }
}

fn of_sample(sample: &v1::ChangedFinding) -> String {
    let what = match sample.change() {
        v1::FindingDifference::Opened => "would be found",
        v1::FindingDifference::Gone => "would no longer be found",
        v1::FindingDifference::Changed | v1::FindingDifference::Unspecified => "would be found otherwise",
    };
    let Some(finding) = sample.after.as_ref().or(sample.before.as_ref()) else { return what.to_owned() };
    let at = finding.breach_time.and_then(|at| DateTime::from_timestamp(at.seconds, 0));
    let at = at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let figures = |finding: &v1::Finding| {
        let observation = finding.observation.as_ref();
        let seen = observation.and_then(|one| Some(format!("{} of {}", one.observed?, one.limit?)));
        seen.or_else(|| observation.map(|one| one.note.clone())).unwrap_or_default()
    };
    let ids = [&finding.case_id, &finding.activity_id].map(|id| report::printable(id)).join(", ");
    match (&sample.before, &sample.after) {
        (Some(before), Some(after)) => format!("{what}: {ids}, {at}: {} -> {}", figures(before), figures(after)),
        _ => format!("{what}: {ids}, {at}: {}", figures(finding)),
    }
}

//! `fairdue sync mirror`: a second store kept in step, as example and as tool. Killed at any moment, it goes on where its
//! copy is: a file takes records and token in one transaction, another server takes records as often as they come.

use std::path::{Path, PathBuf};

use super::super::args::MirrorArgs;
use super::super::client::{Client, persist};
use super::super::error::CliError;
use super::feed::{Feed, Next};
use super::rows::rows;
use crate::cli::say::say;
use crate::proto::v1;
use crate::proto::v1::change::After;
use crate::store::Mirror;

/// Where the copy is.
enum Copy {
    /// A file.
    File(Mirror),
    /// Another server, and the file that keeps the token.
    Server(Box<Client>, PathBuf),
}

/// Runs `fairdue sync mirror`.
///
/// # Errors
/// The copy cannot be written, a server refused, or stayed away for half a minute.
pub(super) async fn run(args: &MirrorArgs) -> Result<(), CliError> {
    let region = args.market.to_ascii_uppercase();
    let source = Client::connect(&args.from, &args.key).await?;
    let copy = open(args, &region).await?;
    let token = copy.token().await?;
    let mut feed = Feed::new(source, &region, token, args.once);
    let (mut changes, mut through) = (0_u64, 0_i64);
    loop {
        match feed.next().await? {
            Next::Message(message) => {
                copy.apply(&region, &message).await?;
                feed.kept(&message.token);
                changes += message.changes.len() as u64;
                if message.through_revision > through && message.through_revision == message.head_revision {
                    say!("in step with revision {}: {changes} changes applied", message.head_revision);
                }
                through = message.through_revision;
            }
            Next::StartAgain(why) => {
                say!("{why}");
                copy.clear().await?;
                feed.restart();
            }
            Next::End => break,
        }
    }
    copy.close().await;
    Ok(())
}

async fn open(args: &MirrorArgs, region: &str) -> Result<Copy, CliError> {
    if !args.to.starts_with("http://") && !args.to.starts_with("https://") {
        return Ok(Copy::File(Mirror::open(Path::new(&args.to), region).await?));
    }
    let (Some(key), Some(token)) = (&args.to_key, &args.token_file) else {
        return Err(CliError::new("a copy on another server needs --to-key and --token-file"));
    };
    Ok(Copy::Server(Box::new(Client::connect(&args.to, key).await?), token.clone()))
}

impl Copy {
    async fn token(&self) -> Result<String, CliError> {
        match self {
            Self::File(mirror) => Ok(mirror.position().await?.0),
            Self::Server(_, file) => match std::fs::read_to_string(file) {
                Ok(token) => Ok(token.trim().to_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
                Err(error) => Err(CliError::new(format!("{}: {error}", file.display()))),
            },
        }
    }

    async fn apply(&self, region: &str, message: &v1::PullResponse) -> Result<(), CliError> {
        match self {
            Self::File(mirror) => {
                let through = u64::try_from(message.through_revision)
                    .map_err(|_| CliError::new("the server sent a negative revision"))?;
                Ok(mirror.apply(&rows(&message.changes)?, &message.token, through).await?)
            }
            Self::Server(client, file) => {
                send(client, region, &message.changes).await?;
                keep(file, &message.token)
            }
        }
    }

    async fn clear(&self) -> Result<(), CliError> {
        match self {
            Self::File(mirror) => Ok(mirror.clear().await?),
            // What is there stays: the same records are duplicates, and others would be refused as conflicts.
            Self::Server(_, file) => keep(file, ""),
        }
    }

    async fn close(self) {
        if let Self::File(mirror) = self {
            mirror.close().await;
        }
    }
}

/// Writes the changes through the public API: what is derived, the other server derives itself.
async fn send(client: &Client, region: &str, changes: &[v1::Change]) -> Result<(), CliError> {
    let (mut cases, mut activities) = (Vec::new(), Vec::new());
    for change in changes {
        match change.after.clone() {
            Some(After::Case(case)) => cases.push(v1::Case { etag: String::new(), ..case }),
            Some(After::Activity(activity) | After::Void(activity)) => activities.push(activity),
            Some(After::Finding(_)) | None => {}
        }
    }
    // A case's versions come before the activities that name it, in the feed and here.
    if !cases.is_empty() {
        let request = v1::BatchUpsertCasesRequest { region_code: region.to_owned(), cases };
        let answer = persist(|| {
            let (mut client, request) = (client.cases.clone(), request.clone());
            async move { client.batch_upsert_cases(request).await }
        });
        accepted(request.cases.iter().map(|case| case.case_id.as_str()), &answer.await?.into_inner().results)?;
    }
    if !activities.is_empty() {
        let request = v1::BatchRecordActivitiesRequest { region_code: region.to_owned(), activities };
        let answer = persist(|| {
            let (mut client, request) = (client.activities.clone(), request.clone());
            async move { client.batch_record_activities(request).await }
        });
        let ids = request.activities.iter().map(|activity| activity.activity_id.as_str());
        accepted(ids, &answer.await?.into_inner().results).map_err(|error| match widened(changes) {
            Some(id) => CliError::new(format!(
                "{error}. \"{id}\" came again with more of its cases, which a partner is told when they enter a portfolio, and \
                 another server changes no record: mirror into a file, or with a key that sees the whole market"
            )),
            None => error,
        })?;
    }
    Ok(())
}

/// An activity that came again because more of its cases are shown now.
fn widened(changes: &[v1::Change]) -> Option<&str> {
    changes.iter().filter(|change| change.backfilled).find_map(|change| match &change.after {
        Some(After::Activity(activity)) if activity.case_ids.len() > 1 => Some(activity.activity_id.as_str()),
        _ => None,
    })
}

/// Stops at the first record that the copy does not take: a copy that leaves records out is none.
fn accepted<'i>(ids: impl Iterator<Item = &'i str>, results: &[v1::WriteResult]) -> Result<(), CliError> {
    for (id, result) in ids.zip(results) {
        if matches!(result.status(), v1::WriteStatus::Refused | v1::WriteStatus::Unspecified) {
            let refusal = result.refusal.clone().unwrap_or_default();
            let words = refusal.field_violations.first().map(|one| format!("{}: {}", one.field, one.description));
            let words = words.unwrap_or_default();
            return Err(CliError::new(format!("the copy refused \"{id}\" with {}: {words}", refusal.reason)));
        }
    }
    Ok(())
}

/// Keeps the token so that it is either the old or the new one, whenever the power goes.
fn keep(file: &Path, token: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    let named = |error: std::io::Error| CliError::new(format!("{}: {error}", file.display()));
    let fresh = file.with_extension("new");
    let mut out = std::fs::File::create(&fresh).map_err(named)?;
    out.write_all(token.as_bytes()).and_then(|()| out.sync_all()).map_err(named)?;
    std::fs::rename(&fresh, file).map_err(named)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(named)
}

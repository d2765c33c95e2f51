//! Checks that were answered before, found again in their log.

use super::{Advice, Question};
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::{CaseId, MarketId, PersonId};
use crate::domain::market::MarketKey;
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::domain::validation::Violation;
use crate::domain::verdict::Verdict;
use crate::ingest::{CheckHead, IngestError, LoggedCheck, read_checks};
use crate::store::{CheckRow, StoreError, TenantScope};

/// Commits of the log that are looked through in each direction: a check is on record within a second of its answer, in
/// which a market may grant some hundred permits, each of which has a commit of its own.
const COMMITS: usize = 4_096;
/// And bytes of them.
const BYTES: usize = 16 << 20;
/// Commits that are read at once.
const PAGE: u32 = 16;

/// What the log says of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When it was asked.
    pub asked: Timestamp,
    /// The key that asked.
    pub key: String,
    /// The answer.
    pub verdict: Verdict,
    /// Rules that did not simply allow it.
    pub rules: Vec<String>,
    /// Digest of the rules that were applied.
    pub digest: String,
    /// Revision of the market that the answer stood on.
    pub revision: u64,
    /// Permits whose contacts were counted as if they had happened.
    pub permits: Vec<String>,
}

impl Advice {
    /// The question of an answered check, and what was answered. `revision` is that of the answer: the log is looked
    /// through from there, first towards now.
    pub(super) async fn logged(
        &self,
        who: &Principal,
        market: &MarketId,
        id: &str,
        revision: u64,
    ) -> Result<(Question, Recorded), IngestError> {
        let unknown = || IngestError::NotFound { what: "check", id: id.to_owned() };
        let (run, number) = id.rsplit_once('-').ok_or_else(unknown)?;
        let number = u64::from_str_radix(number, 16).map_err(|_| unknown())?;
        // What this process has answered is on record first.
        let key = MarketKey { tenant: who.tenant.clone(), market: market.clone() };
        self.log.flush_market(&key).await;
        let scope = self.markets.store().scope(&who.tenant);
        // No answer is newer than the market: where one is asked for that is, its check is looked for all the same.
        let newest = scope.head(market).await?.map_or(0, |head| head.revision);
        // A check is logged behind the revision of its answer; that of a permit with it. Where a permit was asked for again,
        // the answer is newer than its check.
        for way in [Way::Newer, Way::Older] {
            let (mut place, mut left) = (way.start(revision.min(newest)), Left::default());
            loop {
                let rows = way.page(&scope, market, place).await?;
                if let Some((head, check)) = found(&rows, run, number)? {
                    if !(head.revision..=newest).contains(&revision) {
                        let answered = head.revision;
                        return Err(refused(format!(
                            "is {revision}, but the check was answered at {answered} and the market's newest is {newest}: send \
                             the revision of its answer"
                        )));
                    }
                    return question(&head, check).ok_or_else(unknown);
                }
                match rows.last() {
                    Some(last) if left.after(&rows) => place = last.revision,
                    _ => break,
                }
            }
        }
        Err(unknown())
    }
}

/// Refused for its revision.
fn refused(text: String) -> IngestError {
    IngestError::Invalid(format!("check.revision {text}"), vec![Violation::new("check.revision", text)])
}

/// The check of that number among these commits, with the head of its line.
fn found(rows: &[CheckRow], run: &str, number: u64) -> Result<Option<(CheckHead<String>, LoggedCheck)>, IngestError> {
    for row in rows {
        for line in read_checks(&row.body)?.into_iter().filter(|line| line.head.run == run) {
            if let Some(check) = line.checks.into_iter().find(|check| check.number == number) {
                return Ok(Some((line.head, check)));
            }
        }
    }
    Ok(None)
}

/// In which direction the log is looked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Newer,
    Older,
}

impl Way {
    /// Where to begin, so that the commit of this revision itself is the first towards now.
    const fn start(self, revision: u64) -> u64 {
        match self {
            Self::Newer => revision.saturating_sub(1),
            Self::Older => revision,
        }
    }

    async fn page(self, scope: &TenantScope, market: &MarketId, place: u64) -> Result<Vec<CheckRow>, StoreError> {
        match self {
            Self::Newer => scope.checks(market, place, PAGE).await,
            Self::Older => scope.checks_before(market, place, PAGE).await,
        }
    }
}

/// How much of the log is still looked through.
struct Left {
    commits: usize,
    bytes: usize,
}

impl Default for Left {
    fn default() -> Self {
        Self { commits: COMMITS, bytes: BYTES }
    }
}

impl Left {
    /// Whether another page is to be looked through after this one, if there is one.
    fn after(&mut self, rows: &[CheckRow]) -> bool {
        let bytes: usize = rows.iter().map(|row| row.body.len()).sum();
        self.commits = self.commits.saturating_sub(rows.len());
        self.bytes = self.bytes.saturating_sub(bytes);
        rows.len() == PAGE as usize && self.commits > 0 && self.bytes > 0
    }
}

fn question(head: &CheckHead<String>, check: LoggedCheck) -> Option<(Question, Recorded)> {
    let asked = head.asked.plus(check.asked_after);
    let detail = match (check.detail, check.channel) {
        (Some(detail), _) => detail,
        (None, Some(channel)) => Detail::Contact(Box::new(Contact::on(channel))),
        (None, None) => return None,
    };
    let question = Question {
        case: CaseId::trusted(&check.case),
        person: check.person.as_deref().map(PersonId::trusted),
        person_role: check.person_role,
        at: Some(check.at.unwrap_or(asked)),
        detail,
        initiated_by: check.initiated_by,
        at_debtors_request: check.at_debtors_request,
    };
    let recorded = Recorded {
        asked,
        key: head.key.clone(),
        verdict: check.verdict,
        rules: check.rules,
        digest: head.digest.clone(),
        revision: head.revision,
        permits: check.permits,
    };
    Some((question, recorded))
}

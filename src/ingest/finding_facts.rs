//! The life of a finding as KPI facts.
//!
//! They are a function of what the history says of it now and of the decisions on record, as its status is: a decision that
//! settled it counts as long as the finding says what it was made on, for all the time since, and counts again if the finding
//! says that again. So nothing depends on when what came in, and a recount gives what the commits gave.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::writing::Writing;
use crate::domain::case_dimensions::words;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::finding::{Finding, FindingStatus};
use crate::domain::finding_life::{Decision, as_of, standing, substance};
use crate::domain::ids::FindingId;
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::ledger::DimRef;
use crate::store::{FindingLife, FindingRow};

/// Findings that are read at a time.
const CHUNK: u32 = 2_000;

/// Tells a finding that stands, with all decisions about it, oldest first.
pub fn finding_facts(market: &Market, finding: &Finding, decisions: &[Decision], out: &mut Vec<Fact>) {
    let dims = dims(finding);
    let day = |at: Timestamp| day_number(at.date(market.zone));
    let mut told = |at: Timestamp, sign: i8| {
        let fact = Fact::new(FactKind::FindingOpen, day(at), Arc::clone(&dims));
        out.push(Fact { sign, ..fact });
    };
    told(finding.at, 1);
    let what = substance(finding);
    let mut open = true;
    let mut turned = |now: bool, at: Timestamp| {
        if now != open {
            open = now;
            // What was decided of it when it was thought to be earlier holds from the breach on.
            told(at.max(finding.at), if now { 1 } else { -1 });
        }
    };
    for (place, decision) in decisions.iter().enumerate() {
        let status = standing(Some(decision), &what);
        turned(is_open(status), decision.at);
        // A waiver ends by itself, unless something else is decided before.
        let next = decisions.get(place + 1).map_or(Timestamp(i64::MAX), |next| next.at);
        if let Some(until) = decision.until.filter(|until| *until < next) {
            turned(is_open(as_of(status, Some(until), until)), until);
        }
    }
    if let Some(last) = decisions.last().filter(|last| standing(Some(last), &what) == FindingStatus::Remediated) {
        let seconds = last.at.seconds_since(finding.at);
        let fact = Fact::new(FactKind::FindingRemediated, day(last.at.max(finding.at)), Arc::clone(&dims));
        out.push(Fact { value: Some(seconds), ..fact });
    }
}

impl Writing<'_> {
    /// Takes what this commit makes of findings into its sums: as they were told before, as they are told from now on.
    pub(super) fn tell_findings(&mut self, before: &HashMap<FindingId, FindingLife>, stand: &[FindingRow]) {
        for life in before.values() {
            self.tell_finding(&life.finding, &life.decisions, if life.withdrawn { None } else { Some(-1) });
        }
        for row in stand {
            let decisions = before.get(&row.finding.id).map_or(&[][..], |life| &life.decisions);
            self.tell_finding(&row.finding, decisions, Some(1));
        }
    }

    /// Tells a finding, or takes back what was told of it; nothing of one that does not stand.
    fn tell_finding(&mut self, finding: &Finding, decisions: &[Decision], sign: Option<i8>) {
        let Some(sign) = sign else { return };
        let mut facts = Vec::new();
        finding_facts(&self.market, finding, decisions, &mut facts);
        for fact in facts {
            self.count(&Fact { sign: fact.sign * sign, ..fact });
        }
    }

    /// Takes a new decision about a finding into the sums of this commit.
    pub(super) fn tell_decided(&mut self, life: &FindingLife, decision: &Decision) {
        let told = |sign| (!life.withdrawn).then_some(sign);
        self.tell_finding(&life.finding, &life.decisions, told(-1));
        let decisions: Vec<Decision> = life.decisions.iter().chain([decision]).cloned().collect();
        self.tell_finding(&life.finding, &decisions, told(1));
    }

    /// Tells every finding that is stored.
    ///
    /// # Errors
    /// The database is away or a row is corrupt.
    pub(super) async fn tell_all_findings(&mut self) -> Result<(), IngestError> {
        let mut after = String::new();
        loop {
            let lives = self.tx.finding_lives_after(&after, CHUNK).await?;
            let Some(last) = lives.keys().map(ToString::to_string).max() else { return Ok(()) };
            after = last;
            for life in lives.values() {
                self.tell_finding(&life.finding, &life.decisions, (!life.withdrawn).then_some(1));
            }
        }
    }
}

const fn is_open(status: FindingStatus) -> bool {
    !matches!(status, FindingStatus::Remediated | FindingStatus::Waived | FindingStatus::Withdrawn)
}

fn dims(finding: &Finding) -> Arc<Dims> {
    let steered = &finding.steered;
    DimRef {
        state: Some(finding.severity.as_str()),
        agent: finding.agent.as_deref(),
        client: finding.client.as_deref(),
        team: steered.team.as_deref(),
        portfolio: steered.portfolio.as_deref(),
        product: steered.product.as_deref(),
        stage: steered.stage.as_deref(),
        segment: steered.segment.as_deref(),
        case: words(&steered.case),
        rule: Some(finding.rule.as_str()),
        jurisdiction: Some(finding.jurisdiction.as_str()),
        ..DimRef::default()
    }
    .shared()
}

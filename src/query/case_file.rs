//! Everything about one case on one page.

use std::sync::Arc;

use super::{CaseView, Query, Reading};
use crate::compliance::{self, Answered, PersonLogs, check_among};
use crate::domain::activity::Activity;
use crate::domain::circle::Circle;
use crate::domain::detail::{Contact, Detail};
use crate::domain::facts::Kinds;
use crate::domain::ids::{ActivityId, CaseId, MarketId, PersonId};
use crate::domain::principal::Principal;
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Channel, Initiator};
use crate::ingest::derive::{CaseEntry, Env};
use crate::ingest::market_state::HeldPermit;
use crate::ingest::{IngestError, persons_at_hand};
use crate::ledger::{Balance, PromiseView};
use crate::rules::RuleSet;
use crate::store::{FindingFilter, FindingRow, StoredActivity};

/// Whether one person may be contacted now on one channel.
#[derive(Debug, Clone)]
pub struct Permission {
    /// The person.
    pub person: PersonId,
    /// The channel.
    pub channel: Channel,
    /// What the rules answer.
    pub answered: Answered,
}

/// Everything about one case.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// The case.
    pub case: CaseView,
    /// Balance by component, in minor units of the case's currency.
    pub balance: Balance,
    /// Promises with their states.
    pub promises: Vec<PromiseView>,
    /// Activities by (occurred, id); voided ones are marked.
    pub timeline: Vec<StoredActivity>,
    /// More activities than the timeline shows: page through ListActivities.
    pub timeline_truncated: bool,
    /// Contact permissions now.
    pub permissions: Vec<Permission>,
    /// The rules that they were found with.
    pub rules: Arc<RuleSet>,
    /// Findings, whatever their status.
    pub findings: Vec<FindingRow>,
    /// The instant that permissions and states speak of.
    pub at: Timestamp,
    /// Revision that the page stands on.
    pub revision: u64,
}

/// Entries of the timeline and findings that one page shows.
const SHOWN: u32 = 500;
/// Channels that permissions are shown for.
const CHANNELS: [Channel; 5] = [Channel::Call, Channel::Sms, Channel::Email, Channel::Letter, Channel::Visit];

impl Query {
    /// Everything about one case, with every timer up to now fired.
    ///
    /// # Errors
    /// The case is unknown, or see [`IngestError`].
    pub async fn case_file(&self, who: &Principal, market: &MarketId, case: &CaseId) -> Result<CaseFile, IngestError> {
        let reading = self.open(who, market)?;
        let view = self.get_case(who, market, case).await?;
        self.settle(&reading).await?;
        let (entry, revision) = self.entry(&reading, case).await?;
        let at = self.markets.clock().now();
        let nobody = PersonLogs::default();
        let env = Env { market: &reading.market, rules: &reading.rules, persons: &nobody, kinds: Kinds::NONE };
        let ahead = entry.ahead(&env).map(|(ahead, _)| ahead);
        let ledger = &ahead.as_ref().unwrap_or(&entry).ledger;
        let (balance, promises) = (ledger.balance(), ledger.promises().to_vec());
        let filter = crate::store::ActivityFilter { case: Some(case.clone()), ..Default::default() };
        let mut timeline = reading.scope.list_activities(market, &filter, None, SHOWN + 1).await?;
        let timeline_truncated = timeline.len() > SHOWN as usize;
        timeline.truncate(SHOWN as usize);
        let filter = FindingFilter { case: Some(case.clone()), ..Default::default() };
        let findings = reading.scope.list_findings(market, &filter, at, None, SHOWN).await?;
        Ok(CaseFile {
            case: view,
            balance,
            promises,
            timeline,
            timeline_truncated,
            permissions: self.permissions(&reading, &entry, at).await?,
            rules: Arc::clone(&reading.rules),
            findings,
            at,
            revision,
        })
    }

    async fn permissions(
        &self,
        reading: &Reading,
        entry: &Arc<CaseEntry>,
        at: Timestamp,
    ) -> Result<Vec<Permission>, IngestError> {
        let version = entry.version_at(at);
        let asked = version.parties.iter().map(|party| party.person.clone()).collect();
        let law = (&reading.market, &*reading.rules);
        let persons = persons_at_hand(&self.markets, &reading.key, law, version, asked, at).await?;
        let state = &self.markets.handle(&reading.key).state;
        let mut found = Vec::new();
        for party in &version.parties {
            let circles: Vec<Circle> = Circle::of_party(party).collect();
            let held = state.look(|view| view.permits(&version.case, &circles, at)).unwrap_or_default();
            let among = HeldPermit::among(&held, entry);
            let context = compliance::Context {
                rules: &reading.rules,
                market: &reading.market,
                version,
                lead: true,
                persons: &persons,
            };
            for channel in CHANNELS {
                let candidate = contact(version.case.clone(), party.person.clone(), channel, at);
                let answered = check_among(&context, &entry.watch, &candidate, &among);
                found.push(Permission { person: party.person.clone(), channel, answered });
            }
        }
        Ok(found)
    }
}

fn contact(case: CaseId, person: PersonId, channel: Channel, at: Timestamp) -> Activity {
    let detail = Detail::Contact(Box::new(Contact::on(channel)));
    Activity {
        person: Some(person),
        source_seq: i64::MAX,
        initiated_by: Some(Initiator::Collector),
        ..Activity::bare(ActivityId::trusted("contact check"), vec![case], at, detail)
    }
}

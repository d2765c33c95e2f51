//! One open commit of a market: what it has read, what it will write.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::IngestError;
use super::definitions::Defined;
use super::derive::{CaseEntry, Effects, Env};
use super::fold::{self, Change};
use super::ground::Ground;
use super::group::GroupContext;
use super::group_derive::TOGETHER;
use super::items::Map;
use super::kept::Kept;
use super::market_state::{MarketState, News};
use super::person_logs::Needs;
use super::strangers::ToldNews;
use super::turns::{Turns, aside};
use super::{rederive, tallies};
use crate::compliance::PersonLogs;
use crate::config::Snapshot;
use crate::domain::activity::Activity;
use crate::domain::circle::Circle;
use crate::domain::digest::Tallies;
use crate::domain::disposition::Dispositions;
use crate::domain::fact::Fact;
use crate::domain::facts::Kinds;
use crate::domain::finding::Finding;
use crate::domain::ids::{CaseId, FindingId, PersonId};
use crate::domain::market::Market;
use crate::domain::time::{MAX_TIMESTAMP, SECOND, Timestamp};
use crate::kpi::Delta;
use crate::rules::RuleSet;
use crate::store::{CaseHistory, DueRow, MarketTx, PermitRow};

/// How long before it is loaded what is loaded may have been asked for.
const ASKED_BEFORE: i64 = 3_600 * SECOND;

/// An open commit. Everything is read under the market row's lock, or is known under it to be as it was read.
pub struct Writing<'a> {
    pub(super) context: &'a GroupContext<'a>,
    pub(super) tx: MarketTx,
    pub(super) market: Market,
    pub(super) rules: Arc<RuleSet>,
    /// What facts rest on besides the records.
    pub(super) ground: Ground,
    /// The tenant's codes for what came of a contact.
    pub(super) dispositions: Arc<Dispositions>,
    /// The KPI definitions that the market's cells follow.
    pub(super) defined: Arc<Defined>,
    /// Kinds of facts that those count.
    kinds: Kinds,
    /// The tenant asks for a second key on waivers.
    pub(super) four_eyes_on_waivers: bool,
    /// The revision that this commit takes, if it changes anything.
    pub(super) revision: u64,
    /// Its recorded time.
    pub(super) recorded: Timestamp,
    /// Contacts of the persons concerned, this commit's included.
    pub(super) persons: PersonLogs,
    /// The logs that this commit changes, as they were before it.
    pub(super) before: PersonLogs,
    /// Persons and households whose logs are new or changed.
    pub(super) changed: HashSet<Circle>,
    pub(super) delta: Delta,
    /// What it adds to the cells that are being filled.
    pub(super) grown: Delta,
    /// What this commit adds to the market's tallies.
    pub(super) tallies: Tallies,
    pub(super) opened: HashMap<FindingId, (Finding, &'static str)>,
    pub(super) closed: HashMap<FindingId, &'static str>,
    pub(super) dues: Vec<DueRow>,
    pub(super) updated: Vec<(CaseId, Arc<CaseEntry>)>,
    pub(super) waiting: Vec<String>,
    pub(super) resolved: Vec<String>,
    /// Permits that this commit has changed.
    pub(super) permits: Vec<PermitRow>,
    /// What it has read of what is told of persons, and of whom it tells something.
    pub(super) told: ToldNews,
    /// Records were stored, so the commit takes a revision even if nothing was derived.
    pub(super) stored: bool,
}

impl<'a> Writing<'a> {
    /// Takes the lock and brings the remembered state up to the market's revision.
    pub(super) async fn begin(context: &'a GroupContext<'a>) -> Result<Self, IngestError> {
        Self::begin_with(context, false).await
    }

    /// The same, with the lock taken as late as it can be. The commit may end with [`crate::store::MOVED`], and is prepared
    /// anew then.
    pub(super) async fn begin_ahead(context: &'a GroupContext<'a>) -> Result<Self, IngestError> {
        // Where others write too, or old records are sent again, preparing twice costs more than waiting.
        Self::begin_with(context, !context.state.recent.is_wary()).await
    }

    async fn begin_with(context: &'a GroupContext<'a>, ahead: bool) -> Result<Self, IngestError> {
        let snapshot: Arc<Snapshot> = context.markets.config.get();
        let unknown = || IngestError::MarketUnknown(context.key.market.to_string());
        let tenant = snapshot.tenants.get(&context.key.tenant).ok_or_else(unknown)?;
        let market = tenant.markets.get(&context.key.market).ok_or_else(unknown)?.clone();
        let rules = Arc::clone(&tenant.rules);
        let scope = context.markets.store.scope(&context.key.tenant);
        let tx = if ahead {
            scope.begin_ahead(&context.key.market).await?
        } else {
            scope.begin(&context.key.market).await?
        };
        let ground = Ground::of(&snapshot, &market, &rules);
        reach(context.state, &tx, &ground).await?;
        let recorded = context.markets.clock.now().max(tx.head.recorded);
        let own = &snapshot.catalogue;
        let defined = context.markets.keeping.under_lock(context.key, &tx, own, recorded).await?;
        if context.state.in_force.is_superseded(&ground.mark, &tx.head, recorded) {
            let since = tx.head.rules_since;
            tx.rollback().await;
            return Err(IngestError::Superseded(since));
        }
        let changed = defined.is_none() || tx.head.rules_digest != ground.mark;
        let known = defined.is_some();
        let defined = defined.unwrap_or_else(|| Arc::new(Defined::all(own)));
        let kinds = defined.kinds();
        let mut writing = Self {
            context,
            revision: tx.head.revision + 1,
            recorded,
            tx,
            market,
            rules,
            dispositions: Arc::clone(&tenant.dispositions),
            defined,
            kinds,
            ground,
            four_eyes_on_waivers: tenant.findings.four_eyes_on_waivers,
            persons: PersonLogs::default(),
            before: PersonLogs::default(),
            changed: HashSet::new(),
            delta: context.state.spare_delta(),
            grown: Delta::new(),
            tallies: Tallies::default(),
            opened: HashMap::new(),
            closed: HashMap::new(),
            dues: Vec::new(),
            updated: Vec::new(),
            waiting: Vec::new(),
            resolved: Vec::new(),
            permits: Vec::new(),
            told: ToldNews::default(),
            stored: false,
        };
        let head = &writing.tx.head;
        let (written, recount) = (head.revision > 0, head.digest_version != tallies::version_of(&writing.market));
        if changed && written {
            Box::pin(rederive::run(&mut writing, own, known)).await?;
        }
        if recount && written {
            writing.recount().await?;
        }
        Ok(writing)
    }

    pub(super) fn env(&self) -> Env<'_> {
        Env { market: &self.market, rules: &self.rules, persons: &self.persons, kinds: self.kinds }
    }

    /// The states of these cases as they were before this commit: remembered, or derived from what is stored.
    /// Unknown cases are absent.
    pub(super) async fn entries(&mut self, cases: &[CaseId]) -> Result<Map<CaseId, Arc<CaseEntry>>, IngestError> {
        let mut found = Map::default();
        found.reserve(cases.len());
        let mut missing = Vec::new();
        for case in cases {
            match self.context.state.case(case) {
                Some(entry) => {
                    found.insert(case.clone(), entry);
                }
                None => missing.push(case.clone()),
            }
        }
        // What rules say is not asked for here, only what is remembered: other cases of the persons do not matter.
        let (nobody, mut turns) = (PersonLogs::default(), Turns::begin());
        for some in missing.chunks(TOGETHER) {
            for (case, history) in &self.tx.case_histories_before(some).await? {
                turns.give_way().await;
                let derived = aside(history.activities.len(), || self.refold(history, self.revision, &nobody));
                if let Some((mut entry, _)) = derived {
                    entry.kept = Some(Kept::of(counted(history, self.revision)));
                    let entry = Arc::new(entry);
                    self.updated.push((case.clone(), Arc::clone(&entry)));
                    found.insert(case.clone(), entry);
                }
            }
        }
        Ok(found)
    }

    /// Derives a case from its stored history as it was before revision `before`.
    pub(super) fn refold(
        &self,
        history: &CaseHistory,
        before: u64,
        persons: &PersonLogs,
    ) -> Option<(CaseEntry, Effects)> {
        let env = Env { market: &self.market, rules: &self.rules, persons, kinds: self.kinds };
        let versions = history.versions.iter().filter(|(revision, _)| *revision < before).map(|(_, version)| version);
        let advanced_to = history.advanced_to.unwrap_or(Timestamp(i64::MIN));
        let (mut entry, effects) = fold::fold(&env, versions, counted(history, before), advanced_to)?;
        entry.stored_due = history.due_at;
        Some((entry, effects))
    }

    /// Derives a case from its history as it was before this commit and as it is with it: what stood and stands no more of
    /// what was emitted, the state, and what is emitted in its place. Nothing differs before `from`.
    pub(super) fn refold_both(
        &self,
        history: &CaseHistory,
        from: Timestamp,
        persons: &PersonLogs,
    ) -> Option<(Option<Effects>, CaseEntry, Effects)> {
        if history.versions.iter().any(|(revision, _)| *revision >= self.revision) {
            // Another version may make the case another one from its beginning.
            let old = self.refold(history, self.revision, persons).map(|(_, effects)| effects);
            let (entry, new) = self.refold(history, u64::MAX, &self.persons)?;
            return Some((old, entry, new));
        }
        let change = Change {
            versions: history.versions.iter().map(|(_, version)| version),
            were: counted(history, self.revision),
            are: counted(history, u64::MAX),
            from,
            advanced_to: history.advanced_to.unwrap_or(Timestamp(i64::MIN)),
            persons,
        };
        let (old, mut entry, new) = fold::fold_change(&self.env(), change)?;
        entry.stored_due = history.due_at;
        Some((Some(old), entry, new))
    }

    /// Brings the logs of the parties of these cases and of some other persons into this commit's view: what a contact
    /// check now would ask for.
    pub(super) async fn load_parties_of(
        &mut self,
        entries: &Map<CaseId, Arc<CaseEntry>>,
        others: &[PersonId],
    ) -> Result<(), IngestError> {
        let mut needs = Needs::default();
        for entry in entries.values() {
            let scope = self.rules.reach().person_scope(entry.current(), &self.market.region);
            if !scope.is_empty() {
                // Whoever asks began to before this commit did.
                let need = self.need(scope, self.recorded.plus(-ASKED_BEFORE));
                let parties = entry.current().parties.iter().flat_map(Circle::of_party);
                let all = parties.chain(others.iter().cloned().map(Circle::Person));
                self.rules.reach().circles(scope, all).for_each(|circle| needs.add(circle, need));
            }
        }
        self.load_logs(needs).await
    }

    /// The market's cells follow these definitions from here on: what they count is what facts are made for.
    pub(super) fn follow(&mut self, defined: Arc<Defined>) {
        self.kinds = defined.kinds();
        self.defined = defined;
    }

    /// Takes a fact into the sums of this commit.
    pub(super) fn count(&mut self, fact: &Fact) {
        self.delta.add(&self.defined.whole, fact);
        if let Some(next) = &self.defined.next {
            self.grown.add(&next.grown, fact);
        }
    }

    /// Takes what a derivation emitted into this commit.
    pub(super) fn take(&mut self, effects: Effects, reason: &'static str) {
        for fact in &effects.facts {
            self.count(fact);
        }
        effects.findings.into_values().for_each(|finding| self.open(finding, reason));
    }

    /// Takes what new facts made of a case: what its steps emitted, and how what timers behind them emit differs now from
    /// what stood of them before.
    pub(super) fn take_step(
        &mut self,
        case: &CaseId,
        mut entry: CaseEntry,
        stood: Option<Effects>,
        mut effects: Effects,
    ) {
        let mut next = entry.next_due();
        if let Some((ahead, timers)) = entry.ahead(&self.env()) {
            next = ahead.next_due();
            effects.join(timers);
        }
        match stood {
            Some(stood) => self.take_difference(stood, effects, "late_fact"),
            None => self.take(effects, "new"),
        }
        self.queue_due(case, &mut entry, next, false);
        self.updated.push((case.clone(), Arc::new(entry)));
    }

    /// Takes the difference between what a case had emitted and what it emits now.
    pub(super) fn take_difference(&mut self, old: Effects, new: Effects, reason: &'static str) {
        // Up to the first fact that is new, both have emitted the same; and often again behind the last.
        let same = old.facts.iter().zip(&new.facts).take_while(|(old, new)| old == new).count();
        let (was, is) = (old.facts.get(same..).unwrap_or_default(), new.facts.get(same..).unwrap_or_default());
        let again = was.iter().rev().zip(is.iter().rev()).take_while(|(was, is)| was == is).count();
        for fact in was.iter().take(was.len() - again) {
            self.count(&Fact { sign: -fact.sign, ..fact.clone() });
        }
        for fact in is.iter().take(is.len() - again) {
            self.count(fact);
        }
        let mut stood = old.findings;
        for (id, finding) in new.findings {
            if stood.remove(&id).as_ref() != Some(&finding) {
                self.open(finding, reason);
            }
        }
        for id in stood.into_keys() {
            self.close(id, reason);
        }
    }

    fn open(&mut self, finding: Finding, reason: &'static str) {
        self.closed.remove(&finding.id);
        self.opened.insert(finding.id, (finding, reason));
    }

    pub(super) fn close(&mut self, id: FindingId, reason: &'static str) {
        self.opened.remove(&id);
        self.closed.insert(id, reason);
    }

    /// Notes when a case's next timer is due that the due-queue has not fired. The stored instant may lie before the true one: the due-queue then finds
    /// nothing to fire and corrects it, which costs less than a row for every change.
    pub(super) fn queue_due(&mut self, case: &CaseId, entry: &mut CaseEntry, next: Option<Timestamp>, correct: bool) {
        let sooner = match (next, entry.stored_due) {
            (Some(next), Some(stored)) => next < stored,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if sooner || correct {
            let due_at = next.unwrap_or(MAX_TIMESTAMP);
            entry.stored_due = Some(due_at);
            self.dues.push(DueRow { case: case.clone(), due_at, advanced_to: entry.advanced_to });
        }
    }
}

/// Brings the remembered state to the market's revision, or starts it.
///
/// Whoever follows other replicas ([`super::follow`]) catches up at the same time, perhaps with a head that it read a moment
/// before and that is no longer the newest: what is written here would then be judged and derived without the commits
/// between the two. So the state is looked at until it is there. Under the lock nothing moves it further.
async fn reach(state: &MarketState, tx: &MarketTx, ground: &Ground) -> Result<(), IngestError> {
    loop {
        match state.revision_on(ground) {
            Some(known) if known == tx.head.revision => return Ok(()),
            Some(known) if known < tx.head.revision => {
                let touched = tx.cases_touched_since(known).await?;
                let permits = tx.permits_changed_since(known).await?;
                let news = News { touched, pending_voids: tx.pending_voids().await?, permits };
                state.catch_up(known, tx.head.revision, news, tx.head.recorded);
            }
            _ => return start(state, tx, ground).await,
        }
    }
}

/// Starts the remembered state from what the database says.
pub(super) async fn start(state: &MarketState, tx: &MarketTx, ground: &Ground) -> Result<(), IngestError> {
    let held = tx.held_permits(tx.head.recorded).await?;
    let news = News { touched: HashSet::new(), pending_voids: tx.pending_voids().await?, permits: held };
    state.start(tx.head.revision, news, tx.head.recorded, ground.clone());
    Ok(())
}

/// The activities of a history that counted before revision `before`: neither voids nor voided then.
pub(super) fn counted(history: &CaseHistory, before: u64) -> impl Iterator<Item = &Activity> {
    history
        .activities
        .iter()
        .filter(move |stored| stored.revision < before && stored.voided.is_none_or(|since| since >= before))
        .map(|stored| &stored.activity)
        .filter(|activity| !is_void(activity))
}

/// Whether an activity is a void.
pub(super) fn is_void(activity: &Activity) -> bool {
    matches!(activity.detail, crate::domain::detail::Detail::Void { .. })
}

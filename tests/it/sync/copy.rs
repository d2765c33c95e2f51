//! A partner's copy of a market, kept by the feed alone, and the market as the API's reads tell it.

use std::collections::{BTreeMap, BTreeSet};

use fairdue::proto::v1;
use v1::change::{After, Before};

use crate::support::api::Clients;

/// A copy, and how far it has come: both change together, as in one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copy {
    /// Versions by case and version.
    pub versions: BTreeMap<(String, String), v1::Case>,
    /// Activities but for voids, by id.
    pub activities: BTreeMap<String, v1::Activity>,
    /// Voids by target.
    pub voids: BTreeMap<String, v1::Activity>,
    /// Findings by id.
    pub findings: BTreeMap<String, v1::Finding>,
    /// Token of the last message.
    pub token: String,
    /// Its revision.
    pub through: i64,
    /// The last change in order.
    last: Option<(i64, u8, String, String)>,
    /// Reasons seen.
    pub reasons: BTreeSet<i32>,
    /// Digests of records by entity, id and version; empty of a finding that does not stand.
    digests: BTreeMap<(v1::SyncEntity, String, String), (i64, Vec<u8>)>,
}

/// Count and digest of an entity's records.
pub type Sum = (i64, [u64; 4]);

/// Where a change stands in the order that the API promises.
fn place(change: &v1::Change) -> (i64, u8, String, String) {
    let (kind, one, two) = match change.after.as_ref().expect("what changed") {
        After::Case(case) => (0, case.case_id.clone(), case.version_id.clone()),
        After::Activity(activity) | After::Void(activity) => (1, activity.activity_id.clone(), String::new()),
        After::Finding(finding) => (2, finding.finding_id.clone(), String::new()),
    };
    (change.revision, kind, one, two)
}

impl Copy {
    /// Applies a message, after making sure that it joins what was there without gap, repetition or disorder.
    pub fn apply(&mut self, message: v1::PullResponse) {
        assert_eq!(message.after_revision, self.through, "a message was missed");
        assert!(message.through_revision >= self.through, "the feed never goes back");
        for change in &message.changes {
            let place = place(change);
            if !change.backfilled {
                assert!(self.last.as_ref().is_none_or(|last| *last < place), "{place:?} after {:?}", self.last);
                assert!(place.0 > self.through, "{place:?} was said to be sent");
                self.last = Some(place);
            }
            self.take(change);
        }
        assert!(!message.token.is_empty(), "every message can be resumed behind");
        (self.token, self.through) = (message.token, message.through_revision);
    }

    fn take(&mut self, change: &v1::Change) {
        assert!(change.record_time.is_some() && change.reason != 0, "{change:?}");
        self.reasons.insert(change.reason);
        self.keep_digest(change);
        match (change.after.clone().expect("what changed"), change.before.clone()) {
            (After::Case(case), before) => {
                if let Some(Before::PreviousCase(previous)) = before {
                    let known = self.versions.get(&(previous.case_id.clone(), previous.version_id.clone()));
                    let known = known.expect("what is replaced is known");
                    assert_eq!(v1::Case { revision: 0, ..known.clone() }, previous);
                }
                self.versions.insert((case.case_id.clone(), case.version_id.clone()), case);
            }
            (After::Activity(activity), None) => {
                self.activities.insert(activity.activity_id.clone(), activity);
            }
            (After::Void(void), before) => {
                let target = target(&void).to_owned();
                if let (Some(Before::VoidedActivity(old)), Some(known)) = (&before, self.activities.get(&target)) {
                    assert_eq!(known, old, "the voided activity as it was");
                }
                self.voids.insert(target, void);
            }
            (After::Finding(finding), before) => {
                let known = self.findings.get(&finding.finding_id);
                let previous = before.map(|before| match before {
                    Before::PreviousFinding(previous) => previous,
                    other => panic!("{other:?} before a finding"),
                });
                if !change.backfilled {
                    assert_eq!(known, previous.as_ref(), "the finding as it was");
                }
                self.findings.insert(finding.finding_id.clone(), finding);
            }
            (after, before) => panic!("{before:?} before {after:?}"),
        }
    }

    fn keep_digest(&mut self, change: &v1::Change) {
        use v1::SyncEntity::{Activity, Case, Finding, Void};
        let (entity, id, version, at) = match change.after.as_ref().expect("what changed") {
            After::Case(case) => (Case, &case.case_id, case.version_id.clone(), case.effect_time),
            After::Activity(one) => (Activity, &one.activity_id, String::new(), one.occur_time),
            After::Void(one) => (Void, &one.activity_id, String::new(), one.occur_time),
            After::Finding(one) => (Finding, &one.finding_id, String::new(), one.breach_time),
        };
        let stands =
            !matches!(&change.after, Some(After::Finding(one)) if one.status() == v1::FindingStatus::Withdrawn);
        assert_eq!(change.digest.len(), if stands { 32 } else { 0 }, "{change:?}");
        let seconds = at.expect("an instant").seconds;
        self.digests.insert((entity, id.clone(), version), (seconds, change.digest.clone()));
    }

    /// The sums over what counts, by entity and day in a zone, added up here from what the feed brought.
    pub fn sums(&self, zone: chrono_tz::Tz) -> BTreeMap<(v1::SyncEntity, chrono::NaiveDate), Sum> {
        let mut sums: BTreeMap<(v1::SyncEntity, chrono::NaiveDate), Sum> = BTreeMap::new();
        for ((entity, id, _), (seconds, digest)) in &self.digests {
            let void = *entity == v1::SyncEntity::Activity && self.voids.contains_key(id);
            if digest.is_empty() || void {
                continue;
            }
            let at = chrono::DateTime::from_timestamp(*seconds, 0).expect("an instant").with_timezone(&zone);
            let sum = sums.entry((*entity, at.date_naive())).or_default();
            sum.0 += 1;
            for (lane, bytes) in sum.1.iter_mut().zip(digest.chunks(8)) {
                *lane = lane.wrapping_add(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
            }
        }
        sums
    }

    /// The copy as reads of the API would tell it.
    pub fn told(&self) -> Market {
        let mut market = Market::default();
        for ((case, _), version) in &self.versions {
            let one = market.cases.entry(case.clone()).or_insert_with(|| (v1::Case::default(), 0, 0));
            let order = |version: &v1::Case| {
                let at = version.effect_time.unwrap_or_default();
                (at.seconds, at.nanos, version.version_id.clone())
            };
            (one.1, one.2) = (one.1 + 1, one.2.max(version.revision));
            if one.1 == 1 || order(&one.0) < order(version) {
                one.0 = v1::Case { revision: 0, ..version.clone() };
            }
        }
        for (id, activity) in &self.activities {
            let voided = self.voids.contains_key(id);
            market.activities.insert(id.clone(), v1::Activity { voided, ..activity.clone() });
        }
        for void in self.voids.values() {
            let voided = self.voids.contains_key(&void.activity_id);
            market.activities.insert(void.activity_id.clone(), v1::Activity { voided, ..void.clone() });
        }
        market.findings = self.findings.clone();
        market
    }

    /// What a copy holds that only tells of these cases.
    pub fn only(&self, cases: &BTreeSet<String>) -> Self {
        let any = |ids: &[String]| ids.iter().any(|id| cases.contains(id));
        let mut copy = Self::default();
        copy.versions.extend(self.versions.iter().filter(|((case, _), _)| cases.contains(case)).map(cloned));
        copy.activities.extend(self.activities.iter().filter(|(_, activity)| any(&activity.case_ids)).map(cloned));
        let of_target = |target: &String| self.activities.get(target).is_some_and(|target| any(&target.case_ids));
        copy.voids.extend(self.voids.iter().filter(|(to, void)| of_target(to) || any(&void.case_ids)).map(cloned));
        copy.findings.extend(self.findings.iter().filter(|(_, found)| cases.contains(&found.case_id)).map(cloned));
        copy
    }
}

fn cloned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// The target of a void.
pub fn target(void: &v1::Activity) -> &str {
    match void.detail.as_ref() {
        Some(v1::activity::Detail::Void(record)) => &record.target_activity_id,
        other => panic!("no void: {other:?}"),
    }
}

/// What the API's reads tell of a market.
#[derive(Debug, Default, PartialEq)]
pub struct Market {
    /// Newest version, number of versions, newest revision.
    cases: BTreeMap<String, (v1::Case, i32, i64)>,
    activities: BTreeMap<String, v1::Activity>,
    findings: BTreeMap<String, v1::Finding>,
}

impl Market {
    /// Reads everything.
    pub async fn read(clients: &mut Clients, region: &str) -> Self {
        let (mut market, region) = (Self::default(), region.to_owned());
        let mut request = v1::ListCasesRequest { region_code: region.clone(), page_size: 1000, ..Default::default() };
        loop {
            let page = clients.cases.list_cases(request.clone()).await.expect("a page").into_inner();
            for mut case in page.cases {
                let (count, revision) = (case.version_count, case.revision);
                (case.version_count, case.revision, case.etag) = (0, 0, String::new());
                market.cases.insert(case.case_id.clone(), (case, count, revision));
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let mut request =
            v1::ListActivitiesRequest { region_code: region.clone(), page_size: 1000, ..Default::default() };
        loop {
            let page = clients.activities.list_activities(request.clone()).await.expect("a page").into_inner();
            market.activities.extend(page.activities.into_iter().map(|one| (one.activity_id.clone(), one)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let mut request = v1::ListFindingsRequest { region_code: region, page_size: 1000, ..Default::default() };
        loop {
            let page = clients.compliance.list_findings(request.clone()).await.expect("a page").into_inner();
            market.findings.extend(page.findings.into_iter().map(|one| (one.finding_id.clone(), one)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        market
    }

    /// What it has of each, to see that a comparison compared something.
    pub fn sizes(&self) -> [usize; 3] {
        [self.cases.len(), self.activities.len(), self.findings.len()]
    }

    /// Where two differ first, as a sentence.
    pub fn differs_from(&self, other: &Self) -> Option<String> {
        fn first<V: PartialEq + std::fmt::Debug>(
            what: &str,
            one: &BTreeMap<String, V>,
            two: &BTreeMap<String, V>,
        ) -> Option<String> {
            let ids: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            let id = ids.into_iter().find(|id| one.get(*id) != two.get(*id))?;
            Some(format!("{what} {id}:\n  {:?}\nand\n  {:?}", one.get(id), two.get(id)))
        }
        first("case", &self.cases, &other.cases)
            .or_else(|| first("activity", &self.activities, &other.activities))
            .or_else(|| first("finding", &self.findings, &other.findings))
    }
}

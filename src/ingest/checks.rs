//! The decision log: answered checks, committed in groups by the market's writer, counted by KPIs.
//!
//! Whoever answers writes the log's lines ([`CheckBatch`]), which are compressed before they go to the writer
//! ([`CheckPack`]); the writer only stores them and adds up their counts, so a commit of thousands of checks holds the
//! market's lock no longer than one of ten.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::check_record::{CheckHead, CheckLine, CheckRecord, LoggedCheck};
use super::work::Work;
use super::writing::Writing;
use crate::domain::detail::Detail;
use crate::domain::fact::{Dims, Fact, FactKind};
use crate::domain::market::Market;
use crate::domain::time::{Timestamp, day_number};
use crate::domain::verdict::Verdict;
use crate::domain::vocabulary::{Channel, Direction};

/// Contact checks of one day, channel and verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    day: i32,
    channel: Channel,
    verdict: Verdict,
    checks: i64,
}

/// Checks that are logged together: written out, and counted.
#[derive(Debug, Clone, Default)]
pub struct CheckBatch {
    /// One JSON object a line: a head and its checks. The last line is not closed yet.
    body: Vec<u8>,
    /// Head of the last line: requests that share it go on with the line, for most of a record's bytes are its head's.
    open: Option<CheckHead<Box<str>>>,
    checks: usize,
    counts: Counts,
}

/// The line that the records of one request go to, see [`CheckBatch::open`].
#[derive(Debug)]
pub struct Line {
    /// The KPI day that counts them.
    day: i32,
    /// Microseconds from the line's first check to them.
    after: i64,
    /// Nothing stands in it yet.
    empty: bool,
}

/// Commits of the log that a recount reads at once: thousands of checks each, which take a hundred kilobytes or so.
const RECOUNTED: u32 = 32;
/// Bytes that the record of a check takes in most cases.
const RECORD: usize = 256;
/// How hard the compression tries: lines are much alike, and the least effort leaves a tenth of them.
const LEVEL: i32 = 1;
/// End of a line.
const CLOSE: &[u8] = b"]}\n";

impl CheckBatch {
    /// How many checks it holds.
    #[must_use]
    pub const fn checks(&self) -> usize {
        self.checks
    }

    /// An empty batch with memory for about so many checks.
    #[must_use]
    pub fn for_checks(checks: usize) -> Self {
        Self { body: Vec::with_capacity(checks.saturating_add(1).saturating_mul(RECORD)), ..Self::default() }
    }

    /// Where the records of a request go: into the last line, if that has such a head, else into a new one. `market` gives
    /// the zone of the KPI day that counts them. Another line opened later leaves this one closed.
    ///
    /// # Errors
    /// Never for heads made of valid ids; the error type keeps the path free of panics.
    pub fn open(&mut self, market: &Market, head: &CheckHead<&str>) -> Result<Line, IngestError> {
        let day = day_number(head.asked.date(market.zone));
        let (first, empty) = self.begin(head).map_err(|_| corrupt())?;
        Ok(Line { day, after: head.asked.0.saturating_sub(first.0), empty })
    }

    /// Adds a check to the line that was opened last.
    ///
    /// # Errors
    /// Never for records made of valid ids.
    pub fn put(&mut self, line: &mut Line, record: &CheckRecord<&str, &Detail>) -> Result<(), IngestError> {
        let before = self.body.len();
        if !line.empty {
            self.body.push(b',');
        }
        if record.write(line.after, &mut self.body).is_err() {
            // Half a record would spoil the whole commit.
            self.body.truncate(before);
            return Err(corrupt());
        }
        line.empty = false;
        self.checks += 1;
        if let Some(channel) = record.channel {
            let count = Count { day: line.day, channel, verdict: record.verdict, checks: 1 };
            self.count(record.client, count);
        }
        Ok(())
    }

    /// Adds the checks of another batch, whose lines stay its own.
    pub fn append(&mut self, other: Self) {
        if self.open.is_some() {
            self.body.extend_from_slice(CLOSE);
        }
        self.body.extend_from_slice(&other.body);
        self.open = other.open;
        self.checks += other.checks;
        for (client, counts) in other.counts {
            counts.into_iter().for_each(|count| self.count(&client, count));
        }
    }

    /// Goes on with the last line, or closes it and begins another: when its first check was asked, and whether nothing stands
    /// in it yet.
    fn begin(&mut self, head: &CheckHead<&str>) -> serde_json::Result<(Timestamp, bool)> {
        if let Some(open) = &self.open {
            let same = (&*open.run, &*open.key, open.revision, &*open.digest)
                == (head.run, head.key, head.revision, head.digest);
            if same {
                return Ok((open.asked, self.body.ends_with(b"[")));
            }
            self.body.extend_from_slice(CLOSE);
        }
        self.open = None;
        let text = serde_json::to_vec(head)?;
        // The head's closing brace makes room for the list.
        self.body.extend_from_slice(text.strip_suffix(b"}").unwrap_or_default());
        self.body.extend_from_slice(b",\"checks\":[");
        self.open = Some(CheckHead {
            run: head.run.into(),
            asked: head.asked,
            key: head.key.into(),
            revision: head.revision,
            digest: head.digest.into(),
        });
        Ok((head.asked, true))
    }

    fn count(&mut self, client: &str, new: Count) {
        let counts = match self.counts.get_mut(client) {
            Some(counts) => counts,
            None => self.counts.entry(client.into()).or_default(),
        };
        let same = |one: &&mut Count| (one.day, one.channel, one.verdict) == (new.day, new.channel, new.verdict);
        match counts.iter_mut().find(same) {
            Some(count) => count.checks += new.checks,
            None => counts.push(new),
        }
    }

    /// The batch as the writer takes it. Compressing it takes about a millisecond for thousands of checks.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn pack(mut self) -> Result<CheckPack, IngestError> {
        if self.open.is_some() {
            self.body.extend_from_slice(CLOSE);
        }
        let frame = zstd::bulk::compress(&self.body, LEVEL).map_err(|_| corrupt())?;
        Ok(CheckPack { frame, checks: self.checks, counts: self.counts })
    }
}

/// Logged checks on their way to the database.
#[derive(Debug, Clone)]
pub struct CheckPack {
    /// The compressed lines: such frames may stand one behind the other.
    frame: Vec<u8>,
    checks: usize,
    counts: Counts,
}

impl CheckPack {
    /// How many checks it holds.
    #[must_use]
    pub const fn checks(&self) -> usize {
        self.checks
    }
}

/// Counts of contact checks by creditor.
type Counts = HashMap<Box<str>, Vec<Count>, foldhash::quality::RandomState>;

/// The KPI facts of counted checks.
fn facts(counts: &Counts) -> impl Iterator<Item = Fact> {
    counts.iter().flat_map(|(client, counts)| counts.iter().map(|count| fact(client, *count)))
}

fn fact(client: &str, count: Count) -> Fact {
    let dims = Dims {
        client: Some(Arc::from(client)),
        channel: Some(count.channel),
        direction: Some(Direction::Outbound),
        state: Some(Arc::from(count.verdict.as_str())),
        ..Dims::default()
    };
    Fact { count: count.checks, ..Fact::new(FactKind::ContactCheck, count.day, Arc::new(dims)) }
}

/// Logs and counts the checks of a group.
pub(super) async fn log(writing: &mut Writing<'_>, work: &[Work]) -> Result<(), IngestError> {
    let packs = work.iter().filter_map(|job| match job {
        Work::Checks(pack) => Some(&**pack),
        _ => None,
    });
    store(writing, packs).await
}

/// Logs and counts a check in the commit of what followed from it, which logs no others.
pub(super) async fn log_one(
    writing: &mut Writing<'_>,
    head: &CheckHead<&str>,
    record: CheckRecord<&str, &Detail>,
) -> Result<(), IngestError> {
    let mut batch = CheckBatch::default();
    let mut line = batch.open(&writing.market, head)?;
    batch.put(&mut line, &record)?;
    store(writing, std::iter::once(&batch.pack()?)).await
}

/// Logs and counts what was packed.
async fn store<'p>(writing: &mut Writing<'_>, packs: impl Iterator<Item = &'p CheckPack>) -> Result<(), IngestError> {
    let mut body = Vec::new();
    for pack in packs {
        body.extend_from_slice(&pack.frame);
        for fact in facts(&pack.counts) {
            writing.count(&fact);
        }
    }
    if body.is_empty() {
        return Ok(());
    }
    writing.stored = true;
    Ok(writing.tx.insert_checks(writing.revision, writing.recorded, body).await?)
}

/// The KPI fact of one logged check; `None` for one of a charge, which no KPI counts.
pub(super) fn check_fact(market: &Market, asked: Timestamp, check: &LoggedCheck) -> Option<Fact> {
    let day = day_number(asked.date(market.zone));
    let count = Count { day, channel: check.channel?, verdict: check.verdict, checks: 1 };
    Some(fact(&check.client, count))
}

/// Counts every logged check anew. The log of years is read a page at a time: it need not fit into memory, and no statement
/// takes longer than one may.
pub(super) async fn recount(writing: &mut Writing<'_>) -> Result<(), IngestError> {
    let mut after = 0;
    loop {
        let rows = writing.tx.checks(after, RECOUNTED).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.revision;
        for row in rows {
            let mut counted = CheckBatch::default();
            for CheckLine { head, checks } in read_checks(&row.body)? {
                for check in checks {
                    let Some(channel) = check.channel else { continue };
                    let day = day_number(head.asked.plus(check.asked_after).date(writing.market.zone));
                    counted.count(&check.client, Count { day, channel, verdict: check.verdict, checks: 1 });
                }
            }
            for fact in facts(&counted.counts) {
                writing.count(&fact);
            }
        }
    }
}

/// The lines of a stored body: packs one behind the other.
///
/// # Errors
/// STORAGE_CORRUPT for bytes that are none.
pub fn read_checks(body: &[u8]) -> Result<Vec<CheckLine>, IngestError> {
    let text = zstd::decode_all(body).map_err(|_| corrupt())?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|_| corrupt())).collect()
}

fn corrupt() -> IngestError {
    IngestError::corrupt("a logged check is corrupt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::detail::Contact;
    use crate::domain::ids::{MarketId, TenantId};
    use crate::domain::market::{DEFAULT_PAYMENT_ORDER, MarketKey};
    use crate::domain::money::{Currency, Money};
    use crate::domain::vocabulary::{ChargeStep, Initiator, PartyRole};
    use crate::ingest::check_record::tests::bare;

    fn market() -> Market {
        Market {
            key: MarketKey { tenant: TenantId::trusted("t"), market: MarketId::trusted("it") },
            region: "IT".to_owned(),
            zone: chrono_tz::Europe::Rome,
            currency: Currency::parse("EUR").unwrap(),
            promise_grace_days: 3,
            attribution_days: 30,
            payment_order: DEFAULT_PAYMENT_ORDER,
            payment_orders: Vec::new(),
            buckets: crate::domain::buckets::Buckets::default(),
            case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
        }
    }

    fn head() -> CheckHead<&'static str> {
        CheckHead { run: "0f", asked: Timestamp(1_710_763_200_000_000), key: "k", revision: 7, digest: "d" }
    }

    fn record(number: u64, channel: Option<Channel>, verdict: Verdict) -> CheckRecord<&'static str, &'static Detail> {
        CheckRecord {
            number,
            case: "c \"1\"",
            person: Some("p"),
            channel,
            verdict,
            rules: vec!["it-hours"],
            permits: if number == 2 { vec!["p1"] } else { Vec::new() },
            ..bare()
        }
    }

    #[test]
    fn lines_are_read_as_they_were_written_and_counted_by_what_kpis_ask() {
        let charge = Some((ChargeStep::Reminder, Money::new(500, Currency::parse("EUR").unwrap())));
        let mut contact = Contact::on(Channel::Sms);
        contact.content_items.push("opt_out".to_owned());
        let planned: &'static Detail = Box::leak(Box::new(Detail::Contact(Box::new(contact))));
        let records = [
            record(1, Some(Channel::Call), Verdict::Allowed),
            CheckRecord { asked_after: 90, ..record(2, Some(Channel::Call), Verdict::Allowed) },
            CheckRecord {
                at: Some(Timestamp(5)),
                detail: Some(planned),
                initiated_by: Some(Initiator::Creditor),
                person_role: Some(PartyRole::Spouse),
                at_debtors_request: true,
                ..record(3, Some(Channel::Sms), Verdict::NotPermitted)
            },
            CheckRecord { charge, person: None, ..record(4, None, Verdict::Allowed) },
        ];
        let later = CheckHead { asked: head().asked.plus(90), ..head() };
        let next = CheckHead { asked: later.asked, revision: 8, ..head() };
        let mut batch = CheckBatch::default();
        let added = |batch: &mut CheckBatch, head: &CheckHead<&str>, records: &[CheckRecord<_, _>]| {
            let mut line = batch.open(&market(), head).unwrap();
            records.iter().for_each(|record| batch.put(&mut line, record).unwrap());
        };
        added(&mut batch, &head(), &records[..1]);
        added(&mut batch, &later, &[CheckRecord { asked_after: 0, ..records[1].clone() }]);
        added(&mut batch, &next, &records[2..]);
        assert_eq!(batch.checks(), 4);
        let pack = batch.pack().unwrap();
        assert_eq!(pack.checks(), 4);
        let lines = read_checks(&[pack.frame.as_slice(), &pack.frame].concat()).unwrap();
        assert_eq!(lines[..2], lines[2..]);
        let lines = read_checks(&pack.frame).unwrap();
        assert_eq!(lines.iter().map(|line| line.checks.len()).collect::<Vec<_>>(), [2, 2]);
        for (line, head) in lines.iter().zip([head(), next.clone()]) {
            assert_eq!(serde_json::to_string(&line.head).unwrap(), serde_json::to_string(&head).unwrap());
        }
        let read: Vec<&LoggedCheck> = lines.iter().flat_map(|line| &line.checks).collect();
        for (read, written) in read.iter().zip(&records) {
            assert_eq!(serde_json::to_string(read).unwrap(), serde_json::to_string(written).unwrap());
        }
        let mut counts: Vec<(i64, Option<Arc<str>>)> =
            facts(&pack.counts).map(|fact| (fact.count, fact.dims.state.clone())).collect();
        counts.sort();
        assert_eq!(counts, [(1, Some("not_permitted".into())), (2, Some("allowed".into()))]);
        let (mut one, mut other) = (CheckBatch::default(), CheckBatch::default());
        added(&mut one, &head(), &records[..2]);
        added(&mut other, &next, &records[2..]);
        one.append(other);
        let joined = one.pack().unwrap();
        let again = read_checks(&joined.frame).unwrap();
        let checks = |lines: &[CheckLine]| lines.iter().map(|line| line.checks.len()).collect::<Vec<_>>();
        assert_eq!((joined.checks(), checks(&again)), (4, vec![2, 2]));
        assert_eq!(again[1], lines[1]);
        assert_eq!(joined.counts, pack.counts);
        let half = pack.frame.len() / 2;
        for bad in [&pack.frame[..half], &pack.frame[..2], &[255; 9]] {
            assert!(read_checks(bad).is_err(), "{bad:?}");
        }
    }
}

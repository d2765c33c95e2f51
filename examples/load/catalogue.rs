//! Every KPI of the catalogue at every grain of one year, without a group and by each dimension that it is kept by, over a
//! loaded history, over a smaller one, and beside DuckDB on the same rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use v1::kpi_service_client::KpiServiceClient;

use crate::Options;
use crate::duckdb::{self, DuckDb};
use crate::history::{Histories, kept, question, settle};
use crate::peer_floor::{Floor, REAL, SHOWN};
use crate::stats::median;
use crate::support::raw;
use crate::support::service::{Service, Setup, caller, connect_for_tables};
use crate::support::workload::MARKETS;
use crate::told_catalogue;

/// The grains, as DuckDB names them too.
pub const GRAINS: [(v1::Grain, &str); 5] = [
    (v1::Grain::Day, "day"),
    (v1::Grain::Week, "week"),
    (v1::Grain::Month, "month"),
    (v1::Grain::Quarter, "quarter"),
    (v1::Grain::Year, "year"),
];
const METHOD: &str = "/fairdue.v1.KpiService/QueryKpis";
/// Questions between two rounds of DuckDB's.
const STRETCH: usize = 500;

/// One question, and what was seen of it.
#[derive(Debug)]
pub struct Asked {
    pub kpi: String,
    pub grain: &'static str,
    /// The dimensions grouped by.
    pub by: Vec<String>,
    pub rows: usize,
    /// Rows with a figure that is not zero.
    pub figures: usize,
    pub bytes: usize,
    /// Microseconds of the first answer, whose cells are read from the database unless another question had them read.
    pub first: f64,
    /// Median of the answers after it, to the last byte.
    pub last_byte: f64,
    /// The same until it was decoded.
    pub micros: f64,
    /// The same over the smaller history.
    pub smaller: f64,
}

/// A served history.
pub struct Served {
    pub service: Service,
    channel: Channel,
    metadata: MetadataMap,
}

/// An answer as it came.
pub struct Came {
    pub answer: v1::QueryKpisResponse,
    bytes: usize,
    /// Microseconds until its last byte was there.
    last_byte: f64,
    /// The same until it was decoded.
    pub decoded: f64,
}

impl Served {
    pub async fn start(setup: &Setup, markets: usize) -> Self {
        let service = setup.start().await;
        settle(&service, &setup.key, markets).await;
        let channel = connect_for_tables(&service.address).await.expect("connect to the server");
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", format!("Bearer {}", setup.key).parse().expect("a key of plain characters"));
        Self { service, channel, metadata }
    }

    /// The answer; `None` if the question is refused.
    pub async fn ask(&self, question: &v1::QueryKpisRequest) -> Option<Came> {
        let (metadata, question) = (self.metadata.clone(), question.encode_to_vec());
        let since = Instant::now();
        match raw::unary(&self.channel, METHOD, metadata, question).await {
            Ok(answer) => {
                let (last_byte, bytes) = (micros(since.elapsed()), answer.into_inner());
                let answer = v1::QueryKpisResponse::decode(bytes.as_slice()).expect("an answer");
                Some(Came { answer, bytes: bytes.len(), last_byte, decoded: micros(since.elapsed()) })
            }
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
                None
            }
        }
    }
}

pub fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}

pub async fn measure(options: &Options) {
    let histories = Histories::open(options).await;
    let smaller = match &options.smaller {
        Some(directory) => kept(directory, "whole").await,
        None => histories.half,
    };
    let times = f64::from(options.cases()) / f64::from(told_cases(options));
    let whole = Served::start(&histories.whole, options.markets).await;
    let smaller = Served::start(&smaller, options.markets).await;
    let mut peer = options.duckdb.as_ref().map(|python| opened(python, &histories.directory, options));
    let mut floor = Floor::default();
    let mut kpis = list(&whole, &histories.whole.key).await;
    kpis.retain(|kpi| options.kpis.is_empty() || options.kpis.contains(&kpi.kpi_id));
    let questions: Vec<(v1::QueryKpisRequest, &'static str)> = kpis.iter().flat_map(questions).collect();
    println!("{} KPIs, {} questions about {}, {times} times the history", kpis.len(), questions.len(), MARKETS[0].0);
    let mut asked = Vec::with_capacity(questions.len());
    // What is refused, or told from the history, is so at every grain.
    let mut without = BTreeSet::new();
    for (place, (question, grain)) in questions.iter().enumerate() {
        if let Some(peer) = peer.as_mut().filter(|_| place.is_multiple_of(STRETCH)) {
            floor.take(peer);
        }
        let name = format!("{} by {}", question.kpi_ids.concat(), question.group_by.join(", "));
        if without.contains(&name) {
            continue;
        }
        match one(&whole, &smaller, question, grain, options.rounds).await {
            Some(one) => asked.push(one),
            None => {
                without.insert(name);
            }
        }
    }
    println!("  no answer from cells: {without:?}");
    println!("  resident: {} MiB with the whole history", whole.service.resident_bytes() >> 20);
    told_catalogue::write(&histories.directory.join("catalogue.csv"), &asked);
    told_catalogue::tell(&asked, times);
    if peer.is_some() {
        floor.tell();
        told_catalogue::beside(&asked, &floor);
    }
    if let Some(peer) = &mut peer {
        for real in REAL {
            println!("  {}", beside(&whole, peer, real, options.rounds).await);
        }
    }
    whole.service.kill();
    smaller.service.kill();
}

/// The cases of the smaller history.
fn told_cases(options: &Options) -> u32 {
    let note = |directory: &PathBuf| std::fs::read_to_string(directory.join("history.txt")).expect("a kept history");
    let first =
        |text: String| text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number of cases");
    options.smaller.as_ref().map_or(options.cases() / 2, |directory| first(note(directory)))
}

pub fn opened(python: &Path, directory: &Path, options: &Options) -> DuckDb {
    let table = directory.join("activities.csv");
    if !table.exists() {
        duckdb::export(&table, options.cases(), options.markets);
    }
    DuckDb::open(python, &table)
}

async fn list(served: &Served, key: &str) -> Vec<v1::Kpi> {
    let mut client = KpiServiceClient::new(caller(&served.service.address, key).await);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListKpisRequest { region_code: MARKETS[0].0.into(), page_size: 1_000, page_token };
        let page = client.list_kpis(request).await.expect("a page").into_inner();
        all.extend(page.kpis);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// The sets by which a KPI is kept.
fn sets(kpi: &v1::Kpi) -> impl Iterator<Item = &Vec<String>> {
    kpi.dimension_sets.iter().map(|set| &set.dimensions)
}

/// A KPI at every grain, alone and by each of its dimensions. A curve is asked by its months as well, a lift by its template:
/// neither has figures without.
fn questions(kpi: &v1::Kpi) -> Vec<(v1::QueryKpisRequest, &'static str)> {
    let own = match kpi.kind.as_str() {
        // But for one horizon, whose months are its own.
        "cohort" => Some("months_since").filter(|own| sets(kpi).any(|one| one.iter().any(|name| name == own))),
        "lift" => Some("template"),
        _ => None,
    };
    let with_own = sets(kpi).filter(|set| own.is_none_or(|own| set.iter().any(|name| name == own)));
    let mut dimensions: Vec<&String> = with_own.flatten().filter(|name| Some(name.as_str()) != own).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let plain: Vec<String> = own.into_iter().map(str::to_owned).collect();
    let by = dimensions.into_iter().map(|one| [plain.clone(), vec![one.clone()]].concat());
    let groups: Vec<Vec<String>> = std::iter::once(plain.clone()).chain(by).collect();
    let of = |group: &Vec<String>, (grain, name): (v1::Grain, &'static str)| {
        let mut question = question(MARKETS[0].0);
        question.kpi_ids = vec![kpi.kpi_id.clone()];
        question.grain = grain.into();
        question.group_by.clone_from(group);
        (question, name)
    };
    groups.iter().flat_map(|group| GRAINS.map(|grain| of(group, grain))).collect()
}

/// Asks both histories by turns, after each has answered once; `None` if cells do not answer it.
async fn one(
    whole: &Served,
    smaller: &Served,
    question: &v1::QueryKpisRequest,
    grain: &'static str,
    rounds: usize,
) -> Option<Asked> {
    let Came { answer, bytes, decoded: first, .. } = whole.ask(question).await?;
    if answer.source() != v1::FigureSource::Cells {
        return None;
    }
    smaller.ask(question).await?;
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        large.push(whole.ask(question).await?);
        small.push(smaller.ask(question).await?.decoded);
    }
    let over = |of: fn(&Came) -> f64| median(&large.iter().map(of).collect::<Vec<_>>());
    Some(Asked {
        kpi: question.kpi_ids.concat(),
        grain,
        by: question.group_by.clone(),
        rows: answer.rows.len(),
        figures: answer.rows.iter().filter(|row| has_figure(row)).count(),
        bytes,
        first,
        last_byte: over(|one| one.last_byte),
        micros: over(|one| one.decoded),
        smaller: median(&small),
    })
}

fn has_figure(row: &v1::KpiRow) -> bool {
    let parts = [&row.value, &row.numerator, &row.denominator];
    parts.into_iter().flatten().any(|one| one.value.bytes().any(|digit| (b'1'..=b'9').contains(&digit)))
}

/// A question that both answer, by turns.
async fn beside(whole: &Served, peer: &mut DuckDb, real: (&str, &str, &str, &str), rounds: usize) -> String {
    let (what, kpi, grain, column) = real;
    let mut question = question(MARKETS[0].0);
    question.kpi_ids = vec![kpi.to_owned()];
    question.grain = GRAINS.iter().find(|one| one.1 == grain).expect("a grain").0.into();
    question.group_by = [column].into_iter().filter(|one| *one != "-").map(str::to_owned).collect();
    // What DuckDB does not tell is left out of our rows, and by turns not.
    let mut shown = question.clone();
    shown.read_mask = Some(prost_types::FieldMask { paths: SHOWN.map(str::to_owned).to_vec() });
    // To the last byte and until it was decoded, of whole rows and of what both tell.
    let mut ours: [Vec<f64>; 4] = Default::default();
    let (mut theirs, mut rows) = (Vec::new(), (0, 0));
    whole.ask(&question).await.expect("an answer");
    peer.ask_of(what, grain, column, 0);
    for _ in 0..rounds.max(7) {
        let long = whole.ask(&question).await.expect("an answer");
        let short = whole.ask(&shown).await.expect("an answer");
        let took = [long.last_byte, long.decoded, short.last_byte, short.decoded];
        ours.iter_mut().zip(took).for_each(|(all, took)| all.push(took));
        let (took, found) = peer.ask_of(what, grain, column, 0);
        theirs.push(micros(took));
        rows = (long.answer.rows.iter().filter(|row| has_figure(row)).count() as u64, found);
    }
    let theirs = median(&theirs);
    let told = |place: usize| {
        let own = median(&ours[place]);
        format!("{:.2} ms ({:.1} times)", own / 1e3, theirs / own)
    };
    format!(
        "{kpi} by {grain} and {column}: last byte {}, decoded {}; with what both tell {}, {}; {} rows; DuckDB {:.1} ms, {} rows \
         (aim: at least 10 times)",
        told(0),
        told(1),
        told(2),
        told(3),
        rows.0,
        theirs / 1e3,
        rows.1,
    )
}

//! Resident memory for each active case, and how soon a restarted server answers checks beside a full read of the history.

use std::path::Path;
use std::time::{Duration, Instant};

use fairdue::proto::v1;
use v1::compliance_service_client::ComplianceServiceClient;

use crate::history::{kept, settle};
use crate::stats::ratio_at_most;
use crate::support::service::{Caller, Setup, caller};
use crate::support::workload::{self, MARKETS};
use crate::{Options, bare, figures, stream};

/// Checks of a message.
const CHECKS: u32 = 1_000;

pub async fn measure(options: &Options) {
    if let Some(directory) = &options.keep {
        return at_hand(options, directory).await;
    }
    let mut resident = Vec::new();
    for cases in [options.cases() / 2, options.cases()] {
        let database = options.database().await;
        let setup = Setup::new(&database.url, &[]).await;
        let service = setup.start().await;
        let empty = service.resident_bytes();
        stream::cases(&service, &setup.key, cases, options.markets).await;
        let run = stream::activities(&service, &setup.key, cases, options.markets).await;
        let held = service.resident_bytes();
        let of_markets = (0..cases).filter(|case| (*case as usize % MARKETS.len()) < options.markets).count();
        println!(
            "{of_markets} cases, {} activities at {:.0} a second: {} MiB resident, {} MiB when empty",
            run.items,
            run.rate(),
            held >> 20,
            empty >> 20
        );
        resident.push((of_markets as f64, held as f64));
        service.kill();

        let since = Instant::now();
        let service = setup.start().await;
        let mut client = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
        client.check_contact(first_check()).await.expect("an answer");
        let ready = since.elapsed();
        let since = Instant::now();
        let rows = bare::read(&database).await.len();
        println!(
            "  killed and started again: first check answered after {ready:.2?}; {rows} rows read in {:.2?}",
            since.elapsed()
        );
        ratio_at_most("ready over a full read", ready.as_secs_f64(), since.elapsed().as_secs_f64(), 0.1);
        figures::compare(&service.address, &setup.key, 0..cases, options.markets).await;
        service.kill();
    }
    if let [(fewer, less), (more, most)] = resident[..] {
        let slope = (most - less) / (more - fewer);
        println!("  {slope:.0} bytes resident for each further case: {:.0} MiB a million", slope * 1e6 / 1_048_576.0);
    }
}

/// Every case of a kept history at hand, packed as far as settings allow: resident memory, and how long all of them take to be
/// checked from the history and from memory.
async fn at_hand(options: &Options, directory: &Path) {
    let mut setup = kept(directory, "whole").await;
    for (name, value) in [("ingest.unpacked_mib", "0"), ("query.sums_after_ms", "0"), ("query.kpi_cache_mib", "0")] {
        setup.set(name, value);
    }
    let service = setup.start().await;
    let mut client = ComplianceServiceClient::new(caller(&service.address, &setup.key).await);
    let all: Vec<u32> =
        (0..options.cases()).filter(|case| (*case as usize % MARKETS.len()) < options.markets).collect();
    let since = Instant::now();
    client.check_contact(first_check()).await.expect("an answer");
    println!("  first check after {:.1?}", since.elapsed());
    settle(&service, &setup.key, options.markets).await;
    let empty = service.resident_bytes();
    let (mut seen, tenth) = (Vec::new(), all.len().div_ceil(10).max(1));
    let mut times = [Duration::ZERO; 2];
    for (pass, took) in times.iter_mut().enumerate() {
        for some in all.chunks(tenth) {
            let since = Instant::now();
            for cases in some.chunks(CHECKS as usize) {
                check(&mut client, cases).await;
            }
            *took += since.elapsed();
            let held = service.resident_bytes();
            println!("  pass {pass}: {} MiB resident after {:.0?}", held >> 20, *took);
            seen.push(held as f64);
        }
    }
    let [from_history, from_memory] = times;
    let (first, last) = (seen.get(4).copied().unwrap_or_default(), seen.get(9).copied().unwrap_or_default());
    println!(
        "{} cases: {} MiB when empty; checked from the history in {from_history:.1?}, again in {from_memory:.1?}",
        all.len(),
        empty >> 20
    );
    let of_half = (last - first) / (all.len() as f64 / 2.0) * 1e6 / 1_048_576.0;
    println!("  {:.0} MiB a million by the second half of the cases", of_half);
    ratio_at_most("resident MiB a million cases", last / 1_048_576.0 / (all.len() as f64 / 1e6), 1.0, 300.0);
    service.kill();
}

/// A check of the first case.
fn first_check() -> v1::CheckContactRequest {
    v1::CheckContactRequest {
        region_code: MARKETS[0].0.into(),
        case_id: workload::case_id(0),
        contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
        initiator: v1::Initiator::Collector.into(),
        ..Default::default()
    }
}

/// Checks a call to each of these cases, which are all of one market.
async fn check(client: &mut ComplianceServiceClient<Caller>, cases: &[u32]) {
    for (market, (region, _, _)) in MARKETS.iter().enumerate() {
        let of = |case: &&u32| **case as usize % MARKETS.len() == market;
        let checks: Vec<v1::ContactCheck> = cases
            .iter()
            .filter(of)
            .map(|case| v1::ContactCheck {
                case_id: workload::case_id(*case),
                contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
                initiator: v1::Initiator::Collector.into(),
                ..Default::default()
            })
            .collect();
        if checks.is_empty() {
            continue;
        }
        let view = v1::CheckView::Verdict.into();
        let request = v1::BatchCheckContactsRequest { region_code: (*region).into(), checks, view };
        let answer = client.batch_check_contacts(request).await.expect("answers").into_inner();
        assert_eq!(answer.results.len(), cases.iter().filter(of).count());
    }
}

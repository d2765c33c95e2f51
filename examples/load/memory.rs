//! Resident memory for each active case, and how soon a restarted server answers checks beside a full read of the history.

use std::time::Instant;

use fairdue::proto::v1;
use v1::compliance_service_client::ComplianceServiceClient;

use crate::stats::ratio_at_most;
use crate::support::service::{Setup, caller};
use crate::support::workload::{self, MARKETS};
use crate::{Options, bare, figures, stream};

pub async fn measure(options: &Options) {
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
        let request = v1::CheckContactRequest {
            region_code: MARKETS[0].0.into(),
            case_id: workload::case_id(0),
            contact: Some(v1::Contact { channel: v1::Channel::Call.into(), ..Default::default() }),
            initiator: v1::Initiator::Collector.into(),
            ..Default::default()
        };
        client.check_contact(request).await.expect("an answer");
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

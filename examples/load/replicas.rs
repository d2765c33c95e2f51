//! What a record costs processors with one server and with two over the same PostgreSQL: each market written to through one
//! of them, and every market through both.

use crate::processors::Processors;
use crate::stats::{Run, median, ratio_at_most};
use crate::stream::{Pace, Part};
use crate::support::database::Backend;
use crate::support::service::{Service, Setup};
use crate::support::{recount, workload};
use crate::{Options, figures, stream, twelve};

/// How the records reach the servers.
#[derive(Debug, Clone, Copy)]
enum Spread {
    One,
    ByMarket,
    Everywhere,
}

const ALL: [(Spread, &str); 3] = [
    (Spread::One, "one server"),
    (Spread::ByMarket, "two servers, each with its markets"),
    (Spread::Everywhere, "two servers, all markets on both"),
];

pub async fn measure(options: &Options) {
    assert_eq!(options.backend(), Backend::Postgres, "an SQLite file has one server: ask with --database postgres");
    // Microseconds of the servers alone, and of servers and database.
    let mut costs: [(Vec<f64>, Vec<f64>); 3] = Default::default();
    for round in 1..=options.rounds {
        println!("round {round}");
        for ((spread, name), (servers, all)) in ALL.into_iter().zip(&mut costs) {
            let (run, server, rest) = one(options, spread).await;
            println!(
                "  {name:<34} {:>9.0} rows/s   servers {server:.1} us a row, with the database {rest:.1}",
                run.rate()
            );
            servers.push(server);
            all.push(rest);
        }
    }
    let [(one_server, one_all), others @ ..] = &costs;
    for ((servers, all), (_, name)) in others.iter().zip(&ALL[1..]) {
        println!("{name}");
        ratio_at_most("servers, a record, over one server", median(servers), median(one_server), 1.2);
        ratio_at_most("servers and database, a record, over one server", median(all), median(one_all), 1.2);
    }
}

/// One round on a fresh database.
async fn one(options: &Options, spread: Spread) -> (Run, f64, f64) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    if options.twelve_rules {
        twelve::put(setup.configuration());
    }
    let mut services = vec![setup.start().await];
    if !matches!(spread, Spread::One) {
        services.push(setup.start().await);
    }
    let first: &Service = services.first().expect("a server");
    stream::cases(first, &setup.key, options.cases(), options.markets).await;
    let all: Vec<&Service> = services.iter().collect();
    let part = |server: usize, market, half: Option<u32>| {
        let mut records = stream::records(market, 0..options.cases());
        // A case's records go the same way, as those of one platform do.
        records.retain(|record| half.is_none_or(|half| record.case / workload::MARKETS.len() as u32 % 2 == half));
        Part { address: all[server].address.clone(), market, records }
    };
    let markets = 0..options.markets;
    let parts: Vec<Part> = match spread {
        Spread::One => markets.map(|market| part(0, market, None)).collect(),
        Spread::ByMarket => markets.map(|market| part(market % 2, market, None)).collect(),
        Spread::Everywhere => markets.flat_map(|market| [part(0, market, Some(0)), part(1, market, Some(1))]).collect(),
    };
    let before = Processors::now(&all);
    let run = stream::send(parts, &setup.key, Pace::Closed, workload::activity).await;
    let (server, rest) = Processors::now(&all).each(&before, run.items);
    let expected: u64 = (0..options.markets).map(|market| recount::count(market, 0..options.cases()).records).sum();
    assert_eq!(run.items, expected, "records acknowledged as new");
    for service in services {
        service.kill();
    }
    let service = setup.start().await;
    figures::compare(&service.address, &setup.key, 0..options.cases(), options.markets).await;
    service.kill();
    (run, server, rest)
}

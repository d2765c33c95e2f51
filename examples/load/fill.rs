//! The cells of a new KPI filled from a market's history, against the database that hands over the same rows.

use std::time::{Duration, Instant};

use fairdue::proto::v1;
use v1::kpi_service_client::KpiServiceClient;

use crate::processors::Processors;
use crate::simulate::hand_over;
use crate::stats::{Rounds, ratio_at_most, timed};
use crate::support::service::{Caller, Setup, caller};
use crate::support::workload::MARKETS;
use crate::{Options, stream};

pub async fn measure(options: &Options) {
    let database = options.database().await;
    let setup = Setup::new(&database.url, &[]).await;
    let service = setup.start().await;
    stream::cases(&service, &setup.key, options.cases(), 1).await;
    stream::activities(&service, &setup.key, options.cases(), 1).await;
    let mut client = KpiServiceClient::new(caller(&service.address, &setup.key).await);
    let mut ours = Rounds::of("filling");
    let region = MARKETS[0].0;
    let mut theirs = Rounds::of("rows handed over");
    for round in 1..=options.rounds {
        println!("round {round}");
        let id = format!("contacts_of_round_{round}");
        let path = setup.configuration().join(format!("kpis/round_{round}.toml"));
        std::fs::write(path, definition(round, &id)).expect("write a definition");
        let rows = hand_over(&database, region).await;
        let count = rows.items;
        theirs.take(rows, "activities");
        let (since, before) = (Instant::now(), Processors::now(&[&service]));
        service.reload();
        filled(&mut client, region, &id).await;
        let used = Processors::now(&[&service]).since(&before, count);
        ours.take(timed(count, since), "activities");
        println!("  {used}");
    }
    println!("{}\n{}", ours.summary("activities"), theirs.summary("activities"));
    ratio_at_most(
        "time of filling over time of handing over",
        1.0 / ours.median_rate(),
        1.0 / theirs.median_rate(),
        3.0,
    );
    service.kill();
}

/// Waits until the KPI is there and answers from its own cells.
async fn filled(client: &mut KpiServiceClient<Caller>, region: &str, id: &str) {
    loop {
        let request =
            v1::ListKpisRequest { region_code: region.to_owned(), page_size: 1_000, ..v1::ListKpisRequest::default() };
        let told = client.list_kpis(request).await.expect("the KPIs").into_inner();
        if let Some(kpi) = told.kpis.iter().find(|kpi| kpi.kpi_id == id)
            && kpi.filling.is_none()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A KPI with a measure of its own.
fn definition(round: usize, id: &str) -> String {
    format!(
        "version = 1\n[[measure]]\nid = \"measure_of_round_{round}\"\ntitle = \"t\"\ndescription = \"t\"\nfact = \"contact\"\n\
         agg = \"count\"\ndimension_sets = [[], [\"agent\"]]\n[[kpi]]\nid = \"{id}\"\ntitle = \"Round {round}\"\n\
         description = \"t\"\nformula = \"t\"\nsource = \"the measurement\"\nkind = \"simple\"\n\
         measure = \"measure_of_round_{round}\"\nunit = \"count\"\ndecimals = 0\nrounding = \"half_even\"\n\
         unit_counted = \"contact\"\nbase = \"none\"\nclock = \"occurred\"\ncurrency_policy = \"none\"\n\
         additivity = \"time_and_groups\"\nattribution = \"actor\"\ndimension_as_of = \"fact\"\nvariants = []\n"
    )
}

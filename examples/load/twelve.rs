//! Configuration with twelve rules in each market: what the targets of ingest are stated for.

use std::path::Path;

use crate::support::workload::MARKETS;

/// The rules of the comparison with other engines, written for Italy; the same for each market here.
const RULES: &str = include_str!("../../benches/twelve_rules.toml");
const EXAMPLES: &str = include_str!("../../benches/twelve_rules.cases.toml");

/// Puts the twelve rules in the place of all packs of a configuration directory, and takes the tenant's facts out, which
/// name jurisdictions that have no pack any more.
pub fn put(directory: &Path) {
    let jurisdictions = directory.join("jurisdictions");
    for unused in [&jurisdictions, &directory.join("rates")] {
        std::fs::remove_dir_all(unused).expect("remove the packs and their dated tables");
    }
    for (region, currency, zone) in MARKETS {
        let country = region.to_lowercase();
        let of_market = |text: &str| {
            let text = text.replace("\"it\"", &format!("\"{country}\"")).replace("\"it-", &format!("\"{country}-"));
            let text = text.replace("\"IT\"", &format!("\"{region}\"")).replace("EUR", currency);
            text.replace("Europe/Rome", zone)
        };
        let pack = jurisdictions.join(&country);
        std::fs::create_dir_all(&pack).expect("make a directory");
        std::fs::write(pack.join("rules.toml"), of_market(RULES)).expect("write the rules");
        std::fs::write(pack.join("cases.toml"), of_market(EXAMPLES)).expect("write their examples");
    }
    let tenant = directory.join("tenants/t.toml");
    let text = std::fs::read_to_string(&tenant).expect("read the tenant");
    let text = text.split("[[facts.").next().unwrap_or_default();
    let without_comment = text.trim_end().trim_end_matches(|letter| letter != '\n');
    std::fs::write(&tenant, without_comment).expect("write the tenant");
}

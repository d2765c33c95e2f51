//! The readers of each kind of file, called with one document, and documents that use what no other does.

use std::sync::LazyLock;

use crate::cli::import::mapping::Mapping;
use crate::config::{benchmark, exchange, server::Server, tenant};
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::ids::JurisdictionId;
use crate::domain::money::Currency;
use crate::kpi::{Catalogue, cases};
use crate::rules::example::{self, ExampleDefaults};
use crate::rules::rates::{self, RateTables};
use crate::rules::reader::Reading;
use crate::rules::{Packs, overlay, parse, tests as shipped};

static PACKS: LazyLock<Packs> = LazyLock::new(shipped::shipped);

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let files = super::shipped().into_iter().filter(|file| file.path.starts_with("kpis/")).collect::<Vec<_>>();
    Catalogue::compile(&files).unwrap()
});

/// What the reader of the schema's files tells of a document.
pub(super) fn read(schema: &str, path: &str, text: &str) -> Vec<Diagnostic> {
    let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    match schema {
        "server" => drop(Server::build(Some((path, text)), std::iter::empty(), &mut found)),
        "tenant" => {
            drop(tenant::read(&file, &mut found));
            found.extend(overlay::read(&PACKS, &file).err().into_iter().flat_map(|wrong| wrong.0));
        }
        "benchmarks" => drop(benchmark::read(&[file], Some(&CATALOGUE), &mut found)),
        "exchange" => drop(exchange::read(&[file], &mut found)),
        "kpis" => found.extend(Catalogue::compile(&[file]).err().into_iter().flat_map(|wrong| wrong.0)),
        "kpi-cases" => found.extend(cases::run(&CATALOGUE, &[file]).err().into_iter().flat_map(|wrong| wrong.0)),
        "import" => found.extend(Mapping::parse(&file).err().into_iter().flat_map(|wrong| wrong.0)),
        _ => {
            let reading = Reading::new(&file);
            let table = reading.parse();
            match schema {
                "rules" => drop(parse::pack(&reading, table.get_ref(), PACKS.rates())),
                "rates" => rates::read(&reading, table.get_ref(), &mut RateTables::new()),
                _ => {
                    let id = JurisdictionId::trusted("it");
                    let (zone, currency) = (Some(chrono_tz::Tz::Europe__Rome), Currency::parse("EUR"));
                    let defaults = ExampleDefaults { jurisdiction: &id, zone, currency };
                    drop(example::examples(&reading, table.get_ref(), &defaults));
                }
            }
            drop(table);
            found = reading.finish();
        }
    }
    found
}

/// Documents with tables that neither what ships nor the goldens have. No rule waits for hours, so `wait_hours` of a tenant
/// is known by name only.
pub(super) fn rare() -> Vec<SourceFile> {
    let tenant = "
tenant = \"tenant\"

[markets.it]
zone = \"Europe/Rome\"
currency = \"EUR\"
promise_grace_days = 3
attribution_days = 14
week_start = \"sunday\"
fiscal_year_start = 4
agent_figures = \"teams\"

[reporting]
currency = \"EUR\"
table = \"euro_fixed\"
date_policy = \"fixed\"
fixed_date = \"2026-01-02\"

[benchmarks]
share_from = \"2026-01-01\"

[[target]]
id = \"productivity\"
kpi = \"accounts_per_agent\"
grain = \"month\"
from = \"2026-01-01\"
until = \"2026-12-31\"
markets = [\"it\"]
currency = \"EUR\"
goal = \"300\"
side = \"at_least\"
margin = \"20\"
hysteresis = \"5\"

[target.group]
team = \"north\"

[target.guard]
kpi = \"recovery_rate\"
side = \"at_least\"
bound = \"10\"

[[partner]]
id = \"p\"
keys = []
markets = [\"it\"]
share = { case = [\"terms\"] }

[[sink]]
id = \"hub\"
partner = \"p\"
markets = [\"it\"]
entities = [\"case\"]
start = \"now\"
in_flight = 8

[sink.webhook]
url = \"https://hooks.example.org/changes\"
secrets = [\"env:HUB_SECRET\"]

[[sink]]
id = \"stream\"
own = true
markets = [\"it\"]

[sink.nats]
url = \"tls://nats.example.org\"
subject = \"fairdue.changes\"
user = \"fairdue\"
password = \"file:/run/secrets/nats\"

[[sink]]
id = \"other\"
own = true
markets = [\"it\"]

[sink.nats]
url = \"tls://nats.example.org\"
subject = \"fairdue.changes\"
token = \"env:NATS_TOKEN\"

[[rules.tighten]]
rule = \"us-reg-f-contact-hours\"
block = true
holidays = \"closed\"
open = [{ days = [\"mon-fri\"], from = \"09:00\", to = \"17:00\" }]

[[rules.tighten]]
rule = \"us-reg-f-call-frequency\"
max = 6
window_days = 7

[[rules.tighten]]
rule = \"us-reg-f-conversation-cooldown\"
wait_days = 8

[[rules.tighten]]
rule = \"us-postdated\"
term = 3

[[rules.tighten]]
rule = \"at-npl-retention\"
keep_at_least = 8

[[rules.tighten]]
rule = \"none-such\"

[[facts.exemption]]
rule = \"it-licence\"
reason = \"-\"

[[facts.dispute_scheme]]
jurisdiction = \"it\"
scheme = \"-\"
from = 2026-01-01

[[facts.membership]]
code = \"unirec\"
";
    let imports = "
[source]
zone = \"Europe/Rome\"
currency = \"EUR\"
case = \"case\"
event = \"event\"
time = \"at\"
ids = [\"id\"]
decimal = \",\"

[[event]]
name = \"Open\"
open = { principal = \"amount\", claim = { due_original = { date = \"due\" } } }

[[event.emit]]
when = { column = \"result\", in = [\"a\"] }
activity = { kind = \"note\" }

[[event.ignore]]
when = { column = \"result\", in = [\"b\"] }
reason = \"-\"
";
    let cases = "
format = 1

[[example]]
name = \"n\"
rule = \"it-rule\"
findings = []
activity = [{ id = \"a\" }]

[[example.facts.dispute_scheme]]
jurisdiction = \"it\"
scheme = \"-\"
from = 2026-01-01

[[example.facts.membership]]
code = \"unirec\"
";
    let rules = "
format = 1
jurisdiction = \"it\"
name = \"Italy\"
version = \"1\"

[[scope]]
id = \"it-scope\"
text = \"-\"
citation = \"-\"
confidence = \"read\"
when_missing = { debt_class = \"consumer\", secured = \"unknown\" }
";
    let kpis = "
version = 1
case_dimensions = [\"attribute:risk\"]

[[formula]]
id = \"half\"
title = \"-\"
description = \"-\"
formula = { scale = \"payments\", by = \"1/2\" }

[[kpi]]
id = \"derived\"
title = \"-\"
description = \"-\"
kind = \"derived\"
expression = \"half\"
needs = [{ records = [\"payments\"], ever = true, by = [\"channel\"] }, { records = [\"payments\"], each = \"client\" }]

[[kpi]]
id = \"running\"
title = \"-\"
description = \"-\"
kind = \"cumulative\"
measure = \"half\"
since = \"ever\"
";
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    vec![
        file("imports/rare.toml", imports),
        file("tenants/tenant.toml", tenant),
        file("it/cases.toml", cases),
        file("it/rules.toml", rules),
        file("kpis/rare.toml", kpis),
    ]
}

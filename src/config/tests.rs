//! Tests of the configuration: what loads, what is refused, and where the refusal points.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Config, Holder, Snapshot, server, tenant};
use crate::domain::diagnostic::{Diagnostics, SourceFile};

const TENANT: &str =
    "tenant = \"acme\"\n\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n";

fn load(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Snapshot, Diagnostics> {
    let dir = directory(files);
    load_dir(dir.path(), environment)
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn load_dir(dir: &Path, environment: &[(&str, &str)]) -> Result<Snapshot, Diagnostics> {
    Config::load_with(dir, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// `file:line:column: message` of each diagnostic, with the file's name only.
fn complaints(result: Result<Snapshot, Diagnostics>) -> Vec<String> {
    let diagnostics = result.expect_err("the load should fail");
    let name =
        |path: &str| Path::new(path).file_name().map_or(path.to_owned(), |name| name.to_string_lossy().into_owned());
    for diagnostic in &diagnostics.0 {
        assert!(!diagnostic.remedy.is_empty(), "no remedy: {diagnostic}");
    }
    diagnostics.0.iter().map(|d| format!("{}:{}:{}: {}", name(&d.file), d.line, d.column, d.message)).collect()
}

#[test]
fn an_empty_directory_means_the_compiled_in_defaults() {
    let snapshot = load(&[("server.toml", "")], &[]).unwrap();
    assert_eq!(snapshot.server.grpc.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(snapshot.server.grpc.max_receive_bytes, 8 << 20);
    assert_eq!(snapshot.server.grpc.max_batch_items, 5_000);
    assert!(snapshot.tenants.is_empty());
}

#[test]
fn every_default_is_documented_by_a_comment_above_it() {
    let lines: Vec<&str> = server::DEFAULTS.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(index > 0 && lines[index - 1].starts_with('#'), "no comment above {line}");
        }
    }
}

#[test]
fn the_file_overrides_the_defaults_and_the_environment_overrides_the_file() {
    let file = [("server.toml", "[grpc]\nmax_batch_items = 7\nmax_send_bytes = 2048\n[metrics]\nlisten = \"\"\n")];
    let snapshot =
        load(&file, &[("FAIRDUE_GRPC__MAX_BATCH_ITEMS", "9"), ("FAIRDUE_CONFIG", "x"), ("PATH", "/bin")]).unwrap();
    assert_eq!(snapshot.server.grpc.max_batch_items, 9);
    assert_eq!(snapshot.server.grpc.max_send_bytes, 2_048);
    assert_eq!(snapshot.server.metrics_listen, None);
}

#[test]
fn everything_wrong_with_the_settings_is_reported_at_once() {
    let text = "loose = 1\n[grpc]\nlisten = \"here\"\nmax_batch_itemz = 7\nmax_send_bytes = \"many\"\nmax_receive_bytes = 1\n\
                [query]\ndefault_page_size = 500\nmax_page_size = 100\n[log]\nformat = \"xml\"\n";
    let found = complaints(load(
        &[("server.toml", text)],
        &[
            ("FAIRDUE_STOP__GRACE", "1"),
            ("FAIRDUE_INGEST__QUEUE_ITEMS", "x"),
            ("FAIRDUE_DATABASE_URL", "postgres://fairdue@localhost/fairdue"),
            ("FAIRDUE_SERVICE_HOST", "10.0.0.1"),
        ],
    ));
    assert_eq!(
        found,
        [
            "server.toml:1:1: loose stands outside of a section",
            "server.toml:3:10: grpc.listen is \"here\", not an address",
            "server.toml:4:1: grpc.max_batch_itemz is not a setting",
            "server.toml:5:18: grpc.max_send_bytes is a text, not a whole number",
            "server.toml:6:21: grpc.max_receive_bytes is 1, allowed is 1024 to 67108864",
            "server.toml:8:21: query.default_page_size is larger than query.max_page_size",
            "server.toml:11:10: log.format is \"xml\"",
            "environment FAIRDUE_DATABASE_URL:1:1: FAIRDUE_DATABASE_URL is no setting, but nearly database.url",
            "environment FAIRDUE_INGEST__QUEUE_ITEMS:1:1: ingest.queue_items is not a whole number",
            "environment FAIRDUE_STOP__GRACE:1:1: stop.grace is not a setting",
        ]
    );
}

#[test]
fn a_slip_of_the_pen_gets_a_suggestion() {
    let diagnostics = load(&[("server.toml", "[grpc]\nmax_batch_itemz = 7\n")], &[]).err().unwrap();
    assert_eq!(diagnostics.0[0].remedy, "write grpc.max_batch_items, or remove it");
}

#[test]
fn a_database_url_is_never_repeated_in_a_complaint() {
    let diagnostics = load(&[("server.toml", "[database]\nurl = \"mysql://u:secret@h/d\"\n")], &[]).err().unwrap();
    assert!(!diagnostics.to_string().contains("secret"));
    let snapshot = load(&[("server.toml", "[database]\nurl = \"postgres://u:secret@h/d\"\n")], &[]).unwrap();
    assert!(!format!("{:?}", snapshot.server).contains("secret"));
}

#[test]
fn a_tenant_file_gives_its_markets() {
    let snapshot = load(&[("tenants/acme.toml", TENANT)], &[]).unwrap();
    let (id, tenant) = snapshot.tenants.iter().next().unwrap();
    let market = tenant.markets.values().next().unwrap();
    assert_eq!((id.as_str(), market.key.market.as_str(), market.region.as_str()), ("acme", "it", "IT"));
    assert_eq!((market.zone, market.promise_grace_days), (chrono_tz::Europe::Rome, 3));
    assert_eq!(market.currency.code(), "EUR");
}

#[test]
fn a_market_may_state_for_how_long_a_contact_earns_payments() {
    let days = |line: &str| {
        let text = format!("{TENANT}{line}\n");
        load(&[("tenants/acme.toml", &text)], &[])
            .map(|snapshot| snapshot.tenants.values().next().unwrap().markets.values().next().unwrap().attribution_days)
    };
    assert_eq!((days("").unwrap(), days("attribution_days = 0").unwrap()), (30, 0));
    assert_eq!(days("attribution_days = 365").unwrap(), 365);
    for wrong in ["-1", "366", "\"30\"", "1.5"] {
        assert!(days(&format!("attribution_days = {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn a_market_may_state_the_order_in_which_payments_settle_components() {
    use crate::domain::vocabulary::Component::{Cost, Interest, Principal};
    let order = |line: &str| {
        let text = format!("{TENANT}{line}\n");
        load(&[("tenants/acme.toml", &text)], &[])
            .map(|snapshot| snapshot.tenants.values().next().unwrap().markets.values().next().unwrap().payment_order)
    };
    assert_eq!(order("").unwrap(), [Cost, Interest, Principal]);
    assert_eq!(order("payment_order = [\"principal\", \"interest\", \"cost\"]").unwrap(), [Principal, Interest, Cost]);
    for wrong in ["[]", "[\"cost\"]", "[\"cost\", \"cost\", \"interest\"]", "[\"cost\", \"interest\", \"fee\"]", "3"] {
        assert!(order(&format!("payment_order = {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn a_tenant_may_ask_for_four_eyes_on_waivers() {
    let asks = |lines: &str| {
        let text = format!("{TENANT}{lines}");
        load(&[("tenants/acme.toml", &text)], &[])
            .map(|snapshot| snapshot.tenants.values().next().unwrap().findings.four_eyes_on_waivers)
    };
    assert!(!asks("").unwrap());
    assert!(!asks("[findings]\nfour_eyes = []\n").unwrap());
    assert!(asks("[findings]\nfour_eyes = [\"waived\"]\n").unwrap());
    for wrong in ["four_eyes = true", "four_eyes = [\"remediated\"]", "for_eyes = [\"waived\"]"] {
        assert!(asks(&format!("[findings]\n{wrong}\n")).is_err(), "{wrong}");
    }
}

#[test]
fn a_tenant_and_its_markets_choose_readings_among_those_that_there_are() {
    let kpi = |id: &str, variants: &str| {
        format!(
            "[[kpi]]\nid = \"{id}\"\ntitle = \"t\"\ndescription = \"d\"\nformula = \"f\"\nsource = \"s\"\nkind = \"simple\"\n\
             measure = \"calls\"\nunit = \"count\"\ndecimals = 0\nrounding = \"half_even\"\nunit_counted = \"call\"\nbase = \"b\"\n\
             clock = \"occurred\"\ncurrency_policy = \"none\"\nadditivity = \"time_and_groups\"\nattribution = \"actor\"\n\
             dimension_as_of = \"fact\"\nvariants = [{variants}]\n"
        )
    };
    let alias = "[[kpi]]\nid = \"bare\"\ntitle = \"t\"\ndescription = \"d\"\nkind = \"alias\"\nof = \"one\"\n";
    let measure = "version = 1\n[[measure]]\nid = \"calls\"\ntitle = \"t\"\ndescription = \"d\"\nfact = \"contact\"\nagg = \"count\"\n\
         dimension_sets = [[]]\n";
    let (one, two) = (kpi("one", "\"two\""), kpi("two", ""));
    let definitions = format!("{measure}{one}{two}{}{alias}", kpi("else", ""));
    let with = |more: &str| {
        let text = format!("{TENANT}{more}");
        load(&[("kpis/k.toml", &definitions), ("tenants/acme.toml", &text)], &[])
    };
    let meant = |more: &str| {
        let snapshot = with(more).unwrap();
        let tenant = snapshot.tenants.values().next().unwrap();
        tenant.calendars.values().next().unwrap().defaults.meant("bare").to_owned()
    };
    assert_eq!(meant(""), "bare");
    assert_eq!(meant("\n[kpi_defaults]\nbare = \"two\"\n"), "two");
    assert_eq!(meant("kpi_defaults = { bare = \"one\" }\n[kpi_defaults]\nbare = \"two\"\n"), "one");
    for (wrong, told) in [
        ("bar = \"two\"", "10:1: kpi_defaults: \"bar\" is no KPI"),
        ("one = \"two\"", "10:1: kpi_defaults: \"one\" has a formula of its own, and means just that"),
        ("bare = \"else\"", "10:8: \"else\" is no reading of \"bare\""),
        ("bare = \"bare\"", "10:8: \"bare\" is no reading of \"bare\""),
        ("bare = 2", "10:8: kpi_defaults.bare is no text"),
    ] {
        let found = complaints(with(&format!("\n# readings\n[kpi_defaults]\n{wrong}\n")));
        assert_eq!(found, [format!("acme.toml:{told}")], "{wrong}");
    }
}

#[test]
fn a_tenant_says_what_its_codes_mean() {
    let with = |lines: &str| load(&[("tenants/acme.toml", &format!("{TENANT}[dispositions]\n{lines}"))], &[]);
    assert!(with("no_answer = [\"NA\", \"RNA\"]\nright_party_promise = [\"PTP\"]\n").is_ok());
    assert_eq!(
        complaints(with("no_answer = [\"NA\", \"\"]\nbusy = [\"NA\"]\nright_party_promised = [\"PTP\"]\n")),
        [
            "acme.toml:8:20: disposition \"\" must not be empty: send an id of 1 to 128 bytes",
            "acme.toml:9:9: disposition \"NA\" means no_answer already",
            "acme.toml:10:1: dispositions.right_party_promised is not a key that is known here",
        ]
    );
}

#[test]
fn everything_wrong_with_a_tenant_file_is_reported_at_once() {
    let text = "tenant = \"other\"\n[markets.xx]\nzone = \"Mars/Base\"\ncurrency = \"ABC\"\npromise_grace_days = -1\nfoo = 1\n\
                [markets.se]\nzone = 3\n";
    assert_eq!(
        complaints(load(&[("tenants/acme.toml", text)], &[])),
        [
            "acme.toml:1:10: tenant is \"other\", the file is named acme",
            "acme.toml:2:10: xx is no country's lower-case ISO 3166-1 alpha-2 code",
            "acme.toml:3:8: \"Mars/Base\" is no IANA time zone",
            "acme.toml:4:12: \"ABC\" is no ISO 4217 currency",
            "acme.toml:5:22: markets.xx.promise_grace_days is -1, allowed is 0 to 365",
            "acme.toml:6:1: markets.xx.foo is not a key that is known here",
            "acme.toml:7:1: markets.se.currency is missing",
            "acme.toml:7:1: markets.se.promise_grace_days is missing",
            "acme.toml:8:8: markets.se.zone is a whole number, not a text in quotes",
        ]
    );
}

#[test]
fn a_key_that_belongs_to_nobody_is_refused_at_the_top_of_a_tenant_file_too() {
    let text = format!("{TENANT}[rulez]\nx = 1\n");
    let diagnostics = load(&[("tenants/acme.toml", &text)], &[]).err().unwrap();
    assert_eq!(diagnostics.0[0].remedy, "write rules, or remove it");
    let mut found = Vec::new();
    let text = format!("{TENANT}[rules]\nmemberships = []\n");
    let tenant = tenant::read(&SourceFile { path: "acme.toml".to_owned(), text }, &mut found).unwrap();
    assert!(tenant.has_rules && found.is_empty());
}

#[test]
fn hostile_files_are_refused_with_their_position() {
    let deep = format!("a = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("# {}\n", "x".repeat(1 << 20));
    let wide = format!("tenant = \"acme\"\nx = [{}]\n", "1,".repeat(400_000));
    let hostile: [(&str, &str); 9] = [
        ("deep", &deep),
        ("large", &large),
        ("wide", &wide),
        ("duplicate", "tenant = \"acme\"\ntenant = \"acme\"\n"),
        ("nan", "tenant = nan\n"),
        ("infinite", "[markets.it]\npromise_grace_days = inf\n"),
        ("huge", "[markets.it]\npromise_grace_days = 99999999999999999999\n"),
        ("half", "[markets.it\n"),
        ("empty", ""),
    ];
    for (what, text) in hostile {
        let found = complaints(load(&[("tenants/acme.toml", text)], &[]));
        assert!(found.iter().all(|complaint| complaint.starts_with("acme.toml:")), "{what}: {found:?}");
    }
    let dir = directory(&[]);
    fs::create_dir_all(dir.path().join("tenants")).unwrap();
    fs::write(dir.path().join("tenants/acme.toml"), b"tenant = \"\xff\"").unwrap();
    assert_eq!(complaints(load_dir(dir.path(), &[])), ["acme.toml:1:1: is not UTF-8 from byte 10 on"]);
    assert_eq!(complaints(load_dir(&dir.path().join("absent"), &[])), ["absent:1:1: is no directory"]);
}

#[test]
fn a_broken_reload_keeps_what_is_in_force() {
    let dir = directory(&[("tenants/acme.toml", TENANT)]);
    let holder = Holder::of(dir.path(), load_dir(dir.path(), &[]).unwrap());
    let first = holder.get().digest.clone();
    fs::write(dir.path().join("tenants/acme.toml"), "tenant = ").unwrap();
    assert!(holder.reload().is_err());
    assert_eq!(holder.get().digest, first);
    fs::write(dir.path().join("tenants/acme.toml"), TENANT.replace("= 3", "= 5")).unwrap();
    holder.reload().unwrap();
    assert_ne!(holder.get().digest, first);
    assert_eq!(holder.get().tenants.values().next().unwrap().markets.values().next().unwrap().promise_grace_days, 5);
}

#[test]
fn the_digest_is_of_the_content_and_not_of_the_place() {
    let (one, two) = (directory(&[("tenants/acme.toml", TENANT)]), directory(&[("tenants/acme.toml", TENANT)]));
    assert_eq!(load_dir(one.path(), &[]).unwrap().digest, load_dir(two.path(), &[]).unwrap().digest);
}

#[test]
fn the_configuration_that_comes_with_the_package_loads() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let snapshot = load_dir(&dir, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert!(snapshot.tenants.contains_key("demo"));
}

#[test]
fn a_directory_of_messages_must_hold_every_language_whole() {
    let own =
        |tag: &str| fs::read_to_string(format!("{}/config/messages/{tag}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(load(&[("server.toml", "")], &[]).unwrap().languages.iter().count(), 6, "those of the program");
    let german = own("de");
    let short = german.replacen("[rules.licence]", "[rules.license]", 1);
    let found = complaints(load(&[("messages/de.toml", &short)], &[]));
    assert!(found.iter().any(|one| one == "messages:1:1: has no messages in the language \"fr\""), "{found:?}");
    assert!(found.iter().any(|one| one.ends_with("rules.licence.broken is missing")), "{found:?}");
    assert!(!found.iter().any(|one| one.contains("\"de\"")), "{found:?}");
}

#[test]
fn a_candidate_in_shadow_is_checked_as_the_rest() {
    let tenants = ("tenants/acme.toml", TENANT);
    let snapshot = load(&[tenants, ("shadow/acme/tenants/acme.toml", TENANT)], &[]).unwrap();
    let tenant = snapshot.tenants.values().next().unwrap();
    assert_eq!(tenant.shadow.as_ref().map(|rules| rules.digest()), Some(tenant.rules.digest()));
    let loose = format!("{TENANT}\n[rules]\n[[rules.tighten]]\nrule = \"it-none\"\nblock = true\n");
    let found = complaints(load(&[tenants, ("shadow/acme/tenants/acme.toml", &loose)], &[]));
    assert!(found.iter().any(|one| one.starts_with("acme.toml:") && one.contains("no pack has the rule")), "{found:?}");
    let found = complaints(load(&[tenants, ("shadow/other/tenants/other.toml", TENANT)], &[]));
    assert!(found.iter().any(|one| one.contains("there is no tenant \"other\"")), "{found:?}");
}

#[test]
fn a_load_after_another_gives_what_a_first_one_gives_and_compiles_what_has_changed() {
    let rules = include_str!("../../benches/twelve_rules.toml");
    let cases = include_str!("../../benches/twelve_rules.cases.toml");
    let house = "[[rules.add]]\njurisdiction = \"it\"\nid = \"tenant-calls\"\ntitle = \"t\"\ntext = \"t\"\n\
                 citation = \"house rule\"\neffect = \"prohibits\"\n[rules.add.contact_frequency]\nmax = 2\n\
                 window = { calendar_days = 7 }\ncount = \"attempts\"\nper = \"case\"\nchannels = [\"call\"]\n";
    let tenant = format!("{TENANT}{house}");
    let law = [("jurisdictions/it/rules.toml", rules), ("jurisdictions/it/cases.toml", cases)];
    let with = |tenant: &str| directory(&[&law[..], &[("tenants/acme.toml", tenant)]].concat());
    let dir = with(&tenant);
    let first = Config::load_with(dir.path(), std::iter::empty()).unwrap();
    let rules_of = |snapshot: &Snapshot| Arc::clone(&snapshot.tenants.values().next().unwrap().rules);
    let after = |dir: &TempDir| Config::load_after(dir.path(), std::iter::empty(), Some(&first));

    let again = after(&dir).unwrap();
    assert!(Arc::ptr_eq(&first.packs, &again.packs) && Arc::ptr_eq(&rules_of(&first), &rules_of(&again)));

    // The tenant's own line is another: its rules are compiled, the law is not.
    let dir = with(&tenant.replace("max = 2", "max = 1"));
    let (plain, told) = (load_dir(dir.path(), &[]).unwrap(), after(&dir).unwrap());
    assert!(Arc::ptr_eq(&first.packs, &told.packs) && plain.digest == told.digest);
    assert_eq!(rules_of(&plain).digest(), rules_of(&told).digest());
    assert_ne!(rules_of(&first).digest(), rules_of(&told).digest());

    // A word of the law is another: the tenant's rules, whose file is the same, rest on it too.
    fs::write(dir.path().join("tenants/acme.toml"), &tenant).unwrap();
    fs::write(dir.path().join("jurisdictions/it/rules.toml"), format!("{rules}\n# read again\n")).unwrap();
    let (plain, told) = (load_dir(dir.path(), &[]).unwrap(), after(&dir).unwrap());
    assert!(!Arc::ptr_eq(&first.packs, &told.packs) && plain.digest == told.digest);
    assert_eq!(rules_of(&plain).digest(), rules_of(&told).digest());
    assert_ne!(rules_of(&first).digest(), rules_of(&told).digest());

    // What is wrong is told where it stands, by the path of its file.
    fs::write(dir.path().join("jurisdictions/it/rules.toml"), format!("{rules}\nunknown_key = 1\n")).unwrap();
    let (plain, told) = (load_dir(dir.path(), &[]).unwrap_err(), after(&dir).unwrap_err());
    assert_eq!(plain, told);
    let path = dir.path().join("jurisdictions/it/rules.toml").display().to_string();
    assert!(told.0.iter().any(|one| one.file == path), "{told}");
}

//! Configuration with the main job's KPIs alone: those beside which the twelve rules of [`crate::twelve`] stand in the targets of
//! ingest. The whole catalogue has a target of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

/// The KPIs.
const KPIS: [&str; 18] = [
    "dso_due",
    "dso_invoice",
    "cei",
    "cei_opening",
    "cei_classic",
    "recovery_rate",
    "rpc_rate",
    "call_to_promise",
    "ptp_rate_outbound",
    "ptp_kept_inbound",
    "ptp_kept_outbound",
    "collected_per_agent",
    "accounts_per_agent",
    "profit_per_account",
    "delivery_rate",
    "open_rate",
    "click_rate",
    "compliance_rate",
];
/// Lists of what is defined.
const LISTS: [&str; 3] = ["kpi", "formula", "measure"];

/// Leaves of the catalogue of a configuration directory only these KPIs and what they are made of.
pub fn keep(directory: &Path) {
    let folder = directory.join("kpis");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the catalogue") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("read a file of the catalogue");
        files.insert(path, text.parse::<Table>().expect("TOML"));
    }
    let defined: BTreeMap<String, Table> = files.values().flat_map(definitions).collect();
    let mut kept = BTreeSet::new();
    let mut next: Vec<String> = KPIS.map(str::to_owned).to_vec();
    while let Some(id) = next.pop() {
        let Some(table) = defined.get(&id) else { continue };
        if kept.insert(id) {
            for (key, value) in table {
                if key != "variants" {
                    strings(value, &mut |text| next.push(text.to_owned()));
                }
            }
        }
    }
    assert!(KPIS.iter().all(|kpi| kept.contains(*kpi)), "a KPI of the main job is not in the catalogue");
    for (path, mut file) in files {
        for list in LISTS {
            retain(&mut file, list, |table| id_of(table, "id").is_some_and(|id| kept.contains(id)));
        }
        retain(&mut file, "case", |table| id_of(table, "kpi").is_some_and(|id| kept.contains(id)));
        for table in tables_mut(&mut file, "kpi") {
            if let Some(Value::Array(variants)) = table.get_mut("variants") {
                variants.retain(|variant| variant.as_str().is_some_and(|id| kept.contains(id)));
            }
        }
        std::fs::write(&path, toml::to_string(&file).expect("TOML")).expect("write a file of the catalogue");
    }
    std::fs::remove_dir_all(directory.join("benchmarks")).expect("remove published figures of KPIs that are gone");
}

fn definitions(file: &Table) -> Vec<(String, Table)> {
    let lists = LISTS.iter().filter_map(|list| file.get(*list)?.as_array());
    let tables = lists.flatten().filter_map(Value::as_table);
    tables.filter_map(|table| Some((id_of(table, "id")?.to_owned(), table.clone()))).collect()
}

fn id_of<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str()
}

/// Every text within a value.
fn strings(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, see)),
        Value::Table(table) => table.values().for_each(|item| strings(item, see)),
        _ => {}
    }
}

fn tables_mut<'t>(file: &'t mut Table, list: &str) -> impl Iterator<Item = &'t mut Table> {
    file.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_table_mut)
}

fn retain(file: &mut Table, list: &str, keep: impl Fn(&Table) -> bool) {
    if let Some(items) = file.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| item.as_table().is_some_and(&keep));
        if items.is_empty() {
            file.remove(list);
        }
    }
}

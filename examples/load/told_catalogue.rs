//! What was seen of the catalogue's questions: medians, the slowest, and ratios.

use std::io::Write as _;
use std::path::Path;

use crate::catalogue::{Asked, GRAINS};
use crate::peer_floor::Floor;

/// How many of the slowest are named.
const NAMED: usize = 10;
/// Microseconds that no question should take longer than.
const AIM: f64 = 5_000.0;

/// Every question as a line, to be looked at by other means.
pub fn write(path: &Path, asked: &[Asked]) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("make the file"));
    writeln!(file, "kpi,grain,by,rows,figures,bytes,first_us,last_byte_us,us,smaller_us").expect("write");
    for one in asked {
        let Asked { kpi, grain, rows, figures, bytes, first, last_byte, micros, smaller, .. } = one;
        let by = one.by.join("+");
        let told =
            format!("{kpi},{grain},{by},{rows},{figures},{bytes},{first:.0},{last_byte:.0},{micros:.0},{smaller:.0}");
        writeln!(file, "{told}").expect("write");
    }
    file.flush().expect("write");
}

/// The figure at that per mille of all.
fn per_mille(mut figures: Vec<f64>, per_mille: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() * per_mille / 1_000).min(figures.len().saturating_sub(1));
    figures.get(place).copied().unwrap_or_default()
}

fn line(one: &Asked) -> String {
    let Asked { kpi, grain, rows, figures, bytes, .. } = one;
    format!("{kpi} by {grain} and {}: {rows} rows, {figures} with figures, {} KiB", by(one), bytes >> 10)
}

fn by(one: &Asked) -> String {
    if one.by.is_empty() { "-".to_owned() } else { one.by.join(", ") }
}

/// Times by grain, the slowest, and the ratio to the smaller history.
pub fn tell(asked: &[Asked], times: f64) {
    let with: Vec<&Asked> = asked.iter().filter(|one| one.figures > 0).collect();
    let kpis = |all: &mut dyn Iterator<Item = &Asked>| -> usize {
        let mut ids: Vec<&str> = all.map(|one| one.kpi.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    println!(
        "{} answers of {} KPIs; {} answers of {} KPIs have figures, in {} of {} rows",
        asked.len(),
        kpis(&mut asked.iter()),
        with.len(),
        kpis(&mut with.iter().copied()),
        asked.iter().map(|one| one.figures).sum::<usize>(),
        asked.iter().map(|one| one.rows).sum::<usize>(),
    );
    for (what, some) in [("all answers", asked.iter().collect::<Vec<_>>()), ("answers with figures", with)] {
        println!("{what}: median, 99 %, slowest, in ms");
        for (_, grain) in GRAINS {
            for grouped in [false, true] {
                let of = some.iter().filter(|one| one.grain == grain && one.by.is_empty() != grouped);
                let took: Vec<f64> = of.clone().map(|one| one.micros).collect();
                let most = of.map(|one| one.rows).max().unwrap_or_default();
                let [half, late, last] = [500, 990, 1_000].map(|at| per_mille(took.clone(), at) / 1e3);
                let group = if grouped { "by one dimension" } else { "without a group" };
                let answers = took.len();
                println!(
                    "  {grain:<8} {group:<17} {answers:>5} answers of at most {most:>6} rows  {half:>6.2} {late:>6.2} {last:>6.2}"
                );
            }
        }
        let took: Vec<f64> = some.iter().map(|one| one.micros).collect();
        let [half, late, last] = [500, 990, 1_000].map(|at| per_mille(took.clone(), at) / 1e3);
        let over = |of: fn(&&Asked) -> f64| some.iter().filter(|one| of(one) > AIM).count();
        println!(
            "  all: {half:.2}, {late:.2}, {last:.2}; {} of {} over 5 ms, {} to the last byte",
            over(|one| one.micros),
            took.len(),
            over(|one| one.last_byte)
        );
    }
    slowest("slowest", asked, |one| one.micros);
    slowest("slowest to the last byte", asked, |one| one.last_byte);
    slowest("slowest first answers, cells read from the database", asked, |one| one.first);
    let ratios: Vec<f64> = asked.iter().map(|one| one.micros / one.smaller).collect();
    let [half, late, last] = [500, 990, 1_000].map(|at| per_mille(ratios.clone(), at));
    let sum = |of: fn(&Asked) -> f64| asked.iter().map(of).sum::<f64>();
    let all = sum(|one| one.micros) / sum(|one| one.smaller);
    println!(
        "{times} times the history: {all:.2} times as long for all together; median {half:.2}, 99 % {late:.2}, most {last:.2}"
    );
    let mut slow: Vec<&Asked> = asked.iter().filter(|one| one.micros > 1_000.0).collect();
    slow.sort_by(|a, b| (b.micros / b.smaller).total_cmp(&(a.micros / a.smaller)));
    println!("  of those that take over 1 ms the greatest:");
    for one in slow.iter().take(NAMED) {
        println!("  {:>6.2}  {:>7.2} ms  {}", one.micros / one.smaller, one.micros / 1e3, line(one));
    }
}

fn slowest(what: &str, asked: &[Asked], took: fn(&Asked) -> f64) {
    let mut sorted: Vec<&Asked> = asked.iter().collect();
    sorted.sort_by(|a, b| took(b).total_cmp(&took(a)));
    println!("{what}:");
    for one in sorted.iter().take(NAMED) {
        println!("  {:>8.2} ms  {}", took(one) / 1e3, line(one));
    }
}

/// How many times as long DuckDB takes to count the market's rows by the same grain, with a group where ours has one.
pub fn beside(asked: &[Asked], floor: &Floor) {
    let times = |one: &Asked| floor.of(one.grain, !one.by.is_empty()) / one.micros;
    let all: Vec<f64> = asked.iter().map(times).collect();
    let under = all.iter().filter(|times| **times < 10.0).count();
    let [least, early, half] = [0, 10, 500].map(|at| per_mille(all.clone(), at));
    println!(
        "DuckDB's plainest count over our answer: least {least:.1}, 1 % {early:.1}, median {half:.1} (aim: at least 10)"
    );
    println!("  {under} of {} answers under 10; the least:", all.len());
    let mut sorted: Vec<&Asked> = asked.iter().collect();
    sorted.sort_by(|a, b| times(a).total_cmp(&times(b)));
    for one in sorted.iter().take(NAMED) {
        println!("  {:>6.1}  {:>7.2} ms  {}", times(one), one.micros / 1e3, line(one));
    }
}

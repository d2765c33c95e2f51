//! One decision over the same twelve rules, by turns: Fairdue's rule engine, and the `cel` crate.
//!
//! `cargo run --release --manifest-path peers/Cargo.toml --target-dir target`
//!
//! Both name every rule that speaks, and whether it is kept or broken, and must agree on every situation. CEL has no
//! memory of contacts, no zones and no calendar: its user would have to find the local time and to count the contacts of
//! each window before a decision. That work is not counted here, while Fairdue does it within its decision.

mod engines;
#[path = "../../benches/twelve/mod.rs"]
mod twelve;

use std::hint::black_box;
use std::time::{Duration, Instant};

use engines::{Cel, Judgement};
use twelve::Fairdue;
use twelve::situations::Situation;

/// Situations that are decided by turns.
const SITUATIONS: u64 = 1_024;
/// Rounds of each contestant; medians are compared.
const ROUNDS: usize = 15;
/// Passes over all situations in one round.
const PASSES: u32 = 4;

/// Nanoseconds a decision of one round.
fn round(situations: usize, mut decide: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    for _ in 0..PASSES {
        (0..situations).for_each(&mut decide);
    }
    nanos(start.elapsed()) / (f64::from(PASSES) * situations as f64)
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Measures both over these situations and prints the ratios.
fn compare(what: &str, fairdue: &Fairdue, cel: &Cel, situations: &[&Situation]) {
    let scenes: Vec<_> = situations.iter().map(|one| fairdue.scene(one)).collect();
    let bound: Vec<_> = situations.iter().map(|one| cel.bind(one)).collect();
    let mut answer = fairdue::compliance::Answered::default();
    let mut told: Vec<Judgement> = Vec::new();
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        figures[0].push(round(situations.len(), |at| {
            fairdue.decide(&scenes[at], &mut answer);
            black_box(&answer);
        }));
        figures[1].push(round(situations.len(), |at| {
            cel.decide(&bound[at], &mut told);
            black_box(&told);
        }));
        figures[2].push(round(situations.len(), |at| {
            cel.decide(&cel.bind(situations[at]), &mut told);
            black_box(&told);
        }));
        figures[3].push(round(situations.len(), |at| {
            cel.decide_bare(&bound[at], &mut told);
            black_box(&told);
        }));
    }
    let [ours, before, with, bare] = figures.map(median);
    println!("{what} ({} situations)", situations.len());
    println!("  Fairdue                     {ours:>8.0} ns a decision");
    println!("  cel, inputs bound before    {before:>8.0} ns   ratio {:.1} (aim: at least 20)", before / ours);
    println!("  cel, with binding           {with:>8.0} ns   ratio {:.1} (aim: at least 20)", with / ours);
    println!("  cel, bound, scope left out  {bare:>8.0} ns   ratio {:.1} (not the same rules)", bare / ours);
}

fn main() {
    let (fairdue, cel) = (Fairdue::new(), Cel::new());
    let all: Vec<Situation> = (0..SITUATIONS).map(Situation::new).collect();
    let mut answer = fairdue::compliance::Answered::default();
    let mut told = Vec::new();
    let mut allowed = Vec::new();
    for situation in &all {
        fairdue.decide(&fairdue.scene(situation), &mut answer);
        let bound = cel.bind(situation);
        cel.decide(&bound, &mut told);
        let ours = engines::judgements(&fairdue.rules, &answer);
        assert_eq!(ours, told, "{situation:?}");
        cel.decide_bare(&bound, &mut told);
        assert_eq!(ours, told, "{situation:?}");
        if ours.iter().all(|one| *one == Judgement::Kept) {
            allowed.push(situation);
        }
    }
    println!("both agree on {SITUATIONS} situations, {} of them allowed", allowed.len());
    compare("every situation", &fairdue, &cel, &all.iter().collect::<Vec<_>>());
    compare("allowed situations", &fairdue, &cel, &allowed);
}

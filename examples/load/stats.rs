//! Latencies and rates, and how rounds of two contestants are compared: interleaved, by medians.

use std::time::{Duration, Instant};

/// Latencies of one run.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Microseconds at that per mille of all answers.
    pub fn per_mille(&mut self, per_mille: usize) -> u32 {
        if self.0.is_empty() {
            return 0;
        }
        let place = (self.0.len() * per_mille / 1_000).min(self.0.len() - 1);
        *self.0.select_nth_unstable(place).1
    }

    /// `p50 121  p99 209  p99.9 320 us`.
    pub fn line(&mut self) -> String {
        format!("p50 {}  p99 {}  p99.9 {} us", self.per_mille(500), self.per_mille(990), self.per_mille(999))
    }
}

/// What one run did.
#[derive(Debug)]
pub struct Run {
    pub items: u64,
    pub took: Duration,
    pub latencies: Latencies,
}

impl Run {
    pub fn rate(&self) -> f64 {
        self.items as f64 / self.took.as_secs_f64()
    }
}

/// Items and time of a contestant's round, for comparators without latencies.
pub fn timed(items: u64, since: Instant) -> Run {
    Run { items, took: since.elapsed(), latencies: Latencies::default() }
}

/// The rounds of one contestant.
#[derive(Debug)]
pub struct Rounds {
    pub name: &'static str,
    pub rates: Vec<f64>,
    pub p50: Vec<u32>,
    pub p99: Vec<u32>,
}

impl Rounds {
    pub fn of(name: &'static str) -> Self {
        Self { name, rates: Vec::new(), p50: Vec::new(), p99: Vec::new() }
    }

    /// Takes a run in and prints it.
    pub fn take(&mut self, mut run: Run, unit: &str) {
        let rate = run.rate();
        let line = if run.latencies.count() > 0 { run.latencies.line() } else { String::new() };
        println!("  {:<34} {rate:>12.0} {unit}/s   {line}", self.name);
        self.rates.push(rate);
        if run.latencies.count() > 0 {
            self.p50.push(run.latencies.per_mille(500));
            self.p99.push(run.latencies.per_mille(990));
        }
    }

    /// Median rate with its range.
    pub fn summary(&self, unit: &str) -> String {
        let (low, high) = self.rates.iter().fold((f64::MAX, f64::MIN), |(l, h), rate| (l.min(*rate), h.max(*rate)));
        format!("{:<34} median {:.0} {unit}/s ({low:.0} to {high:.0})", self.name, median(&self.rates))
    }

    pub fn median_rate(&self) -> f64 {
        median(&self.rates)
    }
}

/// The median of some figures; zero of none.
pub fn median<T: Copy + PartialOrd + Into<f64>>(figures: &[T]) -> f64 {
    let mut sorted: Vec<f64> = figures.iter().map(|figure| (*figure).into()).collect();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len()) {
        (None, _) => 0.0,
        (Some(upper), length) if length % 2 == 0 => (sorted[length / 2 - 1] + upper) / 2.0,
        (Some(middle), _) => *middle,
    }
}

/// One line of verdict: the ratio of two medians beside what is aimed at.
pub fn ratio(what: &str, ours: f64, theirs: f64, at_least: f64) {
    println!("  {what}: ratio {:.2} (aim: at least {at_least})", ours / theirs);
}

/// The same where less is better.
pub fn ratio_at_most(what: &str, ours: f64, theirs: f64, at_most: f64) {
    println!("  {what}: ratio {:.2} (aim: at most {at_most})", ours / theirs);
}

/// The moments at which an open-loop load sends: evenly spaced from a start, whether or not answers came.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    gap: Duration,
}

impl Schedule {
    pub fn new(per_second: f64) -> Self {
        Self { start: Instant::now(), gap: Duration::from_secs_f64(1.0 / per_second) }
    }

    /// When the `n`th request is to be sent. Latency counts from here, so that a stall is seen by all that wait.
    pub fn moment(&self, n: u32) -> Instant {
        self.start + self.gap * n
    }
}

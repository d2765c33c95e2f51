//! Whose work keeps the processors busy during a run: the load's, the server's, or anybody else's, which on a machine
//! that does nothing else is the database.

use std::time::Duration;

use crate::support::service::{Service, processor_time};

/// Time on processors up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct Processors {
    all: Duration,
    load: Duration,
    server: Duration,
}

impl Processors {
    /// The time that has been used up to now.
    pub fn now(services: &[&Service]) -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let stat = read("/proc/stat");
        // user, nice, system, idle, waiting for disks, interrupts, soft interrupts: all but the idle two are work.
        let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(7);
        let ticks = fields.enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
        let ticks: u64 = ticks.filter_map(|(_, field)| field.parse::<u64>().ok()).sum();
        Self {
            all: Duration::from_millis(ticks * 10),
            load: processor_time(&read("/proc/self/stat")),
            server: services.iter().map(|service| service.processor_time()).sum(),
        }
    }

    /// What the servers and what everything but the load has used since then, in microseconds for each of the items.
    pub fn each(&self, before: &Self, items: u64) -> (f64, f64) {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / items.max(1) as f64;
        let server = self.server.saturating_sub(before.server);
        let load = self.load.saturating_sub(before.load);
        (each(server), each(self.all.saturating_sub(before.all).saturating_sub(load)))
    }

    /// What each has used since then, in microseconds for each of the items.
    pub fn since(&self, before: &Self, items: u64) -> String {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / items.max(1) as f64;
        let (load, server) = (self.load.saturating_sub(before.load), self.server.saturating_sub(before.server));
        let all = self.all.saturating_sub(before.all);
        let rest = all.saturating_sub(load).saturating_sub(server);
        format!(
            "processors, us a row: load {:.1}, server {:.1}, database and all others {:.1}",
            each(load),
            each(server),
            each(rest)
        )
    }
}

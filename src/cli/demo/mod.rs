//! `fairdue demo`: a server of its own, generated markets sent through the real API, then figures and findings.

mod breach;
mod case;
mod country;
mod rng;
mod story;
#[cfg(test)]
mod tests;

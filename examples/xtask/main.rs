//! The tasks of this repository that are more than one command of cargo: `cargo xtask faults gate`.
#![forbid(unsafe_code)]

mod faults;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tasks of this repository", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Breaks things for real (kill -9, dead databases, silent networks, full disks, ...) and compares what is left with what
    /// clients were told. Ends with 0 only if every clause held.
    #[command(subcommand)]
    Faults(Faults),
}

/// What to do with the fault tests. docs/reliability.md tells what each clause holds and how it was seen to fail.
#[derive(Debug, Subcommand)]
enum Faults {
    /// A few rounds of every clause, the counts of `cargo test`: about six minutes on two processors.
    Gate {
        /// Only these, such as C-02.
        clauses: Vec<String>,
    },
    /// Many rounds of every clause: hours.
    Campaign {
        /// Only these, such as C-02.
        clauses: Vec<String>,
    },
    /// Tells the clauses, their tests and counts, and fails if a test that is named does not exist.
    List,
}

fn main() -> ExitCode {
    let Task::Faults(task) = Cli::parse().task;
    let done = match task {
        Faults::Gate { clauses } => faults::run(&clauses, faults::Length::Gate),
        Faults::Campaign { clauses } => faults::run(&clauses, faults::Length::Campaign),
        Faults::List => faults::list(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("xtask: {text}");
            ExitCode::from(2)
        }
    }
}

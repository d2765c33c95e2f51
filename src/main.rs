//! The `fairdue` binary: everything is in the library.

use std::process::ExitCode;

/// The system's allocator takes a fifth of the time of a commit, most of it for memory that another thread has asked for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fairdue::cli::main()
}

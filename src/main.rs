//! The `fairdue` binary: everything is in the library.

use std::process::ExitCode;

/// The system's allocator takes a fifth of the time of a commit, most of it for memory that another thread has asked for. The
/// libraries in C ask this one too (feature `override`): what SQLite and the compression gave back there stayed with the
/// threads that had asked for it, hundreds of mebibytes that nobody used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fairdue::cli::main()
}

//! The `fairdue` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    fairdue::cli::main()
}

//! Standard output. The standard macros panic when whoever reads it goes away, as `head` does once it has enough.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicI32, Ordering};

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::tell(format_args!($($text)*), true) };
}
pub(super) use say;

/// Prints a line on standard error, if anybody reads it.
macro_rules! complain {
    ($($text:tt)*) => { $crate::cli::say::complain_of(format_args!($($text)*)) };
}
pub(super) use complain;

/// Prints a line on standard error. Where that cannot be written there is nobody to be told.
pub(super) fn complain_of(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The code with which a command ends that cannot tell its answer: `diff` and `sync verify` say with 1 that something differs.
static FAILED: AtomicI32 = AtomicI32::new(1);

/// A failure ends the program with this code from now on.
pub(super) fn fail_with(code: u8) {
    FAILED.store(code.into(), Ordering::Relaxed);
}

/// Prints a text, with the end of a line or without, unless that is not possible.
pub(super) fn try_to_tell(text: std::fmt::Arguments<'_>, line: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let end = if line { "\n" } else { "" };
    out.write_fmt(format_args!("{text}{end}")).and_then(|()| out.flush())
}

/// Prints a text, with the end of a line or without. A reader that went away ends the program: it has what it wanted. What
/// cannot be written for another reason ends it with an error.
pub(super) fn tell(text: std::fmt::Arguments<'_>, line: bool) {
    match try_to_tell(text, line) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            complain!("fairdue: standard output cannot be written: {error}");
            std::process::exit(FAILED.load(Ordering::Relaxed));
        }
    }
}

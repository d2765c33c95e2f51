//! Standard output. The standard macros panic when whoever reads it goes away, as `head` does once it has enough.

use std::io::{ErrorKind, Write};

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::tell(format_args!($($text)*), true) };
}
pub(super) use say;

/// Prints a text, with the end of a line or without. A reader that went away ends the program: it has what it wanted. What
/// cannot be written for another reason ends it with an error.
pub(super) fn tell(text: std::fmt::Arguments<'_>, line: bool) {
    let mut out = std::io::stdout().lock();
    let end = if line { "\n" } else { "" };
    match out.write_fmt(format_args!("{text}{end}")).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("fairdue: standard output cannot be written: {error}");
            std::process::exit(1);
        }
    }
}

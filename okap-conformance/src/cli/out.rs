//! Where all output of the command line goes.

use std::io::{self, IsTerminal, Write};

/// A line, or several, to standard output. A reader that has gone away is no error.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// An error, to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}

/// Replaces the last line of a terminal; nothing where there is none.
pub(super) fn progress(text: &str) {
    let mut out = io::stderr().lock();
    if out.is_terminal() {
        let shown: String = text.chars().take(78).collect();
        let _ = write!(out, "\r\x1b[2K{shown}");
        let _ = out.flush();
    }
}

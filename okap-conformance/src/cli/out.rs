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

/// A remark, to standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A question; the answer stands behind it in the same line.
pub(super) fn ask(text: &str) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

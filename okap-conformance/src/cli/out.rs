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

/// Replaces the last line of a terminal by what this says, which is asked for only where there is
/// one.
pub(super) fn progress(text: impl FnOnce() -> String) {
    let mut out = io::stderr().lock();
    let shows = out.is_terminal();
    replace(&mut out, shows, text);
}

fn replace(out: &mut impl Write, shows: bool, text: impl FnOnce() -> String) {
    if shows {
        let shown: String = text().chars().take(78).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_that_nobody_sees_is_not_made() {
        let mut out = Vec::new();
        replace(&mut out, false, || panic!("nobody sees this"));
        assert!(out.is_empty());
        replace(&mut out, true, || "x".repeat(100));
        assert_eq!(String::from_utf8(out).unwrap(), format!("\r\x1b[2K{}", "x".repeat(78)));
    }
}

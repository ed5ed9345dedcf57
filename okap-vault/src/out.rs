//! What the program says: results on standard output, the rest on standard error.
//!
//! The one room that prints. A reader that has gone away, such as `head`, is no error.

use std::io::Write;

use serde::Serialize;

/// One line on standard output.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// A JSON document on standard output.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// One line on standard error: a hint, or what goes on.
pub(crate) fn hint(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Columns on standard output, each as wide as its widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(padded.join("  ").trim_end());
    };
    print(&mut head.into_iter());
    for row in rows {
        print(&mut row.iter().map(String::as_str));
    }
}

/// Standard output, for what is too long to hold in memory.
pub(crate) fn writer() -> impl std::io::Write {
    std::io::stdout()
}

//! Writes the JSON Schema of every wire type into a folder, one file each:
//!
//! `cargo run -p okap-types --features schema --example schemas -- ./schemas`
//!
//! With `--draft07` in front of the folder they are in draft-07, for generators that do not read
//! 2020-12.

#![allow(clippy::disallowed_methods, reason = "an example writes files; the crate does not")]

use std::{env, error::Error, fs, io::Write as _, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1).peekable();
    let draft07 = args.next_if(|arg| arg == "--draft07").is_some();
    let Some(folder) = args.next().map(PathBuf::from) else {
        return Err("name the folder to write into: schemas [--draft07] <folder>".into());
    };
    let schemas = match draft07 {
        true => okap_types::schema::all_draft07(),
        false => okap_types::schema::all(),
    };
    fs::create_dir_all(&folder)?;
    let mut out = std::io::stdout().lock();
    for (name, schema) in schemas {
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, format!("{schema:#}\n"))?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

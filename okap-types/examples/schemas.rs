//! Writes the JSON Schema of every wire type into a folder, one file each:
//!
//! `cargo run -p okap-types --features schema --example schemas -- ./schemas`

#![allow(clippy::disallowed_methods, reason = "an example writes files; the crate does not")]

use std::{env, error::Error, fs, io::Write as _, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err("name the folder to write into: schemas <folder>".into());
    };
    fs::create_dir_all(&folder)?;
    let mut out = std::io::stdout().lock();
    for (name, schema) in okap_types::schema::all() {
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, format!("{schema:#}\n"))?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

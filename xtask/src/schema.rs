//! Writes `spec/schema/` from the wire types of okap-types.

use std::{collections::BTreeMap, fs, io};

use anyhow::{Context as _, Result, bail};

use crate::tools::{root, say};

const FOLDER: &str = "spec/schema";

/// Writes one file for each wire type and removes those that no type has any more, or with `check`
/// only compares.
///
/// # Errors
/// When `check` finds a file missing, different or stale, naming each; when a file cannot be read
/// or written.
pub(crate) fn write(check: bool) -> Result<()> {
    let wanted: BTreeMap<String, String> = okap_types::schema::all()
        .into_iter()
        .map(|(name, schema)| (format!("{name}.json"), format!("{schema:#}\n")))
        .collect();
    let mut found = on_disk()?;
    let mut changes = Vec::new();
    for (name, text) in &wanted {
        match found.remove(name) {
            Some(old) if old == *text => {}
            Some(_) => changes.push((name, Change::Differs)),
            None => changes.push((name, Change::Missing)),
        }
    }
    changes.extend(found.keys().map(|name| (name, Change::Stale)));
    if check {
        return verdict(&changes);
    }
    let folder = root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {FOLDER}"))?;
    for (name, change) in &changes {
        let path = folder.join(name);
        match (change, wanted.get(*name)) {
            (Change::Stale, _) | (_, None) => fs::remove_file(path),
            (_, Some(text)) => fs::write(path, text),
        }
        .with_context(|| format!("cannot write {FOLDER}/{name}"))?;
        say(&format!("{FOLDER}/{name}: {}", change.done()));
    }
    say(&format!("{FOLDER}: {} schemas, {} files touched", wanted.len(), changes.len()));
    Ok(())
}

#[derive(Clone, Copy)]
enum Change {
    Missing,
    Differs,
    Stale,
}

impl Change {
    const fn done(self) -> &'static str {
        match self {
            Self::Missing => "written",
            Self::Differs => "rewritten",
            Self::Stale => "removed, no type has this name",
        }
    }

    const fn seen(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Differs => "differs from the types",
            Self::Stale => "belongs to no type",
        }
    }
}

fn verdict(changes: &[(&String, Change)]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = changes
        .iter()
        .map(|(name, change)| format!("  {FOLDER}/{name} {}", change.seen()))
        .collect();
    bail!(
        "the schemas are not those of the types (run `cargo xtask schema`):\n{}",
        lines.join("\n")
    )
}

/// The schema files there are, with their texts.
fn on_disk() -> Result<BTreeMap<String, String>> {
    let entries = match fs::read_dir(root().join(FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {FOLDER}")),
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|e| e == "json") {
            let text = fs::read_to_string(&path);
            files.insert(
                name.clone(),
                text.with_context(|| format!("cannot read {FOLDER}/{name}"))?,
            );
        }
    }
    Ok(files)
}

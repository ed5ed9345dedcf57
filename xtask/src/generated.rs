//! Folders of files that a chore writes and a check compares.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::tools::{root, say};

/// File names, or paths below a folder, with their texts.
pub(crate) type Files = BTreeMap<String, String>;

/// Writes the files of a folder and removes those of the same ending that nobody wants any more,
/// or with `check` only compares. `chore` is what writes them.
///
/// # Errors
/// When `check` finds a file missing, different or stale, naming each; when a file cannot be read
/// or written.
pub(crate) fn write(
    folder: &str,
    ending: &str,
    wanted: &Files,
    chore: &str,
    check: bool,
) -> Result<()> {
    let home = root().join(folder);
    let mut found = Files::new();
    read(&home, "", ending, &mut found).with_context(|| format!("cannot read {folder}"))?;
    let mut changes = Vec::new();
    for (name, text) in wanted {
        match found.remove(name) {
            Some(old) if old == *text => {}
            Some(_) => changes.push((name, Change::Differs)),
            None => changes.push((name, Change::Missing)),
        }
    }
    changes.extend(found.keys().map(|name| (name, Change::Stale)));
    if check {
        return verdict(folder, chore, &changes);
    }
    for (name, change) in &changes {
        let path = home.join(name);
        match (change, wanted.get(*name)) {
            (Change::Stale, _) | (_, None) => fs::remove_file(path),
            (_, Some(text)) => path
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text)),
        }
        .with_context(|| format!("cannot write {folder}/{name}"))?;
        say(&format!("{folder}/{name}: {}", change.done()));
    }
    say(&format!("{folder}: {} files, {} touched", wanted.len(), changes.len()));
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
            Self::Stale => "removed, nothing has this name",
        }
    }

    const fn seen(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Differs => "differs",
            Self::Stale => "belongs to nothing",
        }
    }
}

fn verdict(folder: &str, chore: &str, changes: &[(&String, Change)]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = changes
        .iter()
        .map(|(name, change)| format!("  {folder}/{name} {}", change.seen()))
        .collect();
    bail!("{folder} is not what `cargo xtask {chore}` writes:\n{}", lines.join("\n"))
}

/// The files with this ending in a folder and the folders in it.
fn read(folder: &Path, below: &str, ending: &str, files: &mut Files) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let name = format!("{below}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), ending, files)?;
        } else if path.extension().is_some_and(|e| e == ending) {
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

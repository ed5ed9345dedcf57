//! What the vault keeps: every file of its dump.

use std::path::Path;

use super::Case;
use crate::{driver::Order, outcome::Stop};

/// Most bytes that are looked at.
const MOST: u64 = 256 * 1024 * 1024;

impl Case {
    /// The files in which the vault keeps its state, by name. Needs [`Verb::Dump`].
    ///
    /// [`Verb::Dump`]: crate::driver::Verb::Dump
    ///
    /// # Errors
    /// [`Stop::Broken`] where there is nothing to be read.
    pub async fn kept(&self) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let said = self.order(Order::Dump).await?;
        let path = said.pointer("/path").and_then(|path| path.as_str()).unwrap_or_default();
        let mut files = Vec::new();
        read(Path::new(path), &mut files)
            .map_err(|error| Stop::Broken(format!("the dump at {path:?}: {error}")))?;
        match files.is_empty() {
            true => Err(Stop::Broken(format!("the dump at {path:?} is empty"))),
            false => Ok(files),
        }
    }

    /// Which secret of a kind (`master`, `token_`) stands in bytes, and in which form. Looks on a
    /// thread of its own: other tests wait for moments meanwhile.
    pub async fn secret_in(&self, kind: &'static str, bytes: &[u8]) -> Option<String> {
        let (secrets, bytes) = (self.stage.secrets.clone(), bytes.to_vec());
        let looked = tokio::task::spawn_blocking(move || secrets.find(kind, &bytes));
        let seen = looked.await.ok()??;
        Some(format!("{} ({})", seen.secret, seen.form))
    }
}

fn read(at: &Path, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let about = std::fs::symlink_metadata(at)?;
    if about.is_dir() {
        for entry in std::fs::read_dir(at)? {
            read(&entry?.path(), files)?;
        }
    } else if about.is_file() && about.len() <= MOST {
        let name = at.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match std::fs::read(at) {
            Ok(bytes) => files.push((name, bytes)),
            // a database takes its own files away
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

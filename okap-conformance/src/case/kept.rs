//! What the vault keeps: every file of its dump.

use std::path::Path;

use super::Case;
use crate::{driver::Order, outcome::Stop};

/// Most bytes of one file that are looked at.
const MOST: u64 = 256 * 1024 * 1024;

impl Case {
    /// The files in which the vault keeps its state, by name. Needs [`Verb::Dump`].
    ///
    /// [`Verb::Dump`]: crate::driver::Verb::Dump
    ///
    /// # Errors
    /// [`Stop::Broken`] where there is nothing to be read, [`Stop::Untestable`] where a file is too
    /// long: a secret in it would not be seen.
    pub async fn kept(&self) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let said = self.order(Order::Dump).await?;
        let path = said.pointer("/path").and_then(|path| path.as_str()).unwrap_or_default();
        let mut files = Vec::new();
        let long = read(Path::new(path), MOST, &mut files)
            .map_err(|error| Stop::Broken(format!("the dump at {path:?}: {error}")))?;
        if let Some(name) = long {
            let most = MOST / 1024 / 1024;
            return Err(Stop::Untestable(format!(
                "{name} of the dump at {path:?} is longer than {most} MiB: start with less data"
            )));
        }
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
        match looked.await {
            Ok(seen) => seen.map(|seen| format!("{} ({})", seen.secret, seen.form)),
            // what was not looked through is not free of secrets
            Err(error) => Some(format!("none was looked for: {error}")),
        }
    }
}

/// Reads all files; the name of one that is longer than so many bytes, where there is one.
fn read(
    at: &Path,
    most: u64,
    files: &mut Vec<(String, Vec<u8>)>,
) -> std::io::Result<Option<String>> {
    let about = std::fs::symlink_metadata(at)?;
    let name = at.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if about.is_dir() {
        for entry in std::fs::read_dir(at)? {
            match read(&entry?.path(), most, files) {
                Ok(None) => {}
                // a database takes its own files away
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                long => return long,
            }
        }
    } else if about.is_file() && about.len() > most {
        return Ok(Some(name));
    } else if about.is_file() {
        files.push((name, std::fs::read(at)?));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_to_be_looked_at_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/vault.db"), "0123456789").unwrap();
        let mut files = Vec::new();
        assert_eq!(read(folder.path(), 9, &mut files).unwrap().as_deref(), Some("vault.db"));
        assert!(files.is_empty());
        assert_eq!(read(folder.path(), 10, &mut files).unwrap(), None);
        assert_eq!(files, [("vault.db".to_owned(), b"0123456789".to_vec())]);
    }
}

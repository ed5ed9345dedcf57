//! What the vault keeps: every file of its dump.

use std::{
    fmt::Display,
    fs::File,
    io,
    io::Read,
    path::{Path, PathBuf},
};

use super::Case;
use crate::{driver::Order, outcome::Stop};

/// How much of a dump is looked at: all of it is held at once.
const MOST: Most = Most { bytes: 64 * MIB, entries: 10_000, depth: 16 };
const MIB: u64 = 1024 * 1024;

/// Bounds of a dump.
#[derive(Clone, Copy)]
struct Most {
    /// Of all files.
    bytes: u64,
    /// Files and folders.
    entries: usize,
    /// Folders below the path of the dump, one in another.
    depth: usize,
}

/// Why a dump is not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    File(#[from] io::Error),
    /// What was not looked through is not free of secrets.
    #[error(
        "it has {0}, and the suite reads no more: start the vault with less data, or let `dump` \
         name a folder of its state alone"
    )]
    Past(String),
}

impl Case {
    /// The files in which the vault keeps its state, by name. Needs [`Verb::Dump`].
    ///
    /// [`Verb::Dump`]: crate::driver::Verb::Dump
    ///
    /// # Errors
    /// [`Stop::Broken`] where there is nothing to be read, or more than is looked through: 64 MiB,
    /// 10,000 files and folders, 16 folders one in another.
    pub async fn kept(&self) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let said = self.order(Order::Dump).await?;
        let path = said.pointer("/path").and_then(|path| path.as_str()).unwrap_or_default();
        let broken = |what: &dyn Display| Stop::Broken(format!("the dump at {path:?} {what}"));
        // on a thread of its own, as below
        let at = PathBuf::from(path);
        match tokio::task::spawn_blocking(move || dumped(&at, MOST)).await {
            Ok(Ok(files)) if files.is_empty() => Err(broken(&"is empty")),
            Ok(Ok(files)) => Ok(files),
            Ok(Err(error)) => Err(broken(&format_args!("is not read: {error}"))),
            Err(error) => Err(broken(&format_args!("is not read: {error}"))),
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

/// All files from a path on, by name.
fn dumped(at: &Path, most: Most) -> Result<Vec<(String, Vec<u8>)>, Unread> {
    let mut dump = Dump { most, bytes: 0, entries: 0, files: Vec::new() };
    dump.read(at, 0)?;
    Ok(dump.files)
}

/// What was read of a dump so far.
struct Dump {
    most: Most,
    bytes: u64,
    entries: usize,
    files: Vec<(String, Vec<u8>)>,
}

impl Dump {
    fn read(&mut self, at: &Path, depth: usize) -> Result<(), Unread> {
        let Most { bytes, entries, depth: deepest } = self.most;
        self.entries = self.entries.saturating_add(1);
        if self.entries > entries {
            return Err(Unread::Past(format!("more than {entries} files and folders")));
        }
        let about = std::fs::symlink_metadata(at)?;
        if about.is_dir() {
            if depth > deepest {
                let said = format!("more than {deepest} folders one in another");
                return Err(Unread::Past(said));
            }
            for entry in std::fs::read_dir(at)? {
                match self.read(&entry?.path(), depth.saturating_add(1)) {
                    // a database takes its own files away
                    Err(Unread::File(error)) if error.kind() == io::ErrorKind::NotFound => {}
                    read => read?,
                }
            }
        } else if about.is_file() {
            let name = at.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut held = Vec::new();
            // one byte more tells what goes on; a file may grow meanwhile
            let left = bytes.saturating_sub(self.bytes).saturating_add(1);
            let came = File::open(at)?.take(left).read_to_end(&mut held)?;
            self.bytes = self.bytes.saturating_add(u64::try_from(came).unwrap_or(u64::MAX));
            if self.bytes > bytes {
                let said = format!("more than {} in all, up to {name}", size(bytes));
                return Err(Unread::Past(said));
            }
            self.files.push((name, held));
        }
        Ok(())
    }
}

fn size(bytes: u64) -> String {
    match bytes / MIB {
        0 => format!("{bytes} bytes"),
        mib => format!("{mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `below/vault.db` of ten bytes and `log` of five.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/vault.db"), "0123456789").unwrap();
        std::fs::write(folder.path().join("log"), "01234").unwrap();
        folder
    }

    #[test]
    fn a_dump_is_read_up_to_its_bounds_and_refused_beyond() {
        let folder = folder();
        let just = Most { bytes: 15, entries: 4, depth: 1 };
        let mut files = dumped(folder.path(), just).unwrap();
        files.sort();
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        assert_eq!(files, [file("log", "01234"), file("vault.db", "0123456789")]);
        for (most, said) in [
            (Most { bytes: 14, ..just }, "it has more than 14 bytes in all"),
            (Most { entries: 3, ..just }, "it has more than 3 files and folders"),
            (Most { depth: 0, ..just }, "it has more than 0 folders one in another"),
        ] {
            let error = dumped(folder.path(), most).unwrap_err().to_string();
            assert!(error.starts_with(said) && error.contains("less data"), "{error}");
        }
    }

    #[test]
    fn a_dump_that_is_not_there_is_an_error_of_its_file() {
        let gone = folder().path().join("gone");
        assert!(matches!(dumped(&gone, MOST), Err(Unread::File(_))));
        assert_eq!(size(MOST.bytes), "64 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_no_dump_out_of_its_folder_nor_round_in_a_ring() {
        let folder = folder();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("below/again")).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("all")).unwrap();
        assert_eq!(dumped(folder.path(), MOST).unwrap().len(), 2);
    }
}

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use okap_types::{
    Secret,
    strict::{self, Bounds},
};

use super::{StoreError, Storing, TokenStore, aside};

/// Longest file that is read, 4 MiB.
const MOST: usize = 4 * 1024 * 1024;

/// Keeps access in one file that only its owner can read.
///
/// # Behavior
/// - The file is made with mode 0600; one that its group or others can read is refused. (On
///   Windows a file has what its folder gives it: choose one in the user's profile.)
/// - A save writes a new file beside it and puts that in its place at once: after a crash there
///   is the old one or the new one.
/// - The folder has to exist. One program uses the file at a time: give each its own.
///
/// ```no_run
/// # async fn keep() -> Result<(), okap_client::StoreError> {
/// use okap_client::{FileStore, TokenStore};
/// let store = FileStore::new("/home/ann/.config/notes/access.json");
/// let kept = store.load("https://vault.example.com").await?;
/// # let _ = kept; Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Held while the file is read and written again.
    writing: Mutex<()>,
}

type Kept = BTreeMap<String, Secret<String>>;

impl FileStore {
    /// Names the file. It is made by the first save.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { path: path.into(), writing: Mutex::new(()) }))
    }

    fn change(&self, change: impl FnOnce(&mut Kept) + Send + 'static) -> Storing<'_, ()> {
        let inner = Arc::clone(&self.0);
        aside(move || {
            let _writing = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut kept = read(&inner.path)?;
            change(&mut kept);
            write(&inner.path, &kept)
        })
    }
}

impl TokenStore for FileStore {
    fn load<'a>(&'a self, issuer: &'a str) -> Storing<'a, Option<Secret<String>>> {
        let (inner, issuer) = (Arc::clone(&self.0), issuer.to_owned());
        aside(move || Ok(read(&inner.path)?.remove(&issuer)))
    }

    fn save<'a>(&'a self, issuer: &'a str, access: &'a Secret<String>) -> Storing<'a, ()> {
        let (issuer, access) = (issuer.to_owned(), access.clone());
        self.change(move |kept| drop(kept.insert(issuer, access)))
    }

    fn remove<'a>(&'a self, issuer: &'a str) -> Storing<'a, ()> {
        let issuer = issuer.to_owned();
        self.change(move |kept| drop(kept.remove(&issuer)))
    }
}

fn read(path: &Path) -> Result<Kept, StoreError> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Kept::new()),
        other => other.map_err(|e| failed("opened", path, &e))?,
    };
    // of the open file, so that nobody changes it in between
    private(path, &file.metadata().map_err(|e| failed("looked at", path, &e))?)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MOST).unwrap_or(u64::MAX).saturating_add(1);
    let outcome = (&file).take(limit).read_to_end(&mut bytes);
    let bytes = Secret::new(bytes);
    outcome.map_err(|e| failed("read", path, &e))?;
    // the parser's words may quote a token
    strict::read(bytes.expose(), Bounds { bytes: MOST, depth: 2 })
        .map_err(|_| StoreError::new(format!("{} is no file of this store", path.display())))
}

fn write(path: &Path, kept: &Kept) -> Result<(), StoreError> {
    let shown: BTreeMap<&str, &str> =
        kept.iter().map(|(issuer, text)| (issuer.as_str(), text.expose())).collect();
    let json = Secret::new(serde_json::to_vec(&shown).map_err(StoreError::new)?);
    let beside = beside(path);
    let outcome = fresh(&beside).and_then(|mut file| {
        file.write_all(json.expose())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        settle(path)
    });
    outcome.map_err(|e| {
        // nothing is lost: the old file still stands
        let _ = fs::remove_file(&beside);
        failed("written", path, &e)
    })
}

/// A name in the same folder, this process's own.
fn beside(path: &Path) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Makes a file that was not there.
fn fresh(path: &Path) -> io::Result<File> {
    // left by an earlier process of this number that crashed
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the new name last.
#[cfg(unix)]
fn settle(path: &Path) -> io::Result<()> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn settle(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn private(path: &Path, file: &fs::Metadata) -> Result<(), StoreError> {
    let mode = std::os::unix::fs::MetadataExt::mode(file) & 0o777;
    if mode & 0o077 == 0 && file.is_file() {
        return Ok(());
    }
    let path = path.display();
    Err(StoreError::new(format!(
        "{path} has mode {mode:03o}: others could use what is in it; set it to 600 or remove it"
    )))
}

#[cfg(not(unix))]
fn private(_: &Path, _: &fs::Metadata) -> Result<(), StoreError> {
    Ok(())
}

fn failed(what: &str, path: &Path, why: &io::Error) -> StoreError {
    StoreError::new(format!("{} cannot be {what}: {why}", path.display()))
}

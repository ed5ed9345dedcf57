//! The directory that holds everything of a vault.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::store::{Database, DatabaseUrl, Place, StoreFault};

/// A vault's directory: `vault.db` with its `-wal` and `-shm`, and perhaps `okap-vault.toml`. Where
/// the database is a PostgreSQL one, the directory may be missing.
#[derive(Clone, Debug)]
pub struct Home {
    directory: PathBuf,
    server: Option<DatabaseUrl>,
}

/// Why a directory cannot be a vault's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// No vault was set up there.
    #[error("there is no vault in {0} yet; set one up with: okap-vault serve")]
    Empty(Place),
    /// It cannot be made.
    #[error("directory {} cannot be made; name another with --data", .0.display())]
    NotMade(PathBuf, #[source] io::Error),
    /// A vault is being served from it.
    #[error("a vault is being served from {}; stop it first", .0.display())]
    Served(PathBuf),
    /// The vault is being moved elsewhere.
    #[error("the vault in {} is being moved to another database", .0.display())]
    Moving(PathBuf),
    /// Whether one is served cannot be told.
    #[error("whether a vault is served from {} cannot be told", .0.display())]
    NotTold(PathBuf, #[source] io::Error),
    /// There is no default for it.
    #[error("neither XDG_DATA_HOME nor HOME is set; name the vault's directory with --data")]
    Unnamed,
}

impl Home {
    /// `$XDG_DATA_HOME/okap-vault`, else `~/.local/share/okap-vault`.
    ///
    /// # Errors
    /// [`HomeError::Unnamed`].
    pub fn usual() -> Result<PathBuf, HomeError> {
        let absolute =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        data.map(|data| data.join("okap-vault")).ok_or(HomeError::Unnamed)
    }

    /// The directory, made for its owner alone where it is missing.
    ///
    /// # Errors
    /// [`HomeError::NotMade`].
    pub fn create(directory: &Path) -> Result<Self, HomeError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(directory)
            .map_err(|error| HomeError::NotMade(directory.to_owned(), error))?;
        Ok(Self { directory: directory.to_owned(), server: None })
    }

    /// A vault in a PostgreSQL database; its configuration may be in the directory.
    #[must_use]
    pub fn on_server(directory: &Path, server: DatabaseUrl) -> Self {
        Self { directory: directory.to_owned(), server: Some(server) }
    }

    /// The directory of a vault that has been set up.
    ///
    /// # Errors
    /// [`HomeError::Empty`].
    pub fn existing(directory: &Path) -> Result<Self, HomeError> {
        let home = Self { directory: directory.to_owned(), server: None };
        match home.is_set_up() {
            true => Ok(home),
            false => Err(HomeError::Empty(Place::File(directory.to_owned()))),
        }
    }

    /// Whether a database is there; on a server only the database itself can tell.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.server.is_some() || self.database_path().exists()
    }

    /// Opens the database, and creates it where there is none.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn database(&self) -> Result<Database, StoreFault> {
        match &self.server {
            Some(server) => Database::connect(server).await,
            None => Database::open(&self.database_path()).await,
        }
    }

    /// Marks the vault as being served until the answer is dropped; several may serve one file.
    ///
    /// # Errors
    /// [`HomeError::Moving`].
    pub fn serving(&self) -> Result<Option<File>, HomeError> {
        self.mark(File::try_lock_shared, HomeError::Moving)
    }

    /// Keeps the vault from being served until the answer is dropped.
    ///
    /// # Errors
    /// [`HomeError::Served`].
    pub fn resting(&self) -> Result<Option<File>, HomeError> {
        self.mark(File::try_lock, HomeError::Served)
    }

    fn mark(
        &self,
        lock: impl FnOnce(&File) -> Result<(), TryLockError>,
        otherwise: fn(PathBuf) -> HomeError,
    ) -> Result<Option<File>, HomeError> {
        if self.server.is_some() {
            return Ok(None);
        }
        let not_told = |error| HomeError::NotTold(self.directory.clone(), error);
        // not vault.db: closing it a second time would end SQLite's locks
        let mark = match cfg!(unix) {
            true => File::open(&self.directory),
            false => {
                let path = self.directory.join("serving.lock");
                File::options().create(true).append(true).open(path)
            }
        };
        let mark = mark.map_err(not_told)?;
        match lock(&mark) {
            Ok(()) => Ok(Some(mark)),
            Err(TryLockError::WouldBlock) => Err(otherwise(self.directory.clone())),
            Err(TryLockError::Error(error)) => Err(not_told(error)),
        }
    }

    /// Where the configuration is read from, if it is there.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        Self::config_in(&self.directory)
    }

    /// As [`config_path`](Self::config_path), of a directory that may have no vault yet.
    pub(crate) fn config_in(directory: &Path) -> PathBuf {
        directory.join("okap-vault.toml")
    }

    fn database_path(&self) -> PathBuf {
        self.directory.join("vault.db")
    }
}

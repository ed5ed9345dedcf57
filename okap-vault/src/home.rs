//! The directory that holds everything of a vault.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::store::{Database, StoreFault};

/// A vault's directory: `vault.db` with its `-wal` and `-shm`, and perhaps `okap-vault.toml`.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// Why a directory cannot be a vault's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// No vault was set up there.
    #[error("there is no vault in {} yet; set one up with: okap-vault serve", .0.display())]
    Empty(PathBuf),
    /// It cannot be made.
    #[error("directory {} cannot be made; name another with --data", .0.display())]
    NotMade(PathBuf, #[source] io::Error),
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
        Ok(Self(directory.to_owned()))
    }

    /// The directory of a vault that has been set up.
    ///
    /// # Errors
    /// [`HomeError::Empty`].
    pub fn existing(directory: &Path) -> Result<Self, HomeError> {
        let home = Self(directory.to_owned());
        match home.is_set_up() {
            true => Ok(home),
            false => Err(HomeError::Empty(directory.to_owned())),
        }
    }

    /// Whether a database is there.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.database_path().exists()
    }

    /// Opens the database, and creates it where there is none.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub async fn database(&self) -> Result<Database, StoreFault> {
        Database::open(&self.database_path()).await
    }

    /// Where the configuration is read from, if it is there.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        Self::config_in(&self.0)
    }

    /// As [`config_path`](Self::config_path), of a directory that may have no vault yet.
    pub(crate) fn config_in(directory: &Path) -> PathBuf {
        directory.join("okap-vault.toml")
    }

    fn database_path(&self) -> PathBuf {
        self.0.join("vault.db")
    }
}

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::ErrorCode;

/// Where a database is, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database: its address without a password.
    Server(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(address) => f.write_str(address),
        }
    }
}

/// What is wrong with the database, and what to do about it.
#[derive(Clone, Debug)]
pub struct StoreFault {
    place: Place,
    fault: Fault,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`StoreFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Another process held the write lock for too long.
    Locked,
    /// Written by a newer okap-vault, of this schema version.
    Newer(i64),
    /// No database, or that of another program.
    NotOurs,
    /// The file or its directory cannot be written.
    ReadOnly,
    /// No space is left.
    Full,
    /// The file is damaged.
    Damaged,
    /// The file cannot be opened or made.
    NotOpened,
    /// The file cannot be read or written.
    Io,
    /// The server cannot be reached, or takes nobody in at the moment.
    Unreachable,
    /// The server does not let this user into this database.
    Denied,
    /// The server did not answer in time.
    TooSlow,
    /// The certificates to trust cannot be read.
    Roots,
    /// The thread that writes has ended.
    Stopped,
    /// The database refused a statement.
    Other,
}

impl StoreFault {
    /// What kind of fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    pub(super) fn new(place: &Place, fault: Fault) -> Self {
        Self { place: place.clone(), fault, source: None }
    }

    pub(super) fn with(
        place: &Place,
        fault: Fault,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(Arc::from(source.into())), ..Self::new(place, fault) }
    }

    pub(super) fn in_file(path: &Path, fault: Fault) -> Self {
        Self { place: Place::File(path.to_owned()), fault, source: None }
    }

    pub(super) fn not_created(path: &Path, error: io::Error) -> Self {
        let fault = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::Full,
            _ => Fault::NotOpened,
        };
        Self { source: Some(Arc::new(error)), ..Self::in_file(path, fault) }
    }

    pub(super) fn of_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Fault::ReadOnly,
            Some(ErrorCode::DiskFull) => Fault::Full,
            Some(ErrorCode::DatabaseCorrupt) => Fault::Damaged,
            Some(ErrorCode::NotADatabase) => Fault::NotOurs,
            Some(ErrorCode::CannotOpen) => Fault::NotOpened,
            Some(ErrorCode::SystemIoFailure) => Fault::Io,
            _ => Fault::Other,
        };
        Self { source: Some(Arc::new(error)), ..Self::in_file(path, fault) }
    }
}

impl StoreFault {
    /// Whether the disk did not take what SQLite had written.
    pub(super) fn is_of_the_disk(&self) -> bool {
        let source = self.source.as_ref().and_then(|source| source.downcast_ref());
        let Some(rusqlite::Error::SqliteFailure(error, _)) = source else { return false };
        let codes = [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC];
        codes.contains(&error.extended_code)
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, is_file) = (&self.place, matches!(self.place, Place::File(_)));
        match self.fault {
            Fault::Locked => {
                let seconds = super::sqlite::BUSY.as_secs();
                write!(f, "{path} was locked by another process for {seconds} s; try again")
            }
            Fault::Newer(found) => write!(
                f,
                "{path} has schema version {found}, which is newer than this okap-vault; \
                 update okap-vault"
            ),
            Fault::NotOurs if is_file => {
                write!(f, "{path} is no okap-vault database; move it away or name another --data")
            }
            Fault::NotOurs => write!(
                f,
                "{path} has tables of another program; make a database for okap-vault alone"
            ),
            Fault::ReadOnly if !is_file => {
                write!(f, "{path} is read-only, as a standby is; name the server that takes writes")
            }
            Fault::Unreachable => write!(
                f,
                "{path} cannot be reached; check that PostgreSQL runs there, its address, and sslmode"
            ),
            Fault::Denied => write!(
                f,
                "{path} does not let this user in; check the user, the password and the database"
            ),
            Fault::TooSlow => write!(f, "{path} did not answer in time; try again"),
            Fault::Roots => write!(
                f,
                "the certificates to trust {path} by cannot be read; name a PEM file as sslrootcert"
            ),
            Fault::ReadOnly => write!(
                f,
                "{path} cannot be written; make the file and its directory writable for this user"
            ),
            Fault::Full => write!(f, "no space is left for {path}; free some and try again"),
            Fault::Damaged => write!(f, "{path} is damaged; put a backup in its place"),
            Fault::NotOpened => write!(
                f,
                "{path} cannot be opened; it has to be a file in a directory that this user can write"
            ),
            Fault::Io => write!(
                f,
                "{path} cannot be read or written; check its disk, its free space and any quota"
            ),
            Fault::Stopped => write!(f, "{path} is closed after a failure; start okap-vault again"),
            Fault::Other => write!(f, "the database {path} refused a statement"),
        }
    }
}

impl std::error::Error for StoreFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

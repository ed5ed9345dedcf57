use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use okap_types::Secret;
use zeroize::Zeroizing;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Others could read it.
    #[error("key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}", path = .0.display(), mode = .1)]
    Open(PathBuf, u32),
    /// It is not one.
    #[error("key file {} does not hold exactly 32 bytes", .0.display())]
    Length(PathBuf),
    /// It is not there.
    #[error("key file {} is missing; put it back, nothing else opens the keys of this vault", .0.display())]
    Missing(PathBuf),
    /// The system refuses.
    #[error("key file {} cannot be read or made", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

/// Reads a key file: 32 bytes that only their owner can read.
///
/// # Errors
/// [`KeyFileError`].
pub fn key_file(path: &Path) -> Result<Secret<[u8; 32]>, KeyFileError> {
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io(path.to_owned(), error),
    };
    let file = File::open(path).map_err(io)?;
    #[cfg(unix)]
    {
        let permissions = file.metadata().map_err(io)?.permissions();
        let mode = std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open(path.to_owned(), mode));
        }
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    file.take(33).read_to_end(&mut bytes).map_err(io)?;
    let key = <[u8; 32]>::try_from(bytes.as_slice());
    key.map(Secret::new).map_err(|_| KeyFileError::Length(path.to_owned()))
}

/// Makes a key file of random bits, for its owner alone; one that is there already is read.
///
/// # Errors
/// [`KeyFileError`].
pub fn make_key_file(path: &Path) -> Result<Secret<[u8; 32]>, KeyFileError> {
    let io = |error: io::Error| KeyFileError::Io(path.to_owned(), error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return key_file(path),
        Err(error) => return Err(io(error)),
    };
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut()).map_err(|error| io(io::Error::other(error.to_string())))?;
    // lost bits would lose every key that they seal
    file.write_all(key.as_ref()).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(Secret::new(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        assert!(matches!(key_file(&path), Err(KeyFileError::Missing(_))));
        let made = make_key_file(&path).unwrap();
        assert_eq!(make_key_file(&path).unwrap().expose(), made.expose());
        assert_eq!(key_file(&path).unwrap().expose(), made.expose());
        assert_ne!(made.expose(), &[0; 32]);
    }

    #[test]
    fn a_file_of_another_length_is_no_key_file() {
        let home = tempfile::tempdir().unwrap();
        for length in [0, 31, 33, 4096] {
            let path = home.path().join(length.to_string());
            drop(make_key_file(&path).unwrap());
            std::fs::write(&path, vec![1; length]).unwrap();
            assert!(matches!(key_file(&path), Err(KeyFileError::Length(_))), "{length}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        make_key_file(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = key_file(&path).unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        key_file(&path).unwrap();
    }
}

use okap_server::ControlError;

use crate::{
    home::HomeError,
    keys::{KeyError, KeyFileError},
    out,
    serve::AddressError,
    store::{AddressError as DatabaseAddressError, Flaw, MoveError, StoreFault},
};

/// The command line asks for what cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// There is no such thing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotFound(pub(super) String);

/// Says what went wrong, and below it why.
pub(super) fn tell(error: &anyhow::Error) {
    // what is wrong with the database says it all, and SQLite says it twice
    let is_store = error.chain().any(|e| e.is::<StoreFault>());
    let causes = error
        .chain()
        .skip_while(|e| is_store && !e.is::<StoreFault>())
        .filter(|e| !e.is::<rusqlite::ffi::Error>());
    for (at, cause) in causes.enumerate() {
        out::hint(&format!("{}{cause}", if at == 0 { "error: " } else { "  because: " }));
    }
}

/// The exit code that `--help` promises.
pub(super) fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code).unwrap_or(1)
}

fn code(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if error.is::<Usage>() {
        return Some(2);
    }
    if error.is::<NotFound>() {
        return Some(3);
    }
    if error.is::<DatabaseAddressError>() {
        return Some(2);
    }
    if error.is::<StoreFault>() {
        return Some(5);
    }
    if error.is::<Flaw>() || matches!(error.downcast_ref(), Some(MoveError::Unreadable(_))) {
        return Some(6);
    }
    if let Some(error) = error.downcast_ref::<KeyError>() {
        return match error {
            KeyError::WrongPassphrase | KeyError::WrongKeyFile => Some(4),
            KeyError::WantsPassphrase | KeyError::WantsKeyFile => Some(2),
            KeyError::Absent(_) => Some(3),
            KeyError::Damaged(_) => Some(5),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<AddressError>() {
        return match error {
            AddressError::Exposed(_) | AddressError::Unnamed | AddressError::PlainIssuer(_) => {
                Some(2)
            }
            _ => None,
        };
    }
    match () {
        () if matches!(error.downcast_ref(), Some(HomeError::Empty(_))) => Some(3),
        () if matches!(error.downcast_ref(), Some(KeyFileError::Missing(_))) => Some(3),
        () if matches!(error.downcast_ref(), Some(ControlError::Unknown)) => Some(3),
        () => None,
    }
}

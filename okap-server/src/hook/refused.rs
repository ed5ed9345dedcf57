use crate::{BoxError, ControlError, StoreError};

/// Why an order was not carried out.
pub(super) enum Refused {
    /// It makes no sense.
    Order(String),
    /// This vault cannot do it.
    Unsupported,
    /// What it names is not there, or does not hold.
    Missing(String),
    /// The vault failed.
    Failed(String),
}

/// What went wrong, with its causes: whoever wrote the vault reads it.
pub(super) fn failed(error: impl Into<BoxError>) -> Refused {
    let error = error.into();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    Refused::Failed(said)
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        failed(error)
    }
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Store(error) => error.into(),
            error => Self::Missing(error.to_string()),
        }
    }
}

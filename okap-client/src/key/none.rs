//! Stands in for keys where the `dpop` feature is off: there is none, and the compiler knows.

use okap_types::Secret;

use crate::Error;

#[derive(Clone, Debug)]
pub(crate) enum Key {}

impl Key {
    pub(crate) fn generate() -> Result<Self, Error> {
        let text = "keys need the feature dpop of okap-client";
        Err(Error::new(crate::error::Kind::InvalidRequest, text))
    }

    pub(crate) fn thumbprint(&self) -> &str {
        match *self {}
    }

    pub(crate) fn proof(
        &self,
        _: &http::Method,
        _: &str,
        _: Option<&str>,
        _: Option<&Secret<String>>,
    ) -> Result<String, Error> {
        match *self {}
    }

    pub(crate) fn assertion(&self, _: &str, _: &str) -> Result<Secret<String>, Error> {
        match *self {}
    }
}

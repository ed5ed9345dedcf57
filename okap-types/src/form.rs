//! Forms: the other door for bytes, `application/x-www-form-urlencoded`.

use std::{collections::BTreeMap, fmt};

use crate::{ParseError, name::shortened, text::clean};

/// Most parameters in a form.
const MOST: usize = 64;

/// A form's parameters, each at most once (RFC 6749 section 3.1). One without a value is absent.
///
/// ```
/// use okap_types::form::Form;
/// let form = Form::parse("grant_type=refresh_token&client_id=")?;
/// assert_eq!(form.want("grant_type")?, "refresh_token");
/// assert!(form.want("client_id").is_err());
/// assert!(Form::parse("a=1&a=2").is_err());
/// # Ok::<(), okap_types::ParseError>(())
/// ```
#[derive(Clone, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form, or a query.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`] where a parameter stands twice, or there are more than 64.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut form = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let shown = clean(&shortened(&name));
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(ParseError::InvalidRequest(format!("parameter {shown} stands twice")));
            }
            if form.len() > MOST {
                return Err(ParseError::InvalidRequest(format!("more than {MOST} parameters")));
            }
        }
        Ok(Self(form))
    }

    /// A parameter that may be absent.
    #[must_use]
    pub fn opt(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// A parameter that has to be there.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`], naming it.
    pub fn want(&self, name: &str) -> Result<&str, ParseError> {
        let missing = || ParseError::InvalidRequest(format!("{name} is missing"));
        self.opt(name).ok_or_else(missing)
    }
}

// values may be secrets
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

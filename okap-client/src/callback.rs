//! What the browser brings back, and whether it is the genuine answer.

use okap_types::{Secret, form::Form};

use crate::error::foreign;

/// What only the genuine answer knows.
pub(crate) struct Expected {
    pub(crate) state: Secret<String>,
    pub(crate) issuer: String,
}

/// The genuine answer.
pub(crate) enum Callback {
    Code(Secret<String>),
    Refused { code: String, description: String },
}

/// Checks `state` and `iss` before anything else is believed (RFC 9207 section 2.4).
pub(crate) fn judge(query: &str, expected: &Expected) -> Result<Callback, &'static str> {
    let form = Form::parse(query).map_err(|_| "a parameter stands twice, or there are too many")?;
    match form.opt("state") {
        Some(state) if state == expected.state.expose() => {}
        Some(_) => return Err("state is of another request"),
        None => return Err("state is missing"),
    }
    match form.opt("iss") {
        Some(iss) if iss == expected.issuer => {}
        Some(_) => return Err("iss is another vault"),
        None => return Err("iss is missing"),
    }
    match (form.opt("code"), form.opt("error")) {
        (Some(code), None) => Ok(Callback::Code(code.into())),
        (None, Some(error)) => Ok(Callback::Refused {
            code: foreign(error),
            description: foreign(form.opt("error_description").unwrap_or_default()),
        }),
        _ => Err("neither a code nor an error"),
    }
}

//! Vaults that let access grow as it is handed on.

pub(super) mod chain;
pub(super) mod exchange;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

/// The fields of an exchange; `None` for any other request.
fn exchange_of(path: &str, request: &Request<Bytes>) -> Option<Vec<(String, String)>> {
    let fields: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    let exchange = path == "/okap/token"
        && fields.iter().any(|(name, value)| name == "grant_type" && value.contains("exchange"));
    exchange.then_some(fields)
}

fn set_form(request: &mut Request<Bytes>, fields: &[(String, String)]) {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    *request.body_mut() = text.into();
}

/// Whether a record is a grant that was handed on.
fn is_child(key: &str, record: &Value) -> bool {
    key.starts_with("grant/") && record["ancestors"].as_array().is_some_and(|all| !all.is_empty())
}

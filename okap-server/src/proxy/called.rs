//! A call as it came: its body read within bounds, taken apart, and understood.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, header, request::Parts};
use okap_engine::{
    provider::{Call, Operation, Part},
    refusal::Refusal,
};

use crate::{
    BoxError, Consent, Vault,
    body::{self, ReadError},
    core::Core,
};

/// Most fields that a form is taken apart into.
const FIELDS: usize = 64;
/// Longest boundary of a form (RFC 2046 section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;

impl<V: Vault, C: Consent> Core<V, C> {
    /// Reads what a call says.
    pub(super) async fn called<B>(
        &self,
        operation: Operation,
        head: &Parts,
        body: B,
    ) -> Result<Call, Refusal>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let kind = text(head, &header::CONTENT_TYPE).unwrap_or_default();
        if !operation.is_form() {
            accepts(head, &kind, "application/json")?;
            let body = self.whole_body(body).await?;
            return Call::read(operation, &body);
        }
        accepts(head, &kind, "multipart/form-data")?;
        let boundary = multer::parse_boundary(&kind)
            .ok()
            .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()))
            .ok_or_else(|| Refusal::InvalidRequest("the form has no boundary".to_owned()))?;
        let body = self.whole_body(body).await?;
        Call::read_form(operation, Box::pin(fields(body, boundary)).await?)
    }

    async fn whole_body<B>(&self, body: B) -> Result<Bytes, Refusal>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let most = self.config.longest_call;
        body::read(body, most, self.config.request_within).await.map_err(|error| match error {
            ReadError::TooLarge => Refusal::TooLarge(most),
            ReadError::TooSlow => Refusal::RequestTimeout,
            ReadError::Broken => Refusal::InvalidRequest("the request broke off".into()),
        })
    }
}

/// Refuses a body that is packed, or of another type.
fn accepts(head: &Parts, kind: &str, wanted: &'static str) -> Result<(), Refusal> {
    let encodings = head.headers.get_all(header::CONTENT_ENCODING);
    if encodings.iter().any(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let encoding = text(head, &header::CONTENT_ENCODING).unwrap_or_default();
        return Err(Refusal::UnsupportedEncoding(encoding.into_owned()));
    }
    let plain = kind.split(';').next().unwrap_or_default().trim();
    match plain.eq_ignore_ascii_case(wanted) {
        true => Ok(()),
        false => Err(Refusal::UnsupportedMediaType(kind.chars().take(80).collect(), wanted)),
    }
}

/// A header as text, without what a log or an error must not repeat.
fn text<'a>(head: &'a Parts, name: &HeaderName) -> Option<Cow<'a, str>> {
    const LONGEST: usize = 200;
    let value = head.headers.get(name)?;
    match value.to_str() {
        // no control character is visible ASCII
        Ok(plain) if plain.len() <= LONGEST && !plain.contains('\t') => Some(plain.into()),
        _ => {
            let value = String::from_utf8_lossy(value.as_bytes());
            Some(value.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
        }
    }
}

/// Takes a form apart that is here whole.
async fn fields(body: Bytes, boundary: String) -> Result<Vec<Part>, Refusal> {
    let broken = |_| Refusal::InvalidRequest("the form cannot be read".to_owned());
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
    let mut form = multer::Multipart::new(chunks, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if parts.len() >= FIELDS {
            return Err(Refusal::InvalidRequest(format!("form has more than {FIELDS} fields")));
        }
        let named = field.name().map(str::to_owned);
        let name =
            named.ok_or_else(|| Refusal::InvalidRequest("a field has no name".to_owned()))?;
        let file = field.file_name().map(str::to_owned);
        let kind = field.content_type().map(|kind| kind.essence_str().to_owned());
        let bytes = field.bytes().await.map_err(broken)?.to_vec();
        parts.push(Part { name, file, kind, bytes });
    }
    Ok(parts)
}

//! The four shapes in which access is asked for, and the one request that they become.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use url::Url;

use crate::{
    AccessType, AppName, Capability, Limits, ModelAccess, ModelId, ParseError, Provider, Reason,
    Timestamp, Version,
    access::{check_details, parse_details},
    error::said,
    limits::{StrictLimits, present},
    object,
    strict::{self, Bounds},
    version::UnsupportedVersion,
};

/// In which form a request came, and so in which form its answer goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `{"okap", "request": {…}}`, answered flat.
    Request,
    /// `{"okap", "authorization_details": […]}`, answered with details.
    Details,
    /// The flat body of `/okap/request`, answered with `approved`.
    Flat,
    /// `authorization_details` in an OAuth form.
    OAuth,
}

/// What an app says of itself. A claim: nothing here is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientInfo {
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub name: Option<AppName>,
    /// Its home page, http or https.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?:")))]
    pub url: Option<Url>,
    /// The address of the app's document, as a claim that nothing proves here.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(length(max = 512)))]
    pub client_id: Option<String>,
    /// Accepted and never called.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub callback: Option<String>,
}

impl ClientInfo {
    /// An app with a name.
    ///
    /// # Errors
    /// [`TooLong`](crate::text::TooLong) above 80 characters.
    pub fn new(name: &str) -> Result<Self, crate::text::TooLong> {
        Ok(Self { name: Some(AppName::new(name)?), ..Self::default() })
    }

    /// Adds the app's home page.
    #[must_use]
    pub fn url(self, url: Url) -> Self {
        Self { url: Some(url), ..self }
    }

    fn check(self) -> Result<Self, ParseError> {
        let plain = |url: &Url| {
            matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none()
        };
        if self.client_id.as_ref().is_some_and(|id| id.len() > 512) {
            let text = "client_id is longer than 512 bytes";
            return Err(ParseError::InvalidRequest(text.into()));
        }
        match &self.url {
            Some(url) if !plain(url) => Err(ParseError::InvalidRequest(
                "client url is not an http or https address without a user name".into(),
            )),
            _ => Ok(self),
        }
    }
}

/// What an app asks for, whichever shape it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// How it came.
    pub shape: Shape,
    /// What is asked, 1 to 16 objects.
    pub access: Vec<ModelAccess>,
    /// What the app says of itself.
    pub client: ClientInfo,
}

impl GrantRequest {
    /// Reads a `POST /okap/authorize` body: the proposal's shape or the published draft's.
    ///
    /// Unknown members are ignored at the top and in `client`, refused inside details.
    ///
    /// # Errors
    /// [`ParseError`], whose [`code`](ParseError::code) the answer carries.
    ///
    /// ```
    /// use okap_types::{GrantRequest, ParseError};
    /// let body = br#"{"okap":"1.0","authorization_details":[
    ///     {"type":"ai_model_access","provider":"openai"}],"client":{"name":"Notes"}}"#;
    /// assert!(GrantRequest::parse_authorize(body).is_ok());
    /// let body = br#"{"okap":"2.0","request":{"provider":"openai"}}"#;
    /// assert!(matches!(GrantRequest::parse_authorize(body), Err(ParseError::UnsupportedVersion(_))));
    /// ```
    pub fn parse_authorize(body: &[u8]) -> Result<Self, ParseError> {
        let envelope: Envelope<'_> = strict::read(body, Bounds::MESSAGE)?;
        version(envelope.okap)?;
        let client = client(envelope.client)?;
        let (shape, access) = match (envelope.request, envelope.authorization_details) {
            (Some(request), None) => (Shape::Request, vec![proposal(request)?]),
            (None, Some(details)) => (Shape::Details, parse_details(details.get())?),
            (Some(_), Some(_)) => {
                return Err(ParseError::InvalidRequest(
                    "request and authorization_details exclude each other".into(),
                ));
            }
            (None, None) => {
                return Err(ParseError::InvalidRequest(
                    "request or authorization_details is missing".into(),
                ));
            }
        };
        Ok(Self { shape, access, client })
    }

    /// Reads a `POST /okap/request` body, flat as the `okap` package sends it.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse_flat(body: &[u8]) -> Result<Self, ParseError> {
        let text = strict::check(body, Bounds::MESSAGE)?;
        let invalid = |e: serde_json::Error| ParseError::InvalidRequest(said(&e));
        let envelope: Envelope<'_> = object::read(text).map_err(invalid)?;
        version(envelope.okap)?;
        let flat: FlatRequest<'_> = object::read(text).map_err(invalid_details)?;
        for (name, member) in [
            ("base_url", flat.base_url),
            ("currency", flat.currency),
            ("window", flat.window),
            ("resets_at", flat.resets_at),
        ] {
            if member.is_some() {
                let text = format!("{name} belongs to answers, not to requests");
                return Err(ParseError::InvalidDetails(text));
            }
        }
        let url = claim::<String>("app_url", flat.app_url)?.filter(|u| !u.is_empty());
        let url = url.map(|u| u.parse()).transpose();
        let client = ClientInfo {
            name: claim::<AppName>("app_name", flat.app_name)?,
            url: url.map_err(|_| ParseError::InvalidRequest("app_url is not an address".into()))?,
            client_id: None,
            callback: None,
        };
        let access = ModelAccess {
            access_type: AccessType::AiModelAccess,
            provider: flat.provider,
            models: flat.models,
            capabilities: flat.capabilities,
            limits: flat.limits,
            expires: flat.expires,
            reason: flat.reason,
        };
        let access = vec![access];
        check_details(&access)?;
        Ok(Self { shape: Shape::Flat, access, client: client.check()? })
    }

    /// Takes `authorization_details` as an OAuth form carries them.
    ///
    /// # Errors
    /// [`ParseError::TooLarge`]; [`ParseError::InvalidDetails`] for anything wrong in `details`;
    /// [`ParseError::InvalidRequest`] for the client's address.
    pub fn from_oauth(details: &str, client: ClientInfo) -> Result<Self, ParseError> {
        let access = parse_details(details)?;
        Ok(Self { shape: Shape::OAuth, access, client: client.check()? })
    }
}

/// The top of a body. A null member is there, and of the wrong type.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    okap: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    request: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    authorization_details: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    client: Option<&'a RawValue>,
}

fn invalid_details(error: serde_json::Error) -> ParseError {
    ParseError::InvalidDetails(said(&error))
}

/// Reads what a flat body says of its app.
fn claim<'a, T: Deserialize<'a>>(
    name: &str,
    raw: Option<&'a RawValue>,
) -> Result<Option<T>, ParseError> {
    raw.map(|raw| serde_json::from_str(raw.get()))
        .transpose()
        .map_err(|e| ParseError::InvalidRequest(format!("{name}: {}", said(&e))))
}

fn version(okap: Option<&RawValue>) -> Result<Version, ParseError> {
    let Some(okap) = okap else {
        return Err(UnsupportedVersion("(none given)".into()).into());
    };
    match serde_json::from_str::<String>(okap.get()) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Err(UnsupportedVersion(crate::name::shortened(okap.get())).into()),
    }
}

fn client(raw: Option<&RawValue>) -> Result<ClientInfo, ParseError> {
    match raw {
        None => Ok(ClientInfo::default()),
        Some(raw) => object::read::<ClientInfo>(raw.get())
            .map_err(|e| ParseError::InvalidRequest(format!("client: {}", said(&e))))?
            .check(),
    }
}

fn proposal(raw: &RawValue) -> Result<ModelAccess, ParseError> {
    let request: Proposal = object::read(raw.get())
        .map_err(|e| ParseError::InvalidDetails(format!("request: {}", said(&e))))?;
    let access = ModelAccess {
        access_type: AccessType::AiModelAccess,
        provider: request.provider,
        models: request.models,
        capabilities: request.capabilities,
        limits: request.limits,
        expires: request.expires,
        reason: request.reason,
    };
    check_details(std::slice::from_ref(&access))?;
    Ok(access)
}

/// The `request` member of the proposal's shape: a details object without its `type`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Proposal {
    /// May be left out here: exactly `ai_model_access`.
    #[serde(default, rename = "type", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "ai_model_access")))]
    _type: Option<AccessType>,
    /// Who runs the models.
    provider: Provider,
    /// At most 64 unique ids; empty or absent lets the user choose.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 64), extend("uniqueItems" = true)))]
    models: Vec<ModelId>,
    /// What may be done; empty or absent lets the user choose.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 16), extend("uniqueItems" = true)))]
    capabilities: Vec<Capability>,
    /// Caps that the app proposes.
    #[serde(default, deserialize_with = "StrictLimits::read")]
    #[cfg_attr(feature = "schema", schemars(with = "StrictLimits"))]
    limits: Limits,
    /// When the access shall end; in the future.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    expires: Option<Timestamp>,
    /// Why, in the app's own words.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Reason"))]
    reason: Option<Reason>,
}

/// The flat body of `/okap/request`; unknown members at its top are ignored.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("not" = {"anyOf": [
        {"required": ["base_url"]}, {"required": ["currency"]},
        {"required": ["window"]}, {"required": ["resets_at"]},
    ]}))
)]
pub(crate) struct FlatRequest<'a> {
    /// Protocol version.
    #[serde(rename = "okap")]
    _okap: Version,
    /// Who runs the models.
    provider: Provider,
    /// At most 64 unique ids; empty or absent lets the user choose.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 64), extend("uniqueItems" = true)))]
    models: Vec<ModelId>,
    /// What may be done; empty or absent lets the user choose.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 16), extend("uniqueItems" = true)))]
    capabilities: Vec<Capability>,
    /// Caps that the app proposes.
    #[serde(default, deserialize_with = "StrictLimits::read")]
    #[cfg_attr(feature = "schema", schemars(with = "StrictLimits"))]
    limits: Limits,
    /// When the access shall end; in the future.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    expires: Option<Timestamp>,
    /// Why, in the app's own words.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Reason"))]
    reason: Option<Reason>,
    /// What the app calls itself.
    #[serde(borrow, default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "AppName"))]
    app_name: Option<&'a RawValue>,
    /// The app's home page, http or https.
    #[serde(borrow, default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    app_url: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    base_url: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    currency: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    window: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    resets_at: Option<IgnoredAny>,
}

/// The body of `POST /okap/authorize` in the proposal's shape.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(extend("not" = {"required": ["authorization_details"]}))]
#[allow(dead_code, reason = "a schema, never a value")]
pub(crate) struct ProposalRequest {
    /// Protocol version.
    okap: Version,
    /// What is asked.
    request: Proposal,
    /// What the app says of itself.
    client: Option<ClientInfo>,
}

/// The body of `POST /okap/authorize` in the published draft's shape.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(extend("not" = {"required": ["request"]}))]
#[allow(dead_code, reason = "a schema, never a value")]
pub(crate) struct DetailsRequest {
    /// Protocol version.
    okap: Version,
    /// What is asked, 1 to 16 objects.
    #[schemars(length(min = 1, max = 16))]
    authorization_details: Vec<ModelAccess>,
    /// What the app says of itself.
    client: Option<ClientInfo>,
}

//! What is asked and what is granted: the `ai_model_access` object (RFC 9396).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use url::Url;

use crate::{
    Capability, Limits, ModelId, Models, ParseError, Provider, Reason, Timestamp,
    error::said,
    limits::{StrictLimits, present},
    model::check_list,
    name::shortened,
    object::ObjectOnly,
    strict::{self, Bounds},
    text,
};

/// Most details objects in one request.
pub const MAX_DETAILS: usize = 16;

/// Most capabilities in one details object.
pub const MAX_CAPABILITIES: usize = 16;

/// The `type` of a details object; OKAP defines one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AccessType {
    /// `ai_model_access`
    #[default]
    #[serde(rename = "ai_model_access")]
    AiModelAccess,
}

impl AccessType {
    /// The type as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AiModelAccess => "ai_model_access",
        }
    }
}

// derived, it would also take `{"ai_model_access": null}`
impl<'de> Deserialize<'de> for AccessType {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match String::deserialize(d)? {
            text if text == Self::AiModelAccess.as_str() => Ok(Self::AiModelAccess),
            other => Err(D::Error::custom(format!(
                "type {:?} is not known here, known: ai_model_access",
                shortened(&other)
            ))),
        }
    }
}

/// Access to a provider's models, as an app asks for it.
///
/// Read strictly: an unknown member is an error. What is left out, the user chooses.
///
/// ```
/// use okap_types::{Limits, ModelAccess, Money, Provider};
/// let ask = ModelAccess::new(Provider::OpenAi)
///     .models(["gpt-4o-mini"])
///     .limits(Limits::monthly(Money::usd(10)))
///     .reason("Summarise your notes");
/// assert!(ask.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelAccess {
    /// Exactly `ai_model_access`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "ai_model_access")))]
    pub access_type: AccessType,
    /// Who runs the models.
    pub provider: Provider,
    /// At most 64 unique ids; empty lets the user choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64), extend("uniqueItems" = true)))]
    pub models: Vec<ModelId>,
    /// What may be done; empty lets the user choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16), extend("uniqueItems" = true)))]
    pub capabilities: Vec<Capability>,
    /// Caps that the app proposes.
    #[serde(default, skip_serializing_if = "no_limits", deserialize_with = "StrictLimits::read")]
    #[cfg_attr(feature = "schema", schemars(with = "StrictLimits"))]
    pub limits: Limits,
    /// When the access shall end; in the future.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub expires: Option<Timestamp>,
    /// Why, in the app's own words.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Reason"))]
    pub reason: Option<Reason>,
}

// `remote = "Self"` derives functions in place of the traits, for these to call
impl<'de> Deserialize<'de> for ModelAccess {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize(ObjectOnly(d))
    }
}

impl Serialize for ModelAccess {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, s)
    }
}

fn no_limits(limits: &Limits) -> bool {
    *limits == Limits::default()
}

impl ModelAccess {
    /// Asks for a provider; all else is the user's choice.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        Self {
            access_type: AccessType::AiModelAccess,
            provider,
            models: Vec::new(),
            capabilities: Vec::new(),
            limits: Limits::default(),
            expires: None,
            reason: None,
        }
    }

    /// Names the models. A text that is no model id is left for [`check`](Self::check) to report.
    #[must_use]
    pub fn models<M: AsRef<str>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        self.models = models.into_iter().map(|m| ModelId::unchecked(m.as_ref())).collect();
        self
    }

    /// Names the capabilities.
    #[must_use]
    pub fn capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = capabilities.into_iter().collect();
        self
    }

    /// Proposes caps.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Proposes an end.
    #[must_use]
    pub fn expires(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Says why, in at most 280 characters; what is longer is cut.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        let cut: String = reason.chars().take(280).collect();
        self.reason = Reason::new(&cut).ok();
        self
    }

    /// Checks what the types alone do not: ids, counts and repetitions.
    ///
    /// A model id that does not look like what it is (invisible marks, reversed text) is refused,
    /// because a person will read it before allowing it.
    ///
    /// # Errors
    /// [`ParseError::InvalidDetails`], naming the value.
    pub fn check(&self) -> Result<(), ParseError> {
        let invalid = |e: crate::model::InvalidModel| ParseError::InvalidDetails(e.to_string());
        for model in &self.models {
            model.as_str().parse::<ModelId>().map_err(invalid)?;
            if text::deceives(model.as_str()) {
                let text =
                    format!("model {:?} has invisible characters", shortened(model.as_str()));
                return Err(ParseError::InvalidDetails(text));
            }
        }
        check_list(&self.models).map_err(invalid)?;
        if self.capabilities.len() > MAX_CAPABILITIES {
            let text = format!("more than {MAX_CAPABILITIES} capabilities listed");
            return Err(ParseError::InvalidDetails(text));
        }
        for (at, capability) in self.capabilities.iter().enumerate() {
            if self.capabilities.iter().take(at).any(|earlier| earlier == capability) {
                let text = format!("capability {capability} is listed twice");
                return Err(ParseError::InvalidDetails(text));
            }
        }
        Ok(())
    }
}

/// Reads `authorization_details`: 1 to 16 objects, each checked, none overlapping another.
///
/// # Errors
/// [`ParseError::TooLarge`]; [`ParseError::InvalidDetails`] for anything wrong inside, a repeated
/// member included (RFC 9396 section 5 knows one code).
pub fn parse_details(json: &str) -> Result<Vec<ModelAccess>, ParseError> {
    let details =
        |text: String| ParseError::InvalidDetails(format!("authorization_details: {text}"));
    strict::check(json.as_bytes(), Bounds::DETAILS).map_err(|e| match e {
        ParseError::TooLarge { .. } => e,
        ParseError::InvalidJson(text) => details(text),
        other => details(other.to_string()),
    })?;
    let list: Vec<ModelAccess> = serde_json::from_str(json).map_err(|e| details(said(&e)))?;
    check_details(&list)?;
    Ok(list)
}

/// Checks a list of details objects as a whole: two of one provider share no model, and at most
/// one of them leaves the models to the user, so that each call is charged to exactly one.
///
/// # Errors
/// [`ParseError::InvalidDetails`].
pub fn check_details(list: &[ModelAccess]) -> Result<(), ParseError> {
    if list.is_empty() || list.len() > MAX_DETAILS {
        let text = format!("{} details objects, 1 to {MAX_DETAILS} allowed", list.len());
        return Err(ParseError::InvalidDetails(text));
    }
    for (at, access) in list.iter().enumerate() {
        access.check()?;
        for earlier in list.iter().take(at).filter(|e| e.provider == access.provider) {
            let shared = access.models.iter().find(|m| earlier.models.contains(m));
            if let Some(model) = shared {
                let text = format!("model {model} of {} stands in two objects", access.provider);
                return Err(ParseError::InvalidDetails(text));
            }
            if access.models.is_empty() && earlier.models.is_empty() {
                let text =
                    format!("two objects of {} leave the models to the user", access.provider);
                return Err(ParseError::InvalidDetails(text));
            }
        }
    }
    Ok(())
}

/// Access as the user granted it: every choice explicit.
///
/// Read leniently, so that a newer vault may add members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantedAccess {
    /// Exactly `ai_model_access`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "ai_model_access")))]
    pub access_type: AccessType,
    /// Who runs the models.
    pub provider: Provider,
    /// The models that calls may name.
    pub models: Models,
    /// What may be done; never empty.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub capabilities: Vec<Capability>,
    /// The caps in force.
    #[serde(default)]
    pub limits: Limits,
    /// When the access ends.
    pub expires: Timestamp,
    /// What to give the provider's SDK in place of the provider's own address: no version, no
    /// trailing slash.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://.*[^/]$")))]
    pub base_url: Url,
    /// The currency of the caps; `USD`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "USD")))]
    pub currency: String,
    /// How windows are cut; `utc_calendar`: UTC days and UTC calendar months.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "utc_calendar")))]
    pub window: String,
    /// Models that were asked for and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models_refused: Vec<ModelId>,
}

impl GrantedAccess {
    /// The currency of every amount.
    pub const CURRENCY: &'static str = "USD";
    /// UTC days and UTC calendar months.
    pub const WINDOW: &'static str = "utc_calendar";
}

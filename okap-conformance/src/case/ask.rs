use serde_json::{Map, Value, json};

use super::Case;

/// A request for access to one provider: one model and `chat`, unless said otherwise.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Stands in the app's name and in the reason, so that the driver finds the request.
    pub correlation: String,
    details: Map<String, Value>,
}

/// The model that tests use where it does not matter which.
pub(super) const MODEL: &str = "gpt-4o-mini";

/// A details object for less than was granted: these models of OpenAI.
#[must_use]
pub fn less(models: &[&str]) -> Value {
    json!({ "type": "ai_model_access", "provider": "openai", "models": models })
}

impl Case {
    /// Asks for one model of OpenAI and `chat`, by an app that no other test knows.
    #[must_use]
    pub fn ask(&self) -> Ask {
        let correlation = self.nonce();
        let details = json!({
            "type": "ai_model_access",
            "provider": "openai",
            "models": [MODEL],
            "capabilities": ["chat"],
            "reason": format!("Conformance test {} ({correlation})", self.test.id),
        });
        let details = details.as_object().cloned().unwrap_or_default();
        Ask { correlation, details }
    }
}

impl Ask {
    /// These models.
    #[must_use]
    pub fn models(self, models: &[&str]) -> Self {
        self.with("models", json!(models))
    }

    /// These limits.
    #[must_use]
    pub fn limits(self, limits: Value) -> Self {
        self.with("limits", limits)
    }

    /// Until this moment ([`Case::moment`]).
    #[must_use]
    pub fn expires(self, moment: &str) -> Self {
        self.with("expires", json!(moment))
    }

    /// A member of the details object.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.details.insert(member.to_owned(), value);
        self
    }

    /// Without a member.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        self.details.remove(member);
        self
    }

    /// A body of shape 2 with the objects of these asks in place of the own one.
    #[must_use]
    pub fn beside(&self, others: &[Self]) -> Value {
        let details: Vec<_> = others.iter().map(Self::details).collect();
        json!({
            "okap": "1.0",
            "authorization_details": details,
            "client": { "name": self.app() },
        })
    }

    /// The body of shape 3, for the flat endpoint.
    #[must_use]
    pub fn shape_3(&self) -> Value {
        let mut body = self.details.clone();
        body.remove("type");
        body.insert("okap".to_owned(), json!("1.0"));
        body.insert("app_name".to_owned(), json!(self.app()));
        Value::Object(body)
    }

    /// What the app calls itself.
    #[must_use]
    pub fn app(&self) -> String {
        format!("Conformance {}", self.correlation)
    }

    /// The details object.
    #[must_use]
    pub fn details(&self) -> Value {
        Value::Object(self.details.clone())
    }

    /// The body of shape 2: `authorization_details`.
    #[must_use]
    pub fn shape_2(&self) -> Value {
        json!({
            "okap": "1.0",
            "authorization_details": [self.details],
            "client": { "name": self.app() },
        })
    }

    /// The body of shape 1: `request`.
    #[must_use]
    pub fn shape_1(&self) -> Value {
        let mut request = self.details.clone();
        request.remove("type");
        json!({ "okap": "1.0", "request": request, "client": { "name": self.app() } })
    }
}

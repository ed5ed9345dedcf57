//! Errors in the words of the provider that is asked.

use serde_json::{Value, json};

use super::reply::{Frame, Reply, sse};
use super::route::{Route, Style};

/// An error, before it is put into a provider's words.
#[derive(Debug)]
pub(super) struct ProviderError {
    pub(super) status: u16,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<u64>,
}

impl ProviderError {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, retry_after: None }
    }

    pub(super) fn invalid(message: &str, param: &'static str) -> Self {
        Self { param: Some(param), ..Self::new(400, message) }
    }

    pub(super) fn unknown_model(style: Style, model: &str) -> Self {
        let message = match style {
            Style::OpenAi => {
                format!("The model `{model}` does not exist or you do not have access to it.")
            }
            Style::Anthropic => format!("model: {model}"),
            Style::Google => format!("models/{model} is not found for API version v1beta."),
        };
        Self { code: Some("model_not_found"), ..Self::new(404, message) }
    }

    pub(super) fn unknown_route(method: &str, path: &str) -> Self {
        Self::new(404, format!("Invalid URL ({method} {path})"))
    }

    /// OpenAI repeats the ends of the key that it was shown; so does this one.
    pub(super) fn unauthorized(style: Style, key: &str) -> Self {
        let message = match style {
            Style::OpenAi => format!(
                "Incorrect API key provided: {}. You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
                masked(key)
            ),
            Style::Anthropic => "invalid x-api-key".to_owned(),
            Style::Google => "API key not valid. Please pass a valid API key.".to_owned(),
        };
        Self { code: Some("invalid_api_key"), ..Self::new(401, message) }
    }

    /// The error that a provider gives with this status to a caller with this key.
    pub(super) fn with_status(style: Style, status: u16, key: &str) -> Self {
        let retry_after = (status == 429).then_some(1);
        let error = match (status, style) {
            (401, _) => Self::unauthorized(style, key),
            (403, _) => Self::new(403, "You have insufficient permissions for this operation."),
            (429, Style::OpenAi) => Self {
                code: Some("rate_limit_exceeded"),
                ..Self::new(
                    429,
                    "Rate limit reached in organization org-okapconf: Limit 3, Used 3.",
                )
            },
            (429, _) => Self::new(429, "This request would exceed your organization's rate limit."),
            (529, _) => Self::new(529, "Overloaded"),
            (500.., Style::OpenAi) => {
                Self::new(status, "The server had an error while processing your request.")
            }
            (500.., _) => Self::new(status, "Internal server error"),
            _ => Self::new(status, "The request was refused."),
        };
        Self { retry_after, ..error }
    }

    /// Seconds after which the caller may try again.
    pub(super) fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds.or(self.retry_after);
        self
    }

    /// Repeats in its message what the caller sent.
    pub(super) fn repeating(mut self, sent: &str) -> Self {
        self.message = format!("{} You sent {sent}.", self.message);
        self
    }

    pub(super) fn reply(self, style: Style, seq: u64) -> Reply {
        let body = match style {
            Style::OpenAi => json!({ "error": {
                "message": self.message, "type": self.openai_type(),
                "param": self.param, "code": self.code,
            }}),
            Style::Anthropic => json!({
                "type": "error",
                "error": { "type": self.anthropic_type(), "message": self.message },
                "request_id": format!("req_{seq}"),
            }),
            Style::Google => json!({ "error": {
                "code": self.status, "message": self.message, "status": self.google_status(),
            }}),
        };
        let mut reply = Reply::json(self.status, &body);
        if style == Style::Anthropic {
            let again = if self.status == 429 || self.status >= 500 { "true" } else { "false" };
            reply.header("x-should-retry", again);
        }
        if let Some(seconds) = self.retry_after {
            reply.header("retry-after", &seconds.to_string());
            if style == Style::OpenAi {
                reply.header("retry-after-ms", &seconds.saturating_mul(1000).to_string());
            }
        }
        reply
    }

    fn openai_type(&self) -> &'static str {
        match self.status {
            429 => "requests",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn google_status(&self) -> &'static str {
        match self.status {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        }
    }

    fn anthropic_type(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }
}

/// The event with which a provider breaks off its own stream.
pub(super) fn stream_error(route: &Route) -> Frame {
    let message = "The server had an error while processing your request.";
    let (event, data): (Option<&str>, Value) = match route {
        Route::Messages => (
            Some("error"),
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" }}),
        ),
        Route::Responses => (
            Some("error"),
            json!({ "type": "error", "sequence_number": 99, "code": "server_error", "message": message, "param": null }),
        ),
        Route::Google(..) => (
            None,
            json!({ "error": { "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE" }}),
        ),
        _ => (
            None,
            json!({ "error": { "message": message, "type": "server_error", "param": null, "code": null }}),
        ),
    };
    Frame::free(sse(event, &data))
}

/// `sk-maste**********6789`
fn masked(key: &str) -> String {
    let first: String = key.chars().take(8).collect();
    let skip = key.chars().count().saturating_sub(4).max(8);
    let last: String = key.chars().skip(skip).collect();
    format!("{first}**********{last}")
}

//! Secrets that nobody minted: what a vault hands out and what a test sends.

use serde_json::Value;

use super::Secrets;
use crate::transcript::Exchange;

/// Members of an answer whose values open something, whatever their form.
const MEMBERS: [&str; 6] = [
    "access_token",
    "refresh_token",
    "device_code",
    "client_secret",
    "registration_access_token",
    "api_key",
];
/// Headers of a request whose last word does.
const HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
/// Parameters of an address to which a browser is sent.
const PARAMETERS: [&str; 2] = ["code", "access_token"];

impl Secrets {
    /// Adds the tokens and keys of an exchange, so that no report shows one.
    pub(crate) fn learn(&self, exchange: &Exchange) {
        for text in [&exchange.answer, &exchange.body, &exchange.url] {
            self.know_tokens(text);
        }
        for (name, value) in exchange.answer_headers.iter().chain(&exchange.headers) {
            self.know_tokens(value);
            match name.as_str() {
                "set-cookie" | "cookie" => self.cookies(value),
                "location" => self.address(value),
                name if HEADERS.contains(&name) => {
                    self.note(name, value.split(' ').next_back().unwrap_or_default());
                }
                _ => {}
            }
        }
        if let Ok(json) = serde_json::from_str(&exchange.answer) {
            self.members(&json);
        }
    }

    fn members(&self, json: &Value) {
        match json {
            Value::Array(items) => items.iter().for_each(|item| self.members(item)),
            Value::Object(members) => {
                for (name, item) in members {
                    match item {
                        Value::String(text) if MEMBERS.contains(&name.as_str()) => {
                            self.note(name, text);
                        }
                        other => self.members(other),
                    }
                }
            }
            _ => {}
        }
    }

    fn cookies(&self, header: &str) {
        for part in header.split(';') {
            if let Some((name, value)) = part.trim().split_once('=') {
                self.note(name, value);
            }
        }
    }

    fn address(&self, address: &str) {
        let Ok(url) = url::Url::parse(address) else { return };
        for (name, value) in url.query_pairs().filter(|(name, _)| PARAMETERS.contains(&&**name)) {
            self.note(&name, &value);
        }
    }

    /// A word without digits is no secret, and would be replaced all over a report.
    fn note(&self, name: &str, value: &str) {
        if value.bytes().any(|byte| byte.is_ascii_digit()) {
            self.know(&format!("seen_{name}_{}", self.len() + 1), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(answer: &str, header: (&str, &str)) -> Secrets {
        let header = (header.0.to_owned(), header.1.to_owned());
        let secrets = Secrets::default();
        secrets.learn(&Exchange {
            number: 1,
            at_ms: 0,
            took_ms: 0,
            method: "GET".to_owned(),
            url: "http://127.0.0.1:1/".to_owned(),
            headers: vec![("authorization".to_owned(), "DPoP 0123456789abcdef".to_owned())],
            body: String::new(),
            status: Some(200),
            answer_headers: vec![header],
            answer: answer.to_owned(),
            ca: None,
        });
        secrets
    }

    #[test]
    fn what_a_vault_hands_out_in_a_form_of_its_own_is_not_shown() {
        let answer = r#"{"continue":{"access_token":"0f8fad5b-d9cb-469f"},"error":"invalid"}"#;
        let secrets = learned(answer, ("set-cookie", "sid=a1b2c3d4e5f6a7b8c9; HttpOnly"));
        for secret in ["0f8fad5b-d9cb-469f", "a1b2c3d4e5f6a7b8c9", "0123456789abcdef"] {
            assert!(!secrets.redact(&format!("x {secret} y")).contains(secret), "{secret}");
        }
        let secrets = learned("", ("location", "https://app.example/cb?code=abc123def456ghi7&a=b"));
        assert_eq!(secrets.redact("abc123def456ghi7"), "${SEEN_CODE_1}");
    }

    #[test]
    fn words_stay_as_they_are() {
        let answer = r#"{"access_token":"authorization_pending","error":"abc123def456ghi789"}"#;
        let secrets = learned(answer, ("content-type", "application/json0123456789"));
        for word in ["authorization_pending", "abc123def456ghi789", "application/json0123456789"] {
            assert_eq!(secrets.redact(word), word);
        }
    }
}

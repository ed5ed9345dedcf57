//! What went over the wire in one test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::canary::Secrets;

/// Most characters of a body that are kept.
const LONGEST: usize = 16 * 1024;

/// One request and its answer, with secrets by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its place in the test, from 1.
    pub number: usize,
    /// Milliseconds from the start of the test.
    pub at_ms: u64,
    /// Milliseconds until the answer had ended.
    pub took_ms: u64,
    /// In capitals.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// As sent, in order.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: String,
    /// Status of the answer; `None` where there was none.
    pub status: Option<u16>,
    /// Headers of the answer, in order.
    pub answer_headers: Vec<(String, String)>,
    /// Body of the answer, or why there was none.
    pub answer: String,
}

impl Exchange {
    /// A line for a shell that sends the same again; secrets are variables.
    #[must_use]
    pub fn curl(&self) -> String {
        let mut line = format!("curl -i -X {} {}", self.method, quoted(&self.url));
        for (name, value) in &self.headers {
            line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        if !self.body.is_empty() {
            line.push_str(&format!(" --data-raw {}", quoted(&self.body)));
        }
        line
    }
}

/// Between double quotes, where `${NAME}` alone keeps its meaning.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (at, c) in text.char_indices() {
        let variable = c == '$' && text.get(at + 1..).is_some_and(|rest| rest.starts_with('{'));
        if matches!(c, '"' | '\\' | '`') || (c == '$' && !variable) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// The exchanges of one test so far, and every byte that came in. Clones share them.
#[derive(Clone)]
pub struct Transcript {
    secrets: Secrets,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    exchanges: Vec<Exchange>,
    received: Vec<Vec<u8>>,
}

impl Transcript {
    /// An empty one that names these secrets.
    #[must_use]
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, kept: Arc::default() }
    }

    /// Writes an exchange down; returns its number.
    pub(crate) fn write(&self, mut exchange: Exchange, received: Vec<u8>) -> usize {
        self.secrets.learn(&exchange);
        let mut kept = self.kept();
        exchange.number = kept.exchanges.len() + 1;
        let number = exchange.number;
        kept.exchanges.push(exchange);
        kept.received.push(received);
        number
    }

    /// The exchanges, with secrets by name and long bodies cut.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = self.kept().exchanges.clone();
        exchanges.into_iter().map(|exchange| self.shown(exchange)).collect()
    }

    /// Heads and bodies of all answers, as they came.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.kept().received.clone()
    }

    fn shown(&self, exchange: Exchange) -> Exchange {
        let text = |text: &str| cut(&self.secrets.redact(text));
        let headers = |headers: &[(String, String)]| {
            headers.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        };
        Exchange {
            url: text(&exchange.url),
            headers: headers(&exchange.headers),
            body: text(&exchange.body),
            answer_headers: headers(&exchange.answer_headers),
            answer: text(&exchange.answer),
            ..exchange
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes)", text.get(..at).unwrap_or_default(), text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_line_leaves_secrets_to_the_shell_and_nothing_else() {
        let secrets = Secrets::default();
        secrets.know("token", "okap_at_secretsecretsecret");
        let transcript = Transcript::new(secrets);
        let header = ("authorization".to_owned(), "Bearer okap_at_secretsecretsecret".to_owned());
        let exchange = Exchange {
            number: 0,
            at_ms: 0,
            took_ms: 1,
            method: "POST".to_owned(),
            url: "http://127.0.0.1:1/x?a=$HOME".to_owned(),
            headers: vec![header],
            body: "{\"a\":\"`id`\"}".to_owned(),
            status: None,
            answer_headers: Vec::new(),
            answer: String::new(),
        };
        assert_eq!(transcript.write(exchange, Vec::new()), 1);
        let shown = transcript.exchanges();
        assert_eq!(
            shown[0].curl(),
            "curl -i -X POST \"http://127.0.0.1:1/x?a=\\$HOME\" \
             -H \"authorization: Bearer ${TOKEN}\" --data-raw \"{\\\"a\\\":\\\"\\`id\\`\\\"}\""
        );
    }
}

//! What went over the wire in one test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::canary::Secrets;

/// Most characters of a body that are kept.
const LONGEST: usize = 16 * 1024;

/// One request and its answer, with secrets by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The file of the authority that was believed at an `https` address, as the description names
    /// it from where the suite ran; `None` where the public ones are enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl Exchange {
    /// A line for a shell that sends the same again; secrets are variables.
    #[must_use]
    pub fn curl(&self) -> String {
        let method = match self.method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            true => self.method.clone(),
            false => quoted(&self.method),
        };
        let mut line = format!("curl -i -X {method} {}", quoted(&self.url));
        if let Some(ca) = &self.ca {
            line.push_str(&format!(" --cacert {}", quoted(ca)));
        }
        for (name, value) in &self.headers {
            line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        if !self.body.is_empty() {
            line.push_str(&format!(" --data-raw {}", quoted(&self.body)));
        }
        line
    }
}

/// Between double quotes, where the name of a secret alone keeps its meaning.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (meant, length) = if let Some(name) = secret(rest) {
            (format!("${{{name}}}"), name.len() + 3)
        } else if rest.starts_with("$${") {
            ("\\${".to_owned(), 3)
        } else if matches!(c, '"' | '\\' | '`' | '$') {
            (format!("\\{c}"), 1)
        } else {
            (c.to_string(), c.len_utf8())
        };
        quoted.push_str(&meant);
        rest = rest.get(length..).unwrap_or_default();
    }
    quoted + "\""
}

/// The name of the secret that a text begins with: `${TOKEN_AT_2}`.
pub(crate) fn secret(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let named = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    (named && begins).then_some(name)
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
        let secrets = &self.secrets;
        let text = |text: &str| cut(&secrets.redact(text));
        // what was sent becomes a line of a shell, and may be what a vault has said before
        let sent = |text: &str| cut(&secrets.redact_for_shell(text));
        let each = |headers: &[(String, String)], of: &dyn Fn(&str) -> String| {
            headers.iter().map(|(name, value)| (of(name), of(value))).collect()
        };
        Exchange {
            url: sent(&exchange.url),
            headers: each(&exchange.headers, &sent),
            body: sent(&exchange.body),
            answer_headers: each(&exchange.answer_headers, &text),
            answer: text(&exchange.answer),
            ca: exchange.ca.as_deref().map(sent),
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

    const TOKEN: &str = "okap_at_secretsecretsecret";

    fn sent(url: &str, header: &str, body: &str) -> Exchange {
        let secrets = Secrets::default();
        secrets.know("token", TOKEN);
        let transcript = Transcript::new(secrets);
        let exchange = Exchange {
            number: 0,
            at_ms: 0,
            took_ms: 1,
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: vec![("authorization".to_owned(), header.to_owned())],
            body: body.to_owned(),
            status: None,
            answer_headers: Vec::new(),
            answer: String::new(),
            ca: None,
        };
        assert_eq!(transcript.write(exchange, Vec::new()), 1);
        transcript.exchanges().remove(0)
    }

    #[test]
    fn a_curl_line_leaves_secrets_to_the_shell_and_nothing_else() {
        let header = format!("Bearer {TOKEN}");
        let shown = sent("http://127.0.0.1:1/x?a=$HOME", &header, "{\"a\":\"`id`\"}");
        assert_eq!(
            shown.curl(),
            "curl -i -X POST \"http://127.0.0.1:1/x?a=\\$HOME\" \
             -H \"authorization: Bearer ${TOKEN}\" --data-raw \"{\\\"a\\\":\\\"\\`id\\`\\\"}\""
        );
    }

    #[test]
    fn a_curl_line_believes_the_authority_that_the_suite_believed() {
        let public = sent("https://127.0.0.1:1/x", "a", "");
        assert!(!public.curl().contains("--cacert"), "{}", public.curl());
        let own = Exchange { ca: Some("my vault/ca.pem".to_owned()), ..public };
        let wanted = "curl -i -X POST \"https://127.0.0.1:1/x\" --cacert \"my vault/ca.pem\" -H \"authorization: a\"";
        assert_eq!(own.curl(), wanted);
    }

    /// What curl is given when a shell runs the line.
    #[cfg(unix)]
    fn ran(exchange: &Exchange) -> String {
        let line = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{}", exchange.curl());
        let shell = std::process::Command::new("sh")
            .args(["-c", &line])
            .env("TOKEN", "the token")
            .env("HOSTILE", "live")
            .output()
            .unwrap();
        assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
        String::from_utf8(shell.stdout).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn what_a_vault_has_said_is_dead_in_a_shell() {
        for hostile in [
            "${HOSTILE}",
            "$${HOSTILE}",
            "$$${HOSTILE}",
            "$HOSTILE",
            "$(echo live)",
            "${x:-$(echo live)}",
            "${HOSTILE:-`echo live`}",
            "`echo live`",
            "\"; echo live; \"",
            "\\\"; echo live; #",
            "\\${HOSTILE}",
            "\\\\$(echo live)",
            "'; echo live; '",
            "$((1 + 1))",
            "line\n$(echo live)\n`echo live`",
            "$",
            "${",
            "${}",
            "\\",
        ] {
            let given = ran(&sent(hostile, &format!("{TOKEN} {hostile}"), hostile));
            let header = format!("authorization: the token {hostile}");
            let wanted = ["-i", "-X", "POST", hostile, "-H", &header, "--data-raw", hostile, ""];
            assert_eq!(given, wanted.join("\n"), "{hostile}");
        }
    }
}

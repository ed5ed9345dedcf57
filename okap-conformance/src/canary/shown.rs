//! Texts in which names stand for secrets.

use super::{Secrets, url_safe, word};

/// What stands around a name while a text is redacted; neither is a character of any text.
pub(super) const OPEN: char = '\u{ffffe}';
pub(super) const CLOSE: char = '\u{fffff}';

impl Secrets {
    /// The text with each secret replaced by `${NAME}`, as a shell has it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        named(&self.marked(text))
    }

    /// As [`redact`](Self::redact), for what becomes a line of a shell: a `${` that stood in the
    /// text is `$${`, so that nobody takes it for a secret's name.
    #[must_use]
    pub fn redact_for_shell(&self, text: &str) -> String {
        named(&self.marked(text).replace("${", "$${"))
    }

    fn marked(&self, text: &str) -> String {
        let text = &text.replace([OPEN, CLOSE], "\u{fffd}");
        let secrets = &self.read().secrets;
        let mut found: Vec<_> =
            secrets.iter().filter(|secret| text.contains(&secret.value)).collect();
        // the longest first: a secret may begin as another one does
        found.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
        let text = found.iter().fold(text.to_owned(), |text, secret| {
            let name = mark(&secret.name);
            match secret.word {
                true => word::replace(&text, &secret.value, &name),
                false => text.replace(&secret.value, &name),
            }
        });
        // those that stand in it in base64
        let (mut safe, mut text) = (url_safe(&text), text);
        for (secret, form) in secrets.iter().flat_map(|s| s.coded.iter().map(move |form| (s, form)))
        {
            while let Some(at) = safe.find(form.as_str()) {
                let to = at.saturating_add(form.len());
                text.replace_range(at..to, &mark(&secret.name));
                safe = url_safe(&text);
            }
        }
        text
    }
}

fn mark(name: &str) -> String {
    format!("{OPEN}{}{CLOSE}", variable(name))
}

fn named(marked: &str) -> String {
    marked.replace(OPEN, "${").replace(CLOSE, "}")
}

pub(super) fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-okapconf-0123456789abcdef";

    fn secrets() -> Secrets {
        let secrets = Secrets::default();
        secrets.know("master.openai", KEY);
        secrets
    }

    #[test]
    fn a_secret_is_known_as_json_has_it() {
        let secrets = Secrets::default();
        secrets.know("password", "made \"up\" for this run");
        assert_eq!(
            secrets.redact("{\"a\":\"made \\\"up\\\" for this run\"}"),
            "{\"a\":\"${PASSWORD_JSON}\"}"
        );
    }

    #[test]
    fn a_secret_is_known_as_json_of_ascii_alone_has_it() {
        let secrets = Secrets::default();
        secrets.know("password", "\"für\" diesen Lauf 🔑");
        secrets.hold("launch_pin", "été-7");
        let said = r#"{"a":"\"f\u00fcr\" diesen Lauf \ud83d\udd11 \u00e9t\u00e9-7"}"#;
        assert_eq!(secrets.redact(said), r#"{"a":"${PASSWORD_ASCII} ${LAUNCH_PIN_ASCII}"}"#);
        assert_eq!(secrets.redact("f\\u00fcr diesen Lauf"), "f\\u00fcr diesen Lauf");
    }

    #[test]
    fn a_short_secret_of_a_description_is_redacted_where_it_stands_as_a_word() {
        let secrets = secrets();
        secrets.hold("launch_pin", "hunter2");
        secrets.hold("launch_key", "okapconf");
        secrets.hold("launch_sign", "a b&c");
        secrets.hold("launch_flag", "on");
        for (said, shown) in [
            ("hunter2", "${LAUNCH_PIN}"),
            (
                "\"hunter2\", (hunter2): x_hunter2",
                "\"${LAUNCH_PIN}\", (${LAUNCH_PIN}): x_${LAUNCH_PIN}",
            ),
            ("hunter22 thunter2 hunter2", "hunter22 thunter2 ${LAUNCH_PIN}"),
            ("pass=a+b%26c&on=a b&c", "pass=${LAUNCH_SIGN_FORM}&on=${LAUNCH_SIGN}"),
            // part of a long one, which keeps its name
            (KEY, "${MASTER_OPENAI}"),
        ] {
            assert_eq!(secrets.redact(said), shown);
            assert_eq!(secrets.find("launch_", said.as_bytes()), None);
        }
        secrets.know("password", "hunter3");
        assert_eq!(secrets.redact("hunter3"), "hunter3", "no description holds it");
    }

    #[test]
    fn what_looked_like_a_name_before_is_told_apart_from_a_name() {
        let text = format!("${{HOME}} {KEY} \u{ffffe}X\u{fffff}");
        let shown = secrets().redact_for_shell(&text);
        assert_eq!(shown, "$${HOME} ${MASTER_OPENAI} \u{fffd}X\u{fffd}");
    }
}

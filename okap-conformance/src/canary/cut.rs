//! Secrets whose end was cut off.

use super::{SHORTEST, Secrets, shown::variable};

/// What stands where a text was cut.
const CUT: char = '…';

impl Secrets {
    /// The text with each secret that a cut has left the beginning of replaced as a whole one is.
    #[must_use]
    pub(crate) fn redact_cut(&self, text: &str) -> String {
        let text = self.redact(text);
        if !text.contains(CUT) {
            return text;
        }
        let secrets = &self.read().secrets;
        let mut parts: Vec<_> = text.split(CUT).map(str::to_owned).collect();
        let before = parts.len() - 1;
        for part in parts.iter_mut().take(before) {
            let left = secrets.iter().find_map(|secret| {
                let ends = (SHORTEST / 2..secret.value.len()).rev();
                let beginning = |end| secret.value.get(..end).filter(|left| part.ends_with(left));
                Some((ends.filter_map(beginning).next()?.len(), secret.name.as_str()))
            });
            if let Some((length, name)) = left {
                part.truncate(part.len() - length);
                part.push_str(&format!("${{{}}}", variable(name)));
            }
        }
        parts.join(&CUT.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cut_has_left_of_a_secret_is_not_shown() {
        let secrets = Secrets::default();
        secrets.know("token_1", "0123456789abcdefghij");
        for (said, shown) in [
            ("token 0123456789ab… (broken off)", "token ${TOKEN_1}… (broken off)"),
            ("0123456789abcdefghij and 0123456789abcdefghi…", "${TOKEN_1} and ${TOKEN_1}…"),
            ("0123…", "0123…"),
            ("0123456789ab", "0123456789ab"),
        ] {
            assert_eq!(secrets.redact_cut(said), shown);
        }
    }
}

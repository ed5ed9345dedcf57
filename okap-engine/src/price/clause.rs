//! Which model names a listed price covers.

use serde::Deserialize;

/// A rule that a model name may fit. Its text and the name are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    /// This text and then a date, `20260131` or `2026-01-31`, and nothing more.
    Dated(String),
    Not(Box<Clause>),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

impl Clause {
    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Self::Equals(text) => name == text,
            Self::StartsWith(text) => name.starts_with(text.as_str()),
            Self::EndsWith(text) => name.ends_with(text.as_str()),
            Self::Contains(text) => name.contains(text.as_str()),
            Self::Dated(text) => name.strip_prefix(text.as_str()).is_some_and(is_date),
            Self::Not(clause) => !clause.fits(name),
            Self::Or(clauses) => clauses.iter().any(|clause| clause.fits(name)),
            Self::And(clauses) => clauses.iter().all(|clause| clause.fits(name)),
        }
    }
}

fn is_date(text: &str) -> bool {
    let fits = |shape: &str| {
        let mut pairs = text.bytes().zip(shape.bytes());
        text.len() == shape.len()
            && pairs.all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    fits("00000000") || fits("0000-00-00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_name_ends_with_exactly_one_date() {
        let clause = Clause::Dated("claude-sonnet-5-".to_owned());
        for name in ["claude-sonnet-5-20260131", "claude-sonnet-5-2026-01-31"] {
            assert!(clause.fits(name), "{name}");
        }
        for name in [
            "claude-sonnet-5",
            "claude-sonnet-5-",
            "claude-sonnet-5-5",
            "claude-sonnet-5-2026013",
            "claude-sonnet-5-202601311",
            "claude-sonnet-5-2026-0131",
            "claude-sonnet-5-20260131-v1",
            "xclaude-sonnet-5-20260131",
        ] {
            assert!(!clause.fits(name), "{name}");
        }
    }

    #[test]
    fn clauses_nest() {
        let clause: Clause = serde_json::from_str(
            r#"{"and":[{"starts_with":"gemini"},{"not":{"or":[{"ends_with":"-tts"},{"contains":"-tts-"}]}}]}"#,
        )
        .unwrap();
        for (name, fits) in
            [("gemini-4", true), ("gemini-tts", false), ("gemini-tts-1", false), ("gpt", false)]
        {
            assert_eq!(clause.fits(name), fits, "{name}");
        }
    }
}

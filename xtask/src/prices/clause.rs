//! Match rules of the source, without regexes.

use serde::{Deserialize, Serialize};

/// A rule for model names, in the source with `Regex`, in the snapshot without it but with `Dated` and `Not`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Regex(String),
    Dated(String),
    Not(Box<Clause>),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

/// Names that do not contain the word `tts`, as the source says it.
const NOT_TTS: &str = r"^(?!.*-[tT][tT][sS](?:$|-))";

/// Gives the clauses for a model, any of which may fit. Its own id always fits and is left out. A regex that has no
/// translation is reported in `dropped` and narrows what fits.
pub(super) fn translate(rule: Clause, id: &str, dropped: &mut Vec<String>) -> Vec<Clause> {
    let clauses = match plain(rule, dropped) {
        Some(Clause::Or(clauses)) => clauses,
        Some(clause) => vec![clause],
        None => Vec::new(),
    };
    let own = Clause::Equals(id.to_lowercase());
    clauses.into_iter().filter(|clause| *clause != own).collect()
}

fn plain(rule: Clause, dropped: &mut Vec<String>) -> Option<Clause> {
    match rule {
        Clause::Equals(text) => Some(Clause::Equals(text.to_lowercase())),
        Clause::StartsWith(text) => Some(Clause::StartsWith(text.to_lowercase())),
        Clause::EndsWith(text) => Some(Clause::EndsWith(text.to_lowercase())),
        Clause::Contains(text) => Some(Clause::Contains(text.to_lowercase())),
        Clause::Dated(text) => Some(Clause::Dated(text.to_lowercase())),
        Clause::Not(rule) => plain(*rule, dropped).map(|clause| Clause::Not(Box::new(clause))),
        Clause::Regex(regex) => {
            let clause = without_regex(&regex);
            if clause.is_none() {
                dropped.push(regex);
            }
            clause
        }
        Clause::Or(rules) => {
            let mut clauses: Vec<Clause> = Vec::new();
            for clause in rules.into_iter().filter_map(|rule| plain(rule, dropped)) {
                match clause {
                    Clause::Or(inner) => clauses.extend(inner),
                    other => clauses.push(other),
                }
            }
            Some(Clause::Or(clauses))
        }
        // Without one of its conditions an `and` would fit too much, so it goes as a whole.
        Clause::And(rules) => rules
            .into_iter()
            .map(|rule| plain(rule, dropped))
            .collect::<Option<_>>()
            .map(Clause::And),
    }
}

fn without_regex(regex: &str) -> Option<Clause> {
    if regex == NOT_TTS {
        let tts = vec![Clause::EndsWith("-tts".to_owned()), Clause::Contains("-tts-".to_owned())];
        return Some(Clause::Not(Box::new(Clause::Or(tts))));
    }
    let regex = regex.strip_prefix('^')?;
    if let Some(stem) =
        regex.strip_suffix(r"\d{8}$").or_else(|| regex.strip_suffix(r"\d{4}-\d{2}-\d{2}$"))
    {
        return match stem.strip_suffix("[-@]") {
            Some(stem) => {
                let stem = literal(stem)?;
                Some(Clause::Or(
                    ["-", "@"].map(|end| Clause::Dated(format!("{stem}{end}"))).to_vec(),
                ))
            }
            None => literal(stem).map(Clause::Dated),
        };
    }
    if let Some(stem) = regex.strip_suffix(r"\d") {
        let stem = literal(stem)?;
        return Some(Clause::Or(
            (0..10).map(|digit| Clause::StartsWith(format!("{stem}{digit}"))).collect(),
        ));
    }
    literal(regex.strip_suffix('$')?).map(Clause::Equals)
}

/// The text that a regex of plain characters and escaped punctuation stands for.
fn literal(regex: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = regex.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.push(rest.next().filter(char::is_ascii_punctuation)?),
            c if c.is_ascii_alphanumeric() || "-_/@:~".contains(c) => text.push(c),
            _ => return None,
        }
    }
    Some(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_shapes_of_regex_become_clauses() {
        let dated = |text: &str| Clause::Dated(text.to_owned());
        for (regex, clause) in [
            (r"^gpt-5\.6-luna-\d{4}-\d{2}-\d{2}$", Some(dated("gpt-5.6-luna-"))),
            (r"^claude-sonnet-5-\d{8}$", Some(dated("claude-sonnet-5-"))),
            (r"^x[-@]\d{8}$", Some(Clause::Or(vec![dated("x-"), dated("x@")]))),
            (r"^composer\[fast=false\]$", None),
            (r"^grok-4\.5$", Some(Clause::Equals("grok-4.5".to_owned()))),
            (r"^o[134]", None),
            (r"a-\d{8}$", None),
            (r"^a.b-\d{8}$", None),
            (r"^a\db-\d{8}$", None),
        ] {
            assert_eq!(without_regex(regex), clause, "{regex}");
        }
        let numbered = without_regex(r"^gemini-4-argon-\d");
        assert!(matches!(numbered, Some(Clause::Or(digits)) if digits.len() == 10));
    }

    #[test]
    fn a_dropped_regex_narrows_and_never_widens() {
        let starts = Clause::StartsWith("A".to_owned());
        let regex = Clause::Regex("(odd)".to_owned());
        let mut dropped = Vec::new();
        let and = translate(Clause::And(vec![starts.clone(), regex.clone()]), "id", &mut dropped);
        assert_eq!(and, []);
        let or = translate(Clause::Or(vec![starts, regex]), "id", &mut dropped);
        assert_eq!(or, [Clause::StartsWith("a".to_owned())]);
        assert_eq!(dropped, ["(odd)", "(odd)"]);
    }
}

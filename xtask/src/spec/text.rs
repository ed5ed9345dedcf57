//! Reads the rules, headings and links of the specification's text.

use std::collections::{BTreeMap, BTreeSet};

/// Sections in which the key words are explained and not used.
const ABOUT_WORDS: &str = "12-words-of-requirement";

/// A sentence with a key word.
#[derive(Debug)]
pub(super) struct Rule {
    /// MUST, MUST NOT, SHOULD or SHOULD NOT.
    pub(super) level: String,
    /// The heading it stands under.
    pub(super) anchor: String,
    /// The sentence, without its identifier.
    pub(super) sentence: String,
    /// Where its block begins, for messages.
    pub(super) line: usize,
}

/// What the text says.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) rules: BTreeMap<String, Rule>,
    pub(super) headings: BTreeSet<String>,
    pub(super) links: usize,
    /// What is wrong with the text by itself.
    pub(super) complaints: Vec<String>,
}

impl Text {
    /// Reads Markdown: blocks of prose, list items and table rows; code blocks are left out.
    pub(super) fn parse(markdown: &str) -> Self {
        let mut text = Self::default();
        let mut targets = Vec::new();
        for block in blocks(markdown) {
            if let Some(title) = heading(&block.text) {
                let slug = slug(title);
                if !text.headings.insert(slug.clone()) {
                    text.complaints.push(format!("line {}: second heading #{slug}", block.line));
                }
            }
            if block.anchor != ABOUT_WORDS {
                text.take(&block);
            }
            targets.extend(links(&block.text).map(|target| (target.to_owned(), block.line)));
        }
        let definitions: BTreeSet<&str> = markdown.lines().filter_map(definition).collect();
        text.links = targets.len();
        for (target, line) in targets {
            let there = match target.strip_prefix('#') {
                Some(anchor) => text.headings.contains(anchor),
                None if target.contains("://") => true,
                None => match target.strip_prefix('[') {
                    Some(name) => definitions.contains(name),
                    None => crate::tools::root().join("spec").join(&target).exists(),
                },
            };
            if !there {
                text.complaints.push(format!("line {line}: link to {target} leads nowhere"));
            }
        }
        text
    }

    /// Takes the rules of a block: each identifier stands behind its sentence.
    fn take(&mut self, block: &Block) {
        let mut rest = block.text.as_str();
        while let Some((before, behind)) = rest.split_once("[OKAP-R-") {
            let Some((number, behind)) = behind.split_once(']') else { break };
            let id = format!("OKAP-R-{number}");
            let mut sentences = sentences(before);
            let sentence = sentences.pop().unwrap_or_default();
            self.unmarked(&sentences, block.line);
            match level(sentence) {
                Ok(Some(level)) => {
                    let rule = Rule {
                        level: level.to_owned(),
                        anchor: block.anchor.clone(),
                        sentence: sentence.to_owned(),
                        line: block.line,
                    };
                    if self.rules.insert(id.clone(), rule).is_some() {
                        self.complaints.push(format!("line {}: {id} stands twice", block.line));
                    }
                }
                Ok(None) => self
                    .complaints
                    .push(format!("line {}: {id} marks a sentence without a key word", block.line)),
                Err(words) => self.complaints.push(format!(
                    "line {}: {id} marks a sentence with {words}; one rule a sentence",
                    block.line
                )),
            }
            rest = behind;
        }
        self.unmarked(&sentences(rest), block.line);
    }

    fn unmarked(&mut self, sentences: &[&str], line: usize) {
        for sentence in sentences.iter().filter(|s| level(s) != Ok(None)) {
            let begin: String = sentence.chars().take(60).collect();
            self.complaints.push(format!("line {line}: a rule without identifier: {begin}…"));
        }
    }
}

/// A paragraph, list item, table row or heading, with its lines joined.
struct Block {
    text: String,
    anchor: String,
    line: usize,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut fenced, mut open, mut anchor) = (false, false, String::new());
    for (at, line) in markdown.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            (fenced, open) = (!fenced, false);
            continue;
        }
        if fenced || line.trim().is_empty() {
            open = false;
            continue;
        }
        if let Some(title) = heading(line) {
            anchor = slug(title);
        }
        let alone = line.starts_with(['#', '|']);
        let begins = alone || line.starts_with("- ") || line.starts_with("> ");
        match blocks.last_mut().filter(|_| open && !begins) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(line.trim());
            }
            None => blocks.push(Block {
                text: line.trim_start_matches("- ").trim().to_owned(),
                anchor: anchor.clone(),
                line: at + 1,
            }),
        }
        open = !alone;
    }
    blocks
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    (title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
}

/// The anchor that GitHub gives a heading.
fn slug(title: &str) -> String {
    let kept = title.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Cuts where a sentence ends and another begins with a capital or a piece of code.
fn sentences(text: &str) -> Vec<&str> {
    let mut cut = Vec::new();
    let mut rest = text.trim();
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|r| r.find(". ")) {
        let end = from + at + 1;
        let begins = |c: char| c.is_uppercase() || matches!(c, '`' | '*' | '[');
        if rest.get(end + 1..).is_some_and(|next| next.starts_with(begins)) {
            cut.push(rest.get(..end).unwrap_or_default());
            (rest, from) = (rest.get(end + 1..).unwrap_or_default(), 0);
        } else {
            from = end;
        }
    }
    if !rest.is_empty() {
        cut.push(rest);
    }
    cut
}

/// The one key word of a sentence; the words where there are several that differ.
fn level(sentence: &str) -> Result<Option<&'static str>, String> {
    let plain: String = sentence.split('`').step_by(2).collect();
    let words: Vec<&str> = plain.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let mut found = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let not = words.get(at + 1) == Some(&"NOT");
        found.extend(match (*word, not) {
            ("MUST" | "SHALL", true) => Some("MUST NOT"),
            ("MUST" | "SHALL" | "REQUIRED", _) => Some("MUST"),
            ("SHOULD", true) => Some("SHOULD NOT"),
            ("SHOULD" | "RECOMMENDED", _) => Some("SHOULD"),
            _ => None,
        });
    }
    match found.len() {
        0 | 1 => Ok(found.pop_first()),
        _ => Err(found.into_iter().collect::<Vec<_>>().join(" and ")),
    }
}

/// The targets of `[text](target)`, and `[name` for each `[RFC n]` that has to be defined.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1).filter_map(|r| r.split_once(')').map(|(t, _)| t));
    let named = text.match_indices("[RFC ").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find(']')?;
        let defines = rest.get(end + 1..).is_some_and(|r| r.starts_with(':'));
        rest.get(..end).filter(|_| !defines)
    });
    inline.chain(named)
}

/// The name that a line `[name]: address` defines.
fn definition(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once("]: ").map(|(name, _)| name)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_marked_rule_is_read_with_its_heading_and_key_word() {
        let text =
            Text::parse("## 2. The request\n\n- A vault MUST NOT guess.\n  It is `MUST`. \n");
        assert_eq!(text.complaints.len(), 1);
        let text =
            Text::parse("## 2. The request\n\nFirst. A vault MUST NOT\nguess. [OKAP-R-007]\n");
        assert!(text.complaints.is_empty(), "{:?}", text.complaints);
        let rule = &text.rules["OKAP-R-007"];
        assert_eq!((rule.level.as_str(), rule.anchor.as_str()), ("MUST NOT", "2-the-request"));
        assert_eq!(rule.sentence, "A vault MUST NOT guess.");
    }

    #[test]
    fn what_is_wrong_with_a_text_is_named() {
        let complaints = |text: &str| Text::parse(text).complaints.join("; ");
        assert!(complaints("A vault SHOULD rest.").contains("without identifier"));
        assert!(complaints("It MUST a, it SHOULD b. [OKAP-R-001]").contains("one rule a sentence"));
        assert!(complaints("It rests. [OKAP-R-001]").contains("without a key word"));
        assert!(complaints("A MUST b. [OKAP-R-001]\n\nC MUST d. [OKAP-R-001]").contains("twice"));
        assert!(complaints("[a](#nowhere)").contains("leads nowhere"));
        assert!(complaints("See [RFC 1].").contains("leads nowhere"));
        assert_eq!(complaints("# A b\n\n[a](#a-b), [RFC 1]\n\n[RFC 1]: https://x.example"), "");
        assert_eq!(complaints("```text\nA vault MUST\n```"), "");
    }
}

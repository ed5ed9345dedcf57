//! What the model says, piece by piece: one piece is one token.

use super::ask::{Ask, ToolCall};

/// A completion, the same for every choice.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) pieces: Vec<String>,
    /// The tool whose arguments the pieces are; `None` is text.
    pub(super) tool: Option<ToolCall>,
    /// Whether the ceiling of the request ended it.
    pub(super) limited: bool,
}

/// Words that follow when the prompt has been repeated. One is not ASCII, so that a body cut into
/// bytes is cut inside a character.
const FILLER: [&str; 8] = ["and", "that", "is", "a", "naïve", "answer", "to", "it"];

/// Most words that `say N words` can ask for.
const MOST_WORDS: u64 = 100_000;

impl Answer {
    /// No completion at all.
    pub(super) fn none() -> Self {
        Self { pieces: Vec::new(), tool: None, limited: false }
    }

    /// Repeats the prompt in `words` words, or calls the tool.
    pub(super) fn write(ask: &Ask, words: u64) -> Self {
        let pieces = match &ask.tool {
            Some(tool) => four_by_four(&tool.arguments.to_string()),
            None => spoken(&ask.prompt.last_user, words),
        };
        let max = ask.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let limited = pieces.len() > max;
        let pieces = pieces.into_iter().take(max).collect();
        Self { pieces, tool: ask.tool.clone(), limited }
    }

    /// Says which credential arrived; within the ceiling, and in two pieces if that allows it.
    pub(super) fn echo(ask: &Ask, credential: &str) -> Self {
        let middle = credential.len() / 2;
        let (head, tail) = credential.split_at_checked(middle).unwrap_or((credential, ""));
        let head = format!("I received {head}");
        let pieces = match ask.max {
            Some(1) => vec![format!("{head}{tail}")],
            _ => vec![head, tail.to_owned()],
        };
        Self { pieces, tool: None, limited: false }
    }

    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// Tokens of one completion.
    pub(super) fn tokens(&self) -> u64 {
        u64::try_from(self.pieces.len()).unwrap_or(u64::MAX)
    }
}

fn spoken(prompt: &str, words: u64) -> Vec<String> {
    let words = asked_words(prompt).unwrap_or(words).min(MOST_WORDS);
    let echo = prompt.split_whitespace().map(|word| word.chars().take(24).collect::<String>());
    ["You", "said:"]
        .map(str::to_owned)
        .into_iter()
        .chain(echo)
        .chain(FILLER.into_iter().cycle().map(str::to_owned))
        .take(usize::try_from(words).unwrap_or(usize::MAX))
        .enumerate()
        .map(|(index, word)| if index == 0 { word } else { format!(" {word}") })
        .collect()
}

/// The N of `say N words`.
fn asked_words(prompt: &str) -> Option<u64> {
    let prompt = prompt.to_lowercase();
    let (_, after) = prompt.split_once("say ")?;
    let mut words = after.split_whitespace();
    let count = words.next()?.parse().ok()?;
    words.next().filter(|word| word.starts_with("word")).map(|_| count)
}

fn four_by_four(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|piece| piece.iter().collect()).collect()
}

//! How values read to a person.

use std::borrow::Cow;

use okap_engine::pico::Pico;
use okap_types::{Capability, Provider, Timestamp};
use time::{format_description::BorrowedFormatItem, macros::format_description};

const DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year]");
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute] UTC");
const SHORT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

fn formatted(moment: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    moment.utc().format(format).unwrap_or_else(|_| moment.to_string())
}

/// `1 April 2026`
pub(super) fn day(moment: Timestamp) -> String {
    formatted(moment, DAY)
}

/// `1 April 2026, 00:00 UTC`
pub(super) fn moment(moment: Timestamp) -> String {
    formatted(moment, MOMENT)
}

/// `00:00 UTC`
pub(super) fn clock(moment: Timestamp) -> String {
    formatted(moment, CLOCK)
}

/// `2026-04-01 00:00:00`
pub(super) fn short(moment: Timestamp) -> String {
    formatted(moment, SHORT)
}

/// `2026-04-01`, as a date field has it.
pub(super) fn date(moment: Timestamp) -> String {
    formatted(moment, DATE)
}

/// An amount as it is spent: cents, and below a dollar four decimals; a trace of money never reads as
/// none.
pub(super) fn usd(amount: Pico) -> String {
    const DOLLAR: u64 = 1_000_000_000_000;
    let (step, decimals) =
        if amount.get() >= DOLLAR { (DOLLAR / 100, 2) } else { (DOLLAR / 10_000, 4) };
    if amount == Pico::ZERO {
        return "0.00".to_owned();
    }
    let steps = amount.get().div_ceil(step);
    let scale = DOLLAR / step;
    let text = format!("{}.{:0decimals$}", steps / scale, steps % scale);
    match text.strip_suffix("00") {
        Some(cents) if decimals == 4 => cents.to_owned(),
        _ => text,
    }
}

/// `128,000`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A foreign text with everything that could hide or deceive made visible: `a⟨U+202E⟩b`.
///
/// For what may not be cleaned, because it is compared exactly, such as a model's id.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match hides(c) {
        true => format!("⟨U+{:04X}⟩", u32::from(c)),
        false => c.to_string(),
    });
    Cow::Owned(shown.collect())
}

fn hides(c: char) -> bool {
    match c {
        ' ' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control() || c.is_whitespace(),
    }
}

/// A provider by the name that people know.
pub(super) fn provider(provider: &Provider) -> &str {
    match provider {
        Provider::OpenAi => "OpenAI",
        Provider::Anthropic => "Anthropic",
        Provider::Google => "Google",
        Provider::Groq => "Groq",
        Provider::Together => "Together",
        Provider::Mistral => "Mistral",
        Provider::Cohere => "Cohere",
        Provider::Ollama => "Ollama",
        Provider::OpenRouter => "OpenRouter",
        Provider::Replicate => "Replicate",
        other => other.as_str(),
    }
}

/// What a capability lets an app do; empty for one that this version does not know.
pub(super) fn capability(capability: &Capability) -> &'static str {
    match capability {
        Capability::Chat => "hold conversations",
        Capability::Completions => "continue a text",
        Capability::Embeddings => "turn texts into numbers, to search and compare",
        Capability::Images => "make images",
        Capability::Audio => "hear and speak",
        Capability::Moderation => "judge whether texts are harmful",
        Capability::Code => "write and run code",
        Capability::Vision => "look at images in a conversation",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_short_and_never_less_than_spent() {
        for (pico, text) in [
            (0, "0.00"),
            (1, "0.0001"),
            (12_300_000_000, "0.0123"),
            (120_000_000_000, "0.12"),
            (999_999_999_999, "1.00"),
            (1_000_000_000_000, "1.00"),
            (1_234_567_000_000, "1.24"),
            (10_500_000_000_000, "10.50"),
        ] {
            assert_eq!(usd(Pico::new(pico)), text, "{pico}");
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(
            ["0", "999", "1,000", "128,000", "2,147,483,647"],
            [0, 999, 1_000, 128_000, 2_147_483_647].map(count)[..]
        );
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("gpt-4o mini"), "gpt-4o mini");
        assert_eq!(visible("gpt\u{202e}\u{200b}\u{a0}4"), "gpt⟨U+202E⟩⟨U+200B⟩⟨U+00A0⟩4");
    }
}

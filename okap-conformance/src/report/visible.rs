//! What a vault said cannot move the cursor of a terminal or hide in a page.

use crate::{event::Tested, transcript::Exchange};

/// The text with a picture in place of each control character but tabs and ends of lines.
#[must_use]
pub(super) fn visible(text: &str) -> String {
    text.chars().map(picture).collect()
}

fn picture(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{7f}' => '\u{2421}',
        // the pictures of ASCII's control characters stand in their order
        c if c < ' ' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        // these turn the direction of what follows
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A test, with all that came from a vault made visible.
pub(super) fn tested(tested: &mut Tested) {
    make(&mut tested.said);
    if let Some(finding) = &mut tested.finding {
        make(&mut finding.expected);
        make(&mut finding.observed);
    }
    tested.exchanges.iter_mut().for_each(exchange);
}

fn exchange(exchange: &mut Exchange) {
    for text in [&mut exchange.url, &mut exchange.body, &mut exchange.answer] {
        make(text);
    }
    exchange.ca.iter_mut().for_each(make);
    for (name, value) in exchange.headers.iter_mut().chain(&mut exchange.answer_headers) {
        make(name);
        make(value);
    }
}

fn make(text: &mut String) {
    // ends of lines as HTTP and Windows have them
    *text = visible(&text.replace("\r\n", "\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_pictures_and_words_stay() {
        assert_eq!(
            visible("a\u{1b}[31m\tb\nc\u{7f}\u{202e}é"),
            "a\u{241b}[31m\tb\nc\u{2421}\u{fffd}é"
        );
    }
}

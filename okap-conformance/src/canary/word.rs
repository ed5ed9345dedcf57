//! Secrets that are too short to be told from chance inside of other words.

use super::shown::{CLOSE, OPEN};

/// The text with a value replaced wherever it stands as a word: where neither side goes on with a
/// letter or a digit of its own. Names of secrets stay as they are.
pub(super) fn replace(text: &str, value: &str, with: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(value) {
        all.push_str(before);
        let stands = (apart(all.chars().next_back(), value.chars().next()) || escaped(&all))
            && apart(value.chars().next_back(), behind.chars().next())
            && !named(&all);
        if stands {
            all.push_str(with);
            rest = behind;
        } else {
            // another one may begin within this one
            let first = value.chars().next().map_or(0, char::len_utf8);
            let (first, _) = value.split_at(first);
            all.push_str(first);
            rest = rest.get(before.len().saturating_add(first.len())..).unwrap_or_default();
        }
    }
    all.push_str(rest);
    all
}

/// Whether two characters side by side are not of one word.
fn apart(one: Option<char>, other: Option<char>) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !(letter(one) && letter(other))
}

/// Whether a text ends with what stands for another character, as JSON (`\n`, `\u003c`) and addresses
/// (`%3D`) have it, or for a colour of a terminal (`[31m`): its last letter is of no word.
fn escaped(text: &str) -> bool {
    let behind = |mark: &str, digits: usize| {
        let at = text.len().checked_sub(mark.len().saturating_add(digits));
        let coded = at.and_then(|at| text.get(at..)?.strip_prefix(mark));
        coded.is_some_and(|coded| coded.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let letter = text.strip_suffix(['b', 'f', 'n', 'r', 't']);
    let colour = text
        .strip_suffix('m')
        .map(|text| text.trim_end_matches(|c: char| c.is_ascii_digit() || c == ';').ends_with('['));
    letter.is_some_and(|text| text.ends_with('\\'))
        || behind("%", 2)
        || behind("\\u", 4)
        || colour == Some(true)
}

/// Whether the name of a secret is not yet closed here.
fn named(text: &str) -> bool {
    text.chars().rev().find(|c| [OPEN, CLOSE].contains(c)) == Some(OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_where_it_stands_as_a_word_and_nowhere_else() {
        for (text, shown) in [
            ("abab", "X"),
            ("ababab", "ababab"),
            ("xabab", "xabab"),
            ("abab1 abab", "abab1 X"),
            ("/abab/", "/X/"),
            ("éabab", "éabab"),
            ("\u{ffffe}A abab B\u{fffff} abab", "\u{ffffe}A abab B\u{fffff} X"),
        ] {
            assert_eq!(replace(text, "abab", "X"), shown, "{text:?}");
        }
        for before in ["\\n", "\\t", "\\u003c", "%3D", "\u{1b}[31m", "\u{1b}[0m", "\\u001b[1;31m"] {
            assert_eq!(replace(&format!("{before}abab"), "abab", "X"), format!("{before}X"));
        }
        for word in ["nabab", "uabab", "u003cabab", "3Dabab", "31mabab", "%é3abab", "é%3abab"] {
            assert_eq!(replace(word, "abab", "X"), word, "these are letters of their own");
        }
        assert_eq!(replace("1$a$2 b$a$", "$a$", "X"), "1X2 bX", "its own ends are no letters");
        assert_eq!(replace("", "abab", "X"), "");
    }
}

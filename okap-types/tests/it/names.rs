//! Names that machines compare, and words that people read.

use okap_types::{AppName, Capability, GrantId, ModelAccess, ModelId, Provider, Reason};

/// Marks that a reader does not see, or that turn what stands beside them around.
const UNSEEN: &[char] = &[
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{1160}',
    '\u{17b4}',
    '\u{180b}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{200f}',
    '\u{202a}',
    '\u{202b}',
    '\u{202c}',
    '\u{202d}',
    '\u{202e}',
    '\u{2060}',
    '\u{2064}',
    '\u{2066}',
    '\u{2067}',
    '\u{2068}',
    '\u{2069}',
    '\u{206f}',
    '\u{3164}',
    '\u{fe00}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fff9}',
    '\u{1bca0}',
    '\u{1d173}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e007f}',
    '\u{e0100}',
];

const CONTROL: &[char] = &['\0', '\u{1}', '\u{7}', '\u{8}', '\u{1b}', '\u{7f}', '\u{80}', '\u{9b}'];

const BLANK: &[char] = &[
    ' ', '\t', '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{a0}', '\u{1680}', '\u{2003}',
    '\u{2028}', '\u{2029}', '\u{202f}', '\u{205f}', '\u{2800}', '\u{3000}',
];

#[test]
fn known_names_are_told_from_others_and_all_keep_their_text() {
    for known in Provider::KNOWN {
        assert_eq!(known.as_str().parse(), Ok(known.clone()));
        assert!(!matches!(known, Provider::Other(_)));
    }
    for known in Capability::KNOWN {
        assert_eq!(known.as_str().parse(), Ok(known.clone()));
    }
    let other: Provider = "my-lab_2".parse().unwrap();
    assert!(matches!(other, Provider::Other(_)));
    assert_eq!(other.to_string(), "my-lab_2");
}

#[test]
fn an_unseen_mark_anywhere_in_a_name_is_refused() {
    assert!("openai".parse::<Provider>().is_ok());
    for c in UNSEEN.iter().chain(CONTROL).chain(BLANK) {
        for text in
            [format!("{c}openai"), format!("open{c}ai"), format!("openai{c}"), c.to_string()]
        {
            assert!(text.parse::<Provider>().is_err(), "{text:?}");
            assert!(text.parse::<Capability>().is_err(), "{text:?}");
            assert!(text.parse::<GrantId>().is_err(), "{text:?}");
        }
    }
}

#[test]
fn an_unseen_mark_in_a_model_id_is_refused_in_an_ask() {
    let ask = |model: &str| ModelAccess::new(Provider::OpenAi).models([model]).check();
    assert!(ask("gpt-4").is_ok());
    assert!(ask("my gpt-4").is_ok());
    for c in UNSEEN.iter().chain(CONTROL).chain(BLANK).filter(|c| **c != ' ') {
        for text in [format!("{c}gpt-4"), format!("gpt{c}-4"), format!("gpt-4{c}")] {
            assert!(ask(&text).is_err(), "{text:?}");
        }
    }
    for text in ["", "*", &"m".repeat(257)] {
        assert!(ask(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_model_id_in_a_call_stays_a_text_to_compare() {
    // a call with such a model is refused as not granted (V149), not as malformed
    let marked: ModelId = "gpt-4\u{200b}".parse().unwrap();
    assert_ne!(marked, "gpt-4".parse().unwrap());
    let names = ["GPT-4", " gpt-4", "gpt-4%00", "openai/gpt-4"];
    for other in names.map(|n| n.parse::<ModelId>().unwrap()) {
        assert_ne!(other, "gpt-4".parse().unwrap());
    }
}

#[test]
fn shown_words_lose_what_deceives() {
    for c in UNSEEN.iter().chain(CONTROL) {
        let text = format!("{c}My{c} Notes{c}");
        assert_eq!(AppName::new(&text).unwrap().as_str(), "My Notes", "{c:?}");
        assert!(AppName::new(&c.to_string()).unwrap().is_empty(), "{c:?}");
    }
    for c in BLANK {
        let text = format!("{c}My{c}{c}Notes{c}");
        assert_eq!(AppName::new(&text).unwrap().as_str(), "My Notes", "{c:?}");
        assert!(Reason::new(&c.to_string()).unwrap().is_empty(), "{c:?}");
    }
    assert_eq!(AppName::new("Café 日本 ا 😀").unwrap().as_str(), "Café 日本 ا 😀");
}

#[test]
fn shown_words_are_counted_after_cleaning() {
    let padded = |n: usize| format!("{}{}", "é".repeat(n), "\u{200b} ".repeat(500));
    assert!(AppName::new(&padded(80)).is_ok());
    assert!(AppName::new(&padded(81)).is_err());
    assert!(Reason::new(&padded(280)).is_ok());
    let error = Reason::new(&padded(281)).unwrap_err();
    assert_eq!(error.to_string(), "reason is longer than 280 characters");
}

#[test]
fn a_builder_cuts_a_long_reason() {
    let ask = ModelAccess::new(Provider::OpenAi).reason(&"é".repeat(1_000));
    assert_eq!(ask.reason.unwrap().as_str().chars().count(), 280);
}

#[test]
fn error_texts_show_deceiving_names_escaped_and_short() {
    let error = "open\u{202e}ai\u{1b}\u{200b}".parse::<Provider>().unwrap_err().to_string();
    insta::assert_snapshot!("invalid_provider", error);
    let error = "*".repeat(10_000).parse::<GrantId>().unwrap_err().to_string();
    insta::assert_snapshot!("invalid_grant_id", error);
    let error = "m\u{1b}[2J".parse::<ModelId>().unwrap_err().to_string();
    insta::assert_snapshot!("invalid_model", error);
}

//! The code that a person types.

use okap_types::UserCode;
use proptest::prelude::*;

fn read(typed: &str) -> Option<String> {
    UserCode::parse(typed).map(|code| code.to_string())
}

#[test]
fn case_hyphens_and_spaces_are_forgiven() {
    for typed in [
        "BCDF-GHJK",
        "bcdf-ghjk",
        "BcDf-gHjK",
        "BCDFGHJK",
        "bcdf ghjk",
        "  BCDF-GHJK  ",
        "B C D F - G H J K",
        "BC-DF-GH-JK",
        "--BCDFGHJK--",
    ] {
        assert_eq!(read(typed).as_deref(), Some("BCDF-GHJK"), "{typed:?}");
    }
}

#[test]
fn what_is_not_eight_of_the_twenty_letters_is_no_code() {
    for typed in [
        "",
        "-",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        // vowels, Y and digits
        "ABCD-FGHJ",
        "BCDF-GHJE",
        "BCDF-GHJY",
        "BCDF-GHJ0",
        // what looks like a letter of the twenty
        "ВСDF-GHJK",
        "ＢＣＤＦ-ＧＨＪＫ",
        // other hyphens and blanks
        "BCDF\u{2010}GHJK",
        "BCDF\u{a0}GHJK",
        "BCDF\tGHJK",
        "BCDF-GHJK\n",
        "BCDF_GHJK",
        "BCDF-GHJK\0",
        // eight bytes of another alphabet, so that no cut falls inside a character
        "éééé",
        "BCD\u{212a}GH",
        "ſBCDFGHJ",
        "https://vault.example/okap/device?user_code=BCDF-GHJK",
    ] {
        assert_eq!(read(typed), None, "{typed:?}");
    }
    // a text is not read to its end only to find out
    assert!(read(&format!("BCDFGHJK{}", " ".repeat(24))).is_some());
    assert!(read(&format!("BCDFGHJK{}", " ".repeat(25))).is_none());
}

#[test]
fn a_code_is_shown_as_it_is_read() {
    let code = UserCode::parse("bcdfghjk").unwrap();
    assert_eq!(code.as_str(), code.to_string());
    assert_eq!(UserCode::parse(code.as_str()), Some(code));
    assert_eq!(UserCode::LETTERS.len(), 20);
    assert!(!UserCode::LETTERS.iter().any(|l| b"AEIOUY".contains(l)));
}

proptest! {
    #[test]
    fn any_eight_of_the_letters_are_a_code(text in "[BCDFGHJKLMNPQRSTVWXZ]{8}") {
        let shown = format!("{}-{}", &text[..4], &text[4..]);
        prop_assert_eq!(read(&text).unwrap(), shown.as_str());
        prop_assert_eq!(read(&text.to_lowercase()).unwrap(), shown.as_str());
        prop_assert_eq!(read(&shown).unwrap(), shown.as_str());
    }

    #[test]
    fn no_text_makes_the_code_parser_panic(text in "[BCDFbcdfÉé \\-0ſ]{0,20}") {
        if let Some(code) = read(&text) {
            prop_assert_eq!(code.len(), 9);
            prop_assert_eq!(read(&code), Some(code));
        }
    }
}

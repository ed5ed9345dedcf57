//! The form of tokens.

use okap_types::{
    Secret,
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use proptest::prelude::*;

fn token(random: [u8; 32]) -> String {
    AccessToken::from_random(&Secret::new(random)).expose().to_owned()
}

#[test]
fn a_token_has_the_form_of_the_protocol() {
    // the checksum is that of Python's zlib.crc32
    let expected = "okap_at_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8Ii-TBg";
    let random = std::array::from_fn(|i| u8::try_from(i).unwrap());
    assert_eq!(token(random), expected);
}

#[test]
fn kinds_do_not_mix() {
    let random = Secret::new([9; 32]);
    let texts = [
        AccessToken::from_random(&random).expose().to_owned(),
        AuthorizationCode::from_random(&random).expose().to_owned(),
        ContinuationToken::from_random(&random).expose().to_owned(),
        RefreshToken::from_random(&random).expose().to_owned(),
        DeviceCode::from_random(&random).expose().to_owned(),
    ];
    let parses = |text: &str| {
        [
            AccessToken::parse(text).is_ok(),
            AuthorizationCode::parse(text).is_ok(),
            ContinuationToken::parse(text).is_ok(),
            RefreshToken::parse(text).is_ok(),
            DeviceCode::parse(text).is_ok(),
        ]
    };
    for (at, text) in texts.iter().enumerate() {
        let expected: Vec<_> = (0..5).map(|i| i == at).collect();
        assert_eq!(parses(text), *expected, "{text}");
    }
    // the checksum covers the kind
    for (from, to) in [("_at_", "_ac_"), ("_at_", "_ct_"), ("_at_", "_rt_"), ("_at_", "_AT_")] {
        assert_eq!(parses(&texts[0].replace(from, to)), [false; 5]);
    }
}

#[test]
fn any_change_of_one_character_is_refused() {
    let token = token([0x5a; 32]);
    assert!(AccessToken::parse(&token).is_ok());
    let other = (0x20..0x7f).map(char::from).chain(['\0', '\n', 'é', '\u{200b}', '＿']);
    for c in other {
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed.replace_range(at..=at, c.encode_utf8(&mut [0; 4]));
            if changed != token {
                assert!(AccessToken::parse(&changed).is_err(), "{changed:?}");
            }
            let mut longer = token.clone();
            longer.insert(at, c);
            assert!(AccessToken::parse(&longer).is_err(), "{longer:?}");
        }
        assert!(AccessToken::parse(&format!("{token}{c}")).is_err());
    }
    for at in 0..token.len() {
        let mut shorter = token.clone();
        shorter.remove(at);
        assert!(AccessToken::parse(&shorter).is_err(), "{shorter:?}");
        assert!(AccessToken::parse(&token[..at]).is_err());
        assert!(AccessToken::parse(&token[at + 1..]).is_err());
    }
    assert!(AccessToken::parse(&token.to_uppercase()).is_err());
    assert!(AccessToken::parse(&format!("Bearer {token}")).is_err());
}

proptest! {
    #[test]
    fn what_is_formed_parses_to_the_same_text(random: [u8; 32]) {
        let token = token(random);
        let parsed = AccessToken::parse(&token).unwrap();
        prop_assert_eq!(parsed.expose(), &token);
    }

    #[test]
    fn two_randoms_make_two_tokens(a: [u8; 32], b: [u8; 32]) {
        prop_assert_eq!(a == b, token(a) == token(b));
    }

    #[test]
    fn no_text_makes_the_token_parser_panic(text in ".{0,80}") {
        prop_assert!(AccessToken::parse(&text).is_err());
        let text = format!("okap_at_{text}");
        prop_assert!(AccessToken::parse(&text).is_err());
    }
}

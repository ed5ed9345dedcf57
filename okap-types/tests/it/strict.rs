//! The door: size, encoding, depth, repeated members.

use std::time::{Duration, Instant};

use okap_types::{
    ErrorCode, GrantRequest, ParseError,
    strict::{self, Bounds},
};

const GOOD: &str = r#"{"okap":"1.0","request":{"provider":"openai"},"note":"x"}"#;

fn code(body: &[u8]) -> ErrorCode {
    let error = GrantRequest::parse_authorize(body).unwrap_err();
    let flat = GrantRequest::parse_flat(body).unwrap_err();
    assert_eq!(flat.code(), error.code());
    error.code()
}

#[test]
fn what_is_not_one_utf8_json_text_is_refused() {
    assert!(GrantRequest::parse_authorize(GOOD.as_bytes()).is_ok());
    let note = |bytes: &[u8]| {
        let (head, tail) = GOOD.split_once("\"x\"").unwrap();
        [head.as_bytes(), b"\"", bytes, b"\"", tail.as_bytes()].concat()
    };
    assert!(GrantRequest::parse_authorize(&note("é".as_bytes())).is_ok());
    assert!(GrantRequest::parse_authorize(&note(br"\ud83d\ude00")).is_ok());
    assert!(GrantRequest::parse_authorize(&note(br"\u0000")).is_ok());
    let utf16 =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { GOOD.encode_utf16().flat_map(order).collect() };
    for (what, body) in [
        ("empty", Vec::new()),
        ("white space", b" \n".to_vec()),
        ("BOM", format!("\u{feff}{GOOD}").into_bytes()),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
        ("UTF-16 LE with BOM", [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat()),
        ("Latin-1", note(b"\xe9")),
        ("overlong", note(b"\xc0\xaf")),
        ("surrogate in UTF-8", note(b"\xed\xa0\x80")),
        ("above U+10FFFF", note(b"\xf4\x90\x80\x80")),
        ("cut short", note(b"\xc3")),
        ("lone high surrogate", note(br"\ud83d")),
        ("lone low surrogate", note(br"\ude00")),
        ("surrogates the wrong way round", note(br"\ude00\ud83d")),
        ("raw control character", note(b"\n")),
        ("raw NUL", note(b"\0")),
        ("unknown escape", note(br"\x41")),
        ("short escape", note(br"\u41")),
        ("trailing text", format!("{GOOD}x").into_bytes()),
        ("trailing object", format!("{GOOD}{{}}").into_bytes()),
        ("trailing NUL", format!("{GOOD}\0").into_bytes()),
        ("trailing comma", GOOD.replace("\"x\"}", "\"x\",}").into_bytes()),
        ("line comment", format!("{GOOD} // done").into_bytes()),
        ("block comment", format!("/* ask */ {GOOD}").into_bytes()),
        ("hash comment", format!("{GOOD}\n# done").into_bytes()),
        ("single quotes", GOOD.replace('"', "'").into_bytes()),
        ("bare names", GOOD.replace("\"note\"", "note").into_bytes()),
        ("cut off", GOOD.trim_end_matches('}').as_bytes().to_vec()),
        ("a JSON text in a JSON text, half", GOOD.replace("\"x\"", "\"x").into_bytes()),
        ("undefined", GOOD.replace("\"x\"", "undefined").into_bytes()),
        ("no-break space between", GOOD.replace(",\"note\"", ",\u{a0}\"note\"").into_bytes()),
    ] {
        assert_eq!(code(&body), ErrorCode::InvalidJson, "{what}");
    }
    // a lone surrogate in a name is one too
    let name = GOOD.replace("note", r"\ud800");
    assert_eq!(code(name.as_bytes()), ErrorCode::InvalidJson);
}

#[test]
fn a_member_that_stands_twice_is_refused_wherever_it_stands() {
    for (good, twice) in [
        (r#""b":1"#, r#""note":1"#),
        (r#""c":{"a":1,"b":1}"#, r#""c":{"a":1,"a":1}"#),
        (r#""c":[[{"a":1,"b":1}]]"#, r#""c":[[{"a":1,"a":1}]]"#),
        (r#""c":{"é":1}"#, r#""c":{"é":1,"\u00e9":1}"#),
        (r#""c":{"":1," ":1}"#, r#""c":{"":1,"":1}"#),
        (r#""c":{"😀":1}"#, r#""c":{"😀":1,"\ud83d\ude00":1}"#),
        (r#""client":{"more":1}"#, r#""client":{"more":1,"mor\u0065":2}"#),
        (r#""c":{"a":1,"A":1}"#, r#""c":{"a":1,"A":1,"\u0041":2}"#),
        (r#""c":{"é":1,"e\u0301":1}"#, r#""c":{"é":1,"e\u0301":1,"é":1}"#),
        (r#""okaP":"2.0""#, r#""oka\u0070":"1.0""#),
    ] {
        let with = |more: &str| GOOD.replace(r#""note":"x""#, &format!(r#""note":"x",{more}"#));
        assert!(GrantRequest::parse_authorize(with(good).as_bytes()).is_ok(), "{good}");
        assert_eq!(code(with(twice).as_bytes()), ErrorCode::DuplicateMember, "{twice}");
    }
}

#[test]
fn a_repeated_member_is_named_shortly() {
    let name = "n".repeat(30_000);
    let text = format!(r#"{{"{name}":1,"{name}":1}}"#);
    let error = strict::check(text.as_bytes(), Bounds::MESSAGE).unwrap_err();
    assert!(error.to_string().len() < 400);
}

#[test]
fn a_body_of_64_kib_parses_and_one_byte_more_does_not() {
    let padded = |n: usize| {
        let pad = " ".repeat(n - GOOD.len());
        format!("{GOOD}{pad}").into_bytes()
    };
    let flat = |n: usize| {
        let good = r#"{"okap":"1.0","provider":"openai"}"#;
        format!("{good}{}", " ".repeat(n - good.len())).into_bytes()
    };
    let details = |n: usize| {
        let good = r#"[{"type":"ai_model_access","provider":"openai"}]"#;
        format!("{good}{}", " ".repeat(n - good.len()))
    };
    let oauth = |n| GrantRequest::from_oauth(&details(n), okap_types::ClientInfo::default());
    assert!(GrantRequest::parse_authorize(&padded(65_536)).is_ok());
    assert!(GrantRequest::parse_flat(&flat(65_536)).is_ok());
    assert!(oauth(65_536).is_ok());
    let too_large = ParseError::TooLarge { limit: 65_536 };
    assert_eq!(GrantRequest::parse_authorize(&padded(65_537)).unwrap_err(), too_large);
    assert_eq!(GrantRequest::parse_flat(&flat(65_537)).unwrap_err(), too_large);
    assert_eq!(oauth(65_537).unwrap_err(), too_large);
    assert_eq!(too_large.code().status(), 413);
    // whatever is in it
    assert_eq!(code(&vec![0xff; 1 << 20]), ErrorCode::RequestTooLarge);
    assert_eq!(code(&vec![b'['; 1 << 20]), ErrorCode::RequestTooLarge);
}

#[test]
fn nesting_is_counted_alike_for_objects_arrays_and_empty_ones() {
    let bounds = Bounds { bytes: 1 << 16, depth: 3 };
    for good in [
        "1",
        "[]",
        "{}",
        "[[[]]]",
        "[[{}]]",
        r#"{"a":{"a":{}}}"#,
        r#"{"a":[{"b":1}]}"#,
        "[[[1]],[[2]]]",
    ] {
        assert!(strict::check(good.as_bytes(), bounds).is_ok(), "{good}");
    }
    for bad in [
        "[[[[]]]]",
        "[[[{}]]]",
        r#"{"a":{"a":{"a":{}}}}"#,
        r#"{"a":{"a":{"a":[]}}}"#,
        "[1,[[[[1]]]]]",
    ] {
        let error = strict::check(bad.as_bytes(), bounds).unwrap_err();
        assert!(matches!(error, ParseError::InvalidJson(_)), "{bad}");
    }
    assert!(strict::check(b"1", Bounds { bytes: 1, depth: 0 }).is_ok());
    assert!(strict::check(b"[]", Bounds { bytes: 2, depth: 0 }).is_err());
}

#[test]
fn a_message_nests_sixteen_levels_and_no_more() {
    let body = |levels: usize| {
        let note = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        GOOD.replace("\"x\"", &note)
    };
    assert!(GrantRequest::parse_authorize(body(15).as_bytes()).is_ok());
    assert_eq!(code(body(16).as_bytes()), ErrorCode::InvalidJson);
}

#[test]
fn details_that_nest_too_deeply_are_invalid_details_in_a_form() {
    let details = |levels: usize| {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(r#"[{{"type":"ai_model_access","provider":"openai","x":{deep}}}]"#)
    };
    for levels in [1, 8, 100, 30_000] {
        let client = okap_types::ClientInfo::default();
        let error = GrantRequest::from_oauth(&details(levels), client).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidAuthorizationDetails, "{levels}");
    }
}

#[test]
fn hostile_bodies_are_refused_in_no_time() {
    let limit = 65_536;
    let names: String = (0..7_000).map(|i| format!("\"{i}\":0,")).collect();
    let bodies: Vec<Vec<u8>> = vec![
        vec![b'['; limit],
        vec![b'{'; limit],
        br#"{"a":"#.repeat(limit / 5),
        b"[{\"a\":".repeat(limit / 6),
        vec![b'9'; limit],
        vec![b'"'; limit],
        vec![b'\\'; limit],
        format!("{{{names}\"0\":0}}").into_bytes(),
        format!("\"{}", r"\ud800".repeat(10_000)).into_bytes(),
        format!("[{}1]", "1,".repeat(32_000)).into_bytes(),
        format!("[{}{{}}]", "{},".repeat(21_000)).into_bytes(),
    ];
    for body in bodies {
        assert!(body.len() <= limit);
        let start = Instant::now();
        assert!(GrantRequest::parse_authorize(&body).is_err());
        assert!(GrantRequest::parse_flat(&body).is_err());
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn seventeen_and_thousands_of_objects_are_refused_alike() {
    for n in [17, 1_000] {
        let objects: Vec<_> =
            (0..n).map(|i| format!(r#"{{"type":"ai_model_access","provider":"p{i}"}}"#)).collect();
        let body = format!(r#"{{"okap":"1.0","authorization_details":[{}]}}"#, objects.join(","));
        let error = GrantRequest::parse_authorize(body.as_bytes()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidAuthorizationDetails);
    }
}

#[test]
fn a_struct_is_read_from_an_object_only() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Pair {
        a: u8,
        #[serde(default)]
        b: u8,
    }
    let read = |text: &'static str| strict::read::<Pair>(text.as_bytes(), Bounds::MESSAGE);
    assert_eq!(read(r#"{"a":1,"b":2}"#), Ok(Pair { a: 1, b: 2 }));
    assert!(matches!(read("[1,2]"), Err(ParseError::InvalidRequest(_))));
    assert!(matches!(read("1"), Err(ParseError::InvalidRequest(_))));
    assert_eq!(strict::read::<Vec<u8>>(b"[1,2]", Bounds::MESSAGE), Ok(vec![1, 2]));
}

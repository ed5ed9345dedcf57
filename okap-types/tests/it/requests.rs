//! Requests: each shape as it is written by those who send it, and each refusal beside its twin.

use okap_types::{
    Capability, ClientInfo, Count, ErrorBody, ErrorCode, GrantRequest, Limits, ModelAccess, Money,
    Provider, Shape, request::GrantRequest as Asked,
};

use crate::cases::{self, Door, Seen};

fn only(request: Asked) -> ModelAccess {
    let [access] = <[ModelAccess; 1]>::try_from(request.access).unwrap();
    access
}

#[test]
fn the_proposals_example_parses_exactly_as_written() {
    let request = GrantRequest::parse_authorize(cases::PROPOSAL.as_bytes()).unwrap();
    assert_eq!(request.shape, Shape::Request);
    assert_eq!(request.client, ClientInfo::default());
    let expected = ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4", "gpt-4o-mini"])
        .capabilities([Capability::Chat, Capability::Embeddings])
        .limits(Limits::monthly(Money::usd(10)).per_minute(60))
        .expires("2025-03-01T00:00:00Z".parse().unwrap());
    assert_eq!(only(request), expected);
}

#[test]
fn the_published_drafts_shape_parses_with_all_its_objects() {
    let request = GrantRequest::parse_authorize(cases::DRAFT.as_bytes()).unwrap();
    assert_eq!(request.shape, Shape::Details);
    assert_eq!(request.client.name.as_ref().map(|n| n.as_str()), Some("Notes"));
    assert_eq!(request.client.url.as_ref().map(|u| u.as_str()), Some("https://notes.example/"));
    assert_eq!(request.client.callback.as_deref(), Some("https://notes.example/cb"));
    let [first, second] = request.access.as_slice() else { panic!("{request:?}") };
    assert_eq!(first.expires.unwrap().to_string(), "2027-03-01T10:00:00Z");
    assert_eq!(first.reason.as_ref().map(|r| r.as_str()), Some("Summarise your notes"));
    assert_eq!(
        first.limits,
        Limits {
            monthly_spend: Some(Money::usd(10)),
            daily_spend: Some(Money::usd(1)),
            requests_per_minute: Count::new(60),
            requests_per_day: Count::new(500),
            tokens_per_request: Count::new(8192),
        }
    );
    assert_eq!(*second, ModelAccess::new(Provider::Anthropic));
}

#[test]
fn the_body_of_the_python_package_parses() {
    let request = GrantRequest::parse_flat(cases::PYPI.as_bytes()).unwrap();
    assert_eq!(request.shape, Shape::Flat);
    assert_eq!(request.client.name.as_ref().map(|n| n.as_str()), Some("Notes"));
    assert_eq!(request.client.url.as_ref().map(|u| u.as_str()), Some("https://notes.example/"));
    let access = only(request);
    assert_eq!(
        access.limits,
        Limits {
            monthly_spend: Some(Money::usd(10)),
            daily_spend: Money::from_micros(1_500_000),
            requests_per_minute: Count::new(60),
            ..Limits::default()
        }
    );
    let bare = only(GrantRequest::parse_flat(cases::PYPI_BARE.as_bytes()).unwrap());
    let expected = ModelAccess::new(Provider::Anthropic).capabilities([Capability::Chat]);
    assert_eq!(bare, expected);
}

#[test]
fn every_shape_of_one_ask_becomes_the_same_request() {
    let members = r#""provider":"groq","models":["a"],"capabilities":["chat"],
        "limits":{"daily_spend":"0.5"},"expires":"2027-03-01","reason":"why""#;
    let asks = Door::ALL.map(|door| only(door.parse(&door.around(members)).unwrap()));
    for ask in &asks {
        assert_eq!(*ask, asks[0]);
    }
}

#[test]
fn every_accepted_message_parses() {
    for (door, text) in cases::accepted() {
        door.parse(&text).unwrap_or_else(|e| panic!("{door:?} refused {text}: {e}"));
    }
}

#[test]
fn every_refusal_has_its_code_and_a_twin_that_parses() {
    let cases = cases::refused();
    assert!(cases.len() > 500, "the tables have lost rows: {}", cases.len());
    for case in cases {
        let at = format!("{:?}, {}", case.door, case.what);
        assert_ne!(case.good, case.bad, "{at}: no twins");
        case.door.parse(&case.good).unwrap_or_else(|e| panic!("{at}: twin refused: {e}"));
        match case.door.parse(&case.bad) {
            Ok(_) => panic!("{at}: accepted {}", case.bad),
            Err(error) => assert_eq!(error.code(), case.code, "{at}: {error}"),
        }
    }
}

#[test]
fn every_refusal_reads_as_one_short_plain_sentence() {
    for case in cases::refused() {
        let error = case.door.parse(&case.bad).unwrap_err();
        let body = ErrorBody::from(&error);
        let text = body.error_description.unwrap();
        assert!((10..=350).contains(&text.len()), "{}: {text}", case.what);
        // RFC 6749 section 5.2
        let plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        assert!(text.chars().all(plain), "{}: {text}", case.what);
        assert!(!text.ends_with('.') || text.ends_with("..."), "{}: {text}", case.what);
    }
}

#[test]
fn an_error_text_does_not_repeat_a_long_or_deceiving_message() {
    let long = "x".repeat(50_000);
    for name in [long.as_str(), r"\u202e\u001b[31m\u200b", r"\u0000\u0085\u2028"] {
        let bad = Door::Details.around(&format!(r#""provider":"openai","{name}":1"#));
        let error = Door::Details.parse(&bad).unwrap_err();
        let text = error.to_string();
        assert!(text.len() < 400, "{} bytes", text.len());
        assert!(
            !text.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'),
            "{text:?}"
        );
    }
}

#[test]
fn an_unsupported_version_is_answered_with_the_list_of_supported_ones() {
    for okap in ["1", r#""2.0""#, r#""1""#, r#""01.0""#, "null"] {
        let body = format!(r#"{{"okap":{okap},"request":{{"provider":"openai"}}}}"#);
        let error = GrantRequest::parse_authorize(body.as_bytes()).unwrap_err();
        let answer = ErrorBody::from(&error);
        assert_eq!(answer.error, "unsupported_version");
        assert_eq!(answer.okap_versions_supported, ["1.0"]);
    }
    let error = GrantRequest::parse_authorize(br#"{"okap":"1.0"}"#).unwrap_err();
    assert_eq!(ErrorBody::from(&error).okap_versions_supported, Vec::<String>::new());
}

#[test]
fn a_version_is_refused_before_the_rest_is_looked_at() {
    let body = br#"{"okap":"3.0","request":{"anything":"goes"},"authorization_details":7}"#;
    let error = GrantRequest::parse_authorize(body).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedVersion);
    let error = GrantRequest::parse_flat(br#"{"okap":"3.0","asks":[]}"#).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedVersion);
}

#[test]
fn a_past_end_is_not_the_parsers_business() {
    for past in ["1970-01-01", "2025-03-01", "2025-03-01T00:00:00Z"] {
        let text = Door::Details.around(&format!(r#""provider":"openai","expires":"{past}""#));
        assert!(Door::Details.parse(&text).is_ok());
    }
}

#[test]
fn only_what_no_schema_can_say_is_left_to_the_parser() {
    let mut reasons: Vec<_> = cases::refused()
        .iter()
        .filter_map(|c| match c.seen {
            Seen::ByParserOnly(reason) => Some(reason),
            _ => None,
        })
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    insta::assert_json_snapshot!("left_to_the_parser", reasons);
}

#[test]
fn money_is_read_by_its_digits() {
    for (text, micros) in [
        ("10.1", 10_100_000),
        ("10.00", 10_000_000),
        ("0.1", 100_000),
        ("0.000001", 1),
        ("0.3", 300_000),
        ("999999.999999", 999_999_999_999),
        ("1000000", 1_000_000_000_000),
        ("1000000.000000", 1_000_000_000_000),
        ("0", 0),
        ("0.0", 0),
    ] {
        for value in [text.to_owned(), format!("\"{text}\"")] {
            let members = format!(r#""provider":"openai","limits":{{"monthly_spend":{value}}}"#);
            for door in Door::ALL {
                let spend = only(door.parse(&door.around(&members)).unwrap()).limits.monthly_spend;
                assert_eq!(spend.map(Money::micros), Some(micros), "{value}");
            }
        }
    }
}

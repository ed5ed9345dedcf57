//! The targets.

use okap_engine::{
    assertion::Assertion,
    jwk::PublicKey,
    jws::Jws,
    proof::{Expected, Proof},
    provider::{Call, Meter, Metered, Operation},
};
use okap_types::{
    GrantRequest, ModelAccess, Money, ParseError, Secret, Timestamp, UserCode,
    access::{check_details, parse_details},
    client_document::{ClientDocument, ClientIdUrl},
    form::Form,
    oauth::{DeviceRequest, IntrospectionRequest, PushedRequest, RevocationRequest, TokenRequest},
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use serde_json::Value;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: &[Target] = &[
    ("request", request),
    ("details", details),
    ("form", form),
    ("token", token),
    ("user_code", user_code),
    ("timestamp", timestamp),
    ("money", money),
    ("meter", meter),
    ("client_document", client_document),
    ("dpop_proof", dpop_proof),
    ("jws", jws),
];

/// A refusal is short, whatever was refused.
fn refused(error: &ParseError) {
    assert!(error.to_string().len() < 2_000, "{error}");
    let body = okap_types::ErrorBody::from(error);
    let text = body.error_description.unwrap_or_default();
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{text}");
}

/// What was read is written as something that is read as the same.
fn returns(asked: &[ModelAccess]) {
    assert_eq!(check_details(asked), Ok(()));
    let text = serde_json::to_string(asked).expect("it is JSON");
    assert_eq!(parse_details(&text).as_deref(), Ok(asked));
}

/// `POST /okap/authorize` and `POST /okap/request`.
pub fn request(bytes: &[u8]) {
    for outcome in [GrantRequest::parse_authorize(bytes), GrantRequest::parse_flat(bytes)] {
        match outcome {
            Ok(request) => returns(&request.access),
            Err(error) => refused(&error),
        }
    }
}

/// `authorization_details` in a form.
pub fn details(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse_details(text) {
        Ok(asked) => returns(&asked),
        Err(error) => refused(&error),
    }
}

/// The OAuth endpoints' forms.
pub fn form(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let form = match Form::parse(text) {
        Ok(form) => form,
        Err(error) => return refused(&error),
    };
    let read = [
        PushedRequest::from_form(&form).map(serde_json::to_value),
        TokenRequest::from_form(&form).map(serde_json::to_value),
        DeviceRequest::from_form(&form).map(serde_json::to_value),
        RevocationRequest::from_form(&form).map(serde_json::to_value),
        IntrospectionRequest::from_form(&form).map(serde_json::to_value),
    ];
    for outcome in read {
        match outcome {
            // every member is one of the form, with its value
            Ok(message) => {
                let message = message.expect("it is JSON");
                for (name, value) in message.as_object().expect("it is an object") {
                    assert_eq!(form.opt(name), value.as_str(), "{name}");
                }
            }
            Err(error) => refused(&error),
        }
    }
}

/// Tokens of every kind.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = [
        AccessToken::parse(text).map(|t| t.expose().to_owned()),
        RefreshToken::parse(text).map(|t| t.expose().to_owned()),
        AuthorizationCode::parse(text).map(|t| t.expose().to_owned()),
        DeviceCode::parse(text).map(|t| t.expose().to_owned()),
        ContinuationToken::parse(text).map(|t| t.expose().to_owned()),
    ];
    let mut kinds = 0;
    for token in read.iter().flatten() {
        kinds += 1;
        assert_eq!(token, text);
        assert_eq!(token.len(), 57);
    }
    assert!(kinds <= 1, "{text:?} is a token of {kinds} kinds");
}

/// What a person typed as a code.
pub fn user_code(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(code) = UserCode::parse(text) {
        assert_eq!(code.as_str().len(), 9);
        assert_eq!(UserCode::parse(code.as_str()).as_ref(), Some(&code));
        assert_eq!(UserCode::parse(&text.to_lowercase()).as_ref(), Some(&code));
    }
}

/// Moments.
pub fn timestamp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(moment) = text.parse::<Timestamp>() {
        assert!((0..32_503_680_000_000).contains(&moment.unix_millis()), "{text:?}");
        assert_eq!(moment.to_string().parse::<Timestamp>().as_ref(), Ok(&moment));
        // never a later day than the text says, apart from its offset
        assert_eq!(Timestamp::from(moment.utc()), moment);
    }
}

/// Amounts.
pub fn money(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = text.parse::<Money>();
    if let Ok(money) = &read {
        assert!(*money <= Money::MAX);
        assert_eq!(money.to_string().parse::<Money>().as_ref(), Ok(money));
        let number: Money = serde_json::from_str(text).expect("the same digits in JSON");
        assert_eq!(number, *money);
    }
    if let Ok(number) = serde_json::from_str::<Money>(text) {
        let digits = text.trim().trim_matches('"');
        assert!(read.is_ok() || text.contains('"') || text.trim() != text, "{text:?}");
        assert!(number <= Money::MAX, "{digits}");
    }
}

/// A call's body, and a stream cut at any place.
pub fn meter(bytes: &[u8]) {
    // the first byte says which call, the second how many cuts follow
    let [kind, cuts, rest @ ..] = bytes else { return };
    let (cuts, stream) = rest.split_at(usize::from(cuts % 16).min(rest.len()));
    let operation = match kind % 4 {
        0 => Operation::Chat,
        1 => Operation::Responses,
        2 => Operation::Messages,
        _ => Operation::Embeddings,
    };
    let _ = Call::read(operation.clone(), stream);
    let shown = kind & 4 == 0;
    let body = format!(
        r#"{{"model":"m","messages":[],"input":"x","stream":true,"max_tokens":9,
            "stream_options":{{"include_usage":{shown}}}}}"#
    );
    let Ok(call) = Call::read(operation, body.as_bytes()) else { return };
    let whole = run(&call, stream, &[]);
    let parts = run(&call, stream, cuts);
    if let (Some((out, metered)), Some((parts, in_parts))) = (&whole, &parts) {
        assert_eq!(out, parts, "chunk borders change what goes out");
        assert_eq!(metered, in_parts, "chunk borders change what is counted");
        assert!(out.len() <= stream.len());
        if shown {
            // a last event without an end is withheld where it holds the key, or its last piece
            let may_hold_key = stream.windows(3).any(|w| w == b"sk-") || stream.contains(&b'\\');
            assert!(out == stream || may_hold_key, "what was asked for is hidden");
            assert!(stream.starts_with(out), "something else goes out");
        }
    }
    assert_eq!(whole.is_some(), parts.is_some(), "chunk borders decide what is refused");
    let mut all = Meter::new(&call);
    let _ = all.whole(stream);
}

/// Streams with chunk borders behind so many bytes each; `None` where the meter refuses.
fn run(call: &Call, stream: &[u8], cuts: &[u8]) -> Option<(Vec<u8>, Metered)> {
    let secret = Secret::from("sk-0123456789abcdef");
    let mut meter = Meter::new(call).watching(Some(&secret));
    let mut out = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (chunk, behind) = rest.split_at(usize::from(*cut).min(rest.len()));
        out.extend(meter.chunk(chunk).ok()?);
        rest = behind;
    }
    out.extend(meter.chunk(rest).ok()?);
    out.extend(meter.end());
    Some((out, meter.metered()))
}

/// Documents about published apps.
pub fn client_document(bytes: &[u8]) {
    let url: ClientIdUrl = "https://notes.example/okap.json".parse().expect("an address");
    if let Ok(document) = ClientDocument::parse(&url, bytes) {
        assert!(bytes.len() <= 5_120);
        assert!(!document.allows("javascript:alert(1)"));
        for key in document.keys() {
            assert!(!key.contains_key("d"), "a private key was read");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(url) = text.parse::<ClientIdUrl>() {
        assert_eq!(url.as_str(), text);
        assert!(!url.host().is_empty());
    }
}

/// Proofs of possession, past the signature.
pub fn dpop_proof(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(proof) = Proof::read(text) else { return };
    let url = "https://vault.example/okap/token".parse().expect("an address");
    let expected = Expected {
        method: "POST",
        url: &url,
        now: Timestamp::from_unix_millis(1_795_435_200_000),
        token: None,
        nonces: None,
    };
    if let Ok(proven) = proof.check(&expected, &|_, _, _| true) {
        assert_eq!(proven.thumbprint.as_str().len(), 43);
    }
    assert!(proof.check(&expected, &|_, _, _| false).is_err(), "nobody signed it");
}

/// Signed texts, assertions, public keys.
pub fn jws(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(jws) = Jws::read(text) {
        assert_eq!(jws.header.alg, "ES256");
        let _ = jws.claims::<Value>();
        if let Some(jwk) = &jws.header.jwk
            && let Ok(key) = PublicKey::from_jwk(jwk)
        {
            assert_eq!(key.to_point()[0], 4);
            assert_eq!(key.thumbprint().as_str().len(), 43);
        }
    }
    let _ = Assertion::read(text);
}

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use okap_engine::{
    jwk::{PublicKey, Thumbprint},
    jws::Jws,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::signer::{signer, verify, with};

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": signer(1).jwk()})
}

fn good() -> String {
    signer(1).sign(&header(), &json!({"jti": "1"}))
}

#[test]
fn a_signed_text_is_read_and_verified() {
    let jws = Jws::read(&good()).unwrap();
    assert_eq!(jws.header.typ.as_deref(), Some("dpop+jwt"));
    assert_eq!(jws.claims::<Value>().unwrap(), json!({"jti": "1"}));
    assert!(jws.is_signed_by(&signer(1).public(), &verify));
    assert!(!jws.is_signed_by(&signer(2).public(), &verify));
}

#[test]
fn a_changed_part_breaks_the_signature() {
    let (text, other) = (good(), signer(1).sign(&header(), &json!({"jti": "2"})));
    let (a, b): (Vec<_>, Vec<_>) = (text.split('.').collect(), other.split('.').collect());
    let verified = |parts: [&str; 3]| {
        Jws::read(&parts.join(".")).unwrap().is_signed_by(&signer(1).public(), &verify)
    };
    assert!(verified([a[0], a[1], a[2]]));
    assert!(!verified([a[0], b[1], a[2]]));
    assert!(!verified([a[0], a[1], b[2]]));
}

#[test]
fn v105_no_algorithm_but_es256() {
    let with_alg = |alg: Value| signer(1).sign(&with(&header(), "alg", alg), &json!({}));
    assert!(Jws::read(&with_alg(json!("ES256"))).is_ok());
    for alg in ["none", "None", "HS256", "ES384", "RS256", "EdDSA", "es256", "", "ES256 "] {
        assert!(Jws::read(&with_alg(json!(alg))).is_err(), "{alg}");
    }
    for alg in [json!(null), json!(["ES256"]), json!(256)] {
        assert!(Jws::read(&with_alg(alg.clone())).is_err(), "{alg}");
    }
}

#[test]
fn v107_no_critical_extension_not_even_a_known_or_empty_one() {
    assert!(Jws::read(&good()).is_ok());
    for crit in [json!(["exp"]), json!(["b64"]), json!(["typ"]), json!([]), json!("x")] {
        let text = signer(1).sign(&with(&header(), "crit", crit.clone()), &json!({}));
        assert!(Jws::read(&text).unwrap_err().to_string().contains("crit"), "{crit}");
    }
    let text = header().to_string().replacen('{', "{\"crit\":null,", 1);
    assert!(Jws::read(&signer(1).sign_texts(&text, "{}")).is_err());
}

#[test]
fn the_form_has_one_way_to_be_written() {
    let text = good();
    let [h, p, s]: [&str; 3] = text.split('.').collect::<Vec<_>>().try_into().unwrap();
    assert!(Jws::read(&[h, p, s].join(".")).is_ok());
    let short = Base64::encode_string(&[1; 63]);
    let long = Base64::encode_string(&[1; 65]);
    // the last character of 64 bytes holds two bits that must be 0
    let mut loose = s.to_owned();
    let last = loose.pop().unwrap();
    loose.push(char::from(last as u8 + 1));
    let padded = format!("{s}==");
    for parts in [
        vec![h, p],
        vec![h, p, s, ""],
        vec![h, p, s, s],
        vec!["", p, s],
        vec![h, p, ""],
        vec![h, p, &short],
        vec![h, p, &long],
        vec![h, p, &loose],
        vec![h, p, &padded],
        vec![h, "e30=", s],
        vec![h, "e31", s],
        vec![h, "e", s],
        vec![h, "e30\n", s],
        vec![h, " e30", s],
        vec![h, "+/+/", s],
        vec!["bm90IGpzb24", p, s],
        vec!["W10", p, s],
    ] {
        assert!(Jws::read(&parts.join(".")).is_err(), "{parts:?}");
    }
}

#[test]
fn a_text_is_bounded() {
    let of = |n: usize| signer(1).sign(&with(&header(), "x", json!("x".repeat(n))), &json!({}));
    assert!(Jws::read(&of(2000)).is_ok());
    assert!(of(3000).len() > Jws::LONGEST);
    assert!(Jws::read(&of(3000)).is_err());
    let deep = |n: usize| {
        let text = header().to_string();
        let inside = format!("{{\"x\":{}{},", "[".repeat(n), "]".repeat(n));
        signer(1).sign_texts(&text.replacen('{', &inside, 1), "{}")
    };
    assert!(Jws::read(&deep(7)).is_ok());
    assert!(Jws::read(&deep(8)).is_err());
    assert!(Jws::read(&deep(1000)).is_err());
}

#[test]
fn nothing_stands_twice_and_nothing_is_null() {
    let text = header().to_string();
    let twin = text.replacen('{', r#"{"other":null,"#, 1);
    assert!(Jws::read(&signer(1).sign_texts(&twin, "{}")).is_ok());
    for inside in [
        r#"{"alg":"none","#,
        r#"{"\u0061lg":"ES256","#,
        r#"{"typ":"JWT","#,
        r#"{"kid":null,"#,
        r#"{"kid":7,"#,
    ] {
        let text = text.replacen('{', inside, 1);
        assert!(Jws::read(&signer(1).sign_texts(&text, "{}")).is_err(), "{inside}");
    }
    let jws = |payload: &str| Jws::read(&signer(1).sign_texts(&text, payload)).unwrap();
    assert!(jws(r#"{"a":1}"#).claims::<Value>().is_ok());
    for payload in [r#"{"a":1,"a":1}"#, r#"{"a":1} x"#, "", "\u{feff}{}"] {
        assert!(jws(payload).claims::<Value>().is_err(), "{payload}");
    }
}

#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    // RFC 9449 sections 4.1 and 6.1
    let jwk = json!({"kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256"});
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    let expected: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
    assert!(key.thumbprint().matches(&expected));
    assert!(!signer(1).public().thumbprint().matches(&expected));
    // members beside the key itself do not count (RFC 7638 section 3.2)
    let named = with(&with(&jwk, "kid", json!("one")), "use", json!("sig"));
    let named = PublicKey::from_jwk(named.as_object().unwrap()).unwrap();
    assert_eq!(named.thumbprint(), expected);
}

#[test]
fn a_thumbprint_is_read_in_one_form() {
    let good = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let read: Thumbprint = serde_json::from_value(json!(good)).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json!(good));
    for bad in [
        "",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4II",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=",
        "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    ] {
        assert!(bad.parse::<Thumbprint>().is_err(), "{bad}");
        assert!(serde_json::from_value::<Thumbprint>(json!(bad)).is_err(), "{bad}");
    }
}

#[test]
fn v106_a_key_is_public_and_of_p256() {
    let jwk = signer(1).jwk();
    let read = |jwk: &Value| PublicKey::from_jwk(jwk.as_object().unwrap());
    assert!(read(&jwk).is_ok());
    for (member, fine) in [("alg", "ES256"), ("use", "sig"), ("kid", "1"), ("later", "x")] {
        assert!(read(&with(&jwk, member, json!(fine))).is_ok(), "{member}");
    }
    let x = jwk["x"].as_str().unwrap();
    let half = Base64::encode_string(&[1; 31]);
    let more = Base64::encode_string(&[1; 33]);
    for (member, wrong) in [
        ("d", json!("AQ")),
        ("d", json!(false)),
        ("k", json!("AQ")),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("kty", json!("ec")),
        ("kty", json!(null)),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
        ("crv", json!(null)),
        ("alg", json!("ES384")),
        ("alg", json!("none")),
        ("use", json!("enc")),
        ("x", json!(null)),
        ("y", json!(null)),
        ("x", json!(1)),
        ("x", json!(half)),
        ("y", json!(more)),
        ("x", json!(format!("{x}="))),
        ("y", json!("")),
    ] {
        assert!(read(&with(&jwk, member, wrong.clone())).is_err(), "{member}: {wrong}");
    }
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let jws = Jws::read(&good()).unwrap();
    let jwk = with(&signer(1).jwk(), "y", signer(2).jwk()["y"].clone());
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert!(!jws.is_signed_by(&key, &verify));
    assert!(jws.is_signed_by(&signer(1).public(), &verify));
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in any::<String>()) {
        let _ = Jws::read(&text);
    }

    #[test]
    fn no_parts_bring_the_reader_down(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
        let (h, p) = (Base64::encode_string(&header), Base64::encode_string(&payload));
        let s = Base64::encode_string(&[7; 64]);
        let _ = Jws::read(&format!("{h}.{p}.{s}"));
        let header = Base64::encode_string(br#"{"alg":"ES256"}"#);
        let _ = Jws::read(&format!("{header}.{p}.{s}")).unwrap().claims::<Value>();
    }

    #[test]
    fn what_one_byte_changed_is_refused_or_not_signed(at in 0..400_usize, byte in any::<u8>()) {
        let mut text = good().into_bytes();
        let at = at % text.len();
        prop_assume!(text[at] != byte);
        text[at] = byte;
        if let Ok(jws) = Jws::read(&String::from_utf8_lossy(&text)) {
            prop_assert!(!jws.is_signed_by(&signer(1).public(), &verify));
        }
    }
}

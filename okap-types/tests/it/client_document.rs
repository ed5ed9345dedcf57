use okap_types::{
    ClientDocument, ClientIdUrl,
    client_document::{AuthMethod, InvalidDocument, RedirectUri},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const CLIENT: &str = "https://notes.example/okap.json";

fn url() -> ClientIdUrl {
    CLIENT.parse().unwrap()
}

fn parse(document: &Value) -> Result<ClientDocument, InvalidDocument> {
    ClientDocument::parse(&url(), document.to_string().as_bytes())
}

fn good() -> Value {
    json!({
        "client_id": CLIENT,
        "client_name": "Notes",
        "client_uri": "https://notes.example",
        "redirect_uris": ["https://notes.example/cb"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": false,
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut document = good();
    document[member] = value;
    document
}

fn key() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"})
}

fn redirects(uris: &[&str]) -> ClientDocument {
    parse(&with("redirect_uris", json!(uris))).unwrap()
}

#[test]
fn a_document_is_read() {
    let document = parse(&good()).unwrap();
    assert_eq!(document.client_id, url());
    assert_eq!(document.client_name.as_ref().unwrap().as_str(), "Notes");
    assert_eq!(document.redirect_uris.len(), 1);
    assert_eq!(document.token_endpoint_auth_method, AuthMethod::None);
    assert!(!document.dpop_bound_access_tokens);
    assert_eq!(document.keys().count(), 0);
    let again = serde_json::to_vec(&document).unwrap();
    assert_eq!(ClientDocument::parse(&url(), &again).unwrap(), document);
}

#[test]
fn only_the_client_id_is_required() {
    let document = parse(&json!({"client_id": CLIENT})).unwrap();
    assert_eq!(document.token_endpoint_auth_method, AuthMethod::None);
    assert!(document.client_name.is_none() && document.redirect_uris.is_empty());
    assert!(!document.allows("https://notes.example/cb"));
    assert!(parse(&json!({})).is_err());
}

#[test]
fn what_is_not_known_is_ignored() {
    for (member, value) in [
        ("logo_uri", json!("javascript:x")),
        ("grant_types", json!(["password"])),
        ("response_types", json!(7)),
        ("x", json!({"client_secret": 1})),
    ] {
        assert!(parse(&with(member, value)).is_ok(), "{member}");
    }
}

#[test]
fn the_document_says_its_own_address_byte_by_byte() {
    assert!(parse(&with("client_id", json!(CLIENT))).is_ok());
    for other in [
        json!("https://notes.example/okap.json/"),
        json!("https://notes.example/OKAP.json"),
        json!("https://NOTES.example/okap.json"),
        json!("https://notes.example:443/okap.json"),
        json!("https://notes.example/okap%2Ejson"),
        json!("https://other.example/okap.json"),
        json!(""),
        json!(null),
        json!([CLIENT]),
    ] {
        assert!(parse(&with("client_id", other.clone())).is_err(), "{other}");
    }
}

#[test]
fn v10_a_document_with_a_secret_is_refused() {
    assert!(parse(&good()).is_ok());
    for value in [json!("s3cret"), json!(""), json!(null)] {
        assert!(parse(&with("client_secret", value)).is_err());
    }
    assert!(parse(&with("client_secret_expires_at", json!(0))).is_err());
    for method in [
        json!("client_secret_basic"),
        json!("client_secret_post"),
        json!("client_secret_jwt"),
        json!("tls_client_auth"),
        json!("None"),
        json!(""),
        json!(null),
        json!(["none"]),
    ] {
        assert!(parse(&with("token_endpoint_auth_method", method.clone())).is_err(), "{method}");
    }
}

#[test]
fn v11_a_document_with_a_private_or_symmetric_key_is_refused() {
    let keyed = |key: Value| parse(&with("jwks", json!({"keys": [key]})));
    let changed = |member: &str, value: Value| {
        let mut key = key();
        match value {
            Value::Null => _ = key.as_object_mut().unwrap().remove(member),
            value => key[member] = value,
        }
        keyed(key)
    };
    assert!(keyed(key()).is_ok());
    for (member, fine) in [("kid", "1"), ("alg", "ES256"), ("use", "sig"), ("later", "x")] {
        assert!(changed(member, json!(fine)).is_ok(), "{member}");
    }
    for (member, wrong) in [
        ("d", json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE")),
        ("d", json!(false)),
        ("k", json!("AQ")),
        ("p", json!("AQ")),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("kty", json!(null)),
        ("crv", json!("P-384")),
        ("crv", json!(null)),
        ("alg", json!("RS256")),
        ("use", json!("enc")),
        ("kid", json!(1)),
        ("x", json!(null)),
        ("y", json!("AQ")),
    ] {
        assert!(changed(member, wrong.clone()).is_err(), "{member}: {wrong}");
    }
    let mut private = key();
    private["d"] = json!(null);
    assert!(keyed(private).is_err());
}

#[test]
fn keys_are_inline_1_to_8_and_there_where_they_are_needed() {
    let keyed = |count: usize| parse(&with("jwks", json!({"keys": vec![key(); count]})));
    assert!(keyed(1).is_ok() && keyed(8).is_ok());
    assert!(keyed(0).is_err() && keyed(9).is_err());
    for wrong in [json!(null), json!([key()]), json!({"keys": key()}), json!({}), json!([[key()]])]
    {
        assert!(parse(&with("jwks", wrong.clone())).is_err(), "{wrong}");
    }
    assert!(parse(&with("jwks_uri", json!("https://notes.example/jwks"))).is_err());
    let mut confidential = with("token_endpoint_auth_method", json!("private_key_jwt"));
    assert!(parse(&confidential).is_err());
    confidential["jwks"] = json!({"keys": [key()]});
    let document = parse(&confidential).unwrap();
    assert_eq!(document.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
    assert_eq!(document.keys().count(), 1);
}

#[test]
fn a_name_is_cleaned_and_bounded() {
    let named = |name: Value| parse(&with("client_name", name));
    let name = named(json!("No\u{202e}tes\n")).unwrap().client_name.unwrap();
    assert_eq!(name.as_str(), "Notes");
    assert_eq!(named(json!("\u{200b}")).unwrap().client_name, None);
    assert!(named(json!("n".repeat(80))).is_ok());
    assert!(named(json!("n".repeat(81))).is_err());
    assert!(named(json!(null)).is_err());
}

#[test]
fn a_home_page_is_an_ordinary_address() {
    for fine in ["https://notes.example", "http://notes.example/home?x"] {
        assert!(parse(&with("client_uri", json!(fine))).is_ok(), "{fine}");
    }
    for wrong in [
        json!("javascript:alert(1)"),
        json!("data:text/html,x"),
        json!("file:///etc"),
        json!("https://me@notes.example"),
        json!("/home"),
        json!(null),
    ] {
        assert!(parse(&with("client_uri", wrong.clone())).is_err(), "{wrong}");
    }
}

#[test]
fn a_document_is_one_strict_json_object_of_at_most_5120_bytes() {
    let padded = |length: usize| {
        let mut text = good().to_string();
        text.push_str(&" ".repeat(length - text.len()));
        ClientDocument::parse(&url(), text.as_bytes())
    };
    assert!(padded(5120).is_ok());
    assert!(padded(5121).is_err());
    let text = good().to_string();
    let twice = text.replacen('{', r#"{"client_n\u0061me":"Bank","#, 1);
    for bad in
        [twice, format!("\u{feff}{text}"), format!("[{text}]"), format!("{text}x"), "".into()]
    {
        assert!(ClientDocument::parse(&url(), bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(ClientDocument::parse(&url(), &[0xff, 0xfe]).is_err());
}

#[test]
fn v3_a_client_id_is_an_https_address_with_a_path() {
    for fine in [
        CLIENT,
        "https://notes.example:8443/okap.json",
        "https://notes.example/a/b/",
        "https://xn--bcher-kva.example/c",
        "https://[2001:db8::1]/c",
    ] {
        assert_eq!(fine.parse::<ClientIdUrl>().unwrap().as_str(), fine);
    }
    let long = format!("https://notes.example/{}", "c".repeat(490));
    assert_eq!(long.len(), 512);
    assert!(long.parse::<ClientIdUrl>().is_ok());
    for bad in [
        "http://app.example/c.json",
        "https://notes.example",
        "https://notes.example/",
        "https://notes.example/c#f",
        "https://notes.example/c#",
        "https://notes.example/c?q=1",
        "https://notes.example/c?",
        "https://me@notes.example/c",
        "https://:pw@notes.example/c",
        "https://@notes.example/c",
        "https://notes.example/a/../c",
        "https://notes.example/./c",
        "https://notes.example/%2e%2e/c",
        "https://notes.example\\c",
        "HTTPS://notes.example/c",
        "https://Notes.example/c",
        "https://notes.example:443/c",
        "https://bücher.example/c",
        "https://notes.example/ü",
        " https://notes.example/c",
        "https://notes.example/c\n",
        "https:notes.example/c",
        "https:///c",
        "https://0x7f.1/c",
        "https://2130706433/c",
        "okap://notes.example/c",
        "data:application/json,{}",
        "",
        &format!("{long}c"),
    ] {
        assert!(bad.parse::<ClientIdUrl>().is_err(), "{bad}");
    }
}

#[test]
fn v31_a_redirect_uri_is_compared_character_by_character() {
    let document = redirects(&["https://notes.example/cb", "https://notes.example/two?a=b"]);
    assert!(document.allows("https://notes.example/cb"));
    assert!(document.allows("https://notes.example/two?a=b"));
    for other in [
        "https://notes.example/CB",
        "https://Notes.example/cb",
        "https://notes.example/cb/",
        "https://notes.example/cb?x=1",
        "https://notes.example/cb?",
        "https://notes.example/cb#",
        "https://notes.example/%63b",
        "https://notes.example%2Fcb",
        "https://notes.example:443/cb",
        "https://notes.example:8443/cb",
        "http://notes.example/cb",
        "https://notes.example/two",
        "https://notes.example/two?a=b&c",
        "https://notes.example.evil/cb",
        "https://notes.example",
        "",
    ] {
        assert!(!document.allows(other), "{other}");
    }
}

#[test]
fn v32_the_port_of_a_loopback_address_is_free_and_nothing_else_is() {
    let document = redirects(&["http://127.0.0.1/cb", "http://[::1]:3000/six?a=b"]);
    for fine in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:51004/cb",
        "http://[::1]:3000/six?a=b",
        "http://[::1]:51004/six?a=b",
        "http://[::1]/six?a=b",
    ] {
        assert!(document.allows(fine), "{fine}");
    }
    for other in [
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/CB",
        "http://127.0.0.1:51004/cb/",
        "http://127.0.0.1:51004/cb#x",
        "http://me@127.0.0.1:51004/cb",
        "http://localhost:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.1:51004/cb",
        "http://2130706433:51004/cb",
        "http://[::ffff:127.0.0.1]:51004/cb",
        "http://[::1]:51004/cb",
        "http://[0:0:0:0:0:0:0:1]:51004/six?a=b",
        "http://[::1]:51004/six",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:+80/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1.evil.example:51004/cb",
    ] {
        assert!(!document.allows(other), "{other}");
    }
    // and only that of a loopback address
    let https = redirects(&["https://127.0.0.1/cb"]);
    assert!(https.allows("https://127.0.0.1/cb"));
    assert!(!https.allows("https://127.0.0.1:51004/cb"));
}

#[test]
fn v34_an_address_that_hides_its_host_matches_nothing() {
    let document = redirects(&["https://good.example/"]);
    assert!(document.allows("https://good.example/"));
    for other in [
        "https://good.example@evil.example/",
        "https://good.example@evil.example@good.example/",
        "https://evil.example\\@good.example/",
        "https://good.example\\evil/",
        "https://good.example%00.evil.example/",
        "https:good.example/",
        "//good.example/",
    ] {
        assert!(!document.allows(other), "{other}");
    }
}

#[test]
fn v36_an_address_that_could_lead_astray_is_not_registered() {
    let registered = |uri: &str| parse(&with("redirect_uris", json!([uri]))).is_ok();
    for fine in [
        "https://notes.example/cb",
        "https://192.0.2.1/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:3000/cb?a=b",
        "http://[::1]/cb",
        "com.example.notes:/cb",
        "com.example.notes://host/cb",
    ] {
        assert!(registered(fine), "{fine}");
    }
    for bad in [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "javascript://notes.example/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "okap:/cb",
        "okap://authorize",
        "vbscript:x",
        "blob:https://notes.example/x",
        "about:blank",
        "ftp://notes.example/cb",
        "ws://notes.example/cb",
        "notes:/cb",
        "com.example.notes:cb",
        "com.example.notes://me@host/cb",
        "http://notes.example/cb",
        "http://localhost/cb",
        "http://127.0.0.2/cb",
        "http://0.0.0.0/cb",
        "http://192.168.1.1/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "https://notes.example/cb#x",
        "https://notes.example/cb#",
        "https://me@notes.example/cb",
        "https://me:pw@notes.example/cb",
        "https://*.notes.example/cb",
        "https://notes.example/*",
        "https://notes.example/cb?x=*",
        "https://notes.example",
        "https://Notes.example/cb",
        "https://notes.example/a/../cb",
        "https://notes.example\\cb",
        "https://notes.example/c b",
        "https://notes.example/cb\t",
        "https://notes.example/\"x",
        "https://notes.example/ü",
        "com.example.notes:/a\\b",
        "com.example.notes:/<b>",
        "https:///cb",
        "/cb",
        "",
    ] {
        assert!(!registered(bad), "{bad}");
        assert!(bad.parse::<RedirectUri>().is_err(), "{bad}");
    }
    let long = |length: usize| format!("https://notes.example/{:c<1$}", "", length - 22);
    assert_eq!(long(512).len(), 512);
    assert!(registered(&long(512)));
    assert!(!registered(&long(513)));
    // one bad address spoils the document
    assert!(
        parse(&with("redirect_uris", json!(["https://notes.example/cb", "file:///x"]))).is_err()
    );
    let many = |count: usize| {
        let uris: Vec<_> = (0..count).map(|n| format!("https://notes.example/{n}")).collect();
        parse(&with("redirect_uris", json!(uris)))
    };
    assert!(many(16).is_ok() && many(0).is_ok());
    assert!(many(17).is_err());
    for wrong in [json!(null), json!("https://notes.example/cb"), json!([7]), json!({})] {
        assert!(parse(&with("redirect_uris", wrong)).is_err());
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_the_parser_down(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = ClientDocument::parse(&url(), &bytes);
        let _ = ClientDocument::parse(&url(), text.as_bytes());
        let _ = text.parse::<ClientIdUrl>();
        let _ = text.parse::<RedirectUri>();
        prop_assert!(!redirects(&["http://127.0.0.1/cb"]).allows(&text));
    }

    #[test]
    fn what_is_read_is_what_was_written(text in "(https|http|a\\.b):/{0,2}[a-z0-9.\\[\\]:@/?#%*-]{0,30}") {
        if let Ok(uri) = text.parse::<RedirectUri>() {
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert!(uri.allows(&text));
        }
        if let Ok(id) = text.parse::<ClientIdUrl>() {
            prop_assert_eq!(id.as_str(), &text);
            prop_assert!(!id.host().is_empty());
        }
    }

    #[test]
    fn every_port_of_a_loopback_address_is_allowed(port in 1..=65_535_u16) {
        prop_assume!(port != 80);
        let document = redirects(&["http://127.0.0.1/cb"]);
        let allowed = document.allows(&format!("http://127.0.0.1:{port}/cb"));
        prop_assert!(allowed);
    }
}

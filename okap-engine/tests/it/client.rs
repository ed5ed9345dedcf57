//! Who asks, and what a person is told of it.

use okap_engine::{client::Client, record::Identity};
use okap_types::{ClientDocument, ErrorCode};

use crate::support::document;

const JWKS: &str = r#","jwks":{"keys":[{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn signing() -> ClientDocument {
    document(&format!(r#","token_endpoint_auth_method":"private_key_jwt"{JWKS}"#))
}

fn public(document: &ClientDocument) -> Client<'_> {
    Client::published(document, None).unwrap()
}

#[test]
fn a_local_app_is_answered_on_this_computer_alone() {
    let app = Client::Local.at_redirect("http://127.0.0.1:51004/cb", Some("Notes")).unwrap();
    assert_eq!((app.identity, app.client_id()), (Identity::Local, Some("http://localhost")));
    assert_eq!(app.info.name.unwrap().as_str(), "Notes");
    for elsewhere in ["https://notes.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"] {
        let refused = Client::Local.at_redirect(elsewhere, Some("Notes")).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{elsewhere}");
    }
}

#[test]
fn a_published_app_is_answered_where_its_document_says() {
    let document = document("");
    let client = public(&document);
    for (listed, identity) in [
        ("https://notes.example/cb", Identity::Published),
        // any program on the computer can listen there
        ("http://127.0.0.1:51004/cb", Identity::Claimed),
    ] {
        let app = client.at_redirect(listed, None).unwrap();
        assert_eq!(app.identity, identity, "{listed}");
        assert_eq!(app.client_id(), Some("https://notes.example/okap.json"));
    }
    let signed = Client::Published { document: &document, authenticated: true };
    let app = signed.at_redirect("http://127.0.0.1:51004/cb", None).unwrap();
    assert_eq!(app.identity, Identity::Published);
    for other in ["https://notes.example/cb/", "https://evil.test/cb", "http://[::1]:5/cb"] {
        let refused = client.at_redirect(other, None).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest, "{other}");
    }
}

#[test]
fn a_name_stands_in_the_document_or_in_the_request_and_not_in_both() {
    let document = document("");
    let client = public(&document);
    let named = client.at_redirect("https://notes.example/cb", Some("OpenAI")).unwrap_err();
    assert_eq!(named.code, ErrorCode::InvalidRequest);
    let app = client.at_redirect("https://notes.example/cb", None).unwrap();
    assert_eq!(app.info.name.unwrap().as_str(), "Notes");
    assert!(client.on_device(Some("OpenAI")).is_err() && client.on_device(None).is_ok());
    assert!(Client::Local.on_device(None).unwrap().info.name.is_none());
    let long = "n".repeat(500);
    assert_eq!(Client::Local.on_device(Some(&long)).unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn on_a_device_a_client_id_without_a_signature_is_a_claim() {
    let document = signing();
    let identity = |client: Client<'_>| client.on_device(None).unwrap().identity;
    assert_eq!(identity(Client::Local), Identity::Local);
    assert_eq!(identity(public(&self::document(""))), Identity::Claimed);
    let signed = Client::Published { document: &document, authenticated: true };
    assert_eq!(identity(signed), Identity::Published);
}

#[test]
fn who_always_signs_or_binds_its_tokens_is_not_claimed_by_a_direct_request() {
    let claimed = Client::claimed(&document("")).unwrap();
    assert_eq!(claimed.identity, Identity::Claimed);
    for document in [signing(), document(r#","dpop_bound_access_tokens":true"#)] {
        assert_eq!(Client::claimed(&document).unwrap_err().code, ErrorCode::InvalidClient);
    }
}

#[test]
fn a_client_whose_document_says_that_it_signs_has_to_sign() {
    let document = signing();
    let refused = Client::published(&document, None).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidClient);
    // the same keys, and a document that does not say so
    assert!(Client::published(&self::document(JWKS), None).is_ok());
}

#[test]
fn a_document_may_say_that_all_its_tokens_are_bound() {
    assert!(public(&document(r#","dpop_bound_access_tokens":true"#)).is_bound());
    assert!(!public(&document("")).is_bound());
    assert!(!Client::Local.is_bound());
}

#[test]
fn each_way_of_being_known_has_counters_of_its_own() {
    let document = document("");
    let client = public(&document);
    let apps = [
        Client::Local.on_device(Some("Notes")).unwrap(),
        client.at_redirect("https://notes.example/cb", None).unwrap(),
        client.on_device(None).unwrap(),
        crate::support::stranger(),
    ];
    let names: std::collections::BTreeSet<_> = apps.iter().map(|app| app.counted_as()).collect();
    assert_eq!(names.len(), apps.len());
}

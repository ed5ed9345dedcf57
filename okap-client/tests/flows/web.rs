//! The code flow of a web app: C6, C8, C10, C11.

use okap_client::{Client, Transaction};
use serde_json::json;
use url::Url;

use crate::{
    VAULT, Vault, ask,
    browser::with,
    built, client_of, pair,
    vault::{METADATA, TOKEN},
};

const DOCUMENT: &str = "https://notes.test/okap.json";
const BACK: &str = "https://notes.test/okap/callback?tenant=1";

fn web() -> (Vault, Client) {
    let vault = Vault::new(VAULT);
    let client = built(&vault, |b| b.client_id(DOCUMENT.parse().unwrap()));
    (vault, client)
}

/// Begins, and gives the answer that the browser would bring.
async fn begin(vault: &Vault, client: &Client) -> (Transaction, Url) {
    let (consent, transaction) = client.begin(ask(), &BACK.parse().unwrap()).await.unwrap();
    (transaction, vault.consent(&consent))
}

#[tokio::test]
async fn browser_comes_back_to_the_app_and_it_gets_access() {
    let (vault, client) = web();
    let (transaction, back) = begin(&vault, &client).await;
    let pushed = vault.calls("POST /okap/par")[0].form();
    assert_eq!((&*pushed["client_id"], &*pushed["redirect_uri"]), (DOCUMENT, BACK));
    // the document names the app
    assert!(!pushed.contains_key("client_name"));
    assert!(back.as_str().starts_with(BACK));
    let access = transaction.finish(back.query().unwrap()).await.unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    assert!(access.is_renewable());
    let redeemed = vault.calls("POST /okap/token")[0].form();
    assert_eq!((&*redeemed["client_id"], &*redeemed["redirect_uri"]), (DOCUMENT, BACK));
}

#[tokio::test]
async fn c06_iss_is_read_wherever_it_stands() {
    let (vault, client) = web();
    let (transaction, back) = begin(&vault, &client).await;
    let mut pairs: Vec<_> = back.query_pairs().into_owned().collect();
    pairs.reverse();
    pairs.push(("session_state".into(), "x".into()));
    let turned = Url::parse_with_params("https://notes.test", pairs).unwrap();
    assert!(transaction.finish(turned.query().unwrap()).await.is_ok());
}

#[tokio::test]
async fn c07_false_answers_change_nothing_and_the_genuine_one_counts_once() {
    let (vault, client) = web();
    let (transaction, back) = begin(&vault, &client).await;
    for (false_one, what) in [
        (with(&back, "iss", Some("https://evil.test")), "iss is another vault"),
        (with(&back, "iss", None), "iss is missing"),
        (with(&back, "state", Some("AAAA")), "state is of another request"),
        (with(&back, "state", None), "state is missing"),
        (with(&back, "code", None), "neither a code nor an error"),
        (Url::parse("https://notes.test/?").unwrap(), "state is missing"),
    ] {
        let error = transaction.finish(false_one.query().unwrap()).await.unwrap_err();
        assert!(error.is_untrusted() && error.to_string().ends_with(what), "{error}");
    }
    assert!(vault.calls("POST /okap/token").is_empty());
    assert!(transaction.finish(back.query().unwrap()).await.is_ok());
}

#[tokio::test]
async fn c08_answer_is_not_used_twice() {
    let (vault, client) = web();
    let (transaction, back) = begin(&vault, &client).await;
    transaction.finish(back.query().unwrap()).await.unwrap();
    assert!(transaction.finish(back.query().unwrap()).await.unwrap_err().is_untrusted());
    assert_eq!(vault.calls("POST /okap/token").len(), 1);
}

#[tokio::test]
async fn c10_link_that_another_session_began_is_refused_in_this_one() {
    let (vault, client) = web();
    // the attacker begins and sends the link; the victim allows, in the victim's own session
    let (attackers, back) = begin(&vault, &client).await;
    let (victims, genuine) = begin(&vault, &client).await;
    assert!(victims.finish(back.query().unwrap()).await.unwrap_err().is_untrusted());
    assert!(vault.calls("POST /okap/token").is_empty());
    assert!(victims.finish(genuine.query().unwrap()).await.is_ok());
    drop(attackers);
}

#[tokio::test]
async fn c11_code_of_an_honest_vault_is_not_sent_to_another() {
    let (honest, at_honest) = web();
    let evil = Vault::new("https://evil.test");
    let at_evil = client_of(&evil, "https://evil.test");
    let back: Url = "http://127.0.0.1:7001/callback".parse().unwrap();
    let (consent, transaction) = at_evil.begin(ask(), &back).await.unwrap();
    // the evil vault sends the browser on to the honest one, with the app's state
    let state = evil.calls("POST /okap/par")[0].form()["state"].clone();
    assert_eq!(consent.host_str(), Some("evil.test"));
    let (genuine, answer) = begin(&honest, &at_honest).await;
    let crossed = with(&answer, "state", Some(&state));
    let error = transaction.finish(crossed.query().unwrap()).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
    assert!(evil.calls("POST /okap/token").is_empty());
    // with its own name it is what the app asked for
    let own = with(&crossed, "iss", Some("https://evil.test"));
    let _ = transaction.finish(own.query().unwrap()).await;
    assert_eq!(evil.calls("POST /okap/token").len(), 1);
    assert!(genuine.finish(answer.query().unwrap()).await.is_ok());
}

#[tokio::test]
async fn c11_endpoints_of_another_vault_are_not_taken_over() {
    let (vault, client) = web();
    vault.twist(METADATA, |m| m["token_endpoint"] = json!("https://honest.test/okap/token"));
    let error = client.begin(ask(), &BACK.parse().unwrap()).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
    assert_eq!(vault.lines().len(), 1);
}

#[tokio::test]
async fn denial_is_a_denial() {
    let (vault, client) = web();
    let (transaction, back) = begin(&vault, &client).await;
    let denied = with(&with(&back, "code", None), "error", Some("access_denied"));
    assert!(transaction.finish(denied.query().unwrap()).await.unwrap_err().is_denied());
    assert!(vault.calls("POST /okap/token").is_empty());
}

#[tokio::test]
async fn redirect_uri_fits_the_app() {
    let (_, local) = pair();
    let (_, published) = web();
    for (uri, here, everywhere) in [
        ("http://127.0.0.1:7001/cb", true, true),
        ("http://[::1]:7001/cb", true, true),
        ("https://notes.test/cb", false, true),
        ("com.example.notes:/cb", false, true),
        ("notes:/cb", false, false),
        ("http://notes.test/cb", false, false),
        ("http://localhost/cb", false, false),
        ("javascript:alert(1)", false, false),
        ("https://ann@notes.test/cb", false, false),
        ("https://notes.test/cb#x", false, false),
    ] {
        let uri = uri.parse().unwrap();
        let at = async |client: &Client| client.begin(ask(), &uri).await.is_ok();
        assert_eq!((at(&local).await, at(&published).await), (here, everywhere), "{uri}");
    }
}

#[test]
fn client_id_is_one_that_vaults_take() {
    let vault = Vault::new(VAULT);
    let long = format!("https://notes.test/{}", "a".repeat(500));
    for (id, fits) in [
        ("https://notes.test/okap.json", true),
        ("https://notes.test", false),
        ("http://notes.test/okap.json", false),
        ("https://ann@notes.test/okap.json", false),
        ("https://notes.test/okap.json?a", false),
        ("https://notes.test/okap.json#a", false),
        (&*long, false),
    ] {
        let info = okap_client::ClientInfo::new("Notes").unwrap();
        let builder = Client::builder(VAULT.parse().unwrap(), info).transport(vault.transport());
        let built = builder.client_id(id.parse().unwrap()).build();
        assert_eq!(built.is_ok(), fits, "{id}");
    }
}

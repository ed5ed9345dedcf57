//! RFC 7009.

use std::time::Duration;

use serde_json::json;

use crate::{Canned, ask, pair, pair_at, renewable, vault::TOKEN};

#[tokio::test]
async fn token_is_given_back_in_a_form() {
    let (vault, client) = pair();
    let access = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap();
    client.revoke(&access).await.unwrap();
    let call = &vault.calls("POST /okap/revoke")[0];
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(call.body, format!("token={TOKEN}&token_type_hint=access_token"));
}

#[tokio::test(start_paused = true)]
async fn app_names_itself_where_the_grant_is_its_own() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    client.revoke(&access).await.unwrap();
    let calls = vault.calls("POST /okap/revoke");
    assert_eq!(calls.len(), 2);
    for (call, hint) in calls.iter().zip(["refresh_token", "access_token"]) {
        let form = call.form();
        assert_eq!(form["token_type_hint"], hint);
        assert_eq!(form["client_id"], "http://localhost");
    }
}

#[tokio::test]
async fn refused_revocation_is_an_error() {
    let (vault, client) = pair();
    let access = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap();
    vault.can("/okap/revoke", Canned::json(503, json!({"error": "temporarily_unavailable"})));
    assert!(client.revoke(&access).await.unwrap_err().is_vault());
    vault.can("/okap/revoke", Canned::json(302, json!({})).header("location", "https://evil.test"));
    assert!(client.revoke(&access).await.unwrap_err().is_vault());
}

#[tokio::test]
async fn token_is_not_shown_to_another_vault() {
    let (_, client) = pair();
    let access = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap();
    let (other, at_other) = pair_at("https://other.test");
    assert!(at_other.revoke(&access).await.unwrap_err().is_invalid_request());
    assert!(other.lines().is_empty());
}

//! What the vault says of a grant; C20.

use okap_client::{GrantStatus, Money, Provider};
use serde_json::json;

use crate::{Canned, ask, pair, pair_at, renewable, vault::TOKEN};

const PRM: &str = "/.well-known/oauth-protected-resource/v1/openai";

#[tokio::test(start_paused = true)]
async fn limits_say_what_is_left() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    let left = client.limits(&access).await.unwrap();
    let money = left.limits[0].limits.monthly_spend.as_ref().unwrap();
    assert_eq!(money.remaining, Money::from_micros(7_500_000).unwrap());
    let call = &vault.calls("GET /okap/limits")[0];
    assert_eq!(call.headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test(start_paused = true)]
async fn grant_says_whether_it_stands() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    let grant = client.grant(&access).await.unwrap();
    assert_eq!(grant.status, GrantStatus::Active);
    assert_eq!(vault.calls("GET /okap/grants/g_1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dead_access_is_told_apart() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    for (code, reauthorize, expired) in
        [("token_revoked", true, false), ("token_expired", false, true)]
    {
        vault.can("/okap/limits", Canned::json(401, json!({"error": code})));
        let error = client.limits(&access).await.unwrap_err();
        assert_eq!((error.is_reauthorize(), error.is_expired()), (reauthorize, expired));
    }
    vault.twist("/okap/limits", |b| b["grant_id"] = json!("g_2"));
    assert!(client.limits(&access).await.unwrap_err().is_vault());
    vault.twist("/okap/grants/g_1", |b| b["grant_id"] = json!("g_2"));
    assert!(client.grant(&access).await.unwrap_err().is_vault());
}

#[tokio::test(start_paused = true)]
async fn token_is_not_shown_to_another_vault() {
    let (_, client) = pair();
    let access = renewable(&client).await;
    let (other, stranger) = pair_at("https://other.test");
    assert!(stranger.limits(&access).await.unwrap_err().is_invalid_request());
    assert!(stranger.grant(&access).await.unwrap_err().is_invalid_request());
    assert!(stranger.check_resources(&access).await.unwrap_err().is_invalid_request());
    assert!(stranger.delegate(&access, ask(), "W", None).await.unwrap_err().is_invalid_request());
    assert!(other.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn c20_resource_that_says_it_is_another_is_refused() {
    for twist in [
        json!({"resource": "https://vault.test/v1/groq"}),
        json!({"resource": "https://evil.test/v1/openai"}),
        json!({"resource": "https://vault.test/v1/openai/"}),
        json!({"authorization_servers": ["https://evil.test"]}),
        json!({"authorization_servers": ["https://vault.test/"]}),
        json!({"authorization_servers": []}),
    ] {
        let (vault, client) = pair();
        let access = renewable(&client).await;
        vault.twist(PRM, move |b| {
            for (name, value) in twist.as_object().unwrap() {
                b[name] = value.clone();
            }
        });
        let error = client.check_resources(&access).await.unwrap_err();
        assert!(error.is_untrusted(), "{error}");
    }
    let (vault, client) = pair();
    let access = renewable(&client).await;
    client.check_resources(&access).await.unwrap();
    assert_eq!(vault.calls(&format!("GET {PRM}")).len(), 1);
    // and below a path
    let (vault, client) = pair_at("https://vault.test/ann");
    let access = renewable(&client).await;
    assert_eq!(access.base_url(Provider::OpenAi).unwrap().path(), "/ann/v1/openai");
    vault.twist("/.well-known/oauth-protected-resource/ann/v1/openai", |b| {
        b["resource"] = json!("https://vault.test/ann/v1/openai");
    });
    client.check_resources(&access).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn resource_need_not_say_more_than_whose_it_is() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    vault.twist(PRM, |b| {
        let all = b.as_object_mut().unwrap();
        all.retain(|name, _| matches!(name.as_str(), "resource" | "authorization_servers"));
    });
    client.check_resources(&access).await.unwrap();
    vault.twist(PRM, |b| drop(b.as_object_mut().unwrap().remove("authorization_servers")));
    assert!(client.check_resources(&access).await.unwrap_err().is_untrusted());
}

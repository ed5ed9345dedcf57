use okap_engine::{
    ledger::Account,
    pico::Pico,
    price::Usage,
    record::{AuditRow, Change, End, insert},
};
use okap_server::{Grant, Vault};

use super::*;

/// A grant of [`usual`], allowed through the page.
async fn allowed(stage: &Stage, browser: &Browser<'_>) -> Grant {
    let id = stage.asked(usual(), notes()).await;
    browser.decide(&id, "allow", &untouched()).await.has("Allowed");
    stage.grants().await.into_iter().max_by_key(|grant| grant.created).unwrap()
}

fn row(grant: &Grant, status: u16, end: End, estimated: bool) -> Change {
    Change::Append(std::sync::Arc::new(AuditRow {
        id: crate::pages::tests::another_call(),
        at: grant.created,
        grant: grant.id.clone(),
        owner: grant.owner.clone(),
        provider: okap_types::Provider::OpenAi,
        model: "gpt-4o-mini".to_owned(),
        operation: "chat".to_owned(),
        status,
        usage: Usage { input: 1200, output: 34, ..Usage::default() },
        cost: Pico::new(1_234_000_000),
        estimated,
        prices: "test".to_owned(),
        end,
    }))
}

#[tokio::test]
async fn an_empty_vault_says_how_to_begin() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    browser
        .get("/grants")
        .await
        .has("No app has asked yet")
        .has(ISSUER)
        .has("okap-vault keys add openai");
}

#[tokio::test]
async fn a_grant_is_shown_with_what_it_used() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let grant = allowed(&stage, &browser).await;
    let mut account = Account::default();
    let access = &grant.access[0];
    let hold = account.hold(&access.limits, Pico::new(5), grant.created).unwrap();
    account.settle(&hold, Pico::new(2_500_000_000_000));
    let changes = vec![
        insert(&access.account, &account),
        row(&grant, 200, End::Finished, false),
        row(&grant, 429, End::Finished, true),
        row(&grant, 200, End::AppLeft, true),
    ];
    stage.control.vault().commit(changes).await.unwrap();

    browser
        .get("/grants")
        .await
        .has("<bdi>Notes</bdi>")
        .has("Active")
        .has("2.50 of 10.00 USD this month")
        .has("value=\"250\"")
        .has("ends 1 March 2026");
    browser
        .get(&format!("/grants/{}", grant.id))
        .await
        .has("1 of 60 requests in the last minute")
        .has("Resets 1 February 2026, 00:00 UTC.")
        .has("http://localhost:8787/v1/openai")
        .has("<td>finished</td><td class=\"number\">1,200</td><td class=\"number\">34</td><td class=\"number\">0.0013</td>")
        .has("the provider said 429")
        .has("the app hung up")
        .has("≤ </span>0.0013");
}

#[tokio::test]
async fn to_revoke_is_asked_twice() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let grant = allowed(&stage, &browser).await;
    let path = format!("/grants/{}/revoke", grant.id);
    let is_revoked = async || stage.grants().await[0].revoked.is_some();

    let sure = browser.post(&path, &[]).await;
    assert_eq!(sure.status, StatusCode::OK);
    sure.has("Revoke what <bdi>Notes</bdi> may do?").has("name=\"confirm\" value=\"yes\"");
    assert!(!is_revoked().await);
    for fields in [&[("confirm", "no")][..], &[("confirm", "yes"), ("confirm", "yes")]] {
        assert_eq!(browser.post(&path, fields).await.status, StatusCode::BAD_REQUEST);
        assert!(!is_revoked().await);
    }
    let unsigned = browser.post_bare(&path, &[("confirm", "yes")]).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
    assert!(!is_revoked().await);

    let revoked = browser.post(&path, &[("confirm", "yes")]).await;
    assert_eq!(revoked.location(), format!("/grants/{}", grant.id));
    assert!(is_revoked().await);
    browser.get(revoked.location()).await.has("Revoked").lacks("Revoke…");
    browser
        .get("/grants")
        .await
        .has("No grant is active.")
        .has("Ended")
        .has("ended 15 January 2026");
    // once more is no harm
    assert_eq!(browser.post(&path, &[]).await.location(), format!("/grants/{}", grant.id));
}

#[tokio::test]
async fn a_grant_ends_by_itself() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let grant = allowed(&stage, &browser).await;
    stage.later(60 * 24 * 3600);
    let browser = stage.browser().await;
    let page = browser.get(&format!("/grants/{}", grant.id)).await;
    page.has("<span class=\"state over\">Expired</span>").lacks("Revoke…");
}

#[tokio::test]
async fn others_grants_are_unknown() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let mut grant = allowed(&stage, &browser).await;
    grant.owner = Owner::new("somebody");
    grant.id = "theirs".parse().unwrap();
    stage.control.vault().commit(vec![insert("theirs", &grant)]).await.unwrap();
    for id in ["theirs", "unknown", "%2E%2E", "a%20b"] {
        assert_eq!(
            browser.get(&format!("/grants/{id}")).await.status,
            StatusCode::NOT_FOUND,
            "{id}"
        );
        let revoked = browser.post(&format!("/grants/{id}/revoke"), &[("confirm", "yes")]).await;
        assert_eq!(revoked.status, StatusCode::NOT_FOUND, "{id}");
    }
}

use okap_engine::{
    ledger::Account,
    pico::Pico,
    price::Usage,
    record::{AuditRow, CallId, Change, End, insert},
};
use okap_server::Vault;

use super::*;

/// Allows a request of an app of this name and gives the grant's id.
async fn allowed(stage: &Stage, browser: &Browser<'_>, name: &str) -> String {
    let before: Vec<_> = stage.grants().await.into_iter().map(|grant| grant.id).collect();
    let id = stage.asked(usual(), json!({"name": name})).await;
    browser.decide(&id, "allow", &untouched()).await.has("Allowed");
    let grants = stage.grants().await;
    grants.into_iter().find(|grant| !before.contains(&grant.id)).unwrap().id.to_string()
}

/// The path of an app's revocation, from its card.
fn path(page: &Answer, name: &str) -> String {
    let card = page.text.split_once(&format!("<bdi>{name}</bdi></h2>")).unwrap().1;
    let rest = card.split_once("action=\"").unwrap().1;
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn an_app_stands_there_once_with_all_its_grants() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    browser.get("/apps").await.has("No app has been allowed anything yet");
    let first = allowed(&stage, &browser, "Notes").await;
    let second = allowed(&stage, &browser, "Notes").await;
    let other = allowed(&stage, &browser, "Mail").await;
    let page = browser.get("/apps").await;
    page.has("<h2><bdi>Notes</bdi></h2>").has("<h2><bdi>Mail</bdi></h2>");
    assert_eq!(page.text.matches("<li class=\"card\"").count(), 2);
    for grant in [&first, &second, &other] {
        page.has(&format!("href=\"/grants/{grant}\""));
    }
    page.has("OpenAI gpt-4o-mini, gpt-4o").has("0.00 USD this month · no call yet");
    page.has("href=\"/apps\"");
}

#[tokio::test]
async fn what_grants_share_is_counted_once() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    allowed(&stage, &browser, "Notes").await;
    allowed(&stage, &browser, "Notes").await;
    let grant = stage.grants().await.remove(0);
    let access = &grant.access[0];
    let mut account = Account::default();
    let hold = account.hold(&access.limits, Pico::new(5), grant.created).unwrap();
    account.settle(&hold, Pico::new(2_500_000_000_000));
    let row = AuditRow {
        id: CallId { node: 1, number: 1 },
        at: grant.created,
        grant: grant.id.clone(),
        owner: grant.owner.clone(),
        provider: okap_types::Provider::OpenAi,
        model: "gpt-4o-mini".to_owned(),
        operation: "chat".to_owned(),
        status: 200,
        usage: Usage::default(),
        cost: Pico::new(2_500_000_000_000),
        estimated: false,
        prices: "test".to_owned(),
        end: End::Finished,
    };
    let changes = vec![insert(&access.account, &account), Change::Append(std::sync::Arc::new(row))];
    stage.control.vault().commit(changes).await.unwrap();
    browser.get("/apps").await.has("2.50 USD this month · last call 15 January 2026, 12:00 UTC");
    // in another month there is nothing yet
    stage.later(20 * 24 * 3600);
    let browser = stage.browser().await;
    browser.get("/apps").await.has("0.00 USD this month · last call 15 January");
}

#[tokio::test]
async fn all_access_of_an_app_ends_at_once_and_is_asked_twice() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    allowed(&stage, &browser, "Notes").await;
    allowed(&stage, &browser, "Notes").await;
    let other = allowed(&stage, &browser, "Mail").await;
    let page = browser.get("/apps").await;
    let path = path(&page, "Notes");
    let revoked = async || {
        let grants = stage.grants().await;
        grants.iter().filter(|grant| grant.revoked.is_some()).count()
    };

    let sure = browser.post(&path, &[]).await;
    assert_eq!(sure.status, StatusCode::OK);
    sure.has("Revoke all that <bdi>Notes</bdi> may do?").has("Its 2 active grants end");
    for fields in [&[("confirm", "no")][..], &[("confirm", "yes"), ("confirm", "yes")]] {
        assert_eq!(browser.post(&path, fields).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(revoked().await, 0);
    let done = browser.post(&path, &[("confirm", "yes")]).await;
    assert!(done.location().starts_with("/apps#app-"), "{}", done.location());
    assert_eq!(revoked().await, 2);
    let page = browser.get("/apps").await;
    assert_eq!(page.text.matches("Revoke all access…").count(), 1);
    page.has("Revoked 15 January 2026").has(&format!("href=\"/grants/{other}\""));
    // once more is no harm
    browser.post(&path, &[]).await.location();
    browser.post(&path, &[("confirm", "yes")]).await.location();
    assert_eq!(revoked().await, 2);
}

#[tokio::test]
async fn v42_v43_nobody_else_ends_an_apps_access() {
    let stage = Stage::new().await;
    let (browser, other) = (stage.browser().await, stage.browser().await);
    allowed(&stage, &browser, "Notes").await;
    let path = path(&browser.get("/apps").await, "Notes");
    let foreign = other.csrf().await;
    for csrf in ["", "x", foreign.as_str()] {
        let refused = browser.post_bare(&path, &[("csrf", csrf), ("confirm", "yes")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{csrf}");
    }
    let own = browser.csrf().await;
    let fields = [("csrf", own.as_str()), ("confirm", "yes")];
    let by_link = browser.get(&format!("{path}?{}", encoded(&fields))).await;
    assert_eq!(by_link.status, StatusCode::METHOD_NOT_ALLOWED);
    let headers = [("cookie", browser.cookie.as_str()), ("origin", "https://evil.example")];
    assert_eq!(stage.post(&path, &headers, &fields).await.status, StatusCode::FORBIDDEN);
    assert!(stage.post(&path, &[], &fields).await.location().starts_with("/login?next=%2Fapps%2F"));
    for unknown in ["/apps/x/revoke", "/apps/%2E%2E/revoke"] {
        let refused = browser.post(unknown, &[("confirm", "yes")]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
    assert!(stage.grants().await[0].revoked.is_none());
    // the login comes back to a page that there is
    let app = path.strip_suffix("/revoke").unwrap();
    assert!(browser.get(app).await.location().starts_with("/apps#app-"));
    browser.post_bare(&path, &fields).await.location();
    assert!(stage.grants().await[0].revoked.is_some());
}

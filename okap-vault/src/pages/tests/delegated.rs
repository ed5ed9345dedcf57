//! Grants that an app handed on to other programs.

use super::*;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A token of [`usual`] for Notes, with its grant's id.
async fn granted(stage: &Stage, browser: &Browser<'_>) -> (String, String) {
    let body = json!({"okap": "1.0", "authorization_details": usual(), "client": notes()});
    let headers = [("content-type", "application/json")];
    let asked =
        stage.send(request(Method::POST, "/okap/authorize", &headers, &body.to_string())).await;
    let asked: Value = serde_json::from_str(&asked.text).unwrap();
    let id = asked["interaction_uri"].as_str().unwrap().rsplit('/').next().unwrap();
    browser.decide(id, "allow", &untouched()).await.has("Allowed");
    let bearer = format!("Bearer {}", asked["continue"]["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let answer = stage.send(request(Method::POST, "/okap/continue", &headers, "")).await;
    let answer: Value = serde_json::from_str(&answer.text).unwrap();
    let text =
        |member: &str| answer[member].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("access_token"), text("grant_id"))
}

/// Hands a token on; the new token and its grant's id.
async fn handed_on(stage: &Stage, token: &str, name: Option<&str>) -> (String, String) {
    let mut fields =
        vec![("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS)];
    fields.extend(name.map(|name| ("client_name", name)));
    let (status, answer) = stage.token(&fields).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    (text("access_token"), text("grant_id"))
}

#[tokio::test]
async fn what_was_handed_on_says_by_whom_and_to_whom() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let (token, parent) = granted(&stage, &browser).await;
    let (token, child) = handed_on(&stage, &token, Some("Sum<b>mariser")).await;
    let (_, grandchild) = handed_on(&stage, &token, None).await;

    browser
        .get(&format!("/grants/{child}"))
        .await
        .has("Handed on by <bdi class=\"name\">Notes</bdi> to <bdi class=\"name\">Sum&#60;b&#62;mariser</bdi>")
        .has(&format!("href=\"/grants/{parent}\""))
        .has(&format!("href=\"/grants/{grandchild}\""))
        .lacks("<b>mariser");
    browser
        .get(&format!("/grants/{grandchild}"))
        .await
        .has("to <bdi class=\"name\">a program without a name</bdi>")
        .has(&format!("href=\"/grants/{child}\""))
        .lacks("id=\"handed-on\"");
    let page = browser.get(&format!("/grants/{parent}")).await;
    page.has("id=\"handed-on\"")
        .has(&format!("href=\"/grants/{child}\""))
        .lacks(&format!("href=\"/grants/{grandchild}\""));
    // an app hands on as often as it likes: the list is of what the user allowed
    let list = browser.get("/grants").await;
    assert_eq!(list.text.matches("<li class=\"card\"").count(), 1);
    list.has("Handed on once, 2 active");
    browser.get("/apps").await.has("Handed on 2 times; see its grants.");
}

#[tokio::test]
async fn a_parent_that_is_revoked_takes_its_delegations_along() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let (token, parent) = granted(&stage, &browser).await;
    let (token, child) = handed_on(&stage, &token, Some("Summariser")).await;
    let path = format!("/grants/{parent}/revoke");
    browser.post(&path, &[]).await.has("that delegation ends with it").lacks("goes on");
    let (_, grandchild) = handed_on(&stage, &token, None).await;
    browser.post(&path, &[]).await.has("those 2 delegations end with it");
    browser.post(&path, &[("confirm", "yes")]).await.location();
    for id in [&parent, &child, &grandchild] {
        let page = browser.get(&format!("/grants/{id}")).await;
        page.has("<span class=\"state over\">Revoked</span>").lacks("Revoke…");
    }
    browser.get("/grants").await.has("Handed on once</p>");
    browser.get("/apps").await.lacks("Revoke all access…");
}

#[tokio::test]
async fn a_delegation_that_is_revoked_leaves_its_parent_alone() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let (token, parent) = granted(&stage, &browser).await;
    let (_, child) = handed_on(&stage, &token, Some("Summariser")).await;
    let path = format!("/grants/{child}/revoke");
    browser
        .post(&path, &[])
        .await
        .has("Revoke what <bdi>Summariser</bdi> may do?")
        .has("The grant that it came from goes on.")
        .lacks("ends with it");
    browser.post(&path, &[("confirm", "yes")]).await.location();
    browser.get(&format!("/grants/{child}")).await.has("state over\">Revoked");
    browser.get(&format!("/grants/{parent}")).await.has("state active\">Active").has("Revoke…");
}

#[tokio::test]
async fn all_access_of_an_app_is_what_it_handed_on_as_well() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let (token, _) = granted(&stage, &browser).await;
    let (token, child) = handed_on(&stage, &token, Some("Summariser")).await;
    let page = browser.get("/apps").await;
    let path = page.text.split_once("action=\"/apps/").unwrap().1.split_once('"').unwrap().0;
    let path = format!("/apps/{path}");
    browser.post(&path, &[]).await.has("and with it what was handed on (1)");
    browser.post(&path, &[("confirm", "yes")]).await.location();
    browser.get(&format!("/grants/{child}")).await.has("state over\">Revoked");
    let fields = [
        ("grant_type", EXCHANGE),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS),
    ];
    assert_eq!(stage.token(&fields).await.0, StatusCode::BAD_REQUEST);
}

//! Requests that wait for the user, on the list of grants.

use super::*;

#[tokio::test]
async fn a_request_waits_on_the_list_until_it_is_decided() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    browser.get("/grants").await.lacks("id=\"waiting\"");
    let id = stage.asked(usual(), json!({"name": "<b>Notes"})).await;
    let code = stage.control.interaction(&id).await.unwrap().user_code;
    browser
        .get("/grants")
        .await
        .has("1 request waits")
        .has(&format!("href=\"/consent/{id}\""))
        .has(&code)
        .has("&#60;b&#62;Notes")
        .lacks("<b>Notes");
    stage.asked(usual(), notes()).await;
    browser.get("/grants").await.has("2 requests wait");
    browser.decide(&id, "deny", &[]).await.has("Denied");
    browser.get("/grants").await.has("1 request waits").lacks(&id);
    stage.later(600);
    browser.get("/grants").await.lacks("id=\"waiting\"");
}

#[tokio::test]
async fn v93_a_request_of_another_device_is_found_by_its_code_alone() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[("client_name", "Television")]).await;
    let page = browser.get("/grants").await;
    page.lacks("/consent/").lacks("Television");
    let typed = browser.types(asked["user_code"].as_str().unwrap()).await;
    // nor once it has been typed
    browser.get("/grants").await.lacks(typed.location());
    browser.get(typed.location()).await.has("Television");
}

#[tokio::test]
async fn a_request_of_a_browser_waits_in_that_browser() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.pushed(usual(), "Notes", "http://127.0.0.1:51004/callback").await;
    browser.get("/grants").await.lacks(&id);
    browser.get(&format!("/consent/{id}")).await.has("Notes");
}

//! How a page says who asks, and how sure that is.

use super::*;

const NOTES: &str = "https://notes.example/okap.json";
const NAMELESS: &str = "https://nameless.example/okap.json";

#[tokio::test]
async fn a_proven_app_stands_there_by_its_host() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.pushed_by(NOTES, None, usual(), "https://notes.example/cb").await;
    let page = browser.get(&format!("/consent/{id}")).await;
    page.has("<h1 class=\"host\"><bdi>notes.example</bdi></h1>")
        .has(&format!("verified:</strong> <bdi class=\"code\">{NOTES}</bdi>"))
        .has("It calls itself <bdi class=\"name\">Notes</bdi>")
        .lacks("unverified")
        // it goes back to where it came from
        .lacks("Takes you back to")
        .lacks("Compare the code");
    assert!(page.header("content-security-policy").contains("form-action 'self' https:;"));
    let back = browser.decide(&id, "allow", &untouched()).await;
    assert!(back.location().starts_with("https://notes.example/cb?code="));
    let grant = stage.grants().await.remove(0).id;
    for path in ["/apps".to_owned(), format!("/grants/{grant}")] {
        stage.browser().await.get(&path).await.has("verified:</strong>").has(NOTES);
    }
}

#[tokio::test]
async fn a_proven_app_without_a_name_is_named_by_its_host() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.pushed_by(NAMELESS, None, usual(), "https://nameless.example/cb").await;
    browser
        .get(&format!("/consent/{id}"))
        .await
        .has("<h1 class=\"host\"><bdi>nameless.example</bdi></h1>")
        .lacks("gives no name");
    browser.decide(&id, "allow", &untouched()).await.location();
    browser.get("/apps").await.has("<h2><bdi>nameless.example</bdi></h2>");
    browser.get("/grants").await.has("<bdi>nameless.example</bdi></a>");
}

#[tokio::test]
async fn where_the_browser_goes_is_said_unless_it_is_the_apps_own_host() {
    let stage = Stage::new().await;
    for (redirect_uri, place, source) in [
        (
            "https://elsewhere.example/cb",
            "elsewhere.example</bdi>, not the app’s own address",
            "https:",
        ),
        (
            "http://127.0.0.1:51004/cb",
            "127.0.0.1:51004</bdi> on this computer",
            "http://127.0.0.1:51004",
        ),
        (
            "com.example.notes:/cb",
            "com.example.notes:</bdi>, an app on this device",
            "com.example.notes:",
        ),
    ] {
        // an app on this computer costs the session
        let browser = stage.browser().await;
        let id = stage.pushed_by(NOTES, None, usual(), redirect_uri).await;
        let page = browser.get(&format!("/consent/{id}")).await;
        page.has("Takes you back to").has(place);
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("form-action 'self' {source};")), "{policy}");
        let shown = page.field("shown");
        let fields = [("shown", shown.as_str()), ("action", "deny")];
        browser.post(&format!("/consent/{id}"), &fields).await.location();
    }
}

#[tokio::test]
async fn a_claim_is_said_to_be_one() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let direct = stage.asked(usual(), json!({"client_id": NOTES})).await;
    let asked = stage.device(&[("client_id", NOTES)]).await;
    let typed = browser.types(asked["user_code"].as_str().unwrap()).await;
    let device = typed.location().rsplit('/').next().unwrap().to_owned();
    for id in [direct, device] {
        browser
            .get(&format!("/consent/{id}"))
            .await
            .has("<h1>An unverified app</h1>")
            .has("says it is <bdi class=\"name\">notes.example</bdi>; nothing proves it")
            .has("calls itself <bdi class=\"name\">Notes</bdi>")
            .has("unverified</span>")
            .lacks("verified:");
    }
}

#[tokio::test]
async fn a_claim_and_its_proof_are_two_apps() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let claimed = stage.asked(usual(), json!({"client_id": NOTES})).await;
    browser.decide(&claimed, "allow", &untouched()).await.has("Allowed");
    let proven = stage.pushed_by(NOTES, None, usual(), "https://notes.example/cb").await;
    browser.decide(&proven, "allow", &untouched()).await.location();
    let page = browser.get("/apps").await;
    assert_eq!(page.text.matches("Revoke all access…").count(), 2);
    page.has("says it is <bdi>notes.example</bdi>; nothing proves it").has("verified:</strong>");
}

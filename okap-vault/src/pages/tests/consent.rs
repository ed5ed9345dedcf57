//! What the page shows, and how a decision goes back.

use super::*;

/// A page without what differs from run to run.
fn redacted(page: &Answer, id: &str) -> String {
    let mut text = page.text.replace(id, "[id]");
    for field in ["csrf", "shown"] {
        text = text.replace(&page.field(field), &format!("[{field}]"));
    }
    if let Some((_, code)) = text.clone().split_once("class=\"big\">") {
        text = text.replace(code.split_once('<').unwrap().0, "[code]");
    }
    text.replace(assets::version(), "[style]")
}

#[tokio::test]
async fn the_page_for_one_object() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let client = json!({"name": "Notes", "url": "https://notes.example/app"});
    let id = stage.asked(usual(), client).await;
    let page = browser.get(&format!("/consent/{id}")).await;
    insta::assert_snapshot!(redacted(&page, &id));
}

#[tokio::test]
async fn the_page_for_two_objects_of_an_app_on_this_computer() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let details = json!([
        {"type": "ai_model_access", "provider": "mistral", "reason": "Limit: $1, approved by your vault</blockquote>"},
        {"type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-4-0"],
         "limits": {"daily_spend": 1}},
    ]);
    let id = stage.pushed(details, "Аnthropic", "http://127.0.0.1:51004/callback").await;
    let page = browser.get(&format!("/consent/{id}")).await;
    let known: Vec<_> = stage.control.known_models(&okap_types::Provider::Mistral);
    let options: String = known.iter().map(|model| format!("<option value=\"{model}\">")).collect();
    let text = redacted(&page, &id).replace(&options, "[options]");
    insta::assert_snapshot!(text.replace(&format!("knows {} of", known.len()), "knows [n] of"));
}

#[tokio::test]
async fn deny_comes_first_and_has_the_focus() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let page = browser.get(&format!("/consent/{id}")).await;
    let (deny, allow) =
        (page.text.find("value=\"deny\"").unwrap(), page.text.find("value=\"allow\"").unwrap());
    assert!(deny < allow);
    assert_eq!(page.text.matches(" autofocus").count(), 1);
    assert!(page.text.get(deny..allow).unwrap().contains(" autofocus"));
}

#[tokio::test]
async fn names_and_reasons_are_cleaned_isolated_and_escaped() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let mut details = usual();
    details[0]["reason"] = json!("Limit:\n$1\u{202e} <b>free</b>");
    details[0]["models"] = json!(["gpt-4o", "<i>", "two  spaces"]);
    let name = "\u{202e}No\u{200b}tes\u{2066}\u{1b}[31m\n<script>alert(1)</script>";
    let id = stage.asked(details, json!({"name": name})).await;
    let page = browser.get(&format!("/consent/{id}")).await;
    page.has("<bdi class=\"name\">Notes[31m &#60;script&#62;alert(1)&#60;/script&#62;</bdi>")
        .has("<blockquote><p><bdi>Limit: $1 &#60;b&#62;free&#60;/b&#62;</bdi></p></blockquote>")
        .has("The app’s own words")
        .has("value=\"two  spaces\" checked")
        .has("<bdi class=\"code\">&#60;i&#62;</bdi>")
        .lacks("<script");
    let fields = touched(&[("model.0", Some("<i>"))]);
    browser.decide(&id, "allow", &fields).await.has("Allowed").lacks("<script");
    let grant = stage.grants().await.remove(0);
    assert!(grant.access[0].models.contains("<i>"));
    for path in ["/grants".to_owned(), format!("/grants/{}", grant.id)] {
        browser
            .get(&path)
            .await
            .has("&#60;i&#62;")
            .has("&#60;script&#62;")
            .lacks("<script")
            .lacks("\u{202e}");
    }
}

#[tokio::test]
async fn a_name_that_passes_for_another_is_warned_of() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    for (name, warning) in [
        ("ОpenАI", "It reads like “OpenAI”"),
        ("OpenAI", "It reads like “OpenAI”"),
        ("Nоtes", "“<bdi>Nоtes</bdi>” has letters that only look like ordinary ones"),
        ("NotesЖ", "“<bdi>NotesЖ</bdi>” mixes letters of different alphabets"),
    ] {
        let id = stage.asked(usual(), json!({"name": name})).await;
        browser.get(&format!("/consent/{id}")).await.has(warning).has("Look at the name twice");
    }
    for name in [json!({"name": "Заметки"}), notes(), json!({})] {
        let id = stage.asked(usual(), name).await;
        let page = browser.get(&format!("/consent/{id}")).await;
        page.lacks("Look at the name twice").has("unverified").has("<h1>An unverified app</h1>");
    }
}

#[tokio::test]
async fn deny_gives_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    // whatever else the form says
    let denied = browser.decide(&id, "deny", &[("monthly_spend.0", "nonsense"), ("x", "y")]).await;
    assert_eq!(denied.status, StatusCode::OK);
    denied.has("Denied").has("got nothing");
    assert!(stage.grants().await.is_empty() && !stage.waits(&id).await);
}

#[tokio::test]
async fn a_request_is_decided_once_and_in_time() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let [allowed, denied, late] = [
        stage.asked(usual(), notes()).await,
        stage.asked(usual(), notes()).await,
        stage.asked(usual(), notes()).await,
    ];
    let shown = browser.get(&format!("/consent/{late}")).await.field("shown");
    browser.decide(&allowed, "allow", &untouched()).await.has("Allowed");
    browser.decide(&denied, "deny", &[]).await.has("Denied");
    stage.later(600);
    for (id, status) in [
        (allowed.as_str(), StatusCode::CONFLICT),
        (&denied, StatusCode::CONFLICT),
        (&late, StatusCode::GONE),
        ("unknown", StatusCode::NOT_FOUND),
        (&"A".repeat(43), StatusCode::NOT_FOUND),
        ("%2E%2E", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/consent/{id}");
        assert_eq!(browser.get(&path).await.status, status, "{id}");
        let mut fields = untouched();
        fields.extend([("shown", shown.as_str()), ("action", "allow")]);
        assert_eq!(browser.post(&path, &fields).await.status, status, "{id}");
    }
    assert_eq!(stage.grants().await.len(), 1);
}

#[tokio::test]
async fn the_browser_carries_the_outcome_to_the_app_that_asked() {
    let stage = Stage::new().await;
    for (action, outcome) in [("allow", "code"), ("deny", "error")] {
        let browser = stage.browser().await;
        let id = stage.pushed(usual(), "Notes", "http://127.0.0.1:51004/callback").await;
        let page = browser.get(&format!("/consent/{id}")).await;
        page.has("<h1>An app on this computer</h1>")
            .has("127.0.0.1:51004")
            .lacks("Compare the code");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("form-action 'self' http://127.0.0.1:51004;"), "{policy}");
        let back: Url = browser.decide(&id, action, &untouched()).await.location().parse().unwrap();
        assert_eq!(
            (back.host_str(), back.port(), back.path()),
            (Some("127.0.0.1"), Some(51004), "/callback")
        );
        let names: Vec<_> = back.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, [outcome, "state", "iss"]);
    }
    let browser = stage.browser().await;
    let id = stage.pushed(usual(), "Notes", "http://[::1]:51004/callback").await;
    let page = browser.get(&format!("/consent/{id}")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://*:51004;"), "{policy}");
}

#[tokio::test]
async fn the_session_does_not_travel_to_an_app_on_this_computer() {
    // the app can send the browser on from one name of this computer to the other
    for issuer in ["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787"] {
        let stage = Stage::at(issuer).await;
        for action in ["allow", "deny"] {
            let browser = stage.browser().await;
            let id = stage.pushed(usual(), "Notes", "http://127.0.0.1:51004/callback").await;
            let back = browser.decide(&id, action, &untouched()).await;
            assert!(back.location().starts_with("http://127.0.0.1:51004/callback?"));
            assert_eq!(
                back.header("set-cookie"),
                "okap=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
            );
            assert_eq!(browser.get("/grants").await.location(), "/login", "{issuer}");
        }
        // where nothing sends the browser to the app, the session goes on
        let browser = stage.browser().await;
        let id = stage.asked(usual(), notes()).await;
        browser.decide(&id, "allow", &untouched()).await.has("Allowed");
        assert_eq!(browser.get("/grants").await.status, StatusCode::OK);
    }
    // a `Secure` cookie is not sent to http in the first place
    let stage = Stage::at("https://vault.example").await;
    let browser = stage.browser().await;
    let id = stage.pushed(usual(), "Notes", "http://127.0.0.1:51004/callback").await;
    assert!(browser.decide(&id, "allow", &untouched()).await.headers.get("set-cookie").is_none());
    assert_eq!(browser.get("/grants").await.status, StatusCode::OK);
}

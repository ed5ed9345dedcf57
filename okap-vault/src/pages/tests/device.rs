//! The code of another device: typed, looked at, decided, and fetched by that device.

use super::*;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn text<'a>(asked: &'a Value, member: &str) -> &'a str {
    asked[member].as_str().unwrap_or_else(|| panic!("no {member} in {asked}"))
}

/// What the device hears when it asks; the clock goes on so that it never asks too soon.
async fn heard(stage: &Stage, asked: &Value) -> (StatusCode, Value) {
    stage.later(6);
    let fields = [
        ("grant_type", DEVICE),
        ("device_code", text(asked, "device_code")),
        ("client_id", "http://localhost"),
    ];
    stage.token(&fields).await
}

async fn pending(stage: &Stage, asked: &Value) {
    let (status, body) = heard(stage, asked).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("authorization_pending"))
    );
}

/// The id of the request that a page led to.
fn led_to(answer: &Answer) -> String {
    answer.location().rsplit_once("/consent/").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_code_leads_to_the_request_and_the_device_gets_its_token() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[("client_name", "Television")]).await;
    assert_eq!(text(&asked, "verification_uri"), "http://localhost:8787/okap/device");
    pending(&stage, &asked).await;

    // as people type it
    let code = text(&asked, "user_code");
    let typed = format!(" {} ", code.replace('-', " ").to_lowercase());
    let id = led_to(&browser.types(&typed).await);
    let page = browser.get(&format!("/consent/{id}")).await;
    page.has("<h1>An app on another device</h1>")
        .has("Compare with the other device")
        .has(&format!("class=\"big\">{code}<"))
        .has("<dt>Asked from</dt><dd><bdi class=\"code\">198.51.100.7</bdi>")
        .has("Somebody else may have sent you the link or the code")
        .has("<bdi class=\"name\">Television</bdi>")
        .has("gpt-4o-mini")
        .lacks("Takes you back");
    pending(&stage, &asked).await;
    let done = browser.decide(&id, "allow", &untouched()).await;
    assert_eq!(done.status, StatusCode::OK);
    done.has("<h1>Allowed</h1>").has("Go back to your device");

    let (status, body) = heard(&stage, &asked).await;
    assert_eq!((status, &body["token_type"]), (StatusCode::OK, &json!("Bearer")));
    assert_eq!(body["grant_id"], json!(stage.grants().await[0].id));
    let (status, body) = heard(&stage, &asked).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn denied_is_denied_on_the_device_too() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[]).await;
    let id = led_to(&browser.types(text(&asked, "user_code")).await);
    browser.decide(&id, "deny", &[]).await.has("<h1>Denied</h1>").has("Go back to your device");
    let (status, body) = heard(&stage, &asked).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("access_denied")));
    assert!(stage.grants().await.is_empty());
    // the code still leads there, where nothing is left to decide
    let again = browser.get(browser.types(text(&asked, "user_code")).await.location()).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn v93_a_link_with_the_code_fills_the_field_in_and_decides_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[]).await;
    let link = text(&asked, "verification_uri_complete").strip_prefix(ISSUER).unwrap();
    for _ in 0..2 {
        let page = browser.get(link).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.field("user_code"), text(&asked, "user_code"));
        page.has("Does the device before you show this code?")
            .has("<button class=\"main\">Continue");
    }
    // nor with what the form would send
    let csrf = browser.csrf().await;
    let whole = format!("{link}&{}", encoded(&[("csrf", &csrf), ("action", "allow")]));
    assert_eq!(browser.get(&whole).await.status, StatusCode::OK);
    pending(&stage, &asked).await;
    // and the button of that page only leads to the one that asks
    let id = led_to(&browser.types(text(&asked, "user_code")).await);
    assert!(stage.waits(&id).await && stage.grants().await.is_empty());
    browser.get(&format!("/consent/{id}")).await.has("Deny").has("198.51.100.7");
    pending(&stage, &asked).await;
}

#[tokio::test]
async fn v93_the_login_comes_back_with_the_code() {
    for issuer in [ISSUER, "https://example.com/vault"] {
        let stage = Stage::at(issuer).await;
        let asked = stage.device(&[]).await;
        let link = text(&asked, "verification_uri_complete");
        let origin = stage.issuer.origin().ascii_serialization();
        let path = link.strip_prefix(&origin).unwrap();
        let login = stage.get(path, &[]).await;
        let next = encoded(&[("next", path)]);
        assert_eq!(login.location(), format!("{}?{next}", stage.path("/login")));
        let fields = [("password", PASSPHRASE), ("next", path)];
        let entered = stage.post(&stage.path("/login"), &[], &fields).await;
        assert_eq!(entered.location(), path);
        let cookie = entered.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let page = stage.get(path, &[("cookie", &cookie)]).await;
        assert_eq!(page.field("user_code"), text(&asked, "user_code"));
        page.has(&format!("action=\"{}\"", stage.path("/okap/device")));
    }
}

#[tokio::test]
async fn v94_a_session_that_has_ended_approves_nothing() {
    let stage = Stage::new().await;
    let ended = stage.browser().await;
    let asked = stage.device(&[]).await;
    let id = led_to(&ended.types(text(&asked, "user_code")).await);
    let page = ended.get(&format!("/consent/{id}")).await;
    let (csrf, shown) = (page.field("csrf"), page.field("shown"));
    let mut fields = untouched();
    fields.extend([("csrf", csrf.as_str()), ("shown", &shown), ("action", "allow")]);
    ended.post("/logout", &[]).await.location();

    let code = [("csrf", csrf.as_str()), ("user_code", text(&asked, "user_code"))];
    let typed = ended.post_bare("/okap/device", &code).await;
    assert_eq!(typed.location(), "/login?next=%2Fokap%2Fdevice");
    let decided = ended.post_bare(&format!("/consent/{id}"), &fields).await;
    assert!(decided.location().starts_with("/login?next="));
    pending(&stage, &asked).await;
    assert!(stage.grants().await.is_empty());
    // its twin: a session that goes on
    stage.browser().await.decide(&id, "allow", &untouched()).await.has("Allowed");
    assert_eq!(heard(&stage, &asked).await.0, StatusCode::OK);
}

#[tokio::test]
async fn v94_a_session_ends_by_itself_before_a_device_is_let_in() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    stage.later(12 * 3600 - 30);
    let asked = stage.device(&[]).await;
    let id = led_to(&browser.types(text(&asked, "user_code")).await);
    let page = browser.get(&format!("/consent/{id}")).await;
    let (csrf, shown) = (page.field("csrf"), page.field("shown"));
    let mut fields = untouched();
    fields.extend([("csrf", csrf.as_str()), ("shown", &shown), ("action", "allow")]);
    stage.later(30);
    let decided = browser.post_bare(&format!("/consent/{id}"), &fields).await;
    assert!(decided.location().starts_with("/login?next="));
    pending(&stage, &asked).await;
}

#[tokio::test]
async fn v96_what_was_typed_is_escaped() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    for typed in ["\"><script>alert(1)</script>", "'><img src=x>", "BCDF\u{202e}-GHJK", "%22%3E"] {
        let again = browser.types(typed).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        again.has("A code has eight letters").lacks("<script").lacks("<img").has("aria-invalid");
        // a link with that is a link without a code
        let query = encoded(&[("user_code", typed)]);
        let page = browser.get(&format!("/okap/device?{query}")).await;
        assert_eq!((page.status, page.field("user_code").as_str()), (StatusCode::OK, ""));
        page.lacks("<script").lacks("<img").lacks("Does the device before you");
    }
    let long = "B".repeat(10_000);
    assert_eq!(browser.types(&long).await.field("user_code"), "B".repeat(32));
    let asked = stage.device(&[]).await;
    browser.types(text(&asked, "user_code")).await.location();
}

#[tokio::test]
async fn v96_a_code_comes_with_the_token_of_its_session_from_our_own_page() {
    let stage = Stage::new().await;
    let (browser, other) = (stage.browser().await, stage.browser().await);
    let asked = stage.device(&[]).await;
    let code = text(&asked, "user_code");
    let foreign = other.csrf().await;
    for csrf in ["", "x", foreign.as_str()] {
        let refused =
            browser.post_bare("/okap/device", &[("csrf", csrf), ("user_code", code)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{csrf}");
    }
    let own = browser.csrf().await;
    let fields = [("csrf", own.as_str()), ("user_code", code)];
    for headers in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", ISSUER), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        let headers = [&headers[..], &[("cookie", browser.cookie.as_str())]].concat();
        let refused = stage.post("/okap/device", &headers, &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let twice = [("user_code", code), ("user_code", code)];
    assert_eq!(browser.post("/okap/device", &twice).await.status, StatusCode::BAD_REQUEST);
    let by_link = browser.get(&format!("/okap/device?{}", encoded(&fields))).await;
    assert_eq!(by_link.status, StatusCode::OK);
    browser.post_bare("/okap/device", &fields).await.location();
}

#[tokio::test]
async fn v44_the_page_for_codes_stays_out_of_frames_and_caches() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let put = request(Method::PUT, "/okap/device", &[("cookie", &browser.cookie)], "");
    let pages = [
        browser.get("/okap/device").await,
        browser.types("nonsense").await,
        browser.types("BBBB-BBBB").await,
        browser.get("/apps").await,
        stage.send(put).await,
    ];
    let statuses = pages.each_ref().map(|page| page.status.as_u16());
    assert_eq!(statuses, [200, 422, 404, 200, 405]);
    for page in pages {
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("form-action 'self';"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("cache-control"), "no-store");
        page.lacks("<script").lacks(" style=");
    }
}

#[tokio::test]
async fn a_code_that_leads_nowhere_can_be_typed_again() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[]).await;
    let again = browser.types("bbbb bbbb").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    again.has("No device waits with this code").has("role=\"alert\"");
    assert_eq!(again.field("user_code"), "BBBB-BBBB");
    assert_eq!(browser.types("").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    browser.types(text(&asked, "user_code")).await.location();
    stage.later(600);
    assert_eq!(browser.types(text(&asked, "user_code")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn wrong_codes_are_throttled_by_where_they_come_from() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let asked = stage.device(&[]).await;
    let csrf = browser.csrf().await;
    let types = async |peer: &str, code: &str| {
        let fields = [("csrf", csrf.as_str()), ("user_code", code)];
        let headers = [("cookie", browser.cookie.as_str())];
        let mut request = request(Method::POST, "/okap/device", &headers, &encoded(&fields));
        request.extensions_mut().insert(Peer(peer.parse::<IpAddr>().unwrap()));
        stage.send(request).await
    };
    // hosts of one IPv6 network count together
    for host in 0..10 {
        let wrong = types(&format!("2001:db8::{host}"), "BBBB-BBBB").await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND);
        // what is no code is no guess
        assert_eq!(types("2001:db8::1", "x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let code = text(&asked, "user_code");
    stage.later(10);
    let wait = types("2001:db8::ffff", code).await;
    assert_eq!((wait.status, wait.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "50"));
    wait.has("Too many wrong codes. Try again in 50 s.");
    types("2001:db8:0:1::1", code).await.location();
    stage.later(50);
    types("2001:db8::ffff", code).await.location();
}

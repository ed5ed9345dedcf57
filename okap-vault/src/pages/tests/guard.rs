use super::*;

/// Says whether a form that allows a request was taken.
async fn allows(
    stage: &Stage,
    browser: &Browser<'_>,
    headers: &[(&str, &str)],
    csrf: Option<&str>,
) -> StatusCode {
    let id = stage.asked(usual(), notes()).await;
    let path = format!("/consent/{id}");
    let page = browser.get(&path).await;
    let (own, shown) = (page.field("csrf"), page.field("shown"));
    let mut fields = untouched();
    fields.extend([("shown", shown.as_str()), ("action", "allow"), ("csrf", csrf.unwrap_or(&own))]);
    let mut all = vec![("cookie", browser.cookie.as_str())];
    all.extend_from_slice(headers);
    let before = stage.grants().await.len();
    let answer = stage.post(&path, &all, &fields).await;
    let changed = stage.grants().await.len() > before;
    assert_eq!(changed, answer.status == StatusCode::OK, "{}", answer.text);
    assert_eq!(stage.waits(&id).await, !changed);
    // or the next request of this app would find too many waiting
    if !changed {
        browser.decide(&id, "deny", &[]).await.has("Denied");
    }
    answer.status
}

#[tokio::test]
async fn a_form_without_the_token_of_its_session_changes_nothing() {
    let stage = Stage::new().await;
    let (browser, other) = (stage.browser().await, stage.browser().await);
    let foreign = other.csrf().await;
    for csrf in ["", "x", foreign.as_str()] {
        assert_eq!(
            allows(&stage, &browser, &[], Some(csrf)).await,
            StatusCode::FORBIDDEN,
            "{csrf}"
        );
    }
    assert_eq!(allows(&stage, &browser, &[], None).await, StatusCode::OK);
    // twice is not once
    let own = browser.csrf().await;
    let twice = browser.post_bare("/logout", &[("csrf", &own), ("csrf", &own)]).await;
    assert_eq!(twice.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post_bare("/logout", &[("csrf", &own)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    for headers in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        [("origin", "http://localhost:8788"), ("sec-fetch-site", "same-origin")],
        [("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "same-origin")],
        [("origin", "http://localhost:8787/"), ("sec-fetch-site", "same-origin")],
        [("origin", "null"), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "none")],
        [("origin", "null"), ("origin", "null")],
        [("origin", ISSUER), ("sec-fetch-site", "cross-site")],
        [("origin", ISSUER), ("sec-fetch-site", "same-site")],
        [("origin", ISSUER), ("origin", "https://evil.example")],
    ] {
        assert_eq!(
            allows(&stage, &browser, &headers, None).await,
            StatusCode::FORBIDDEN,
            "{headers:?}"
        );
        let login = stage.post("/login", &headers, &[("password", PASSPHRASE)]).await;
        assert_eq!(login.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(login.headers.get("set-cookie").is_none());
        login.has(ISSUER);
    }
    for headers in [
        &[("origin", ISSUER), ("sec-fetch-site", "same-origin")][..],
        // what browsers send with a form of a page that tells nobody where it was
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("origin", ISSUER)],
        &[],
    ] {
        assert_eq!(allows(&stage, &browser, headers, None).await, StatusCode::OK, "{headers:?}");
        let login = stage.post("/login", headers, &[("password", PASSPHRASE)]).await;
        assert_eq!(login.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
}

#[tokio::test]
async fn get_changes_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let page = browser.get(&format!("/consent/{id}")).await;
    let (csrf, shown) = (page.field("csrf"), page.field("shown"));
    let mut fields = untouched();
    fields.extend([("csrf", csrf.as_str()), ("shown", shown.as_str()), ("action", "allow")]);
    let asked = browser.get(&format!("/consent/{id}?{}", encoded(&fields))).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(stage.waits(&id).await && stage.grants().await.is_empty());

    browser.decide(&id, "allow", &untouched()).await.has("Allowed");
    let grant = stage.grants().await.remove(0).id;
    for path in ["/logout".to_owned(), format!("/grants/{grant}/revoke?confirm=yes&csrf={csrf}")] {
        let refused = browser.get(&path).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "POST"),
            "{path}"
        );
        refused.has("Not by a link");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request =
            request(method, &format!("/grants/{grant}"), &[("cookie", &browser.cookie)], "");
        assert_eq!(stage.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(browser.get("/grants").await.status, StatusCode::OK);
    assert!(stage.grants().await.iter().all(|grant| grant.revoked.is_none()));
}

#[tokio::test]
async fn forms_are_short_and_forms() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let csrf = browser.csrf().await;
    let filler = |most: usize| "x".repeat(most - csrf.len() - "csrf=&next=".len());
    let long = filler(64 * 1024 + 1);
    let refused = browser.post_bare("/logout", &[("csrf", &csrf), ("next", &long)]).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let headers = [("cookie", browser.cookie.as_str()), ("content-type", kind)];
        let refused = stage.post("/logout", &headers, &[("csrf", &csrf)]).await;
        assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(browser.get("/grants").await.status, StatusCode::OK);
    let fits = filler(64 * 1024);
    assert_eq!(
        browser.post_bare("/logout", &[("csrf", &csrf), ("next", &fits)]).await.location(),
        "/login"
    );
}

#[tokio::test]
async fn every_page_keeps_others_out() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let pages = [
        stage.get("/login", &[]).await,
        stage.post("/login", &[("origin", "https://evil.example")], &[]).await,
        browser.get(&format!("/consent/{id}")).await,
        browser.get("/consent/unknown").await,
        browser.get("/grants").await,
        browser.get("/logout").await,
        browser.post(&format!("/consent/{id}"), &[("action", "x")]).await,
        browser.decide(&id, "allow", &untouched()).await,
    ];
    for page in &pages {
        let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";
        for (name, value) in [
            ("content-security-policy", policy),
            ("content-type", "text/html; charset=utf-8"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.header(name), value, "{}", page.text);
        }
        assert!(!page.headers.keys().any(|name| name.as_str().starts_with("access-control")));
        page.lacks("<script")
            .lacks(" style=")
            .lacks("onclick")
            .has("<html lang=\"en\">")
            .has("<title>");
    }
}

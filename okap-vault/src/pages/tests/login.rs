use super::*;

#[tokio::test]
async fn every_page_but_the_login_wants_a_session() {
    let stage = Stage::new().await;
    let id = stage.asked(usual(), notes()).await;
    let consent = format!("/consent/{id}");
    let next = format!("/login?next=%2Fconsent%2F{id}");
    for (path, login) in [
        ("/grants", "/login"),
        ("/grants/abc", "/login?next=%2Fgrants%2Fabc"),
        (consent.as_str(), next.as_str()),
    ] {
        assert_eq!(stage.get(path, &[]).await.location(), login);
    }
    for (path, login) in [
        ("/logout", "/login"),
        ("/grants/abc/revoke", "/login?next=%2Fgrants%2Fabc"),
        (consent.as_str(), next.as_str()),
    ] {
        assert_eq!(stage.post(path, &[], &[]).await.location(), login);
    }
    for stale in ["okap=", "okap=x", &format!("okap={}", "A".repeat(43)), "okap=; x"] {
        assert_eq!(
            stage.get("/grants", &[("cookie", stale)]).await.location(),
            "/login",
            "{stale}"
        );
    }
    assert_eq!(stage.get("/", &[]).await.location(), "/grants");
    assert_eq!(stage.get("/login", &[]).await.status, StatusCode::OK);
    let style = stage.get("/assets/okap.css", &[]).await;
    assert_eq!(
        (style.status, style.header("content-type")),
        (StatusCode::OK, "text/css; charset=utf-8")
    );
    assert!(style.header("cache-control").contains("immutable"));

    let browser = stage.browser().await;
    for path in ["/grants", consent.as_str()] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_cookie_is_bound_and_only_its_hash_is_kept() {
    let stage = Stage::new().await;
    let entered = stage.login_from("127.0.0.1", PASSPHRASE).await;
    let cookie = entered.header("set-cookie");
    let token = cookie.strip_prefix("okap=").unwrap().split(';').next().unwrap();
    assert_eq!(token.len(), 43);
    assert_eq!(cookie, format!("okap={token}; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax"));
    assert_eq!(sessions(&stage).await, [hash(token)]);

    let stage = Stage::at("https://vault.example").await;
    let entered = stage.login_from("127.0.0.1", PASSPHRASE).await;
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("__Host-okap="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    // without the prefix it is no session
    let bare = cookie.split(';').next().unwrap().replace("__Host-", "");
    assert_eq!(stage.get("/grants", &[("cookie", &bare)]).await.location(), "/login");
}

#[tokio::test]
async fn a_wrong_passphrase_gives_nothing() {
    let stage = Stage::new().await;
    for wrong in ["", "correct", "correct horse ", "Correct horse"] {
        let refused = stage.login_from("127.0.0.1", wrong).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong}");
        assert!(refused.headers.get("set-cookie").is_none());
        refused.has("That is not the passphrase of this vault.");
    }
    assert!(sessions(&stage).await.is_empty());
}

#[tokio::test]
async fn wrong_passphrases_are_throttled_by_source() {
    let stage = Stage::new().await;
    for _ in 0..5 {
        assert_eq!(stage.login_from("192.0.2.1", "wrong").await.status, StatusCode::FORBIDDEN);
    }
    stage.later(10);
    let refused = stage.login_from("192.0.2.1", PASSPHRASE).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "50")
    );
    assert!(refused.headers.get("set-cookie").is_none());
    // others are not kept out
    stage.login_from("192.0.2.2", PASSPHRASE).await.location();
    stage.later(50);
    stage.login_from("192.0.2.1", PASSPHRASE).await.location();
}

#[tokio::test]
async fn a_session_ends_at_logout_at_the_next_login_and_after_twelve_hours() {
    let stage = Stage::new().await;
    let first = stage.browser().await;
    let second = stage.browser().await;
    assert_ne!(first.cookie, second.cookie);
    let left = first.post("/logout", &[]).await;
    assert_eq!(left.location(), "/login");
    assert_eq!(left.header("set-cookie"), "okap=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(first.get("/grants").await.location(), "/login");
    assert_eq!(second.get("/grants").await.status, StatusCode::OK);

    let again = second.post_bare("/login", &[("password", PASSPHRASE)]).await;
    again.location();
    assert_eq!(second.get("/grants").await.location(), "/login");
    assert_eq!(sessions(&stage).await.len(), 1);

    let third = stage.browser().await;
    stage.later(12 * 3600 - 1);
    assert_eq!(third.get("/grants").await.status, StatusCode::OK);
    stage.later(1);
    assert_eq!(third.get("/grants").await.location(), "/login");
    stage.browser().await;
    assert_eq!(sessions(&stage).await.len(), 1, "ended sessions are forgotten");
}

#[tokio::test]
async fn after_the_login_the_browser_stays_here() {
    let stage = Stage::new().await;
    for (next, goes) in [
        ("/consent/abc", "/consent/abc"),
        ("/grants/abc?x=1", "/grants/abc?x=1"),
        ("//evil.example", "/grants"),
        ("/\\evil.example", "/grants"),
        ("https://evil.example/", "/grants"),
        ("/\t/evil.example", "/grants"),
        ("javascript:alert(1)", "/grants"),
        ("", "/grants"),
    ] {
        let entered = stage.post("/login", &[], &[("password", PASSPHRASE), ("next", next)]).await;
        assert_eq!(entered.location(), goes, "{next}");
        let page = stage.get(&format!("/login?{}", encoded(&[("next", next)])), &[]).await;
        assert_eq!(page.field("next"), goes, "{next}");
    }
    // who is signed in goes on at once
    let browser = stage.browser().await;
    assert_eq!(browser.get("/login?next=%2Fgrants%2Fabc").await.location(), "/grants/abc");
    assert_eq!(browser.get("/login?next=%2F%2Fevil.example").await.location(), "/grants");
}

#[tokio::test]
async fn a_vault_below_a_path_keeps_its_links_there() {
    let stage = Stage::at("https://example.com/vault").await;
    assert_eq!(stage.get("/vault", &[]).await.location(), "/vault/grants");
    assert_eq!(stage.get("/vault/grants", &[]).await.location(), "/vault/login");
    stage
        .get("/vault/login", &[])
        .await
        .has("href=\"/vault/assets/okap.css?v=")
        .has("action=\"/vault/login\"");
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    browser.get(&format!("/consent/{id}")).await.has(&format!("action=\"/vault/consent/{id}\""));
    browser.decide(&id, "allow", &untouched()).await.has("href=\"/vault/grants/");
}

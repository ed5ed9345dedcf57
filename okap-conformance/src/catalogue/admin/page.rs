//! How the vault's own pages are guarded.

use crate::{
    case::{ALLOW, Case, Form, Page, REVOKE},
    catalogue::{
        Test,
        core::page::{deciding, whole},
    },
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "admin.page.headers",
        rev: 1,
        title: "pages cannot be framed, kept, read or added to by another site",
        profile: Profile::Admin,
        verifies: &["OKAP-R-396", "OKAP-R-397", "OKAP-R-399"],
        needs: &[],
        twin: None,
        threat: Some("clickjacking"),
        run: |case| Box::pin(headers(case)),
    },
    Test {
        id: "admin.page.cookie",
        rev: 1,
        title: "the session's cookie is out of reach for scripts and other sites",
        profile: Profile::Admin,
        verifies: &["OKAP-R-398"],
        needs: &[],
        twin: None,
        threat: Some("session-theft"),
        run: |case| Box::pin(cookie(case)),
    },
    Test {
        id: "admin.page.signed_out",
        rev: 2,
        title: "only the user who signed in sees a page; a token of an app opens none",
        profile: Profile::Admin,
        verifies: &["OKAP-R-401", "OKAP-R-402"],
        needs: &[],
        twin: None,
        threat: Some("consent-bypass"),
        run: |case| Box::pin(signed_out(case)),
    },
    Test {
        id: "admin.page.forgery",
        rev: 1,
        title: "a decision needs the session's own token",
        profile: Profile::Admin,
        verifies: &["OKAP-R-395"],
        needs: &[],
        twin: Some("core.page.lowered"),
        threat: Some("cross-site-request"),
        run: |case| Box::pin(forgery(case)),
    },
    Test {
        id: "admin.page.revoke",
        rev: 1,
        title: "the user finds a grant on the vault's own pages, and revokes it there",
        profile: Profile::Admin,
        verifies: &["OKAP-R-237"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoke(case)),
    },
];

async fn headers(case: &Case) -> Outcome {
    let pending = case.begin(&whole(case, "1.00")).await?;
    let out = case.browser().open(pending.page()).await?;
    let (mut browser, page) = case.signed_in(pending.page()).await?;
    let nowhere = browser.open(&format!("{}x", pending.page())).await?;
    let refused = nowhere.reply.status >= 400;
    nowhere.reply.ensure("OKAP-R-396", refused, "an error page for no request")?;
    for page in [&out, &page, &nowhere] {
        guarded(page)?;
    }
    Witness::of_fresh("OKAP-R-396", &out.html(), &page.html())
}

fn guarded(page: &Page) -> Result<(), Stop> {
    let reply = &page.reply;
    let has = |name: &str, word: &str| {
        reply.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    let framed = has("content-security-policy", "frame-ancestors 'none'");
    reply.ensure("OKAP-R-396", framed, "frame-ancestors 'none'")?;
    reply.ensure("OKAP-R-396", has("x-frame-options", "deny"), "X-Frame-Options: DENY")?;
    reply.ensure("OKAP-R-399", has("cache-control", "no-store"), "Cache-Control: no-store")?;
    let silent = has("referrer-policy", "no-referrer");
    reply.ensure("OKAP-R-399", silent, "Referrer-Policy: no-referrer")?;
    let open = reply.headers.iter().any(|(name, _)| name.starts_with("access-control-"));
    reply.ensure("OKAP-R-397", !open, "no CORS headers")?;
    let strange = ["src=\"http", "src='http", "src=\"//", "url(http", "url(//"];
    let strange = strange.iter().any(|from| page.shows(from));
    let sheets = page.html().split("<link").skip(1).any(|tag| tag.contains("href=\"http"));
    reply.ensure("OKAP-R-397", !strange && !sheets, "nothing from another origin")
}

async fn cookie(case: &Case) -> Outcome {
    let pending = case.begin(&whole(case, "1.00")).await?;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let (reply, _) = twin(case.browser().sign_in(pending.page()).await)?;
        let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies: Vec<_> = cookies.map(|(_, line)| line.clone()).collect();
        reply.ensure("OKAP-R-398", !cookies.is_empty(), "a cookie for the session")?;
        for line in &cookies {
            let low = line.to_ascii_lowercase();
            let kept = low.contains("httponly") && low.contains("samesite=");
            let open = low.contains("samesite=none");
            reply.ensure("OKAP-R-398", kept && !open, "HttpOnly and SameSite")?;
            let secure = low.contains("secure") && line.starts_with("__Host-");
            let plain = case.issuer().starts_with("http:");
            reply.ensure("OKAP-R-398", plain || secure, "Secure and __Host-")?;
        }
        lines.push(cookies.join("\n"));
    }
    Witness::of_several("OKAP-R-398", &lines)
}

async fn signed_out(case: &Case) -> Outcome {
    let ask = whole(case, "1.00");
    let pending = case.begin(&ask).await?;
    let grant = case.grant(&case.ask()).await?;
    let (mut browser, page) = case.signed_in(pending.page()).await?;
    twin(page.reply.ensure("OKAP-R-402", page.shows(&ask.correlation), "the request"))?;
    let form = deciding(&page)?;
    let names = browser.cookies();
    let cookies: Vec<_> = names.iter().map(|name| format!("{name}={}", grant.token)).collect();
    let bare = || Call::get(pending.page());
    for call in [
        bare(),
        bare().bearer(&grant.token),
        bare().bearer(pending.token()),
        bare().basic("owner", &grant.token),
        bare().header("cookie", cookies.join("; ")),
    ] {
        let reply = case.send(call).await?;
        let hidden = !String::from_utf8_lossy(&reply.body).contains(&ask.correlation);
        reply.ensure("OKAP-R-401", hidden, "nothing of the request without a session")?;
    }
    let stranger = case.browser();
    let button = form.button(ALLOW).and_then(|button| button.field.as_ref());
    case.send(stranger.call(&page, form, button).bearer(&grant.token)).await?;
    let before = case.poll(&pending, None).await?;
    before.ensure("OKAP-R-402", before.status == 202, "a request that still waits")?;
    let reply = browser.press(&page, form, ALLOW).await?;
    twin(reply.ensure("OKAP-R-402", reply.status < 400, "the owner's own decision taken"))?;
    case.pause(&pending).await;
    twin(Witness::of_change("OKAP-R-401", &before, &case.poll(&pending, None).await?))
}

async fn forgery(case: &Case) -> Outcome {
    let pending = case.begin(&whole(case, "1.00")).await?;
    let (mut browser, page) = case.signed_in(pending.page()).await?;
    let (other, _) = case.signed_in(pending.page()).await?;
    let form = deciding(&page)?.clone();
    let button = form.button(ALLOW).and_then(|button| button.field.clone());
    let bare = Form { fields: Vec::new(), ..form.clone() };
    let before = case.poll(&pending, None).await?;
    let forged = [
        ("a token of another session", other.call(&page, &form, button.as_ref())),
        ("no token", browser.call(&page, &bare, button.as_ref())),
    ];
    for (what, call) in forged {
        let reply = case.send(call).await?;
        reply.ensure("OKAP-R-395", reply.status == 403, format!("403 for {what}"))?;
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form.fields.iter().chain(button.as_ref()))
        .finish();
    browser.open(&format!("{}?{query}", pending.page())).await?;
    case.pause(&pending).await;
    let poll = case.poll(&pending, None).await?;
    poll.ensure("OKAP-R-395", poll.status == 202, "a request that still waits")?;
    let reply: Reply = browser.press(&page, &form, ALLOW).await?;
    twin(reply.ensure("OKAP-R-395", reply.status < 400, "the form with its token taken"))?;
    case.pause(&pending).await;
    twin(Witness::of_change("OKAP-R-395", &before, &case.poll(&pending, None).await?))
}

async fn revoke(case: &Case) -> Outcome {
    let ask = case.ask();
    let grant = case.grant(&ask).await?;
    let before = case.own_grant(&grant).await?;
    let (mut browser, _) = case.signed_in(&format!("{}/", case.issuer())).await?;
    let mut page = found(browser.find(|page| its(page, &grant.id).is_some()).await)?;
    // one form, and perhaps another that asks whether it is meant
    for _ in 0..2 {
        let Some(form) = its(&page, &grant.id).cloned() else { break };
        let reply = browser.press(&page, &form, REVOKE).await?;
        let status = case.own_grant(&grant).await?;
        if status.text("/status") == "revoked" {
            break;
        }
        let url = page.url.clone();
        page = Page { url, ..Page::of(reply) };
    }
    let after = case.own_grant(&grant).await?;
    ensure("OKAP-R-237", after.text("/status") == "revoked", "a revoked grant", after.summary())?;
    Witness::of_change("OKAP-R-237", &before, &after)
}

/// That the vault has no such page is what is tested.
fn found(page: Result<Page, Stop>) -> Result<Page, Stop> {
    page.map_err(|stop| match stop {
        Stop::Untestable(why) => Stop::failed("OKAP-R-237", "a page to revoke the grant on", why),
        other => other,
    })
}

/// The form of a page that revokes a grant.
fn its<'a>(page: &'a Page, grant: &str) -> Option<&'a Form> {
    let names = |form: &&Form| {
        form.action.contains(grant) || form.fields.iter().any(|(_, value)| value == grant)
    };
    page.forms.iter().filter(names).find(|form| form.button(REVOKE).is_some())
}

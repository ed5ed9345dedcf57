//! The page on which the user decides.

use serde_json::json;

use crate::{
    case::{ALLOW, Ask, Case, DENY, Form, Grant, Page, put},
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, Witness, ensure, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.page.shows",
        rev: 1,
        title: "the page shows what is asked, by whom, and the code to compare",
        profile: Profile::Core,
        verifies: &["OKAP-R-041", "OKAP-R-381", "OKAP-R-383", "OKAP-R-384", "OKAP-R-386"],
        needs: &[],
        twin: None,
        threat: Some("consent-phishing"),
        run: |case| Box::pin(shows(case)),
    },
    Test {
        id: "core.page.escaped",
        rev: 1,
        title: "an app's words stay words on the page",
        profile: Profile::Core,
        verifies: &["OKAP-R-384"],
        needs: &[],
        twin: Some("core.page.shows"),
        threat: Some("cross-site-scripting"),
        run: |case| Box::pin(escaped(case)),
    },
    Test {
        id: "core.page.lowered",
        rev: 1,
        title: "the user lowers on the page what is asked, and cannot raise it",
        profile: Profile::Core,
        verifies: &["OKAP-R-389", "OKAP-R-390"],
        needs: &[],
        twin: None,
        threat: Some("consent-bypass"),
        run: |case| Box::pin(lowered(case)),
    },
    Test {
        id: "core.page.bound",
        rev: 1,
        title: "a decision is about the request that was shown, is taken once, and is not the default",
        profile: Profile::Core,
        verifies: &["OKAP-R-391", "OKAP-R-392", "OKAP-R-394"],
        needs: &[],
        twin: Some("core.page.lowered"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(bound(case)),
    },
    Test {
        id: "core.page.late",
        rev: 1,
        title: "a decision that comes too late is answered with a page",
        profile: Profile::Core,
        verifies: &["OKAP-R-455"],
        needs: &[Verb::Advance],
        twin: Some("core.page.lowered"),
        threat: None,
        run: |case| Box::pin(late(case)),
    },
];

/// What the tests of pages ask for: every member is there, so that the page has nothing to suggest.
pub(in crate::catalogue) fn whole(case: &Case, money: &str) -> Ask {
    case.ask()
        .models(&["gpt-4o", "gpt-4o-mini"])
        .limits(json!({ "monthly_spend": money, "requests_per_minute": 37 }))
        .expires(&format!("{}T00:00:00Z", date(case)))
}

fn date(case: &Case) -> String {
    case.moment(40 * 24 * 3_600).get(..10).unwrap_or_default().to_owned()
}

/// The form that decides.
pub(in crate::catalogue) fn deciding(page: &Page) -> Result<&Form, Stop> {
    let form = page.form(ALLOW).filter(|form| form.button(DENY).is_some());
    form.ok_or_else(|| Stop::Untestable(format!("no form to allow and deny at {}", page.url)))
}

async fn shows(case: &Case) -> Outcome {
    let ask = whole(case, "2.75");
    let pending = case.begin(&ask).await?;
    let (_, page) = case.signed_in(pending.page()).await?;
    let out = case.browser().open(pending.page()).await?;
    let date = date(case);
    let (year, day) = (date.get(..4).unwrap_or_default(), date.get(8..).unwrap_or_default());
    let end = page.shows(&date) || page.shows(year) && page.shows(day.trim_start_matches('0'));
    for word in ["openai", "gpt-4o-mini", "chat", "2.75", "37"] {
        page.reply.ensure("OKAP-R-381", page.shows(word), format!("{word} on the page"))?;
    }
    let currency = page.shows("USD") || page.shows("$");
    page.reply.ensure("OKAP-R-381", currency && page.shows("month"), "USD a month")?;
    page.reply.ensure("OKAP-R-381", end, format!("the end, {date}"))?;
    page.reply.ensure("OKAP-R-384", page.shows(&ask.app()), "the name of the app")?;
    let reason = ask.details();
    let reason = reason.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default();
    let said = reason.split(" (").next().unwrap_or_default();
    page.reply.ensure("OKAP-R-384", page.shows(said), "the reason of the app")?;
    let code = pending.reply.text("/user_code");
    page.reply.ensure("OKAP-R-386", page.shows(code), format!("the code {code}"))?;
    // other languages have other words
    if page.shows("lang=\"en") {
        let unsure = ["unverified", "not verified", "cannot be verified"];
        let unsure = unsure.iter().any(|word| page.shows(word));
        for requirement in ["OKAP-R-383", "OKAP-R-041"] {
            page.reply.ensure(requirement, unsure, "the app shown as unverified")?;
        }
    }
    Witness::of_fresh("OKAP-R-381", &out.html(), &page.html())
}

async fn escaped(case: &Case) -> Outcome {
    let (name, reason) = (case.nonce(), case.nonce());
    let ask = whole(case, "1.00").with("reason", json!(format!("\"'><b id={reason}>&amp;")));
    let mut body = ask.shape_2();
    let tag = format!("<i id={name}>{}", ask.correlation);
    put(&mut body, "client", json!({ "name": tag }));
    let pending = case.begin_with(&ask, &body).await?;
    let (_, page) = case.signed_in(pending.page()).await?;
    let out = case.browser().open(pending.page()).await?;
    for (tag, word) in [("<i id=", &name), ("<b id=", &reason)] {
        page.reply.ensure("OKAP-R-384", page.shows(word), "the app's words")?;
        let raw = page.html().contains(&format!("{tag}{word}"));
        page.reply.ensure("OKAP-R-384", !raw, "the app's words, escaped")?;
    }
    page.reply.ensure(
        "OKAP-R-384",
        page.shows("&amp;amp;") || page.shows("&#38;amp;"),
        "an escaped &",
    )?;
    Witness::of_fresh("OKAP-R-384", &out.html(), &page.html())
}

async fn lowered(case: &Case) -> Outcome {
    let pending = case.begin(&whole(case, "2.75")).await?;
    let (mut browser, page) = case.signed_in(pending.page()).await?;
    let honest = deciding(&page)?.clone();
    let money = |value: &str| value.trim_end_matches('0') == "2.75";
    let told = case.told_amount(1);
    for (of, to) in [("gpt-4o", "gpt-4o-okapconf"), ("2.75", "9.75"), ("37", "38")] {
        let mut form = honest.clone();
        let changed = form.change(|value| value == of || of == "2.75" && money(value), to);
        ensure("OKAP-R-389", changed > 0, format!("a field for {of}"), "none")?;
        let reply = browser.press(&page, &form, ALLOW).await?;
        reply.has_status("OKAP-R-390", 400)?;
    }
    let poll = case.poll(&pending, None).await?;
    poll.ensure("OKAP-R-390", poll.status == 202, "a request that still waits")?;

    let mut form = honest;
    form.fields.retain(|(_, value)| value != "gpt-4o");
    form.change(money, &told);
    let reply = browser.press(&page, &form, ALLOW).await?;
    reply.ensure("OKAP-R-389", reply.status < 400, "a decision that is taken")?;
    let granted = case.outcome(&pending).await?;
    let object = Grant::read(&granted)?.object();
    let left = object.get("models") == Some(&json!(["gpt-4o-mini"]));
    granted.ensure("OKAP-R-389", left, "the model that the user left")?;
    let said = granted.text("/authorization_details/0/limits/monthly_spend");
    Witness::of_told("OKAP-R-389", &told, &granted, said)
}

async fn bound(case: &Case) -> Outcome {
    let (small, large) = (whole(case, "1.00"), whole(case, "2.00"));
    let (shown, other) = (case.begin(&small).await?, case.begin(&large).await?);
    let (mut browser, page) = case.signed_in(shown.page()).await?;
    let form = deciding(&page)?;
    let first = form.buttons.first().is_some_and(|first| !first.words.contains("allow"));
    let focus = form.button(ALLOW).is_some_and(|allow| allow.focus);
    page.reply.ensure("OKAP-R-394", first && !focus, "no Enter key that allows")?;

    // what one page showed, sent as a decision on the other request
    let elsewhere = browser.open(other.page()).await?;
    let strange = Form { action: deciding(&elsewhere)?.action.clone(), ..form.clone() };
    let reply = browser.press(&elsewhere, &strange, ALLOW).await?;
    reply.ensure("OKAP-R-391", reply.status >= 400, "a decision on what was not shown refused")?;
    let before = case.poll(&other, None).await?;
    before.ensure("OKAP-R-391", before.status == 202, "a request that still waits")?;

    let reply = browser.press(&page, form, ALLOW).await?;
    prerequisite(
        "a decision on the page",
        reply.ensure("OKAP-R-389", reply.status < 400, "taken"),
    )?;
    let again = browser.press(&page, form, DENY).await?;
    again.ensure("OKAP-R-392", again.status >= 400, "a second decision refused")?;
    let granted = case.outcome(&shown).await?;
    granted.ensure("OKAP-R-392", granted.status == 200, "the first decision")?;

    let form = deciding(&elsewhere)?.clone();
    twin(browser.press(&elsewhere, &form, ALLOW).await)?;
    case.pause(&other).await;
    twin(Witness::of_change("OKAP-R-391", &before, &case.poll(&other, None).await?))
}

async fn late(case: &Case) -> Outcome {
    let pending = case.begin(&whole(case, "1.00")).await?;
    let (mut browser, page) = case.signed_in(pending.page()).await?;
    let form = deciding(&page)?.clone();
    case.advance(605).await?;
    let reply = browser.press(&page, &form, ALLOW).await?;
    let html = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let still = reply.header("location").is_none() && reply.status >= 400;
    reply.ensure("OKAP-R-455", html && still, "a page that refuses, and no redirect")?;
    case.poll(&pending, None).await?.is_refused("OKAP-R-447", 400, "expired_token")?;
    let next = case.begin(&whole(case, "1.00")).await?;
    Witness::of_fresh("OKAP-R-455", pending.token(), next.token())
}

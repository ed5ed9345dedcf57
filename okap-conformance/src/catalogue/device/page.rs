//! The user types the code, on a page of the vault.

use serde_json::json;

use crate::{
    case::{ALLOW, Case, Page, Tokens},
    catalogue::{Test, core::page::deciding},
    driver::{Decision, Verb},
    http::Call,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "device.page.typed",
        rev: 1,
        title: "a code is taken however a person types it",
        profile: Profile::Device,
        verifies: &["OKAP-R-174"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: None,
        run: |case| Box::pin(typed(case)),
    },
    Test {
        id: "device.page.shows",
        rev: 1,
        title: "the page shows who asks, for what, with which code and from where, and then asks",
        profile: Profile::Device,
        verifies: &["OKAP-R-175", "OKAP-R-386", "OKAP-R-387"],
        needs: &[Verb::SignIn],
        twin: Some("device.poll.granted"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(shows(case)),
    },
    Test {
        id: "device.page.decided_once",
        rev: 1,
        title: "the first decision counts, and what it left is what the device is given",
        profile: Profile::Device,
        verifies: &["OKAP-R-392"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(decided_once(case)),
    },
    Test {
        id: "device.page.signed_out",
        rev: 2,
        title: "the complete address decides nothing, and shows nothing to who is signed out",
        profile: Profile::Device,
        verifies: &["OKAP-R-177", "OKAP-R-113"],
        needs: &[Verb::Advance, Verb::SignIn],
        twin: Some("device.poll.granted"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(signed_out(case)),
    },
    Test {
        id: "device.page.guessed",
        rev: 1,
        title: "who types wrong codes has to wait before the right one counts",
        profile: Profile::Device,
        verifies: &["OKAP-R-176"],
        needs: &[Verb::Advance],
        twin: Some("device.poll.granted"),
        threat: Some("code-guessing"),
        run: |case| Box::pin(guessed(case)),
    },
];

async fn typed(case: &Case) -> Outcome {
    let mut tokens = Vec::new();
    for way in [
        |code: &str| code.to_lowercase(),
        |code: &str| code.replace('-', ""),
        |code: &str| format!(" {} ", code.to_lowercase().replace('-', " ")),
    ] {
        let device = case.waiting_device(&case.ask()).await?;
        let code = way(device.user_code());
        // a driver that has no such code says so as a failure of its own
        let decided = case.type_code(&device, &code, Decision::Approve).await;
        decided.map_err(|stop| match stop {
            Stop::Broken(why) => Stop::failed("OKAP-R-174", format!("{code:?} to be taken"), why),
            other => other,
        })?;
        let reply = case.poll_device(&device).await?;
        tokens.push(Tokens::read(&reply, &device.client_id)?.grant.token);
    }
    Witness::of_several("OKAP-R-174", &tokens)
}

async fn shows(case: &Case) -> Outcome {
    let rate = (100 + case.seed().below(800)).to_string();
    let limits = json!({ "monthly_spend": "417", "requests_per_minute": rate.parse::<u64>().ok() });
    let ask = case.ask().limits(limits);
    let device = case.waiting_device(&ask).await?;
    // a link with the code in it shows the code at most, and decides nothing
    let complete = device.reply.text("/verification_uri_complete");
    if !complete.is_empty() {
        case.look(complete).await?.shows("OKAP-R-175", "<form")?;
    }
    let page = case.look(&case.page_of(&device).await?).await?;
    page.has_status("OKAP-R-175", 200)?;
    for text in [&ask.app(), "gpt-4o-mini", "417", &rate, "<form"] {
        page.shows("OKAP-R-175", text)?;
    }
    page.shows("OKAP-R-386", device.user_code())?;
    case.poll_device(&device).await?.is_refused("OKAP-R-175", 400, "authorization_pending")?;
    // a test has an address of its own only where the system and the vault are on one computer
    let from = case.source().to_string();
    let near = case.issuer().contains("//127.0.0.1");
    if near && cfg!(target_os = "linux") {
        page.shows("OKAP-R-387", &from)?;
    }
    let body = String::from_utf8_lossy(&page.body).into_owned();
    let said = if body.contains(&ask.correlation) { ask.correlation.as_str() } else { "" };
    Witness::of_told("OKAP-R-175", &ask.correlation, &page, said)
}

async fn decided_once(case: &Case) -> Outcome {
    let ask = case.ask().limits(json!({ "monthly_spend": "9.00" }));
    let device = case.waiting_device(&ask).await?;
    let told = case.told_amount(3);
    let left = json!({ "limits": { "monthly_spend": told } });
    case.answer_device(&device, Decision::Narrow { details: vec![left] }).await?;
    match case.answer_device(&device, Decision::Approve).await {
        Ok(()) | Err(Stop::Broken(_)) => {}
        Err(other) => return Err(other),
    }
    let reply = case.poll_device(&device).await?;
    Tokens::read(&reply, &device.client_id)?;
    let said = reply.text("/authorization_details/0/limits/monthly_spend");
    Witness::of_told("OKAP-R-392", &told, &reply, said)
}

async fn signed_out(case: &Case) -> Outcome {
    let ask = case.ask();
    let device = case.waiting_device(&ask).await?;
    let complete = device.reply.text("/verification_uri_complete").to_owned();
    // the button that the user would press, pressed by who is signed out
    let page = case.page_of(&device).await?;
    let shown = Page::of(case.look(&page).await?);
    let form = deciding(&shown)?;
    let field = form.button(ALLOW).and_then(|button| button.field.as_ref());
    let mut calls = vec![Call::get(&page), case.browser().call(&shown, form, field)];
    if !complete.is_empty() {
        calls.push(Call::get(&complete));
    }
    for call in calls {
        let reply = case.send(call).await?;
        let shown = String::from_utf8_lossy(&reply.body).contains(&ask.correlation);
        reply.ensure("OKAP-R-113", !shown, "nothing of the request before the user signs in")?;
    }
    let before = case.poll_device(&device).await?;
    before.is_refused("OKAP-R-177", 400, "authorization_pending")?;
    case.answer_device(&device, Decision::Approve).await?;
    case.advance(u32::try_from(device.interval().min(60)).unwrap_or(5)).await?;
    let after = case.poll_device(&device).await?;
    twin(after.has_status("OKAP-R-180", 200))?;
    Witness::of_change("OKAP-R-177", &before, &after)
}

async fn guessed(case: &Case) -> Outcome {
    let device = case.waiting_device(&case.ask()).await?;
    let letters = ["B", "C", "D", "F", "G", "H", "J", "K", "L", "M", "N"];
    for letter in letters {
        let wrong = format!("{}-{}", letter.repeat(4), "Z".repeat(4));
        match case.type_code(&device, &wrong, Decision::Approve).await {
            Err(Stop::Broken(_)) => {}
            Ok(()) => return Err(Stop::failed("OKAP-R-176", "a wrong code refused", "a decision")),
            Err(other) => return Err(other),
        }
    }
    let early = case.answer_device(&device, Decision::Approve).await;
    let before = case.poll_device(&device).await?;
    let waits = early.is_err() && before.code() == "authorization_pending";
    let observed = "the right code counts after eleven wrong ones";
    crate::outcome::ensure("OKAP-R-176", waits, "at most 10 wrong codes a minute", observed)?;
    case.advance(61).await?;
    twin(case.answer_device(&device, Decision::Approve).await)?;
    let after = case.poll_device(&device).await?;
    twin(after.has_status("OKAP-R-180", 200))?;
    Witness::of_change("OKAP-R-176", &before, &after)
}

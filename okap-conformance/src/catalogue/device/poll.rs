//! The device polls.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    case::{Case, Tokens, less},
    catalogue::Test,
    driver::{Decision, Verb},
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "device.poll.granted",
        rev: 1,
        title: "what the user allowed elsewhere the device is given once, and then no more",
        profile: Profile::Device,
        verifies: &["OKAP-R-179", "OKAP-R-180", "OKAP-R-199"],
        needs: &[],
        twin: None,
        threat: Some("stolen-code"),
        run: |case| Box::pin(granted(case)),
    },
    Test {
        id: "device.poll.at_once",
        rev: 1,
        title: "of polls that come all at once, one is given tokens",
        profile: Profile::Device,
        verifies: &["OKAP-R-180"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(at_once(case)),
    },
    Test {
        id: "device.poll.slow_down",
        rev: 1,
        title: "a device that polls too soon is told so, and has to wait longer from then on",
        profile: Profile::Device,
        verifies: &["OKAP-R-178"],
        needs: &[Verb::Advance],
        twin: Some("device.poll.granted"),
        threat: Some("code-guessing"),
        run: |case| Box::pin(slow_down(case)),
    },
    Test {
        id: "device.poll.denied",
        rev: 2,
        title: "what the user denied is denied to the device, whatever is said after",
        profile: Profile::Device,
        verifies: &["OKAP-R-361", "OKAP-R-392"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(denied(case)),
    },
    Test {
        id: "device.poll.ended",
        rev: 1,
        title: "a request that nobody decided ends, for the device and for who types its code",
        profile: Profile::Device,
        verifies: &["OKAP-R-172"],
        needs: &[Verb::Advance],
        twin: Some("device.poll.granted"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(ended(case)),
    },
    Test {
        id: "device.poll.unknown",
        rev: 1,
        title: "a device code that was never given, or is another kind of token, is refused",
        profile: Profile::Device,
        verifies: &["OKAP-R-179", "OKAP-R-193"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(unknown(case)),
    },
    Test {
        id: "device.poll.other_client",
        rev: 1,
        title: "a device code is nothing in the hands of another client",
        profile: Profile::Device,
        verifies: &["OKAP-R-179"],
        needs: &[Verb::Publish],
        twin: Some("device.poll.granted"),
        threat: Some("stolen-code"),
        run: |case| Box::pin(other_client(case)),
    },
    Test {
        id: "device.poll.narrowed",
        rev: 1,
        title: "a poll may ask for less than was granted; for more it gets nothing",
        profile: Profile::Device,
        verifies: &["OKAP-R-211"],
        needs: &[],
        twin: Some("device.poll.granted"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(narrowed(case)),
    },
];

async fn granted(case: &Case) -> Outcome {
    let mut refresh = Vec::new();
    for _ in 0..2 {
        let ask = case.ask();
        let device = case.device(&ask).await?;
        case.answer_device(&device, Decision::Approve).await?;
        let reply = case.poll_device(&device).await?;
        let tokens = Tokens::read(&reply, &device.client_id)?;
        reply.is_not_kept("OKAP-R-199")?;
        let (asked, got) = (ask.details(), tokens.grant.object());
        let same = asked.get("models") == got.get("models")
            && asked.get("capabilities") == got.get("capabilities");
        ensure("OKAP-R-180", same, "what was asked for", got.to_string())?;
        let again = case.poll_device(&device).await?;
        again.is_refused("OKAP-R-179", 400, "invalid_grant")?;
        case.stands("OKAP-R-180", &tokens.grant, "active").await?;
        refresh.push(case.renew(&tokens).await?.refresh);
    }
    Witness::of_several("OKAP-R-180", &refresh)
}

async fn at_once(case: &Case) -> Outcome {
    const AT_ONCE: usize = 8;
    let device = case.waiting_device(&case.ask()).await?;
    case.answer_device(&device, Decision::Approve).await?;
    let polls = (0..AT_ONCE).map(|_| case.poll_device(&device));
    let replies = join_all(polls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let given: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    let (Some(first), true) = (given.first(), given.len() == 1) else {
        let observed = format!("{} of {AT_ONCE} polls were given tokens", given.len());
        return Err(Stop::failed("OKAP-R-180", "tokens for one poll", observed));
    };
    let other = case.waiting_device(&case.ask()).await?;
    case.answer_device(&other, Decision::Approve).await?;
    let reply = case.poll_device(&other).await?;
    Witness::of_fresh("OKAP-R-180", first.text("/access_token"), reply.text("/access_token"))
}

async fn slow_down(case: &Case) -> Outcome {
    let device = case.waiting_device(&case.ask()).await?;
    let interval = u32::try_from(device.interval().min(60)).unwrap_or(5);
    let pending = || "authorization_pending";
    let before = case.poll_device(&device).await?;
    before.is_refused("OKAP-R-178", 400, pending())?;
    case.advance(interval).await?;
    case.poll_device(&device).await?.is_refused("OKAP-R-178", 400, pending())?;
    case.poll_device(&device).await?.is_refused("OKAP-R-178", 400, "slow_down")?;
    // what was enough before is not any more
    case.advance(interval).await?;
    case.poll_device(&device).await?.is_refused("OKAP-R-178", 400, "slow_down")?;
    case.advance(interval.saturating_add(11)).await?;
    case.poll_device(&device).await?.is_refused("OKAP-R-178", 400, pending())?;
    case.answer_device(&device, Decision::Approve).await?;
    case.advance(interval.saturating_add(11)).await?;
    let after = case.poll_device(&device).await?;
    twin(after.has_status("OKAP-R-178", 200))?;
    Witness::of_change("OKAP-R-178", &before, &after)
}

async fn denied(case: &Case) -> Outcome {
    let allowed = case.waiting_device(&case.ask()).await?;
    case.answer_device(&allowed, Decision::Approve).await?;
    let before = case.poll_device(&allowed).await?;
    twin(before.has_status("OKAP-R-361", 200))?;
    let device = case.waiting_device(&case.ask()).await?;
    case.answer_device(&device, Decision::Deny).await?;
    // a second thought comes too late; how the page says so is its own matter
    second_thought(case.answer_device(&device, Decision::Approve).await)?;
    let after = case.poll_device(&device).await?;
    after.ensure("OKAP-R-392", after.status != 200, "nothing for a second thought")?;
    after.is_refused("OKAP-R-361", 400, "access_denied")?;
    Witness::of_change("OKAP-R-361", &before, &after)
}

async fn ended(case: &Case) -> Outcome {
    let device = case.waiting_device(&case.ask()).await?;
    let before = case.poll_device(&device).await?;
    twin(before.is_refused("OKAP-R-178", 400, "authorization_pending"))?;
    case.advance(601).await?;
    second_thought(case.answer_device(&device, Decision::Approve).await)?;
    let after = case.poll_device(&device).await?;
    after.is_refused("OKAP-R-172", 400, "expired_token")?;
    Witness::of_change("OKAP-R-172", &before, &after)
}

/// A decision that has no effect: the driver may say that it failed.
fn second_thought(decided: Result<(), Stop>) -> Result<(), Stop> {
    match decided {
        Err(Stop::Broken(_)) => Ok(()),
        other => other,
    }
}

async fn unknown(case: &Case) -> Outcome {
    let device = case.waiting_device(&case.ask()).await?;
    case.answer_device(&device, Decision::Approve).await?;
    let known = "okap_dc_KhOls5bPeEO3dfLk1jl8ZrddoKG8fDFeRarXdMjMDh8hczQ9w";
    for code in [known, "x", device.user_code()] {
        let reply = case.token(&device.form().with("device_code", code)).await?;
        reply.is_refused("OKAP-R-179", 400, "invalid_grant")?;
    }
    let one = twin(Tokens::read(&case.poll_device(&device).await?, &device.client_id))?;
    for code in [&one.grant.token, &one.refresh] {
        let reply = case.token(&device.form().with("device_code", code)).await?;
        reply.is_refused("OKAP-R-193", 400, "invalid_grant")?;
    }
    let other = case.waiting_device(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-179", device.code(), other.code())
}

async fn other_client(case: &Case) -> Outcome {
    let stranger = case.published_client().await?;
    let device = case.waiting_device(&case.ask()).await?;
    case.answer_device(&device, Decision::Approve).await?;
    let form = device.form().with("client_id", &stranger.client_id);
    let before = case.token(&form).await?;
    before.is_refused("OKAP-R-179", 400, "invalid_grant")?;
    let after = case.poll_device(&device).await?;
    twin(after.has_status("OKAP-R-179", 200))?;
    Witness::of_change("OKAP-R-179", &before, &after)
}

async fn narrowed(case: &Case) -> Outcome {
    let ask = case.ask().models(&["gpt-4o-mini", "gpt-4o"]);
    let device = case.waiting_device(&ask).await?;
    case.answer_device(&device, Decision::Approve).await?;
    let less = |models: &[&str]| json!([less(models)]).to_string();
    let wider = device.form().with("authorization_details", &less(&["gpt-4o", "gpt-4.1"]));
    let before = case.token(&wider).await?;
    before.is_refused("OKAP-R-211", 400, "invalid_authorization_details")?;
    let form = device.form().with("authorization_details", &less(&["gpt-4o"]));
    let after = case.token(&form).await?;
    let tokens = Tokens::read(&after, &device.client_id)?;
    let one = tokens.grant.object().get("models") == Some(&json!(["gpt-4o"]));
    let said = tokens.grant.object().to_string();
    ensure("OKAP-R-211", one, "the one model that was asked for", said)?;
    Witness::of_change("OKAP-R-211", &before, &after)
}

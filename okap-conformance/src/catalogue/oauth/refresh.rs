//! Refresh tokens turn over.

use serde_json::json;

use crate::{
    case::{Case, Tokens, less, with},
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.refresh.rotated",
        rev: 1,
        title: "each use of a refresh token gives another, and a token for the same grant",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-200", "OKAP-R-199"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(rotated(case)),
    },
    Test {
        id: "oauth.refresh.lost_answer",
        rev: 1,
        title: "a refresh that is repeated at once gives the same successor, and a fresh token",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-202"],
        needs: &[],
        twin: Some("oauth.refresh.rotated"),
        threat: None,
        run: |case| Box::pin(lost_answer(case)),
    },
    Test {
        id: "oauth.refresh.reused",
        rev: 1,
        title: "a refresh token whose successor was used ends the grant when it comes again",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-203"],
        needs: &[],
        twin: Some("oauth.refresh.rotated"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(reused(case)),
    },
    Test {
        id: "oauth.refresh.reused_late",
        rev: 1,
        title: "a used refresh token that comes again after ten seconds ends the grant",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-203"],
        needs: &[Verb::Advance],
        twin: Some("oauth.refresh.lost_answer"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(reused_late(case)),
    },
    Test {
        id: "oauth.refresh.narrowed",
        rev: 1,
        title: "a refresh may narrow its own token, widen nothing, and leaves the grant as wide",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-205", "OKAP-R-211"],
        needs: &[],
        twin: Some("oauth.refresh.rotated"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(narrowed(case)),
    },
    Test {
        id: "oauth.refresh.counted",
        rev: 1,
        title: "a narrowed token shows its own limits, and uses up those of its grant",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-213", "OKAP-R-464"],
        needs: &[],
        twin: Some("oauth.refresh.narrowed"),
        threat: Some("overspend"),
        run: |case| Box::pin(counted(case)),
    },
    Test {
        id: "oauth.refresh.revoked",
        rev: 2,
        title: "a grant that was revoked is not renewed",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-206"],
        needs: &[],
        twin: Some("oauth.refresh.rotated"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoked(case)),
    },
    Test {
        id: "oauth.refresh.ended",
        rev: 1,
        title: "a refresh token ends with its grant, however often it was renewed",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-201", "OKAP-R-197"],
        needs: &[Verb::Advance],
        twin: Some("oauth.refresh.rotated"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(ended(case)),
    },
];

async fn rotated(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask()).await?;
    let second = case.renew(&first).await?;
    let reply = &second.grant.reply;
    reply.ensure("OKAP-R-200", second.refresh != first.refresh, "another refresh token")?;
    let fresh = second.grant.token != first.grant.token && second.grant.id == first.grant.id;
    reply.ensure("OKAP-R-200", fresh, "another access token of the same grant")?;
    reply.is_not_kept("OKAP-R-199")?;
    case.stands("OKAP-R-200", &second.grant, "active").await?;
    let third = case.renew(&second).await?;
    Witness::of_fresh("OKAP-R-200", &second.refresh, &third.refresh)
}

async fn lost_answer(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask()).await?;
    let second = twin(case.renew(&first).await)?;
    let reply = case.token(&first.form()).await?;
    let again = reply.status == 200 && reply.text("/refresh_token") == second.refresh;
    reply.ensure("OKAP-R-202", again, "200 with the same successor")?;
    let access = reply.text("/access_token").to_owned();
    // the successor is as good as it was
    let third = case.renew(&second).await?;
    case.stands("OKAP-R-202", &third.grant, "active").await?;
    Witness::of_fresh("OKAP-R-202", &second.grant.token, &access)
}

async fn reused(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask()).await?;
    let second = twin(case.renew(&first).await)?;
    let third = twin(case.renew(&second).await)?;
    dies(case, &first, &third).await
}

async fn reused_late(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask()).await?;
    let second = twin(case.renew(&first).await)?;
    case.advance(11).await?;
    dies(case, &first, &second).await
}

/// The used token comes again: the grant ends, and its latest tokens with it.
async fn dies(case: &Case, used: &Tokens, latest: &Tokens) -> Outcome {
    let before = twin(case.stands("OKAP-R-203", &latest.grant, "active").await)?;
    case.token(&used.form()).await?.is_refused("OKAP-R-203", 400, "invalid_grant")?;
    let after = case.stands("OKAP-R-203", &latest.grant, "revoked").await?;
    case.token(&latest.form()).await?.is_refused("OKAP-R-203", 400, "invalid_grant")?;
    Witness::of_change("OKAP-R-203", &before, &after)
}

async fn narrowed(case: &Case) -> Outcome {
    let ask = case.ask().models(&["gpt-4o-mini", "gpt-4o"]);
    let first = case.tokens(&ask).await?;
    let less = |models: &[&str]| json!([less(models)]).to_string();
    let wider = first.form().with("authorization_details", &less(&["gpt-4o", "gpt-4.1"]));
    let reply = case.token(&wider).await?;
    reply.is_refused("OKAP-R-211", 400, "invalid_authorization_details")?;

    let form = first.form().with("authorization_details", &less(&["gpt-4o"]));
    let reply = case.token(&form).await?;
    let narrow = Tokens::read(&reply, case.local())?;
    let models = |tokens: &Tokens| tokens.grant.object().get("models").cloned();
    let one = models(&narrow) == Some(json!(["gpt-4o"]));
    let said = narrow.grant.object().to_string();
    ensure("OKAP-R-205", one, "the one model that was asked for", said)?;
    let wide = case.renew(&narrow).await?;
    let both = models(&wide) == Some(json!(["gpt-4o-mini", "gpt-4o"]));
    ensure("OKAP-R-205", both, "both models of the grant", wide.grant.object().to_string())?;
    Witness::of_fresh("OKAP-R-205", &narrow.grant.token, &wide.grant.token)
}

async fn counted(case: &Case) -> Outcome {
    let day = |calls: u32| json!({ "requests_per_day": calls });
    let ask = case.ask().models(&["gpt-4o-mini", "gpt-4o"]).limits(day(5));
    let first = case.tokens(&ask).await?;
    for _ in 0..2 {
        twin(case.forwarded(&first.grant, &case.prompt()).await)?;
    }
    let part = with(less(&["gpt-4o-mini"]), "limits", day(3));
    let form = first.form().with("authorization_details", &json!([part]).to_string());
    let narrow = twin(Tokens::read(&case.token(&form).await?, case.local()))?;
    let object = narrow.grant.object();
    let less = object.pointer("/limits/requests_per_day") == Some(&json!(3));
    twin(ensure("OKAP-R-205", less, "a token that is narrower", object.to_string()))?;
    let shown = case.limits(&narrow.grant).await?;
    let models = shown.at("/limits/0/models") == &json!(["gpt-4o-mini"]);
    let own = shown.at("/limits/0/limits/requests_per_day/limit") == &json!(3);
    shown.ensure("OKAP-R-464", models && own, "the model and the limit of the token")?;
    let left = shown.at("/limits/0/limits/requests_per_day/remaining") == &json!(1);
    shown.ensure("OKAP-R-213", left, "what the grant has used taken off")?;
    twin(case.forwarded(&narrow.grant, &case.prompt()).await)?;
    let refusal = (429, "rate_limit_exceeded");
    case.refuses_chat(&narrow.grant, &case.prompt(), "OKAP-R-213", refusal).await?;
    // the grant is as wide as it was
    let wide = twin(case.renew(&narrow).await)?;
    twin(case.forwarded(&wide.grant, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn revoked(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask()).await?;
    let second = twin(case.renew(&first).await)?;
    let before = twin(case.stands("OKAP-R-206", &second.grant, "active").await)?;
    case.give_back(&second.grant.token).await?;
    case.token(&second.form()).await?.is_refused("OKAP-R-206", 400, "invalid_grant")?;
    let after = twin(case.stands("OKAP-R-206", &second.grant, "revoked").await)?;
    Witness::of_change("OKAP-R-206", &before, &after)
}

async fn ended(case: &Case) -> Outcome {
    let first = case.tokens(&case.ask().expires(&case.moment(900))).await?;
    case.advance(500).await?;
    let second = twin(case.renew(&first).await)?;
    let lives = second.grant.reply.at("/expires_in").as_u64();
    let within = lives.is_some_and(|seconds| seconds <= 400);
    second.grant.reply.ensure("OKAP-R-197", within, "expires_in of 400 at most")?;
    case.advance(401).await?;
    case.token(&second.form()).await?.is_refused("OKAP-R-201", 400, "invalid_grant")?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-201", &second.refresh, &other.refresh)
}

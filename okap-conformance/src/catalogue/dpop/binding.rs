//! What a key is tied to: codes, tokens, refreshes.

use serde_json::json;

use crate::{
    case::{
        Case, Grant,
        proof::{as_dpop, proven},
        with,
    },
    catalogue::Test,
    driver::Verb,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "dpop.binding.pushed",
        rev: 1,
        title: "a pushed request names one key",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-261"],
        needs: &[],
        twin: None,
        threat: Some("code-injection"),
        run: |case| Box::pin(pushed(case)),
    },
    Test {
        id: "dpop.binding.code",
        rev: 1,
        title: "a code of a bound request is redeemed with its key alone",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-262"],
        needs: &[],
        twin: None,
        threat: Some("code-injection"),
        run: |case| Box::pin(code(case)),
    },
    Test {
        id: "dpop.binding.token",
        rev: 1,
        title: "a proof at the token request binds what comes of it",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-263"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(token(case)),
    },
    Test {
        id: "dpop.binding.document",
        rev: 1,
        title: "a client whose document promises a proof gets no token without one",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-266"],
        needs: &[Verb::Publish],
        twin: None,
        threat: Some("stolen-code"),
        run: |case| Box::pin(document(case)),
    },
    Test {
        id: "dpop.binding.refresh",
        rev: 1,
        title: "a bound refresh token is of no use without its key",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-204", "OKAP-R-264"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(refresh(case)),
    },
    Test {
        id: "dpop.binding.reuse",
        rev: 1,
        title: "a used refresh token without the key of its successor ends the grant",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-473"],
        needs: &[],
        twin: Some("dpop.binding.refresh"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(reuse(case)),
    },
    Test {
        id: "dpop.binding.scheme",
        rev: 1,
        title: "a bound token comes as DPoP, and any other does not",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-265"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(scheme(case)),
    },
    Test {
        id: "dpop.binding.key",
        rev: 1,
        title: "a bound token comes with a proof of its own key",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-466"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(key(case)),
    },
    Test {
        id: "dpop.binding.own",
        rev: 1,
        title: "what the vault says of a bound token it says to the holder of its key",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-265", "OKAP-R-446", "OKAP-R-466"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(own(case)),
    },
];

async fn pushed(case: &Case) -> Outcome {
    let (holder, other) = (case.holder(), case.holder().key.thumbprint());
    let push = case.to_push(&case.ask());
    let own = holder.key.thumbprint();
    let own = case.push(&push.clone().with("dpop_jkt", &own));
    let one = case.send_proven(&holder, &own, None).await?;
    twin(one.has_status("OKAP-R-261", 201))?;
    let other = case.push(&push.with("dpop_jkt", &other));
    let refused = case.send_proven(&holder, &other, None).await?;
    refused.is_refused("OKAP-R-261", 400, "invalid_request")?;
    let two = case.send_proven(&holder, &own, None).await?;
    twin(two.has_status("OKAP-R-261", 201))?;
    Witness::of_fresh("OKAP-R-261", one.text("/request_uri"), two.text("/request_uri"))
}

async fn code(case: &Case) -> Outcome {
    let mut last = None;
    for named in [true, false] {
        let (holder, other, push) = (case.holder(), case.holder(), case.to_push(&case.ask()));
        let code = if named {
            case.coded_of(push.with("dpop_jkt", &holder.key.thumbprint())).await?
        } else {
            let pushed = case.send_proven(&holder, &case.push(&push), None).await?;
            case.coded_after(push, &pushed).await?
        };
        let redemption = case.redemption(&code);
        let bare = case.send(redemption.clone()).await?;
        bare.is_refused("OKAP-R-262", 400, "invalid_grant")?;
        let strange = case.send_proven(&other, &redemption, None).await?;
        strange.is_refused("OKAP-R-262", 400, "invalid_grant")?;
        let own = case.send_proven(&holder, &redemption, None).await?;
        own.has_status("OKAP-R-262", 200)?;
        last = Some(Witness::of_change("OKAP-R-262", &bare, &own)?);
    }
    last.ok_or_else(|| Stop::Broken("nothing was tried".to_owned()))
}

async fn token(case: &Case) -> Outcome {
    // without a proof it is a token like any other
    let code = case.coded(&case.ask()).await?;
    let plain = case.send(case.redemption(&code)).await?;
    let grant = twin(Grant::of_tokens(&plain, "OKAP-R-263"))?;
    let bearer = plain.text("/token_type").eq_ignore_ascii_case("bearer");
    plain.ensure("OKAP-R-263", bearer, "token_type Bearer without a proof")?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;

    let (code, holder) = (case.coded(&case.ask()).await?, case.holder());
    let reply = case.send_proven(&holder, &case.redemption(&code), None).await?;
    is_bound("OKAP-R-263", &reply)?;
    let grant = Grant::of_tokens(&reply, "OKAP-R-263")?;
    let prompt = case.prompt();
    let call = case.bare_chat(&grant, &prompt);
    let reply = case.send_proven(&holder, &call, Some(&grant.token)).await?;
    reply.has_status("OKAP-R-263", 200)?;
    Witness::of_upstream("OKAP-R-263", &prompt.nonce, &case.books(&prompt))
}

async fn document(case: &Case) -> Outcome {
    let (client, holder) = (case.published(), case.holder());
    let document = with(client.document(), "dpop_bound_access_tokens", json!(true));
    case.publish(&client, &document).await?;
    let push = || case.to_push(&case.ask()).by(&client);
    let bare = case.send(case.redemption(&case.coded_of(push()).await?)).await?;
    bare.is_refused("OKAP-R-266", 400, "invalid_dpop_proof")?;
    let redemption = case.redemption(&case.coded_of(push()).await?);
    let own = case.send_proven(&holder, &redemption, None).await?;
    twin(is_bound("OKAP-R-263", &own))?;
    Witness::of_change("OKAP-R-266", &bare, &own)
}

async fn refresh(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    let there = !bound.refresh().is_empty();
    prerequisite("no refresh token", bound.grant.reply.ensure("OKAP-R-264", there, "one"))?;
    let (call, other) = (case.refreshment(bound.refresh()), case.holder());
    let bare = case.send(call.clone()).await?;
    bare.is_refused("OKAP-R-264", 400, "invalid_grant")?;
    let strange = case.send_proven(&other, &call, None).await?;
    strange.is_refused("OKAP-R-264", 400, "invalid_grant")?;
    // nothing was revoked by that
    let own = case.send_proven(&bound.holder, &call, None).await?;
    is_bound("OKAP-R-204", &own)?;
    Witness::of_change("OKAP-R-264", &bare, &own)
}

async fn reuse(case: &Case) -> Outcome {
    let (tokens, holder) = (case.tokens(&case.ask()).await?, case.holder());
    let call = case.refreshment(&tokens.refresh);
    let bound = case.send_proven(&holder, &call, None).await?;
    prerequisite("no bound successor", is_bound("OKAP-R-263", &bound))?;
    // the answer may have got lost
    let again = case.send_proven(&holder, &call, None).await?;
    let same = again.text("/refresh_token") == bound.text("/refresh_token");
    twin(again.ensure("OKAP-R-202", again.status == 200 && same, "the same successor"))?;
    let bare = case.send(call).await?;
    bare.is_refused("OKAP-R-473", 400, "invalid_grant")?;
    let token = Some(again.text("/access_token"));
    let grant = Call::get(case.at(&format!("okap/grants/{}", tokens.grant.id)));
    let own = case.send_proven(&holder, &grant, token).await?;
    own.ensure("OKAP-R-473", own.text("/status") == "revoked", "a grant that is revoked")?;
    Witness::of_change("OKAP-R-473", &again, &bare)
}

async fn scheme(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;
    let token = bound.grant.token.as_str();
    for (header, value) in [
        ("authorization", format!("Bearer {token}")),
        ("x-api-key", token.to_owned()),
        ("x-goog-api-key", token.to_owned()),
    ] {
        for with_proof in [false, true] {
            let prompt = case.prompt();
            let mut call = case.bare_chat(&bound.grant, &prompt).header(header, &value);
            if with_proof {
                let proof = case.proof(&bound.holder, &call, Some(token));
                call = call.header("dpop", proof.by(&bound.holder.key));
            }
            let reply = case.send(call).await?;
            reply.is_refused("OKAP-R-265", 401, "invalid_token")?;
            case.never_left(&prompt)?;
        }
    }

    let plain = case.grant(&case.ask()).await?;
    twin(case.forwarded(&plain, &case.prompt()).await)?;
    let prompt = case.prompt();
    let call = case.bare_chat(&plain, &prompt);
    let reply = case.send_proven(&bound.holder, &call, Some(&plain.token)).await?;
    reply.is_refused("OKAP-R-265", 401, "invalid_token")?;
    case.never_left(&prompt)?;
    Ok(witness)
}

async fn key(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;
    let (prompt, other) = (case.prompt(), case.holder().key);
    let call = case.bare_chat(&bound.grant, &prompt);
    let bare = case.send(as_dpop(&call, Some(&bound.grant.token))).await?;
    case.refused_proof("OKAP-R-466", &(bare, prompt))?;
    let strange = case.call_signed(&bound, |proof| proof.by(&other)).await?;
    case.refused_proof("OKAP-R-466", &strange)?;
    twin(case.forwarded_bound("OKAP-R-272", &bound).await).map(|(_, witness)| witness)
}

async fn own(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    let (holder, token) = (&bound.holder, bound.grant.token.as_str());
    let mut last = None;
    for path in ["okap/limits".to_owned(), format!("okap/grants/{}", bound.grant.id)] {
        let call = Call::get(case.at(&path));
        let bearer = case.send(call.clone().bearer(token)).await?;
        bearer.is_refused("OKAP-R-265", 401, "invalid_token")?;
        let bare = case.send(as_dpop(&call, Some(token))).await?;
        bare.is_refused("OKAP-R-466", 401, "invalid_dpop_proof")?;
        let elsewhere = case.send(call.clone().header("x-api-key", token)).await?;
        elsewhere.ensure("OKAP-R-446", elsewhere.status == 401, "401 for x-api-key")?;
        let proof = case.proof(holder, &call, Some(token)).by(&case.holder().key);
        let strange = case.send(proven(&call, Some(token), &proof)).await?;
        strange.is_refused("OKAP-R-466", 401, "invalid_dpop_proof")?;
        let own = case.send_proven(holder, &call, Some(token)).await?;
        own.has_status("OKAP-R-446", 200)?;
        own.ensure("OKAP-R-446", own.text("/grant_id") == bound.grant.id, "the own grant_id")?;
        last = Some(Witness::of_change("OKAP-R-446", &bare, &own)?);
    }
    last.ok_or_else(|| Stop::Broken("nothing was tried".to_owned()))
}

fn is_bound(requirement: &str, reply: &Reply) -> Result<(), Stop> {
    reply.has_status(requirement, 200)?;
    let dpop = reply.text("/token_type").eq_ignore_ascii_case("dpop");
    reply.ensure(requirement, dpop, "token_type DPoP")
}

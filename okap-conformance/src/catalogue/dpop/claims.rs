//! What a proof says: of this request, of now, once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    case::{Bound, Case, key::sha256, proof::proven},
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "dpop.claims.request",
        rev: 1,
        title: "a proof is good for the one method and address that it names",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-253"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(request(case)),
    },
    Test {
        id: "dpop.claims.time",
        rev: 1,
        title: "a proof is good from 60 seconds before its time to 300 seconds after it",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-254"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(time(case)),
    },
    Test {
        id: "dpop.claims.jti",
        rev: 1,
        title: "a proof has a name of 1 to 128 characters",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-255"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: None,
        run: |case| Box::pin(jti(case)),
    },
    Test {
        id: "dpop.claims.once",
        rev: 1,
        title: "a proof counts once, however many come at once",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-256"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("replay"),
        run: |case| Box::pin(once(case)),
    },
    Test {
        id: "dpop.claims.once_a_key",
        rev: 1,
        title: "two keys may use the same name for their proofs",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-256"],
        needs: &[],
        twin: Some("dpop.claims.once"),
        threat: None,
        run: |case| Box::pin(once_a_key(case)),
    },
    Test {
        id: "dpop.claims.token",
        rev: 1,
        title: "at resources a proof names the token that it came with",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-257"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(token(case)),
    },
];

/// Fails where a claim of this value is not refused.
async fn refuses(
    case: &Case,
    bound: &Bound,
    requirement: &str,
    claim: &str,
    value: Value,
) -> Result<(), Stop> {
    let refused = case.call_with(bound, |proof| proof.claim(claim, value)).await?;
    case.refused_proof(requirement, &refused)
}

/// Fails where a claim of this value is refused.
async fn takes(
    case: &Case,
    bound: &Bound,
    requirement: &str,
    claim: &str,
    value: Value,
) -> Outcome {
    let taken = case.call_with(bound, |proof| proof.claim(claim, value)).await?;
    case.took_proof(requirement, &taken)
}

async fn ready(case: &Case) -> Result<Bound, Stop> {
    let bound = case.bound(&case.ask()).await?;
    twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;
    Ok(bound)
}

async fn request(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    let here = format!("{}/chat/completions", bound.grant.base_url);
    let moved = here.replacen("://", "://elsewhere.", 1);
    let (scheme, rest) = here.split_once("://").unwrap_or(("http", &here));
    let other_scheme = if scheme == "http" { "https" } else { "http" };
    for (claim, value) in [
        ("htm", json!("GET")),
        ("htm", json!("post")),
        ("htm", json!(["POST"])),
        ("htu", json!(moved)),
        ("htu", json!(format!("{other_scheme}://{rest}"))),
        ("htu", json!(format!("{}/embeddings", bound.grant.base_url))),
        ("htu", json!(case.issuer())),
        ("htu", json!("/chat/completions")),
    ] {
        refuses(case, &bound, "OKAP-R-253", claim, value).await?;
    }
    for claim in ["htm", "htu"] {
        let refused = case.call_with(&bound, |proof| proof.without(claim)).await?;
        case.refused_proof("OKAP-R-253", &refused)?;
    }
    // another way to write the same address
    let same = format!("{}://{rest}", scheme.to_ascii_uppercase());
    takes(case, &bound, "OKAP-R-253", "htu", json!(same)).await?;
    takes(case, &bound, "OKAP-R-253", "htu", json!(format!("{here}?a=1#b"))).await
}

async fn time(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    for seconds in [-330, -3_600, 90, 3_600] {
        refuses(case, &bound, "OKAP-R-254", "iat", json!(case.epoch() + seconds)).await?;
    }
    let refused = case.call_with(&bound, |proof| proof.without("iat")).await?;
    case.refused_proof("OKAP-R-254", &refused)?;
    takes(case, &bound, "OKAP-R-254", "iat", json!(case.epoch() - 270)).await?;
    takes(case, &bound, "OKAP-R-254", "iat", json!(case.epoch() + 30)).await
}

async fn jti(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    for wrong in [json!(""), json!("j".repeat(129)), json!(7)] {
        refuses(case, &bound, "OKAP-R-255", "jti", wrong).await?;
    }
    let refused = case.call_with(&bound, |proof| proof.without("jti")).await?;
    case.refused_proof("OKAP-R-255", &refused)?;
    takes(case, &bound, "OKAP-R-255", "jti", json!("j")).await?;
    takes(case, &bound, "OKAP-R-255", "jti", json!("j".repeat(128))).await
}

async fn once(case: &Case) -> Outcome {
    const CALLS: usize = 6;
    let bound = ready(case).await?;
    let (prompt, token) = (case.prompt(), bound.grant.token.as_str());
    let call = case.bare_chat(&bound.grant, &prompt);
    let proof = case.proof(&bound.holder, &call, Some(token)).by(&bound.holder.key);
    let calls = (0..CALLS).map(|_| case.send(proven(&call, Some(token), &proof)));
    let mut replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    replies.push(case.send(proven(&call, Some(token), &proof)).await?);

    let books = case.books(&prompt);
    let observed = format!("{} calls at the provider", books.calls.len());
    ensure("OKAP-R-256", books.calls.len() == 1, "one call for one proof", observed)?;
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is_refused("OKAP-R-256", 401, "invalid_dpop_proof")?;
    }
    Witness::of_upstream("OKAP-R-256", &prompt.nonce, &books)
}

async fn once_a_key(case: &Case) -> Outcome {
    let (one, other) = (ready(case).await?, ready(case).await?);
    let jti = json!(case.nonce());
    twin(takes(case, &one, "OKAP-R-256", "jti", jti.clone()).await)?;
    takes(case, &other, "OKAP-R-256", "jti", jti).await
}

async fn token(case: &Case) -> Outcome {
    let bound = ready(case).await?;
    let own = sha256(&bound.grant.token);
    let wrong = [
        json!(sha256("okap_at_another")),
        json!(own.chars().rev().collect::<String>()),
        json!(bound.grant.token),
        json!(""),
        json!(null),
    ];
    for value in wrong {
        refuses(case, &bound, "OKAP-R-257", "ath", value).await?;
    }
    let refused = case.call_with(&bound, |proof| proof.without("ath")).await?;
    case.refused_proof("OKAP-R-257", &refused)?;
    takes(case, &bound, "OKAP-R-257", "ath", json!(own)).await
}

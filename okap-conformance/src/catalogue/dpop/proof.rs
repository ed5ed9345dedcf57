//! What a proof is: one header, signed, and refused in the right words.

use serde_json::json;

use crate::{
    case::{Case, proof::proven},
    catalogue::Test,
    http::{Call, Reply},
    outcome::{Outcome, Stop, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "dpop.proof.taken",
        rev: 1,
        title: "a call with a proof is forwarded, and the proof stays behind",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-259", "OKAP-R-272"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(taken(case)),
    },
    Test {
        id: "dpop.proof.signature",
        rev: 1,
        title: "a proof that its key did not sign in the one way there is proves nothing",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-252"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(signature(case)),
    },
    Test {
        id: "dpop.proof.header",
        rev: 1,
        title: "a proof is one header of at most 4096 bytes",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-251"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(header(case)),
    },
    Test {
        id: "dpop.proof.refusal",
        rev: 1,
        title: "a bad proof is answered 400 at forms, and 401 with a challenge at resources",
        profile: Profile::Dpop,
        verifies: &["OKAP-R-258"],
        needs: &[],
        twin: Some("dpop.proof.taken"),
        threat: None,
        run: |case| Box::pin(refusal(case)),
    },
];

async fn taken(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    let (prompt, witness) = case.forwarded_bound("OKAP-R-272", &bound).await?;
    let books = case.books(&prompt);
    for call in &books.calls {
        let seen = call.headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>();
        let clean = call.header("dpop").is_none();
        ensure("OKAP-R-259", clean, "no dpop header at the provider", seen.join(", "))?;
        let credential = call.header("authorization").unwrap_or_default();
        let own = !credential.to_ascii_lowercase().starts_with("dpop");
        ensure("OKAP-R-259", own, "the provider's own credential", credential)?;
    }
    Ok(witness)
}

async fn signature(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;
    let (key, other) = (&bound.holder.key, case.holder().key);

    // the header names our key, and another has signed
    let jwk = key.jwk();
    let forged = case.call_signed(&bound, |proof| proof.head("jwk", jwk).by(&other)).await?;
    case.refused_proof("OKAP-R-252", &forged)?;
    // all but the signature
    let cut = case.call_signed(&bound, |proof| unsigned(&proof.by(key))).await?;
    case.refused_proof("OKAP-R-252", &cut)?;
    let symmetric = case.call_signed(&bound, |proof| proof.by_mac("a key for both")).await?;
    case.refused_proof("OKAP-R-252", &symmetric)?;
    for (member, value) in [
        ("typ", json!("JWT")),
        ("typ", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("ES384")),
        ("jwk", key.private_jwk()),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
    ] {
        let refused = case.call_with(&bound, |proof| proof.head(member, value)).await?;
        case.refused_proof("OKAP-R-252", &refused)?;
    }
    twin(case.forwarded_bound("OKAP-R-272", &bound).await).map(|(_, witness)| witness)
}

async fn header(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;
    let (key, token) = (&bound.holder.key, bound.grant.token.as_str());

    let prompt = case.prompt();
    let call = case.bare_chat(&bound.grant, &prompt);
    let [one, two] = [(); 2].map(|()| case.proof(&bound.holder, &call, Some(token)).by(key));
    let both = case.send(proven(&call, Some(token), &one).header("dpop", two)).await?;
    case.refused_proof("OKAP-R-251", &(both, prompt))?;

    for text in ["", "proof", "a.b", "a.b.c.d"] {
        let refused = case.call_signed(&bound, |_| text.to_owned()).await?;
        case.refused_proof("OKAP-R-251", &refused)?;
    }
    // a claim that nobody knows makes it as long as wanted: 4 characters for 3 bytes
    let bare = case.proof(&bound.holder, &call, Some(token)).claim("x", json!("")).by(key).len();
    let of = |bytes: usize| json!("x".repeat(bytes.saturating_sub(bare + 3) * 3 / 4));
    let long = case.call_with(&bound, |proof| proof.claim("x", of(4_110))).await?;
    case.refused_proof("OKAP-R-251", &long)?;
    let short = case.call_with(&bound, |proof| proof.claim("x", of(4_080))).await?;
    case.took_proof("OKAP-R-251", &short)
}

async fn refusal(case: &Case) -> Outcome {
    let bound = case.bound(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded_bound("OKAP-R-272", &bound).await)?;

    let refused = case.call_with(&bound, |proof| proof.claim("htm", json!("PUT"))).await?;
    case.refused_proof("OKAP-R-258", &refused)?;
    challenged(&refused.0)?;
    let (holder, token) = (&bound.holder, bound.grant.token.as_str());
    for path in ["okap/limits".to_owned(), format!("okap/grants/{}", bound.grant.id)] {
        let call = Call::get(case.at(&path));
        twin(case.send_proven(holder, &call, Some(token)).await?.has_status("OKAP-R-446", 200))?;
        let proof = case.proof(holder, &call, Some(token)).claim("htm", json!("PUT"));
        let reply = case.send(proven(&call, Some(token), &proof.by(&holder.key))).await?;
        reply.is_refused("OKAP-R-258", 401, "invalid_dpop_proof")?;
        challenged(&reply)?;
    }

    let ask = case.ask();
    let push = case.push(&case.to_push(&ask));
    let proof = case.proof(holder, &push, None).claim("htm", json!("PUT")).by(&holder.key);
    let reply = case.send(proven(&push, None, &proof)).await?;
    reply.is_refused("OKAP-R-258", 400, "invalid_dpop_proof")?;
    let code = case.coded(&ask).await?;
    let redemption = case.redemption(&code);
    let proof = case.proof(holder, &redemption, None).claim("htm", json!("PUT"));
    let reply = case.send(proven(&redemption, None, &proof.by(&holder.key))).await?;
    reply.is_refused("OKAP-R-258", 400, "invalid_dpop_proof")?;
    // and the code is as good as before
    let reply = case.send_proven(holder, &redemption, None).await?;
    twin(reply.has_status("OKAP-R-127", 200))?;
    Ok(witness)
}

fn challenged(reply: &Reply) -> Result<(), Stop> {
    let mut challenges = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
    let says = |text: &str| {
        let scheme = text.split_whitespace().next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("dpop")
            && text.contains("algs=\"ES256\"")
            && text.contains("error=\"invalid_dpop_proof\"")
    };
    let said = challenges.any(|(_, text)| says(text));
    reply.ensure("OKAP-R-258", said, "WWW-Authenticate: DPoP with the error and algs=\"ES256\"")
}

fn unsigned(proof: &str) -> String {
    proof.rsplit_once('.').map_or_else(String::new, |(signed, _)| format!("{signed}."))
}

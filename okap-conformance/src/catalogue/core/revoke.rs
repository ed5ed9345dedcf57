//! Taking access back, and what tokens look like.

use std::collections::BTreeSet;

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.revoke.anybody",
        rev: 1,
        title: "whoever found a token may end it, and learns nothing of one that is unknown",
        profile: Profile::Core,
        verifies: &["OKAP-R-231", "OKAP-R-232", "OKAP-R-463"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(anybody(case)),
    },
    Test {
        id: "core.revoke.client",
        rev: 1,
        title: "a revocation in the name of another client is refused",
        profile: Profile::Core,
        verifies: &["OKAP-R-233"],
        needs: &[],
        twin: Some("core.revoke.anybody"),
        threat: None,
        run: |case| Box::pin(client(case)),
    },
    Test {
        id: "core.revoke.user",
        rev: 1,
        title: "what the user revokes is over for its app, and for no other",
        profile: Profile::Core,
        verifies: &["OKAP-R-235"],
        needs: &[crate::driver::Verb::Revoke],
        twin: Some("core.own.grant"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(user(case)),
    },
    Test {
        id: "core.revoke.malformed",
        rev: 1,
        title: "a token that is malformed is answered as an unknown one",
        profile: Profile::Core,
        verifies: &["OKAP-R-192"],
        needs: &[],
        twin: Some("core.own.grant"),
        threat: None,
        run: |case| Box::pin(malformed(case)),
    },
    Test {
        id: "core.revoke.random",
        rev: 1,
        title: "tokens have their prefix and their form, and none tells another",
        profile: Profile::Core,
        verifies: &["OKAP-R-191"],
        needs: &[],
        twin: None,
        threat: Some("token-guessing"),
        run: |case| Box::pin(random(case)),
    },
];

fn revocation(case: &Case, fields: &[(&str, &str)]) -> Call {
    Call::post(case.at("okap/revoke")).form(fields)
}

async fn anybody(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    for unknown in [UNKNOWN, "okapconf", "okap_rt_x"] {
        let reply = case.send(revocation(case, &[("token", unknown)])).await?;
        reply.has_status("OKAP-R-232", 200)?;
    }
    let active = case.own_grant(&grant).await?;
    active.ensure("OKAP-R-232", active.text("/status") == "active", "an active grant")?;
    let hinted = [("token", grant.token.as_str()), ("token_type_hint", "refresh_token")];
    // from anywhere, without a client_id
    let call = revocation(case, &hinted).from(case.elsewhere());
    case.send(call).await?.has_status("OKAP-R-463", 200)?;
    let after = case.own_grant(&grant).await?;
    after.ensure("OKAP-R-231", after.text("/status") == "revoked", "a revoked grant")?;
    let again = case.send(revocation(case, &[("token", &grant.token)])).await?;
    again.has_status("OKAP-R-232", 200)?;
    Witness::of_change("OKAP-R-463", &before, &after)
}

async fn client(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    for other in ["http://localhost", "https://okapconf.example/client.json"] {
        let fields = [("token", grant.token.as_str()), ("client_id", other)];
        let reply = case.send(revocation(case, &fields)).await?;
        reply.is_refused("OKAP-R-233", 400, "unauthorized_client")?;
        let active = case.own_grant(&grant).await?;
        active.ensure("OKAP-R-233", active.text("/status") == "active", "an active grant")?;
    }
    case.give_back(&grant.token).await?;
    twin(Witness::of_change("OKAP-R-233", &before, &case.own_grant(&grant).await?))
}

async fn user(case: &Case) -> Outcome {
    let (grant, other) = (case.grant(&case.ask()).await?, case.grant(&case.ask()).await?);
    let limits = |grant: &Grant| Call::get(case.at("okap/limits")).bearer(&grant.token);
    let before = case.send(limits(&grant)).await?;
    twin(before.has_status("OKAP-R-235", 200))?;
    case.revoke(&grant).await?;
    let after = case.send(limits(&grant)).await?;
    after.is_refused("OKAP-R-235", 401, "token_revoked")?;
    case.send(limits(&other)).await?.has_status("OKAP-R-235", 200)?;
    Witness::of_change("OKAP-R-235", &before, &after)
}

/// Well-formed, and never issued: 32 bytes of 0x07.
const UNKNOWN: &str = "okap_at_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcG5xNhQ";

async fn malformed(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let limits = |token: &str| Call::get(case.at("okap/limits")).bearer(token);
    let before = case.send(limits(&grant.token)).await?;
    twin(before.has_status("OKAP-R-192", 200))?;
    let unknown = case.send(limits(UNKNOWN)).await?;
    unknown.is_refused("OKAP-R-192", 401, "invalid_token")?;
    let token = &grant.token;
    let (body, last) = token.split_at(token.len().saturating_sub(1));
    let changed = if last == "A" { "B" } else { "A" };
    let wrong = [
        format!("{body}{changed}"),
        body.to_owned(),
        format!("{token}A"),
        token.replacen("okap_at_", "okap_rt_", 1),
        token.replacen("okap_at_", "okap_xx_", 1),
        token.replacen("okap_at_", "", 1),
        token.to_ascii_uppercase(),
        format!("{}!", body),
    ];
    for wrong in wrong {
        let reply = case.send(limits(&wrong)).await?;
        let alike = (reply.status, &reply.body) == (unknown.status, &unknown.body);
        reply.ensure("OKAP-R-192", alike, "the answer of an unknown token")?;
    }
    case.give_back(token).await?;
    twin(Witness::of_change("OKAP-R-192", &before, &case.send(limits(token)).await?))
}

async fn random(case: &Case) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut tokens = Vec::new();
    for at in 0..6 {
        let pending = case.begin(&case.ask()).await?;
        tokens.push((pending.token().to_owned(), "okap_ct_"));
        if at < 2 {
            tokens.push((case.grant(&case.ask()).await?.token, "okap_at_"));
        }
    }
    for (token, prefix) in &tokens {
        let random = token.strip_prefix(prefix).unwrap_or_default();
        let formed = random.len() == 49
            && random.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        ensure("OKAP-R-191", formed, format!("{prefix} and 49 characters"), "another form")?;
        let random: Vec<char> = random.chars().take(43).collect();
        let kinds: BTreeSet<_> = random.iter().collect();
        // of 43 random characters 30 are distinct; a run of one, a counter or a clock is far below
        ensure("OKAP-R-191", kinds.len() >= 18, "32 random bytes", "few different characters")?;
        // the chance that three tokens share 6 characters at one place is below 10^-8
        for at in (0..37).step_by(6) {
            let part: String = random.iter().skip(at).take(6).collect();
            let fresh = seen.insert((at, part));
            ensure("OKAP-R-191", fresh, "tokens that share nothing", "a part of another token")?;
        }
    }
    match tokens.as_slice() {
        [(one, _), .., (other, _)] => Witness::of_fresh("OKAP-R-191", one, other),
        _ => Err(Stop::Broken("no tokens".to_owned())),
    }
}

//! Clients that sign.

use serde_json::{Value, json};

use crate::{
    case::{Case, Parameters, Published, Tokens, put, take},
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, Witness, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.assertion.needed",
        rev: 1,
        title: "a client that says it signs is taken with a signature, at each endpoint",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-092"],
        needs: &[Verb::Publish],
        twin: None,
        threat: Some("impersonation"),
        run: |case| Box::pin(needed(case)),
    },
    Test {
        id: "oauth.assertion.claims",
        rev: 1,
        title: "an assertion of another issuer, client or time, or with another key, is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-092", "OKAP-R-093", "OKAP-R-095"],
        needs: &[Verb::Publish],
        twin: Some("oauth.assertion.needed"),
        threat: Some("impersonation"),
        run: |case| Box::pin(claims(case)),
    },
    Test {
        id: "oauth.assertion.replayed",
        rev: 1,
        title: "an assertion is good once",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-092", "OKAP-R-094"],
        needs: &[Verb::Publish],
        twin: Some("oauth.assertion.needed"),
        threat: Some("replay"),
        run: |case| Box::pin(replayed(case)),
    },
    Test {
        id: "oauth.assertion.not_announced",
        rev: 1,
        title: "an assertion of a client that does not say that it signs is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-095"],
        needs: &[Verb::Publish],
        twin: Some("oauth.assertion.needed"),
        threat: Some("impersonation"),
        run: |case| Box::pin(not_announced(case)),
    },
];

async fn signer(case: &Case) -> Result<Published, Stop> {
    let client = case.published();
    case.publish(&client, &client.signing_document()).await?;
    Ok(client)
}

/// Pushes with an assertion of these claims.
async fn pushed(
    case: &Case,
    client: &Published,
    header: &Value,
    claims: &Value,
) -> Result<crate::http::Reply, Stop> {
    let mut push = case.to_push(&case.ask()).by(client);
    push.form = case.with_assertion(&push.form, &client.sign(header, claims));
    case.send_push(&push).await
}

/// Pushes as it should be.
async fn good(case: &Case, client: &Published) -> Result<String, Stop> {
    let reply = pushed(case, client, &json!({ "alg": "ES256" }), &case.claims(client)).await?;
    reply.has_status("OKAP-R-092", 201)?;
    Ok(reply.text("/request_uri").to_owned())
}

async fn needed(case: &Case) -> Outcome {
    let client = signer(case).await?;
    let plain = case.to_push(&case.ask()).by(&client);
    case.send_push(&plain).await?.is_refused("OKAP-R-092", 401, "invalid_client")?;

    let mut signed = plain.clone();
    signed.form = case.signed(&plain.form, &client, &case.claims(&client));
    let code = case.coded_of(signed).await?;
    let silent = case.token(&code.form()).await?;
    silent.is_refused("OKAP-R-092", 401, "invalid_client")?;
    let tokens = tokens(case, &client, &code.form()).await?;
    let silent = case.token(&tokens.form()).await?;
    silent.is_refused("OKAP-R-092", 401, "invalid_client")?;
    let renewed = self::tokens(case, &client, &tokens.form()).await?;
    Witness::of_fresh("OKAP-R-092", &tokens.refresh, &renewed.refresh)
}

async fn tokens(case: &Case, client: &Published, form: &Parameters) -> Result<Tokens, Stop> {
    let form = case.signed(form, client, &case.claims(client));
    Tokens::read(&case.token(&form).await?, &client.client_id)
}

async fn claims(case: &Case) -> Outcome {
    let client = signer(case).await?;
    let other = case.published();
    let one = twin(good(case, &client).await)?;
    let now = case.epoch();
    let good_header = json!({ "alg": "ES256" });
    for (requirement, member, value) in [
        ("OKAP-R-093", "aud", json!([case.issuer()])),
        ("OKAP-R-093", "aud", json!(case.at("okap/par"))),
        ("OKAP-R-093", "aud", json!("https://other.example")),
        ("OKAP-R-093", "aud", Value::Null),
        ("OKAP-R-092", "exp", json!(now - 120)),
        ("OKAP-R-092", "exp", json!(now + 1_000)),
        ("OKAP-R-092", "exp", Value::Null),
        ("OKAP-R-092", "iat", json!(now + 200)),
        ("OKAP-R-092", "iss", json!(other.client_id)),
        ("OKAP-R-095", "sub", json!(other.client_id)),
        ("OKAP-R-092", "jti", Value::Null),
        ("OKAP-R-092", "jti", json!("a".repeat(129))),
    ] {
        let mut claims = case.claims(&client);
        match value.is_null() {
            true => take(&mut claims, member),
            false => put(&mut claims, member, value),
        }
        let reply = pushed(case, &client, &good_header, &claims).await?;
        reply.is_refused(requirement, 401, "invalid_client")?;
    }
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "ES384" }),
        json!({ "alg": "ES256", "crit": ["exp"], "exp": 1 }),
        json!({ "alg": "ES256", "kid": "another" }),
        json!({ "alg": "ES256", "typ": "dpop+jwt" }),
    ] {
        let reply = pushed(case, &client, &header, &case.claims(&client)).await?;
        reply.is_refused("OKAP-R-092", 401, "invalid_client")?;
    }
    // the claims are right, and the key is another's
    let mut push = case.to_push(&case.ask()).by(&client);
    push.form = case.signed(&push.form, &other, &case.claims(&client));
    case.send_push(&push).await?.is_refused("OKAP-R-092", 401, "invalid_client")?;
    let again = twin(good(case, &client).await)?;
    Witness::of_fresh("OKAP-R-092", &one, &again)
}

async fn replayed(case: &Case) -> Outcome {
    let client = signer(case).await?;
    let (header, claims) = (json!({ "alg": "ES256" }), case.claims(&client));
    let one = pushed(case, &client, &header, &claims).await?;
    twin(one.has_status("OKAP-R-092", 201))?;
    let again = pushed(case, &client, &header, &claims).await?;
    again.is_refused("OKAP-R-094", 401, "invalid_client")?;
    // another client is free to use the same id
    let neighbour = signer(case).await?;
    let mut own = case.claims(&neighbour);
    put(&mut own, "jti", claims.get("jti").cloned().unwrap_or_default());
    let other = pushed(case, &neighbour, &header, &own).await?;
    other.has_status("OKAP-R-094", 201)?;
    Witness::of_fresh("OKAP-R-094", one.text("/request_uri"), other.text("/request_uri"))
}

async fn not_announced(case: &Case) -> Outcome {
    let client = case.published_client().await?;
    let plain = || case.to_push(&case.ask()).by(&client);
    let one = twin(case.pushed(&plain()).await)?;
    let mut signed = plain();
    signed.form = case.signed(&signed.form, &client, &case.claims(&client));
    case.send_push(&signed).await?.is_refused("OKAP-R-095", 401, "invalid_client")?;
    let mut local = case.to_push(&case.ask());
    local.form = case.signed(&local.form, &client, &case.claims(&client));
    let reply = case.send_push(&local).await?;
    reply.is_refused("OKAP-R-095", 401, "invalid_client")?;
    let other = prerequisite("no second answer", case.pushed(&plain()).await)?;
    Witness::of_fresh("OKAP-R-095", &one, &other)
}

//! What holds for every endpoint that takes a form.

use crate::{
    case::{Case, Parameters},
    catalogue::Test,
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.form.twice",
        rev: 1,
        title: "a form in which a parameter stands twice is refused, at every endpoint",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-102"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("parameter-pollution"),
        run: |case| Box::pin(twice(case)),
    },
    Test {
        id: "oauth.form.method",
        rev: 1,
        title: "another method than POST, and another body than a form, is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-111", "OKAP-R-130", "OKAP-R-361"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: None,
        run: |case| Box::pin(method(case)),
    },
    Test {
        id: "oauth.form.grant_type",
        rev: 1,
        title: "a grant type that there is not is refused as one",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-131", "OKAP-R-361"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: None,
        run: |case| Box::pin(grant_type(case)),
    },
    Test {
        id: "oauth.form.secret",
        rev: 1,
        title: "a client that brings a shared secret is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-096", "OKAP-R-097", "OKAP-R-469"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: None,
        run: |case| Box::pin(secret(case)),
    },
    Test {
        id: "oauth.form.other_site",
        rev: 1,
        title: "a form that a browser sends for a page of another site is refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-475"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("cross-site-request"),
        run: |case| Box::pin(other_site(case)),
    },
    Test {
        id: "oauth.form.no_echo",
        rev: 1,
        title: "a refusal repeats no token, in characters that OAuth allows",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-363", "OKAP-R-361"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("token-leak"),
        run: |case| Box::pin(no_echo(case)),
    },
];

async fn twice(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let one = twin(case.pushed(&push).await)?;
    for name in ["client_id", "redirect_uri", "code_challenge", "state", "authorization_details"] {
        let fields = push.form.fields();
        let same = fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        let twice = push.clone().also(name, same);
        case.send_push(&twice).await?.is_refused("OKAP-R-102", 400, "invalid_request")?;
    }
    let unknown = push.clone().also("unknown", "1").also("unknown", "2");
    case.send_push(&unknown).await?.is_refused("OKAP-R-102", 400, "invalid_request")?;

    let code = case.coded(&case.ask()).await?;
    for (name, value) in [("code", "x"), ("redirect_uri", &code.push.redirect_uri), ("x", "1")] {
        let form = code.form().also(name, value).also("x", "1");
        case.token(&form).await?.is_refused("OKAP-R-102", 400, "invalid_request")?;
    }
    let tokens = twin(case.redeem(&code).await)?;
    let form = Parameters::of(&[("token", "x"), ("token", &tokens.grant.token)]);
    case.send_revoke(&form).await?.is_refused("OKAP-R-102", 400, "invalid_request")?;
    twin(case.stands("OKAP-R-102", &tokens.grant, "active").await)?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-102", &one, &other)
}

async fn method(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let one = twin(case.pushed(&push).await)?;
    let code = case.coded(&case.ask()).await?;
    for (path, form, by_method, by_type) in [
        ("okap/par", &push.form, "OKAP-R-111", "OKAP-R-361"),
        ("okap/token", &code.form(), "OKAP-R-130", "OKAP-R-130"),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let call = Call::new(method, case.at(path)).form(&form.fields());
            let reply = case.send(call).await?;
            reply.is_refused(by_method, 405, "method_not_allowed")?;
            let allows = reply.header("allow").is_some_and(|allow| allow.contains("POST"));
            reply.ensure("OKAP-R-361", allows, "allow: POST")?;
        }
        let json: serde_json::Map<_, _> = form
            .fields()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let reply = case.send(Call::post(case.at(path)).json(&json.into())).await?;
        reply.is_refused(by_type, 400, "invalid_request")?;
    }
    twin(case.redeem(&code).await)?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-111", &one, &other)
}

async fn grant_type(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    for kind in ["password", "client_credentials", "implicit", "authorization-code"] {
        let reply = case.token(&code.form().with("grant_type", kind)).await?;
        reply.is_refused("OKAP-R-131", 400, "unsupported_grant_type")?;
    }
    let reply = case.token(&code.form().without("grant_type")).await?;
    reply.is_refused("OKAP-R-361", 400, "invalid_request")?;
    let one = twin(case.redeem(&code).await)?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-131", &one.grant.token, &other.grant.token)
}

async fn secret(case: &Case) -> Outcome {
    let push = case.to_push(&case.ask());
    let one = twin(case.pushed(&push).await)?;
    let code = case.coded(&case.ask()).await?;
    for (path, form) in [("okap/par", &push.form), ("okap/token", &code.form())] {
        let call = || Call::post(case.at(path)).basic("http%3A%2F%2Flocalhost", "secret");
        let both = case.send(call().form(&form.fields())).await?;
        both.is_refused("OKAP-R-096", 400, "invalid_request")?;
        let form = form.clone().without("client_id");
        let header = case.send(call().form(&form.fields())).await?;
        header.ensure("OKAP-R-097", header.status >= 400, "no client by a shared secret")?;
        header.is_refused("OKAP-R-096", 401, "invalid_client")?;
        let asks = header.header("www-authenticate").is_some();
        header.ensure("OKAP-R-469", asks, "www-authenticate beside 401")?;
    }
    twin(case.redeem(&code).await)?;
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-096", &one, &other)
}

async fn other_site(case: &Case) -> Outcome {
    let send = async |site: &str| {
        let push = case.to_push(&case.ask());
        let call = Call::post(case.at("okap/par")).header("sec-fetch-site", site);
        case.send(call.form(&push.form.fields())).await
    };
    let one = send("same-origin").await?;
    twin(one.has_status("OKAP-R-475", 201))?;
    let refused = send("cross-site").await?;
    let stopped = (400..500).contains(&refused.status) && refused.at("/request_uri").is_null();
    refused.ensure("OKAP-R-475", stopped, "a refusal")?;
    let other = send("same-origin").await?;
    twin(other.has_status("OKAP-R-475", 201))?;
    Witness::of_fresh("OKAP-R-475", one.text("/request_uri"), other.text("/request_uri"))
}

async fn no_echo(case: &Case) -> Outcome {
    let code = case.coded(&case.ask()).await?;
    let form = code.form();
    // shaped as tokens, and known to nobody; one breaks out of JSON where it is pasted in
    let secret = format!("okap_ac_{0}{0}{0}", case.nonce());
    let quoted = format!("{}\"\\\u{e4}", case.nonce());
    for (name, value) in [
        ("code", &secret),
        ("code_verifier", &quoted),
        ("client_assertion", &secret),
        ("grant_type", &quoted),
    ] {
        let reply = case.token(&form.clone().with(name, value)).await?;
        let refused = reply.status >= 400 && !reply.code().is_empty();
        reply.ensure("OKAP-R-361", refused, "a refusal in JSON")?;
        silent(&reply, value)?;
    }
    let reply = case.token(&form.clone().with("code", &secret).with("x", &quoted)).await?;
    silent(&reply, &secret)?;
    let refresh = Parameters::of(&[("grant_type", "refresh_token"), ("client_id", case.local())]);
    silent(&case.token(&refresh.also("refresh_token", &secret)).await?, &secret)?;
    let one = twin(case.redeem(&code).await)?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-363", &one.grant.token, &other.grant.token)
}

/// What the refusal says has none of it, and only characters that it may have.
fn silent(reply: &Reply, value: &str) -> Result<(), Stop> {
    let said = reply.text("/error_description");
    reply.ensure("OKAP-R-363", !said.contains(value), "a refusal that repeats no token")?;
    let plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    reply.ensure("OKAP-R-361", said.chars().all(plain), "printable ASCII without \" and \\")
}

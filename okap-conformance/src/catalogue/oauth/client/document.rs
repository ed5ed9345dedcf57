//! Documents that break a rule, each beside one that does not.

use serde_json::{Value, json};

use crate::{
    case::{Case, FETCHED, Published, with},
    http::Reply,
    outcome::{Outcome, Stop, Witness, twin},
};

/// Longest document in bytes.
const LONGEST: usize = 5_120;

/// A document that is refused, and one that differs in one thing and is taken.
struct Pair {
    requirement: &'static str,
    wrong: String,
    good: String,
    signs: bool,
}

/// A client, its good document, and what a push with that was answered.
struct Taken {
    client: Published,
    good: String,
    answer: String,
}

pub(super) async fn document(case: &Case) -> Outcome {
    let taken = refused(case, members).await?;
    if let [first, ..] = taken.as_slice() {
        case.publish_text(&first.client, Some(first.good.clone()), Some(FETCHED)).await?;
        send(case, &first.client, false).await?.has_status("OKAP-R-082", 201)?;
    }
    fresh("OKAP-R-085", &taken)
}

pub(super) async fn redirects(case: &Case) -> Outcome {
    fresh("OKAP-R-088", &refused(case, addresses).await?)
}

pub(super) async fn length(case: &Case) -> Outcome {
    fresh("OKAP-R-081", &refused(case, lengths).await?)
}

fn fresh(requirement: &str, taken: &[Taken]) -> Outcome {
    let answers: Vec<_> = taken.iter().map(|taken| taken.answer.clone()).collect();
    Witness::of_several(requirement, &answers)
}

/// Pushes with the good document of each pair, and then with the wrong one.
async fn refused(case: &Case, pairs: fn(&Published) -> Vec<Pair>) -> Result<Vec<Taken>, Stop> {
    let mut taken = Vec::new();
    for way in 0.. {
        let client = case.published();
        let Some(Pair { requirement, wrong, good, signs }) = pairs(&client).into_iter().nth(way)
        else {
            break;
        };
        case.publish_text(&client, Some(good.clone()), Some(FETCHED)).await?;
        let reply = send(case, &client, signs).await?;
        twin(reply.has_status(requirement, 201))?;
        // as fresh as it likes to be: what does not hold is not remembered
        case.publish_text(&client, Some(wrong), Some("max-age=300")).await?;
        let answer = reply.text("/request_uri").to_owned();
        let reply = send(case, &client, signs).await?;
        reply.is_refused(requirement, 401, "invalid_client")?;
        taken.push(Taken { client, good, answer });
    }
    Ok(taken)
}

async fn send(case: &Case, client: &Published, signs: bool) -> Result<Reply, Stop> {
    let mut push = case.to_push(&case.ask()).by(client);
    if signs {
        push.form = case.signed(&push.form, client, &case.claims(client));
    }
    case.send_push(&push).await
}

fn pair(requirement: &'static str, wrong: &Value, good: &Value) -> Pair {
    Pair { requirement, wrong: wrong.to_string(), good: good.to_string(), signs: false }
}

/// Members that must not be there, or not be so.
fn members(client: &Published) -> Vec<Pair> {
    let (plain, signing) = (client.document(), client.signing_document());
    let rule = |wrong: &Value, good: &Value| pair("OKAP-R-085", wrong, good);
    let more = |name: &str, value: &str| with(plain.clone(), name, json!(value));
    let method = |word: &str| more("token_endpoint_auth_method", word);
    let keys = |keys: &[Value]| {
        let wrong = with(signing.clone(), "jwks", json!({ "keys": keys }));
        Pair { signs: true, ..rule(&wrong, &signing) }
    };
    let private = with(client.jwk(), "d", json!("MJVrq5AxBFdkS5Opl8eiLvGxLs-Ft8xcsMMYDKjLp1s"));
    let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0" });
    let twice = format!("{{\"redirect_uris\":[\"{}\"],", client.redirect_uri);
    vec![
        rule(&more("client_secret", "hush"), &more("okapconf", "hush")),
        rule(&more("client_id", "https://other.example/client.json"), &plain),
        rule(&method("client_secret_basic"), &method("none")),
        rule(&method("client_secret_post"), &method("none")),
        rule(&more("jwks_uri", "https://other.example/keys"), &plain),
        rule(&json!([]), &plain),
        Pair { wrong: plain.to_string().replacen('{', &twice, 1), ..rule(&plain, &plain) },
        keys(&[private]),
        keys(&[client.jwk(), symmetric]),
    ]
}

/// Addresses to which no browser may be led.
fn addresses(client: &Published) -> Vec<Pair> {
    let back =
        |other: &str| with(client.document(), "redirect_uris", json!([client.redirect_uri, other]));
    let (web, app) = (back("https://app.example/back"), back("example.app:/back"));
    let long = |length: usize| {
        back(&format!("https://app.example/{}", "a".repeat(length.saturating_sub(20))))
    };
    vec![
        pair("OKAP-R-088", &back("http://app.example/back"), &web),
        pair("OKAP-R-088", &back("javascript:alert(1)"), &app),
        pair("OKAP-R-089", &back("https://app.example/*"), &web),
        pair("OKAP-R-089", &back("https://u@app.example/back"), &web),
        pair("OKAP-R-089", &back("https://app.example/back#x"), &web),
        pair("OKAP-R-089", &back("https://APP.example/back"), &web),
        pair("OKAP-R-089", &long(513), &long(512)),
    ]
}

/// The longest document, and one byte more.
fn lengths(client: &Published) -> Vec<Pair> {
    let long = |bytes: usize| {
        let document =
            |padding: usize| with(client.document(), "okapconf", json!("x".repeat(padding)));
        document(bytes.saturating_sub(document(0).to_string().len()))
    };
    let pair = || pair("OKAP-R-081", &long(LONGEST + 1), &long(LONGEST));
    vec![pair(), pair()]
}

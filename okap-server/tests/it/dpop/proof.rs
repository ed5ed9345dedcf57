//! What is wrong with a proof wherever it is shown, and what it may be all the same.

use serde_json::{Value, json};

use super::{app, bad_here, bad_there, details};
use crate::support::{Ask, House, Signed, Tokens, key, post, with};

/// One thing that makes a proof wrong wherever it is shown.
type Wrong = (&'static str, fn(Signed, &House) -> Signed);

const WRONG: &[Wrong] = &[
    // V105
    ("alg none", |p, _| p.header("alg", "none")),
    ("alg HS256", |p, _| p.header("alg", "HS256")),
    ("alg ES384", |p, _| p.header("alg", "ES384")),
    ("alg RS256", |p, _| p.header("alg", "RS256")),
    ("alg es256", |p, _| p.header("alg", "es256")),
    ("no alg", |p, _| p.header("alg", Value::Null)),
    ("signed by another key", |p, _| p.by(&key(7))),
    ("another key than signed", |p, _| p.header("jwk", key(7).jwk())),
    // V106
    ("private jwk", |p, _| p.header("jwk", key(1).private_jwk())),
    ("symmetric jwk", |p, _| p.header("jwk", json!({"kty": "oct", "k": "AAAA"}))),
    ("no jwk", |p, _| p.header("jwk", Value::Null)),
    ("jwk of another curve", |p, _| {
        p.header("jwk", with(key(1).jwk(), json!({"crv": "secp256k1"})))
    }),
    ("jwk for encryption", |p, _| p.header("jwk", with(key(1).jwk(), json!({"use": "enc"})))),
    ("jwk off the curve", |p, _| {
        p.header("jwk", with(key(1).jwk(), json!({"y": key(2).jwk()["y"]})))
    }),
    // V107
    ("typ JWT", |p, _| p.header("typ", "JWT")),
    ("no typ", |p, _| p.header("typ", Value::Null)),
    ("typ DPOP+JWT", |p, _| p.header("typ", "DPOP+JWT")),
    ("unknown crit", |p, _| p.header("crit", json!(["x"]))),
    ("known crit", |p, _| p.header("crit", json!(["exp"]))),
    ("empty crit", |p, _| p.header("crit", json!([]))),
    // V108
    ("htm GET", |p, _| p.claim("htm", "GET")),
    ("htm post", |p, _| p.claim("htm", "post")),
    ("no htm", |p, _| p.claim("htm", Value::Null)),
    // the address
    ("htu of another endpoint", |p, h| p.claim("htu", format!("{}/okap/revoke", h.issuer))),
    ("htu of another host", |p, _| p.claim("htu", "https://evil.example/okap/token")),
    ("htu without a host", |p, _| p.claim("htu", "/okap/token")),
    ("htu with a user", |p, h| {
        p.claim("htu", format!("{}/okap/token", h.issuer.replace("://", "://me@")))
    }),
    ("no htu", |p, _| p.claim("htu", Value::Null)),
    // V111
    ("iat 301 s ago", |p, h| p.claim("iat", h.seconds() - 301)),
    ("iat 61 s ahead", |p, h| p.claim("iat", h.seconds() + 61)),
    ("no iat", |p, _| p.claim("iat", Value::Null)),
    ("iat as text", |p, h| p.claim("iat", h.seconds().to_string())),
    ("iat below zero", |p, _| p.claim("iat", -1)),
    ("iat beyond all time", |p, _| p.claim("iat", u64::MAX)),
    // its name
    ("no jti", |p, _| p.claim("jti", Value::Null)),
    ("empty jti", |p, _| p.claim("jti", "")),
    ("long jti", |p, _| p.claim("jti", "j".repeat(129))),
    ("a proof of 5000 bytes", |p, _| p.claim("x", "x".repeat(5_000))),
];

/// One thing that a proof may be, all the same.
const RIGHT: &[Wrong] = &[
    ("as it is", |p, _| p),
    ("iat 10 s ahead", |p, h| p.claim("iat", h.seconds() + 10)),
    ("iat 60 s ahead", |p, h| p.claim("iat", h.seconds() + 60)),
    ("iat 300 s ago", |p, h| p.claim("iat", h.seconds() - 300)),
    ("a jti of 128 characters", |p, _| p.claim("jti", "j".repeat(128))),
    ("more claims", |p, _| p.claim("x", "y").header("kid", "k")),
];

#[tokio::test]
async fn v105_v106_v107_v108_v111_a_bad_proof_at_the_token_endpoint_spends_nothing() {
    let house = House::open().await;
    let code = house.free_code().await;
    let members = app().redeems(&code);
    for (what, change) in WRONG {
        let proof = change(house.proof(&key(1), "POST", "/okap/token"), &house);
        let refused = house.send(post("/okap/token", &members).proven(&proof)).await;
        assert_eq!(refused.says(), bad_here(), "{what}");
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
    for text in ["", "x", "a.b", "a.b.c", "a.b.c.d", "é.é.é"] {
        let refused = house.send(post("/okap/token", &members).header("dpop", text)).await;
        assert_eq!(refused.says(), bad_here(), "{text}");
    }
    let tokens = Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    for (what, change) in RIGHT {
        let proof = change(house.chat_proof(&tokens), &house);
        assert_eq!(house.chats_with(&tokens, &proof).await, (200, String::new()), "{what}");
    }
    house.done().await;
}

#[tokio::test]
async fn v105_v106_v107_v108_v111_a_bad_proof_at_the_proxy_sends_nothing() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    for (what, change) in WRONG {
        let proof = change(house.chat_proof(&tokens), &house);
        let refused = house.send(Ask::chat("", json!({})).dpop(&tokens.access, &proof)).await;
        assert_eq!(refused.says(), bad_there(), "{what}");
        let challenge = refused.header("www-authenticate").unwrap();
        let begin = "DPoP error=\"invalid_dpop_proof\", algs=\"ES256\", resource_metadata=";
        assert!(challenge.starts_with(begin), "{challenge}");
    }
    assert_eq!((house.arrived(), house.control().vault().opened()), (0, 0));
    assert_eq!(house.chats_with(&tokens, &house.chat_proof(&tokens)).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v105_v106_v107_v108_v111_a_bad_proof_beside_a_pushed_request_opens_nothing() {
    let house = House::open().await;
    let members = app().pushes(&details());
    for (what, change) in WRONG {
        let proof = change(house.proof(&key(1), "POST", "/okap/par"), &house);
        let refused = house.send(post("/okap/par", &members).proven(&proof)).await;
        assert_eq!(refused.says(), bad_here(), "{what}");
    }
    assert_eq!(house.control().vault().count("interaction").await, 0);
    let proof = house.proof(&key(1), "POST", "/okap/par");
    assert_eq!(house.send(post("/okap/par", &members).proven(&proof)).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v104_two_proofs_are_refused() {
    let house = House::open().await;
    let members = app().redeems(&house.free_code().await);
    let proof = || house.proof(&key(1), "POST", "/okap/token");
    let twice = house.send(post("/okap/token", &members).proven(&proof()).proven(&proof())).await;
    assert_eq!(twice.says(), bad_here());
    let joined = format!("{}, {}", proof().text(), proof().text());
    let joined = house.send(post("/okap/token", &members).header("dpop", &joined)).await;
    assert_eq!(joined.says(), bad_here());
    let tokens = Tokens::from(&house.send(post("/okap/token", &members).proven(&proof())).await);
    let chat = || Ask::chat("", json!({})).dpop(&tokens.access, &house.chat_proof(&tokens));
    let twice = house.send(chat().proven(&house.chat_proof(&tokens))).await;
    assert_eq!(twice.says(), bad_there());
    let same = house.chat_proof(&tokens);
    let twice =
        house.send(Ask::chat("", json!({})).dpop(&tokens.access, &same).proven(&same)).await;
    assert_eq!(twice.says(), bad_there());
    assert_eq!(house.send(chat()).await.status, 200);
    house.done().await;
}

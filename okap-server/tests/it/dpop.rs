//! Tokens that are bound to a key: whoever sends them has to prove that it holds it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Ask, House, Key, Members, Plan, Signed, Tokens, but, chat_with, document, key,
    post, with,
};

const CHAT: &str = "/v1/openai/chat/completions";

fn app() -> App {
    App::local()
}

fn details() -> Value {
    chat_with(json!({}))
}

/// At an OAuth endpoint.
fn bad_here() -> (u16, String) {
    (400, "invalid_dpop_proof".into())
}

/// At a resource.
fn bad_there() -> (u16, String) {
    (401, "invalid_dpop_proof".into())
}

fn dead() -> (u16, String) {
    (400, "invalid_grant".into())
}

impl House {
    /// A code that any key may redeem.
    async fn free_code(&self) -> String {
        self.code_for(&app(), &details()).await
    }

    /// Tokens that are bound to a key.
    pub(crate) async fn bound(&self, key: &Key) -> Tokens {
        let members = app().redeems(&self.free_code().await);
        Tokens::from(&self.send(self.with_proof(&members, key)).await)
    }

    /// A form for the token endpoint with a proof that is right.
    pub(crate) fn with_proof(&self, members: &Members, key: &Key) -> Ask {
        post("/okap/token", members).proven(&self.proof(key, "POST", "/okap/token"))
    }

    /// A proof for a chat call.
    fn chat_proof(&self, tokens: &Tokens) -> Signed {
        self.proof(&key(1), "POST", CHAT).ath(&tokens.access)
    }

    /// A chat call of a bound token with this proof.
    async fn chats_with(&self, tokens: &Tokens, proof: &Signed) -> (u16, String) {
        self.send(Ask::chat("", json!({})).dpop(&tokens.access, proof)).await.says()
    }
}

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

#[tokio::test]
async fn the_address_of_a_proof_is_the_vaults_own_whatever_the_request_says() {
    let mut house = Plan::new().path("/vault").build().await;
    let other = house.second_node().await;
    let app = app();
    let pushed = house.send(post("/vault/okap/par", &app.pushes(&details()))).await.json();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &app.client_id);
    query.append_pair("request_uri", pushed["request_uri"].as_str().unwrap());
    let page = Ask::get(&format!("/vault/okap/authorize?{}", query.finish()));
    let asked = house.send(page).await;
    let asked = house.interaction(asked.header("location").unwrap()).await;
    let decided = house.decide(&asked, &crate::support::all(&asked)).await.unwrap();
    let back = decided.redirect.unwrap();
    let code = back.query_pairs().find(|(n, _)| n == "code").unwrap().1.into_owned();
    let redeem = |htu: String| {
        let proof = house.proof(&key(1), "POST", "/okap/token").claim("htu", htu);
        post("/vault/okap/token", &app.redeems(&code)).proven(&proof)
    };
    let host = house.host();
    for wrong in [
        format!("http://{host}/okap/token"),
        format!("http://{host}/vault/okap/token/"),
        format!("http://{host}/VAULT/okap/token"),
        format!("https://{host}/vault/okap/token"),
        format!("http://{other}/vault/okap/token"),
        format!("http://{host}/vault/okap%2Ftoken"),
        format!("http://{host}.evil.example/vault/okap/token"),
    ] {
        assert_eq!(house.send(redeem(wrong.clone())).await.says(), bad_here(), "{wrong}");
    }
    // another node answers under another name and means the same vault
    let ask = redeem(format!("http://{host}/vault/x/../okap/token?a=b#c"));
    let tokens = Tokens::from(&house.flow_at(&other, ask).await.rest().await);
    let path = "/vault/v1/openai/chat/completions";
    for (htu, expected) in [
        // what is the same route is not the same address
        ("/v1/openai/v1/chat/completions", bad_there()),
        ("/v1/anthropic/chat/completions", bad_there()),
        ("/v1/openai/chat/completions/", bad_there()),
        ("/v1/openai/chat/completions", (200, String::new())),
        ("/v1/openai/chat/completions?x=1", (200, String::new())),
    ] {
        let proof = house.proof(&key(1), "POST", htu).ath(&tokens.access);
        let ask = Ask::chat("", json!({})).target(path).dpop(&tokens.access, &proof);
        assert_eq!(house.send(ask).await.says(), expected, "{htu}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_proof_counts_once_everywhere() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let tokens = house.bound(&key(1)).await;
    let proof = house.chat_proof(&tokens);
    let ask = Ask::chat("", json!({})).dpop(&tokens.access, &proof);
    assert_eq!(house.send(ask.clone()).await.status, 200);
    assert_eq!(house.send(ask.clone()).await.says(), bad_there());
    assert_eq!(house.flow_at(&other, ask.clone()).await.rest().await.says(), bad_there());
    // the same name in another text, and the whole time that a proof lives
    let named = proof.clone().claim("iat", house.seconds() + 1);
    assert_eq!(house.chats_with(&tokens, &named).await, bad_there());
    for _ in 0..3 {
        house.clock.turn(100);
        assert_eq!(house.send(ask.clone()).await.says(), bad_there());
    }
    let fresh = Ask::chat("", json!({})).dpop(&tokens.access, &house.chat_proof(&tokens));
    assert_eq!(house.flow_at(&other, fresh).await.rest().await.status, 200);
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_uses_at_once_on_two_nodes_one_counts() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let tokens = house.bound(&key(1)).await;
    let ask = Ask::chat("", json!({})).dpop(&tokens.access, &house.chat_proof(&tokens));
    let go = |n: usize| {
        let (house, ask) = (house.clone(), ask.clone());
        let at = if n.is_multiple_of(2) { house.host() } else { other.clone() };
        tokio::spawn(async move { house.flow_at(&at, ask).await.rest().await.says() })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let of = |says: (u16, String)| answers.iter().filter(|a| **a == says).count();
    assert_eq!((of((200, String::new())), of(bad_there())), (1, 49), "{answers:?}");
    assert_eq!(house.arrived(), 1);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn v113_at_a_resource_the_proof_is_for_that_token() {
    let house = House::open().await;
    let (tokens, other) = (house.bound(&key(1)).await, house.bound(&key(1)).await);
    let bare = house.proof(&key(1), "POST", CHAT);
    for wrong in [
        bare.clone(),
        bare.clone().ath(&other.access),
        bare.clone().ath(&tokens.refresh),
        bare.clone().claim("ath", ""),
        bare.clone().claim("ath", &*tokens.access),
        bare.clone().claim("ath", 1),
    ] {
        assert_eq!(house.chats_with(&tokens, &wrong).await, bad_there());
    }
    assert_eq!(house.chats_with(&tokens, &bare.ath(&tokens.access)).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v114_a_bound_token_goes_by_its_own_scheme_alone() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    let token = &*tokens.access;
    let bare = || Ask::chat("", json!({})).without("authorization");
    let invalid = (401, "invalid_token".to_owned());
    for ask in [
        bare().bearer(token),
        bare().header("x-api-key", token),
        bare().header("x-goog-api-key", token),
    ] {
        assert_eq!(house.send(ask.clone()).await.says(), invalid);
        // a proof beside it changes nothing
        assert_eq!(house.send(ask.proven(&house.chat_proof(&tokens))).await.says(), invalid);
    }
    let two = bare().dpop(token, &house.chat_proof(&tokens)).header("x-api-key", token);
    assert_eq!(house.send(two).await.says(), invalid);
    assert_eq!(
        house.send(bare().header("authorization", &format!("DPoP {token}"))).await.says(),
        bad_there()
    );
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(house.bound_chat(token, &key(1))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v114_a_token_that_is_not_bound_is_no_dpop_token() {
    let house = House::open().await;
    let tokens = house.local().await;
    assert_eq!(
        house.send(house.bound_chat(&tokens.access, &key(1))).await.says(),
        (401, "invalid_token".into())
    );
    // a proof beside a bearer token is of no meaning
    let both = Ask::chat(&tokens.access, json!({})).proven(&house.chat_proof(&tokens));
    assert_eq!(house.send(both).await.status, 200);
    assert_eq!(house.provider.ledger().last().unwrap().header("dpop"), None);
    house.done().await;
}

#[tokio::test]
async fn a_token_with_the_key_of_another_is_of_no_use() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    let stolen = house.bound_chat(&tokens.access, &key(2));
    assert_eq!(house.send(stolen).await.says(), bad_there());
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    // nothing of the proof goes up
    assert_eq!(house.provider.ledger().last().unwrap().header("dpop"), None);
    house.done().await;
}

#[tokio::test]
async fn v115_a_code_that_was_bound_needs_its_key() {
    let house = House::open().await;
    let jkt = key(1).thumbprint();
    let named = [app().pushes(&details()), vec![("dpop_jkt", jkt.clone())]].concat();
    let plain = app().pushes(&details());
    let proof = || house.proof(&key(1), "POST", "/okap/par");
    for push in [
        post("/okap/par", &named),
        post("/okap/par", &plain).proven(&proof()),
        post("/okap/par", &named).proven(&proof()),
    ] {
        let pushed = house.send(push).await;
        let code = house.code_of(&app().client_id, &pushed).await;
        let members = app().redeems(&code);
        assert_eq!(house.token(&members).await.says(), dead());
        assert_eq!(house.send(house.with_proof(&members, &key(2))).await.says(), dead());
        let answer = house.send(house.with_proof(&members, &key(1))).await;
        assert_eq!(answer.json()["token_type"], "DPoP");
        let tokens = Tokens::from(&answer);
        assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn v116_a_key_is_named_once() {
    let house = House::open().await;
    let push = |jkt: &str| {
        let members = but(&app().pushes(&details()), "dpop_jkt", jkt);
        post("/okap/par", &members).proven(&house.proof(&key(1), "POST", "/okap/par"))
    };
    let good = key(1).thumbprint();
    for wrong in [
        &*key(2).thumbprint(),
        &good.to_uppercase(),
        &good[..42],
        &format!("{good}="),
        &format!("{good}x"),
        "x",
    ] {
        let refused = house.send(push(wrong)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{wrong}");
    }
    assert_eq!(house.send(push(&good)).await.status, 201);
    house.done().await;
}

async fn wary() -> House {
    Plan::new().tune(|config| config.dpop_nonce = true).build().await
}

fn nonce(answer: &Answer) -> String {
    let mut nonces = answer.headers.get_all("dpop-nonce").iter();
    let (Some(one), None) = (nonces.next(), nonces.next()) else {
        panic!("not one nonce: {:?}", answer.headers)
    };
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    one.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn v117_where_a_nonce_is_wanted_it_is_told_and_accepted_on_every_node() {
    let mut house = wary().await;
    let other = house.second_node().await;
    let code = house.free_code().await;
    let members = app().redeems(&code);
    let proof = || house.proof(&key(1), "POST", "/okap/token");
    let redeem = |proof: &Signed| post("/okap/token", &members).proven(proof);
    let asked = house.send(redeem(&proof())).await;
    assert_eq!(asked.says(), (400, "use_dpop_nonce".into()));
    let told = nonce(&asked);
    for wrong in ["", "x", &told[1..], &told.to_uppercase()] {
        let again = house.send(redeem(&proof().claim("nonce", wrong))).await;
        assert_eq!(again.says(), (400, "use_dpop_nonce".into()), "{wrong}");
    }
    let ask = redeem(&proof().claim("nonce", &*told));
    let tokens = Tokens::from(&house.flow_at(&other, ask).await.rest().await);

    let chat = |nonce: Option<&str>| {
        let proof = house.chat_proof(&tokens);
        let proof = nonce.map_or(proof.clone(), |n| proof.claim("nonce", n));
        Ask::chat("", json!({})).dpop(&tokens.access, &proof)
    };
    let asked = house.send(chat(None)).await;
    assert_eq!(asked.says(), (401, "use_dpop_nonce".into()));
    let challenge = asked.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"use_dpop_nonce\""), "{challenge}");
    assert_eq!(nonce(&asked), told);
    assert_eq!(house.send(chat(Some(&told))).await.status, 200);
    // five minutes later there is another, and the last one still counts; then no more
    house.clock.turn(300);
    let later = nonce(&house.send(chat(None)).await);
    assert_ne!(later, told);
    assert_eq!(house.send(chat(Some(&told))).await.status, 200);
    house.clock.turn(300);
    assert_eq!(house.send(chat(Some(&told))).await.says(), (401, "use_dpop_nonce".into()));
    assert_eq!(house.send(chat(Some(&later))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v117_a_nonce_is_wanted_at_the_pushed_request_and_at_own_resources_too() {
    let house = wary().await;
    let members = app().pushes(&details());
    let push = |proof: &Signed| post("/okap/par", &members).proven(proof);
    let proof = || house.proof(&key(1), "POST", "/okap/par");
    let asked = house.send(push(&proof())).await;
    assert_eq!(asked.says(), (400, "use_dpop_nonce".into()));
    let told = nonce(&asked);
    let pushed = house.send(push(&proof().claim("nonce", &*told))).await;
    let code = house.code_of(&app().client_id, &pushed).await;
    let proof = house.proof(&key(1), "POST", "/okap/token").claim("nonce", &*told);
    let redeem = post("/okap/token", &app().redeems(&code)).proven(&proof);
    let tokens = Tokens::from(&house.send(redeem).await);
    let limits =
        |proof: Signed| Ask::get("/okap/limits").dpop(&tokens.access, &proof.ath(&tokens.access));
    let proof = house.proof(&key(1), "GET", "/okap/limits");
    let asked = house.send(limits(proof)).await;
    assert_eq!((asked.says(), nonce(&asked)), ((401, "use_dpop_nonce".into()), told.clone()));
    let proof = house.proof(&key(1), "GET", "/okap/limits").claim("nonce", &*told);
    assert_eq!(house.send(limits(proof)).await.status, 200);
    // who brings no proof is asked for none
    let plain = house.local().await;
    assert_eq!(house.chats(&plain.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn a_client_that_binds_all_its_tokens_gets_none_without_a_proof() {
    let url = "https://bound.example/okap.json";
    let says = with(document(url), json!({"dpop_bound_access_tokens": true}));
    let house = Plan::new().document(url, &says).build().await;
    let app = App::published(url);
    let members = app.redeems(&house.code_for(&app, &details()).await);
    assert_eq!(house.token(&members).await.says(), bad_here());
    let tokens = Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    for members in [app.renews(&tokens.refresh), app.hands_on(&tokens.access)] {
        assert_eq!(house.token(&members).await.says(), bad_here());
        let answer = house.send(house.with_proof(&members, &key(1))).await;
        assert_eq!(answer.json()["token_type"], "DPoP", "{}", answer.text());
    }
    house.done().await;
}

#[tokio::test]
async fn a_store_that_fails_lets_no_proof_through() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    house.control().vault().full(true);
    let refused = house.send(house.bound_chat(&tokens.access, &key(1))).await;
    assert_eq!(refused.says(), (503, "vault_unavailable".into()));
    let members = app().renews(&tokens.refresh);
    let refused = house.send(house.with_proof(&members, &key(1))).await;
    assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
    house.control().vault().full(false);
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    house.tokens_with(&members).await;
    house.done().await;
}

impl House {
    async fn tokens_with(&self, members: &Members) -> Tokens {
        Tokens::from(&self.send(self.with_proof(members, &key(1))).await)
    }
}

//! DPoP proofs (RFC 9449), signed by keys that everybody may know.

use anyhow::{Context as _, Result};
use base64ct::{Base64UrlUnpadded as Base64, Encoding as _};
use okap_types::{Secret, Timestamp, token::AccessToken};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::File;

const TOKEN_URL: &str = "https://vault.example/okap/token";
const CALL_URL: &str = "https://vault.example/v1/openai/chat/completions";
const NOW: i64 = 1_795_435_200;

/// A signer with its public key. The private key is 32 times the same byte.
struct Signer {
    key: SigningKey,
    jwk: Value,
}

impl Signer {
    fn new(byte: u8) -> Result<Self> {
        let key = SigningKey::from_slice(&[byte; 32]).context("no key")?;
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes().get(1..).context("no point")?.split_at(32);
        let [x, y] = [x, y].map(Base64::encode_string);
        Ok(Self { key, jwk: json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}) })
    }

    /// RFC 7638: the members that make the key, in order.
    fn thumbprint(&self) -> String {
        let member = |name: &str| self.jwk.get(name).cloned().unwrap_or_default();
        let text = format!(
            r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
            member("crv"),
            member("kty"),
            member("x"),
            member("y")
        );
        Base64::encode_string(&Sha256::digest(text))
    }

    fn sign_parts(&self, header: &str, payload: &str) -> String {
        let input = format!("{header}.{payload}");
        // deterministic (RFC 6979), so that the file stays as it is
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", Base64::encode_string(&signature.to_bytes()))
    }

    fn sign_texts(&self, header: &str, payload: &str) -> String {
        self.sign_parts(
            &Base64::encode_string(header.as_bytes()),
            &Base64::encode_string(payload.as_bytes()),
        )
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_texts(&header.to_string(), &payload.to_string())
    }
}

/// An object with one member set, or taken out by null.
fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    match value {
        Value::Null => object.remove(member),
        value => object.insert(member.to_owned(), value),
    };
    object.into()
}

fn ath(token: &str) -> Value {
    json!(Base64::encode_string(&Sha256::digest(token)))
}

/// What a proof came with; the rest of a case.
struct Desk {
    cases: Vec<Value>,
    thumbprint: String,
}

impl Desk {
    fn case(
        &mut self,
        name: &str,
        proof: &str,
        url: &str,
        token: Option<&str>,
        wrong: Option<&str>,
    ) {
        self.cases.push(json!({
            "name": name, "proof": proof, "method": "POST", "url": url,
            "now": Timestamp::from_unix_millis(NOW * 1000).to_string(), "access_token": token,
            "valid": wrong.is_none(), "thumbprint": wrong.is_none().then_some(&self.thumbprint),
            "code": wrong.is_some().then_some("invalid_dpop_proof"),
            "why": wrong.unwrap_or("it is right"),
        }));
    }

    fn valid(&mut self, name: &str, proof: &str) {
        self.case(name, proof, TOKEN_URL, None, None);
    }

    fn wrong(&mut self, name: &str, proof: &str, why: &str) {
        self.case(name, proof, TOKEN_URL, None, Some(why));
    }
}

pub(super) fn file() -> Result<File> {
    let (signer, other) = (Signer::new(1)?, Signer::new(2)?);
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": signer.jwk});
    let claims = json!({"jti": "proof-1", "htm": "POST", "htu": TOKEN_URL, "iat": NOW});
    let mut desk = Desk { cases: Vec::new(), thumbprint: signer.thumbprint() };
    let claim = |member: &str, value: Value| signer.sign(&header, &with(&claims, member, value));
    let head = |member: &str, value: Value| signer.sign(&with(&header, member, value), &claims);

    desk.valid("at the token endpoint", &signer.sign(&header, &claims));
    desk.valid(
        "members that nobody knows",
        &signer.sign(&with(&header, "kid", json!("1")), &with(&claims, "z", json!([]))),
    );
    desk.valid("a nonce where none is wanted", &claim("nonce", json!("x")));
    for seconds in [-300, -1, 1, 60] {
        desk.valid(&format!("V111 made {seconds} s from now"), &claim("iat", json!(NOW + seconds)));
    }
    for same in [
        "https://vault.example:443/okap/token",
        "HTTPS://VAULT.example/okap/token",
        "https://vault.example/okap/token?a=b#c",
        "https://vault.example/okap/x/../token",
    ] {
        desk.valid(&format!("htu {same}"), &claim("htu", json!(same)));
    }
    desk.valid("jti of 128 characters", &claim("jti", json!("x".repeat(128))));

    let good = signer.sign(&header, &claims);
    let (input, signature) = good.rsplit_once('.').context("no signature")?;
    let (head_part, payload_part) = input.split_once('.').context("no payload")?;
    desk.wrong("empty", "", "it is three parts");
    desk.wrong("one part", head_part, "it is three parts");
    desk.wrong("two parts", input, "it is three parts");
    desk.wrong("four parts", &format!("{good}.e30"), "it is three parts");
    desk.wrong("two proofs", &format!("{good}, {good}"), "it is one");
    desk.wrong("space before", &format!(" {good}"), "nothing is trimmed");
    desk.wrong("no signature", &format!("{input}."), "a signature of 64 bytes");
    desk.wrong(
        "signature of 63 bytes",
        &format!("{input}.{}", Base64::encode_string(&[1; 63])),
        "a signature of 64 bytes",
    );
    desk.wrong("signature padded", &format!("{good}=="), "base64url without padding");
    desk.wrong(
        "signature of zeros",
        &format!("{input}.{}", Base64::encode_string(&[0; 64])),
        "not signed by its key",
    );
    let mut bytes = Base64::decode_vec(signature).map_err(|e| anyhow::anyhow!("{e}"))?;
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 1;
    }
    desk.wrong(
        "one bit of the signature changed",
        &format!("{input}.{}", Base64::encode_string(&bytes)),
        "not signed by its key",
    );
    let later = Base64::encode_string(with(&claims, "iat", json!(NOW + 1)).to_string().as_bytes());
    desk.wrong(
        "payload changed afterwards",
        &format!("{head_part}.{later}.{signature}"),
        "not signed by its key",
    );
    desk.wrong(
        "header is no JSON",
        &signer.sign_parts("bm8", payload_part),
        "the header is a JSON object",
    );
    desk.wrong(
        "payload is no JSON",
        &signer.sign_parts(head_part, "bm8"),
        "the payload is a JSON object",
    );
    desk.wrong(
        "payload is an array",
        &signer.sign_texts(&header.to_string(), "[]"),
        "the payload is a JSON object",
    );
    let twice = claims.to_string().replacen('{', &format!("{{\"htm\":\"GET\",\"iat\":{NOW},"), 1);
    desk.wrong(
        "a claim twice",
        &signer.sign_texts(&header.to_string(), &twice),
        "no member stands twice",
    );
    let twice = header.to_string().replacen('{', r#"{"alg":"none","#, 1);
    desk.wrong(
        "a header member twice",
        &signer.sign_texts(&twice, &claims.to_string()),
        "no member stands twice",
    );
    desk.wrong(
        "longer than 4096 bytes",
        &claim("z", json!("z".repeat(4096))),
        "at most 4096 bytes",
    );

    for alg in ["none", "HS256", "RS256", "ES384", "es256"] {
        desk.wrong(&format!("V105 alg {alg}"), &head("alg", json!(alg)), "ES256 alone");
    }
    desk.wrong("V105 alg missing", &head("alg", Value::Null), "ES256 alone");
    desk.wrong(
        "V105 signed by another key",
        &other.sign(&header, &claims),
        "not signed by its key",
    );
    for (name, jwk) in [
        ("missing", Value::Null),
        ("empty", json!({})),
        ("a text", json!("x")),
        ("symmetric", json!({"kty": "oct", "k": "AQ"})),
        ("private", with(&signer.jwk, "d", json!(Base64::encode_string(&[1; 32])))),
        ("of another curve", with(&signer.jwk, "crv", json!("P-384"))),
        ("without y", with(&signer.jwk, "y", Value::Null)),
        ("with x of 31 bytes", with(&signer.jwk, "x", json!(Base64::encode_string(&[1; 31])))),
        (
            "no point of the curve",
            json!({"kty": "EC", "crv": "P-256", "x": Base64::encode_string(&[1; 32]), "y": Base64::encode_string(&[1; 32])}),
        ),
        ("for another algorithm", with(&signer.jwk, "alg", json!("ES384"))),
    ] {
        desk.wrong(&format!("V106 jwk {name}"), &head("jwk", jwk), "a public key of P-256");
    }
    for typ in [json!("JWT"), json!("dpop"), json!("at+jwt"), Value::Null] {
        desk.wrong(&format!("V107 typ {typ}"), &head("typ", typ), "typ is dpop+jwt");
    }
    desk.wrong("V107 crit", &head("crit", json!(["exp"])), "nothing is critical");
    for htm in [json!("GET"), json!("post"), json!(""), Value::Null, json!(["POST"])] {
        desk.wrong(&format!("V108 htm {htm}"), &claim("htm", htm), "htm is the request's method");
    }
    for htu in [
        json!("http://vault.example/okap/token"),
        json!("https://vault.example:444/okap/token"),
        json!("https://other.example/okap/token"),
        json!("https://vault.example.evil/okap/token"),
        json!("https://vault.example@evil.example/okap/token"),
        json!("https://vault.example/okap/token/"),
        json!("https://vault.example/okap/Token"),
        json!("https://vault.example/okap/par"),
        json!("/okap/token"),
        json!(""),
        Value::Null,
    ] {
        desk.wrong(&format!("V109 htu {htu}"), &claim("htu", htu), "htu is the request's address");
    }
    for seconds in [-3600, -301, 61, 3600] {
        desk.wrong(
            &format!("V111 made {seconds} s from now"),
            &claim("iat", json!(NOW + seconds)),
            "300 s old at most, 60 s ahead at most",
        );
    }
    for (name, iat) in [
        ("missing", Value::Null),
        ("a text", json!(NOW.to_string())),
        ("in milliseconds", json!(NOW * 1000)),
        ("negative", json!(-1)),
    ] {
        desk.wrong(&format!("V111 iat {name}"), &claim("iat", iat), "seconds since 1970");
    }
    for (name, jti) in [
        ("missing", Value::Null),
        ("empty", json!("")),
        ("a number", json!(7)),
        ("of 129 characters", json!("x".repeat(129))),
    ] {
        desk.wrong(&format!("jti {name}"), &claim("jti", jti), "1 to 128 characters");
    }

    let token = AccessToken::from_random(&Secret::new([7; 32]));
    let token = token.expose();
    let foreign = AccessToken::from_random(&Secret::new([8; 32]));
    let call = with(&claims, "htu", json!(CALL_URL));
    let of = |value: Value| signer.sign(&header, &with(&call, "ath", value));
    desk.case("V113 with a call", &of(ath(token)), CALL_URL, Some(token), None);
    desk.case(
        "V113 with a call that has a query",
        &of(ath(token)),
        &format!("{CALL_URL}?x=1"),
        Some(token),
        None,
    );
    for (name, value) in [
        ("missing", Value::Null),
        ("empty", json!("")),
        ("of another token", ath(foreign.expose())),
        ("the token itself", json!(token)),
    ] {
        desk.case(
            &format!("V113 ath {name}"),
            &of(value),
            CALL_URL,
            Some(token),
            Some("ath is the SHA-256 of the access token"),
        );
    }

    let about = "A proof, the request that it came with, and whether it holds for it. `access_token` is null where the request carries none, as at the token endpoint. Whether a proof was used before is not seen here. At a resource the same code comes with 401.";
    Ok(File::new("dpop-proofs", about, desk.cases)
        .with("private_key", json!("32 bytes of 0x01"))
        .with("jwk", signer.jwk.clone()))
}

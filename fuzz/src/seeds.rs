//! Where each target begins: the vectors, and some streams.

use std::{fs, path::Path};

use serde_json::Value;

/// The seeds of a target, from the folder `spec/vectors`.
pub fn of(target: &str, vectors: &Path) -> Vec<Vec<u8>> {
    let cases = |file: &str| cases(&vectors.join(file));
    let texts = |file: &str, member: &str| -> Vec<Vec<u8>> {
        let texts = cases(file).into_iter();
        texts.filter_map(|c| c[member].as_str().map(|t| t.as_bytes().to_vec())).collect()
    };
    let bodies = |schema: &str| -> Vec<Vec<u8>> {
        cases(&format!("messages/{schema}.json")).iter().filter_map(body).collect()
    };
    match target {
        "request" => ["authorize-request.proposal", "authorize-request.details", "flat-request"]
            .iter()
            .flat_map(|schema| bodies(schema))
            .collect(),
        "details" => bodies("model-access").iter().map(|b| [b"[", &b[..], b"]"].concat()).collect(),
        "form" => ["pushed", "token", "device", "revocation", "introspection"]
            .iter()
            .flat_map(|kind| cases(&format!("messages/{kind}-request.json")))
            .filter_map(|case| form(&case))
            .collect(),
        "token" => texts("tokens.json", "token"),
        "user_code" => texts("user-codes.json", "typed"),
        "timestamp" => texts("timestamps.json", "text"),
        "money" => texts("money.json", "text"),
        "dpop_proof" | "jws" => texts("dpop-proofs.json", "proof"),
        "client_document" => DOCUMENTS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "meter" => STREAMS
            .iter()
            .flat_map(|(kind, text)| {
                [[*kind, 0], [kind | 4, 0]].map(|head| [&head[..], text.as_bytes()].concat())
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn cases(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let file: Value = serde_json::from_str(&text).unwrap_or_default();
    file["cases"].as_array().cloned().unwrap_or_default()
}

fn body(case: &Value) -> Option<Vec<u8>> {
    if let Some(hex) = case["hex"].as_str() {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        return hex.as_bytes().chunks(2).map(byte).collect();
    }
    match case["text"].as_str() {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => Some(case.get("message")?.to_string().into_bytes()),
    }
}

fn form(case: &Value) -> Option<Vec<u8>> {
    if let Some(text) = case["text"].as_str() {
        return Some(text.as_bytes().to_vec());
    }
    let pairs = case["message"].as_object()?.iter();
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs.map(|(name, value)| (name, value.as_str().unwrap_or_default())));
    Some(text.finish().into_bytes())
}

const DOCUMENTS: &[&str] = &[
    r#"{"client_id":"https://notes.example/okap.json","client_name":"Notes","client_uri":"https://notes.example/","redirect_uris":["https://notes.example/cb","http://127.0.0.1/cb","http://[::1]:80/cb","com.example.notes:/cb"]}"#,
    r#"{"client_id":"https://notes.example/okap.json","redirect_uris":[],"token_endpoint_auth_method":"private_key_jwt","dpop_bound_access_tokens":true,"jwks":{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"1","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}]}}"#,
    r#"{"client_id":"https://notes.example/okap.json","client_secret":"x"}"#,
    r#"{"client_id":"https://notes.example/okap.json","jwks_uri":"https://notes.example/keys"}"#,
    "https://notes.example/okap.json",
    "https://notes.example:444/a/b.json",
];

const STREAMS: &[(u8, &str)] = &[
    (
        0,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hé\"}}],\"usage\":null}\n\n: a comment\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"llo\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n",
    ),
    (
        1,
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":2}}}\n\n",
    ),
    (
        2,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"sk-0123456789abcde\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":8}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    (3, "{\"data\":[{\"embedding\":[0.1]}],\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"),
    (0, "data: {}\rdata: x\r\n\ndata\n\n\n\n"),
];

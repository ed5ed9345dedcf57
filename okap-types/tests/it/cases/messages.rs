//! What is wrong with a message as a whole.

use okap_types::ErrorCode::{InvalidAuthorizationDetails as Details, InvalidRequest};

use super::{Case, Door, Seen, case, clients, lists, versions};

/// V71, V73, V121, V122: what is wrong with a message as a whole.
pub(super) fn all() -> Vec<Case> {
    let mut all = versions::all();
    all.extend(lists::all());
    all.extend(clients::all());
    let one = |top: &str| format!(r#"{{"okap":"1.0",{top}}}"#);
    let request = r#""request":{"provider":"openai"}"#;
    let details = r#""authorization_details":[{"type":"ai_model_access","provider":"openai"}]"#;
    let both = one(&format!("{request},{details}"));
    let mut put = |door, what: &str, bad: &str, code| {
        let good = match door {
            Door::Details => one(details),
            Door::Flat => r#"{"okap":"1.0","provider":"openai"}"#.to_owned(),
            _ => one(request),
        };
        all.push(case(door, what, &good, bad, code, Seen::BySchema));
    };
    put(Door::Proposal, "V121 both shapes", &both, InvalidRequest);
    put(Door::Details, "V121 both shapes", &both, InvalidRequest);
    let null = one(&format!(r#"{request},"authorization_details":null"#));
    put(Door::Proposal, "V121 both shapes, one null", &null, InvalidRequest);
    let null = one(&format!(r#"{details},"request":null"#));
    put(Door::Details, "V121 both shapes, one null", &null, InvalidRequest);
    put(Door::Proposal, "neither shape", r#"{"okap":"1.0"}"#, InvalidRequest);
    put(Door::Proposal, "the flat shape", r#"{"okap":"1.0","provider":"openai"}"#, InvalidRequest);
    put(Door::Flat, "the proposal's shape", &one(request), Details);
    for other in ["null", "true", "7", r#""openai""#, "[]"] {
        for door in [Door::Proposal, Door::Details, Door::Flat] {
            put(door, "not an object", other, InvalidRequest);
        }
        put(
            Door::Proposal,
            "request not an object",
            &one(&format!(r#""request":{other}"#)),
            Details,
        );
    }
    let array = r#"["1.0",{"provider":"openai"}]"#;
    put(Door::Proposal, "an array of the members", array, InvalidRequest);
    put(Door::Proposal, "request as an array", &one(r#""request":["openai"]"#), Details);
    put(Door::Flat, "an array of the members", r#"["1.0","openai"]"#, InvalidRequest);
    let unknown = one(r#""request":{"type":"payment","provider":"openai"}"#);
    put(Door::Proposal, "V71 unknown type", &unknown, Details);
    let null = one(r#""request":{"type":null,"provider":"openai"}"#);
    put(Door::Proposal, "type null", &null, Details);
    all
}

//! What is wrong with what an app says of itself.

use okap_types::ErrorCode::InvalidRequest;

use super::{AS_ADDRESS, AS_BYTES, AS_SHOWN, Case, Door, Seen, case};

pub(super) fn all() -> Vec<Case> {
    let around = |client: &str| {
        format!(r#"{{"okap":"1.0","request":{{"provider":"openai"}},"client":{client}}}"#)
    };
    let flat = |more: &str| format!(r#"{{"okap":"1.0","provider":"openai",{more}}}"#);
    let name = |n: usize| format!(r#"{{"name":"{}"}}"#, "n".repeat(n));
    let id = |c: &str, n: usize| format!(r#"{{"client_id":"{}"}}"#, c.repeat(n));
    let app = |n: usize| format!(r#""app_name":"{}""#, "n".repeat(n));
    let good = around(r#"{"name":"Notes","url":"https://notes.example"}"#);
    let good_flat = flat(r#""app_name":"Notes","app_url":"https://notes.example""#);
    let mut all = vec![
        case(
            Door::Proposal,
            "long name",
            &around(&name(80)),
            &around(&name(81)),
            InvalidRequest,
            AS_SHOWN,
        ),
        case(
            Door::Proposal,
            "long client_id",
            &around(&id("i", 512)),
            &around(&id("i", 513)),
            InvalidRequest,
            Seen::BySchema,
        ),
        case(
            Door::Proposal,
            "long client_id in bytes",
            &around(&id("é", 256)),
            &around(&id("é", 257)),
            InvalidRequest,
            AS_BYTES,
        ),
        case(Door::Flat, "long name", &flat(&app(80)), &flat(&app(81)), InvalidRequest, AS_SHOWN),
    ];
    for (client, seen) in [
        ("null", Seen::BySchema),
        (r#""Notes""#, Seen::BySchema),
        (r#"["Notes"]"#, Seen::BySchema),
        (r#"{"name":7}"#, Seen::BySchema),
        (r#"{"name":null}"#, Seen::BySchema),
        (r#"{"url":null}"#, Seen::BySchema),
        (r#"{"callback":null}"#, Seen::BySchema),
        (r#"{"client_id":null}"#, Seen::BySchema),
        (r#"{"client_id":7}"#, Seen::BySchema),
        (r#"{"client_id":["https://notes.example/okap.json"]}"#, Seen::BySchema),
        (r#"{"url":"notes.example"}"#, Seen::BySchema),
        (r#"{"url":"javascript:alert(1)"}"#, Seen::BySchema),
        (r#"{"url":"data:text/html,x"}"#, Seen::BySchema),
        (r#"{"url":"file:///etc/passwd"}"#, Seen::BySchema),
        (r#"{"url":"https://"}"#, AS_ADDRESS),
        (r#"{"url":"https://bank.example@notes.example"}"#, AS_ADDRESS),
        (r#"{"url":"https://:secret@notes.example"}"#, AS_ADDRESS),
        (r#"{"url":"https://notes.example:99999"}"#, AS_ADDRESS),
    ] {
        let what = format!("client {client}");
        all.push(case(Door::Proposal, &what, &good, &around(client), InvalidRequest, seen));
    }
    for (member, seen) in [
        (r#""app_name":7"#, Seen::BySchema),
        (r#""app_name":null"#, Seen::BySchema),
        (r#""app_url":["https://notes.example"]"#, Seen::BySchema),
        (r#""app_url":"notes.example""#, AS_ADDRESS),
        (r#""app_url":"javascript:alert(1)""#, AS_ADDRESS),
        (r#""app_url":"https://a:b@notes.example""#, AS_ADDRESS),
    ] {
        all.push(case(Door::Flat, member, &good_flat, &flat(member), InvalidRequest, seen));
    }
    all
}

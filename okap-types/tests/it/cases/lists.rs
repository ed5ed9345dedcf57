//! What is wrong with `authorization_details` as a list.

use okap_types::ErrorCode::InvalidAuthorizationDetails as Details;

use super::{AS_TOGETHER, Case, Door, Seen, case};

pub(super) fn all() -> Vec<Case> {
    let object = |more: &str| format!(r#"{{"type":"ai_model_access",{more}}}"#);
    let providers = |n: usize| {
        let objects: Vec<_> = (0..n).map(|i| object(&format!(r#""provider":"p{i}""#))).collect();
        format!("[{}]", objects.join(","))
    };
    let good = providers(1);
    let pair = |a: &str, b: &str| {
        let of = |rest: &str| object(&format!(r#""provider":"openai"{rest}"#));
        format!("[{},{}]", of(a), of(b))
    };
    let rows = [
        ("V73 17 objects", providers(16), providers(17), Seen::BySchema),
        ("no object", good.clone(), "[]".into(), Seen::BySchema),
        ("null", good.clone(), "null".into(), Seen::BySchema),
        ("an object, not a list", good.clone(), object(r#""provider":"openai""#), Seen::BySchema),
        ("a text", good.clone(), format!("{good:?}"), Seen::BySchema),
        ("null in the list", good.clone(), "[null]".into(), Seen::BySchema),
        ("a list in the list", good.clone(), format!("[{good}]"), Seen::BySchema),
        (
            "an object as an array of its members",
            good.clone(),
            r#"[["ai_model_access","openai"]]"#.into(),
            Seen::BySchema,
        ),
        ("type missing", good.clone(), r#"[{"provider":"openai"}]"#.into(), Seen::BySchema),
        (
            "V71 unknown type",
            good.clone(),
            r#"[{"type":"payment_initiation","provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "V71 type in other case",
            good.clone(),
            r#"[{"type":"AI_model_access","provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "type as an object",
            good.clone(),
            r#"[{"type":{"ai_model_access":null},"provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "type a number",
            good.clone(),
            r#"[{"type":0,"provider":"openai"}]"#.into(),
            Seen::BySchema,
        ),
        (
            "two objects that share a model",
            pair(r#","models":["a","b"]"#, r#","models":["c"]"#),
            pair(r#","models":["a","b"]"#, r#","models":["c","a"]"#),
            AS_TOGETHER,
        ),
        (
            "two objects that leave the models open",
            pair("", r#","models":["c"]"#),
            pair("", r#","models":[]"#),
            AS_TOGETHER,
        ),
    ];
    let mut all = Vec::new();
    for (what, good, bad, seen) in rows {
        let around = |list: &str| format!(r#"{{"okap":"1.0","authorization_details":{list}}}"#);
        all.push(case(Door::Details, what, &around(&good), &around(&bad), Details, seen));
        all.push(case(Door::OAuth, what, &good, &bad, Details, seen));
    }
    all
}

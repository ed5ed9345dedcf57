//! What is wrong inside one object.

use super::{AS_READ, Door, Row, Seen, row, values};

/// V71, V74, V76, V77, V124: what is wrong inside one object.
pub(super) fn all() -> Vec<Row> {
    let mut all = vec![
        row(
            "provider missing",
            r#""provider":"openai","models":["m"]"#,
            r#""models":["m"]"#,
            Seen::BySchema,
        ),
        row(
            "answer-only member in limits",
            r#""provider":"openai","limits":{"monthly_spend":1}"#,
            r#""provider":"openai","limits":{"monthly_spend":1,"resets_at":"2027-01-01"}"#,
            Seen::BySchema,
        ),
        row(
            "depth 9",
            r#""provider":"openai","limits":{}"#,
            r#""provider":"openai","limits":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}"#,
            Seen::BySchema,
        ),
    ];
    // unknown at the top of a flat body is ignored
    all.push(Row {
        skip: &[Door::Flat],
        ..row(
            "unknown member",
            r#""provider":"openai","models":["m"]"#,
            r#""provider":"openai","model":["m"]"#,
            Seen::BySchema,
        )
    });
    for (name, value) in [
        ("base_url", r#""https://evil.example""#),
        ("base_url", "null"),
        ("currency", r#""EUR""#),
        ("window", r#""utc_calendar""#),
        ("resets_at", r#""2027-01-01""#),
    ] {
        let bad = format!(r#""provider":"openai","{name}":{value}"#);
        all.push(row(&format!("V77 {name}"), r#""provider":"openai""#, &bad, Seen::BySchema));
    }
    for (what, twice) in [
        ("a member twice", r#""provider":"openai","provider":"anthropic""#),
        ("a member twice, the same value", r#""provider":"openai","provider":"openai""#),
        ("a member twice, one escaped", r#""provider":"openai","provid\u0065r":"openai""#),
        (
            "a member twice, nested",
            r#""provider":"openai","limits":{"daily_spend":1,"daily_spend":1}"#,
        ),
        (
            "a member twice, nested and escaped",
            r#""provider":"openai","limits":{"daily_spend":1,"\u0064aily_spen\u0064":1}"#,
        ),
    ] {
        all.push(row(what, r#""provider":"openai","limits":{"daily_spend":1}"#, twice, AS_READ));
    }
    all.extend(values::all());
    all
}

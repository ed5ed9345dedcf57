//! What is wrong with the version of a message.

use okap_types::ErrorCode::UnsupportedVersion;

use super::{Case, Door, Seen, case};

pub(super) fn all() -> Vec<Case> {
    let mut all = Vec::new();
    let wrong = [
        "1",
        "1.0",
        "null",
        "true",
        "[]",
        "{}",
        r#"["1.0"]"#,
        r#""2.0""#,
        r#""0.9""#,
        r#""1""#,
        r#""""#,
        r#""1.""#,
        r#"".0""#,
        r#""01.0""#,
        r#""1.00""#,
        r#""1.01""#,
        r#""1.0.0""#,
        r#"" 1.0""#,
        r#""1.0 ""#,
        r#""v1.0""#,
        r#""1.+0""#,
        r#""1.-1""#,
        r#""1,0""#,
        r#""１.0""#,
        r#""1.100000""#,
        r#""10.0""#,
        r#""1.0\u0000""#,
    ];
    let bodies = [
        (Door::Proposal, r#""request":{"provider":"openai"}"#),
        (
            Door::Details,
            r#""authorization_details":[{"type":"ai_model_access","provider":"openai"}]"#,
        ),
        (Door::Flat, r#""provider":"openai""#),
    ];
    for (door, rest) in bodies {
        let good = format!(r#"{{"okap":"1.0",{rest}}}"#);
        let mut put = |what: &str, bad: String| {
            all.push(case(door, what, &good, &bad, UnsupportedVersion, Seen::BySchema));
        };
        put("V122 okap missing", format!("{{{rest}}}"));
        for version in wrong {
            put(&format!("V122 okap {version}"), format!(r#"{{"okap":{version},{rest}}}"#));
        }
    }
    all
}

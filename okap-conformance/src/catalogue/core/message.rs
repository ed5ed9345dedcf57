//! How a message is read, before anything of it is understood.

use serde_json::{Value, json};

use crate::{
    case::{Case, put},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, ensure},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.message.json",
        rev: 1,
        title: "what is not exactly one JSON text in UTF-8 is refused",
        profile: Profile::Core,
        verifies: &["OKAP-R-015"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(json_text(case)),
    },
    Test {
        id: "core.message.repeated",
        rev: 1,
        title: "a member that stands twice is refused, at any depth and however it is written",
        profile: Profile::Core,
        verifies: &["OKAP-R-016"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(repeated(case)),
    },
    Test {
        id: "core.message.bounds",
        rev: 3,
        title: "a message that is too long or too deep is refused",
        profile: Profile::Core,
        verifies: &["OKAP-R-014", "OKAP-R-018"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("resource-exhaustion"),
        run: |case| Box::pin(bounds(case)),
    },
    Test {
        id: "core.message.type",
        rev: 1,
        title: "a direct request of another content type is refused",
        profile: Profile::Core,
        verifies: &["OKAP-R-022"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("cross-site-request"),
        run: |case| Box::pin(media_type(case)),
    },
    Test {
        id: "core.message.unknown",
        rev: 1,
        title: "unknown members are ignored outside of details and refused inside",
        profile: Profile::Core,
        verifies: &["OKAP-R-019", "OKAP-R-020", "OKAP-R-021", "OKAP-R-031"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: None,
        run: |case| Box::pin(unknown(case)),
    },
];

async fn json_text(case: &Case) -> Outcome {
    let good = case.ask().shape_2().to_string();
    case.between("OKAP-R-015", async {
        let lone = good.replacen("Conformance ", r"\ud800 ", 1);
        let texts = [
            ("a byte order mark", format!("\u{feff}{good}").into_bytes()),
            ("a lone surrogate", lone.into_bytes()),
            ("a comment", format!("/* */{good}").into_bytes()),
            ("bytes behind the text", format!("{good} {{}}").into_bytes()),
            ("no text at all", Vec::new()),
            ("a text that breaks off", good.as_bytes().get(..40).unwrap_or_default().to_vec()),
            ("a byte that is not UTF-8", [good.as_bytes(), &[0xff]].concat()),
        ];
        for (what, text) in texts {
            let reply = case.raw(text).await?;
            let refused = reply.status == 400 && reply.code() == "invalid_json";
            reply.ensure("OKAP-R-015", refused, format!("400 invalid_json for {what}"))?;
        }
        Ok(())
    })
    .await
}

async fn repeated(case: &Case) -> Outcome {
    case.between("OKAP-R-016", async {
        let good = case.ask().shape_2().to_string();
        let texts = [
            ("at the top", good.replacen('{', r#"{"okap":"1.0","#, 1)),
            ("in client", good.replacen(r#""name":"#, r#""name":"other","name":"#, 1)),
            (
                "inside details",
                good.replacen(r#""provider":"#, r#""provider":"google","provider":"#, 1),
            ),
            ("after escapes", good.replacen('{', r#"{"ok\u0061p":"1.0","#, 1)),
            ("in an unknown member", good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1)),
        ];
        for (what, text) in texts {
            let reply = case.raw(text).await?;
            let refused = reply.status == 400 && reply.code() == "duplicate_member";
            let expected = format!("400 duplicate_member for a name that stands twice {what}");
            reply.ensure("OKAP-R-016", refused, expected)?;
        }
        Ok(())
    })
    .await
}

async fn bounds(case: &Case) -> Outcome {
    case.between("OKAP-R-014", async {
        let mut body = case.ask().shape_2();
        let padding = 65_536 - body.to_string().len() - r#","x":"""#.len();
        put(&mut body, "x", json!("x".repeat(padding)));
        case.takes("OKAP-R-014", &body).await?;
        put(&mut body, "x", json!("x".repeat(padding + 1)));
        case.request(&body).await?.is_refused("OKAP-R-014", 413, "request_too_large")?;

        // and before it is there: the length says the rest
        let (address, authority) = (case.at("okap/authorize"), case.authority());
        let path = address.split_once(&authority).map_or("", |(_, path)| path);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n\
             content-length: 10000000\r\n\r\n",
        );
        // whoever refuses by the head may close before the rest is sent, and what it said be lost by
        // that: then the head alone has to do
        let (mut refused, mut said) = (false, String::new());
        for rest in [body.to_string(), String::new()] {
            let mut raw = case.connect().await?;
            let sent = raw.write(&format!("{head}{rest}")).await.is_ok();
            refused = raw.read_until("request_too_large").await && raw.status() == Some(413);
            case.note(&raw);
            said = raw.text();
            if refused || sent && !said.is_empty() {
                break;
            }
        }
        let wanted = "413 request_too_large before the body is whole";
        ensure("OKAP-R-014", refused, wanted, said)?;

        // the message is level 1
        let mut body = case.ask().shape_2();
        put(&mut body, "x", nested(15));
        case.takes("OKAP-R-018", &body).await?;
        put(&mut body, "x", nested(16));
        case.refuses_body("OKAP-R-018", "invalid_json", &body).await?;
        let deep = case.ask().with("limits", nested(9));
        case.refuses_details("OKAP-R-018", &deep).await
    })
    .await
}

async fn media_type(case: &Case) -> Outcome {
    case.between("OKAP-R-022", async {
        let body = case.ask().shape_2().to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            let call = Call::post(case.at("okap/authorize")).header("content-type", kind);
            let reply = case.send(call.body(body.clone())).await?;
            reply.is_refused("OKAP-R-022", 415, "unsupported_media_type")?;
        }
        let call = Call::post(case.at("okap/authorize")).body(body);
        case.send(call).await?.is_refused("OKAP-R-022", 415, "unsupported_media_type")
    })
    .await
}

async fn unknown(case: &Case) -> Outcome {
    case.between("OKAP-R-021", async {
        let mut body = case.ask().shape_2();
        put(&mut body, "okapconf_new", json!({ "deep": [1, null] }));
        if let Some(client) = body.get_mut("client") {
            put(client, "okapconf_new", json!(true));
        }
        case.takes("OKAP-R-020", &body).await?;

        case.refuses_details("OKAP-R-021", &case.ask().with("okapconf_new", json!(1))).await?;
        let limits = json!({ "okapconf_new": 1 });
        case.refuses_details("OKAP-R-021", &case.ask().limits(limits)).await?;
        for (member, value) in [
            ("base_url", json!("https://evil.example/v1/openai")),
            ("currency", json!("USD")),
            ("window", json!("utc_calendar")),
            ("models_refused", json!([])),
            ("resets_at", json!("2030-01-01T00:00:00Z")),
        ] {
            case.refuses_details("OKAP-R-031", &case.ask().with(member, value)).await?;
        }
        for member in ["models", "capabilities", "limits", "expires", "reason"] {
            nothing(case, &case.ask().with(member, Value::Null).shape_2()).await?;
        }
        let mut body = case.ask().shape_2();
        put(&mut body, "client", Value::Null);
        nothing(case, &body).await
    })
    .await
}

/// `null` in the place of a member; which of the codes for a malformed request is the vault's own
/// choice.
async fn nothing(case: &Case, body: &Value) -> Result<(), Stop> {
    let reply = case.request(body).await?;
    let known = reply.code().starts_with("invalid_");
    reply.ensure("OKAP-R-019", reply.status == 400 && known, format!("400 for {body}"))
}

/// Arrays in one another, so many.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!([]), |inner, _| json!([inner]))
}

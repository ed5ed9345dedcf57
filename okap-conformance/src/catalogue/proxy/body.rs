//! The body: how it is read, and that it arrives as it was.

use std::time::Duration;

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.body.exact",
        rev: 1,
        title: "numbers, escapes and the order of members arrive byte for byte",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-297"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(exact(case)),
    },
    Test {
        id: "proxy.body.duplicate",
        rev: 1,
        title: "a member that stands twice is refused, at any depth and in any spelling",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-293"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(duplicate(case)),
    },
    Test {
        id: "proxy.body.json",
        rev: 1,
        title: "what is not exactly one JSON text is refused, and depth is bounded",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-293"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(malformed(case)),
    },
    Test {
        id: "proxy.body.type",
        rev: 1,
        title: "an encoded body and one of another type are refused",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-290"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(media_type(case)),
    },
    Test {
        id: "proxy.body.size",
        rev: 1,
        title: "a body of 16 MiB is taken, and there is an end to what is",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-291", "OKAP-R-292"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("exhaustion"),
        run: |case| Box::pin(size(case)),
    },
];

/// A body with a nonce in it and something between the model and the messages.
fn text(nonce: &str, between: &str) -> String {
    format!(
        "{{\"model\":\"gpt-4o-mini\",{between}\"messages\":[{{\"role\":\"user\",\"content\":\"{nonce}: say 16 words\"}}],\"max_tokens\":16}}"
    )
}

async fn exact(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let nonce = case.nonce();
    let parts = [
        "\"temperature\":0.250",
        "\"seed\":9007199254740993",
        "\"top_p\":1.0",
        "\"presence_penalty\":1E-1",
        "\"user\":\"na\\u00efve \\/ \\ud83d\\ude00\"",
        "\"metadata\":{\"b\":\"1\",\"a\":\"2\"}",
    ];
    let sent = text(&nonce, &format!("{},", parts.join(", ")));
    let reply = case.send(case.chat_of(&grant, sent)).await?;
    reply.has_status("OKAP-R-297", 200)?;
    let books = case.books(&nonce);
    let came = books.last().map(|call| call.sent.clone()).unwrap_or_default();
    for part in parts {
        if !came.contains(part) {
            return Err(Stop::failed("OKAP-R-297", format!("{part} as it was sent"), came));
        }
    }
    let order = (came.find("\"seed\""), came.find("\"top_p\""));
    reply.ensure("OKAP-R-297", order.0 < order.1, "the order of members")?;
    Witness::of_upstream("OKAP-R-297", &nonce, &books)
}

async fn duplicate(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(plain(case, &grant).await)?;
    for between in [
        "\"model\":\"gpt-4o\",",
        "\"mod\\u0065l\":\"gpt-4o\",",
        "\"metadata\":{\"a\":\"1\",\"a\":\"2\"},",
        "\"max_tokens\":4000,",
        "\"stream\":false,\"stream\":true,",
    ] {
        let nonce = case.nonce();
        let call = case.chat_of(&grant, text(&nonce, between));
        case.refuses_call(call, &nonce, "OKAP-R-293", (400, "duplicate_member")).await?;
    }
    Ok(witness)
}

async fn malformed(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(plain(case, &grant).await)?;
    let nested =
        |depth: usize| format!("\"metadata\":{}1{},", "[".repeat(depth), "]".repeat(depth));
    let nonce = case.nonce();
    let deep = case.send(case.chat_of(&grant, text(&nonce, &nested(90)))).await?;
    deep.has_status("OKAP-R-293", 200)?;
    let whole = |between: &str| {
        let nonce = case.nonce();
        (text(&nonce, between), nonce)
    };
    let (plain, one) = whole("");
    let (comment, two) = whole("/* */");
    let (lone, three) = whole("\"user\":\"\\ud800\",");
    let (deep, four) = whole(&nested(101));
    for (body, nonce) in [
        (format!("{plain}{plain}"), &one),
        (format!("\u{feff}{plain}"), &one),
        (format!("{plain}]"), &one),
        (plain.trim_end_matches('}').to_owned(), &one),
        (comment, &two),
        (lone, &three),
        (deep, &four),
        (String::new(), &one),
    ] {
        let call = case.chat_of(&grant, body);
        case.refuses_call(call, nonce, "OKAP-R-293", (400, "invalid_json")).await?;
    }
    let mut bytes = plain.into_bytes();
    let last = bytes.len() - 1;
    bytes.splice(last..last, *b",\"user\":\"\xff\"");
    let call = case.chat_of(&grant, bytes);
    case.refuses_call(call, &one, "OKAP-R-293", (400, "invalid_json")).await?;
    Ok(witness)
}

async fn media_type(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(plain(case, &grant).await)?;
    for encoding in ["gzip", "br"] {
        let prompt = case.prompt();
        let call = case.chat(&grant, &prompt).header("content-encoding", encoding);
        let refusal = (415, "unsupported_encoding");
        case.refuses_call(call, &prompt.nonce, "OKAP-R-290", refusal).await?;
    }
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let nonce = case.nonce();
        let url = format!("{}/chat/completions", grant.base_url);
        let call = Call::post(url).bearer(&grant.token).header("content-type", kind);
        let refusal = (415, "unsupported_media_type");
        case.refuses_call(call.body(text(&nonce, "")), &nonce, "OKAP-R-290", refusal).await?;
    }
    Ok(witness)
}

async fn size(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let witness = twin(plain(case, &grant).await)?;
    // said by its length alone: a vault that is fair says yes or no before it reads
    let asked = async |length: u64| {
        let more = format!("content-length: {length}\r\nexpect: 100-continue\r\n");
        let mut raw = case.connect().await?;
        raw.write(&case.head(&grant, &more)).await?;
        let patience = Duration::from_millis(if length > LARGE { 5000 } else { 1000 });
        let answered = raw.read_until_within("\r\n\r\n", patience).await;
        case.note(&raw);
        Ok::<_, Stop>((raw.status().filter(|_| answered), raw.text()))
    };
    let (status, text) = asked(LARGE).await?;
    if status.is_some_and(|status| status >= 400) {
        return Err(Stop::failed("OKAP-R-292", "a body of 16 MiB taken", text));
    }
    match asked(1 << 36).await? {
        (Some(413), _) => Ok(witness),
        (_, text) => Err(Stop::failed("OKAP-R-291", "413 request_too_large", text)),
    }
}

/// What a vault should take.
const LARGE: u64 = 16 * 1024 * 1024;

/// The twin: the body without anything between.
async fn plain(case: &Case, grant: &Grant) -> Outcome {
    let nonce = case.nonce();
    let reply = case.send(case.chat_of(grant, text(&nonce, ""))).await?;
    reply.has_status("OKAP-R-280", 200)?;
    Witness::of_upstream("OKAP-R-280", &nonce, &case.books(&nonce))
}

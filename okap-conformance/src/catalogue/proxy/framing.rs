//! Where one message ends and the next begins.

use std::time::Duration;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.framing.ambiguous",
        rev: 2,
        title: "two lengths, a length beside chunks and an unknown coding hide no second request",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-428"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("smuggling"),
        run: |case| Box::pin(ambiguous(case)),
    },
    Test {
        id: "proxy.framing.upload",
        rev: 1,
        title: "a grant that is revoked while the body is on its way is refused",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-279"],
        needs: &[Verb::Revoke],
        twin: Some("proxy.forward.clean"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(upload(case)),
    },
];

/// A call over a connection of its own, by what stands in its head for its length and by its body.
struct Framed {
    headers: String,
    body: String,
    /// Whether the vault may answer it, and how the connection is left then.
    taken: Taken,
}

enum Taken {
    /// It has to be answered: the twin of those that must not be.
    Yes,
    /// Either refused, or answered with nothing read behind it.
    Alone,
    No,
}

fn framings(body: &str, behind: &str) -> Vec<Framed> {
    let length = body.len();
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let both = format!("{chunks}{behind}");
    let (whole, chunked) = (both.len(), "transfer-encoding: chunked\r\n");
    let framed =
        |headers: String, body: &str, taken| Framed { headers, body: body.to_owned(), taken };
    let of = |length: usize| format!("content-length: {length}\r\n");
    vec![
        framed(of(length), body, Taken::Yes),
        framed(format!("{}{}", of(length), of(1)), body, Taken::No),
        framed(format!("content-length: {length}, 1\r\n"), body, Taken::No),
        framed(chunked.to_owned(), &chunks, Taken::Yes),
        framed("transfer-encoding: xchunked\r\n".to_owned(), &chunks, Taken::No),
        framed(format!("{}{chunked}", of(whole)), &both, Taken::Alone),
        framed(format!("{chunked}{}", of(whole)), &both, Taken::Alone),
        framed(format!("{}{chunked}", of(chunks.len())), &both, Taken::Alone),
    ]
}

async fn ambiguous(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for way in 0.. {
        let (prompt, hidden) = (case.prompt(), case.prompt());
        let (body, inner) = (prompt.body().to_string(), hidden.body().to_string());
        let second = case.head(&grant, &format!("content-length: {}\r\n", inner.len()));
        let behind = format!("{second}{inner}");
        let Some(Framed { headers, body, taken }) = framings(&body, &behind).into_iter().nth(way)
        else {
            break;
        };
        let mut raw = case.connect().await?;
        raw.write(&format!("{}{body}", case.head(&grant, &headers))).await?;
        if let Taken::Yes = taken {
            let answered = raw.read_until("\r\n\r\n").await && raw.status() == Some(200);
            case.note(&raw);
            twin(ensure("OKAP-R-280", answered, "status 200", raw.text()))?;
            continue;
        }
        let closed = raw.read_to_end(Duration::from_secs(5)).await;
        case.note(&raw);
        // an end without a word is a refusal, too
        let refused = raw.status().is_none_or(|status| (400..500).contains(&status));
        let alone = matches!(taken, Taken::Alone) && raw.status() == Some(200);
        if !closed || !(refused || alone) {
            let observed = format!("closed: {closed}; {}", raw.text());
            return Err(Stop::failed("OKAP-R-428", "a refusal and the end", observed));
        }
        if refused {
            case.never_left(&prompt)?;
        }
        let answers = raw.text().matches("HTTP/1.1 ").count();
        let second = answers > 1 || !case.books(&hidden).calls.is_empty();
        ensure("OKAP-R-428", !second, "nothing of what stands behind the chunks", raw.text())?;
    }
    Ok(witness)
}

async fn upload(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let prompt = case.prompt();
    let body = prompt.body().to_string();
    let (first, rest) = body.split_at_checked(body.len() / 2).unwrap_or_default();
    let head = case.head(&grant, &format!("content-length: {}\r\n", body.len()));
    let mut raw = case.connect().await?;
    raw.write(&format!("{head}{first}")).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    case.revoke(&grant).await?;
    raw.write(rest).await?;
    let refused = raw.read_until("token_revoked").await;
    case.note(&raw);
    case.never_left(&prompt)?;
    match refused && raw.status() == Some(401) {
        true => Ok(witness),
        false => Err(Stop::failed("OKAP-R-279", "401 token_revoked", raw.text())),
    }
}

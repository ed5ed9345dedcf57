//! Where one message ends and the next begins.

use std::time::Duration;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.framing.ambiguous",
        rev: 1,
        title: "two lengths that differ, and a coding that is unknown, are refused and the connection closed",
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

async fn ambiguous(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    for kind in 0..4 {
        let prompt = case.prompt();
        let body = prompt.body().to_string();
        let (length, chunk) = (body.len(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        let (headers, body) = match kind {
            0 => (format!("content-length: {length}\r\n"), body),
            1 => (format!("content-length: {length}\r\ncontent-length: 1\r\n"), body),
            2 => (format!("content-length: {length}, 1\r\n"), body),
            _ => ("transfer-encoding: xchunked\r\n".to_owned(), chunk),
        };
        let mut raw = case.connect().await?;
        raw.write(&format!("{}{body}", case.head(&grant, &headers))).await?;
        if kind == 0 {
            let answered = raw.read_until("\r\n\r\n").await && raw.status() == Some(200);
            twin(match answered {
                true => Ok(()),
                false => Err(Stop::failed("OKAP-R-280", "status 200", raw.text())),
            })?;
            continue;
        }
        let closed = raw.read_to_end(Duration::from_secs(2)).await;
        case.note(&raw);
        let refused = raw.status().is_none_or(|status| (400..500).contains(&status));
        if !refused || !closed {
            let observed = format!("closed: {closed}; {}", raw.text());
            return Err(Stop::failed("OKAP-R-428", "a refusal and the end", observed));
        }
        case.never_left(&prompt)?;
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

//! The exchanges of a test as HAR 1.2, which browsers and proxies open.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{event::Tested, transcript::Exchange};

/// The exchanges of a test.
///
/// # Behavior
/// - Times begin in 1970: a transcript knows how long after the test's start a call was made.
#[must_use]
pub fn document(tested: &Tested) -> Value {
    let entries: Vec<_> = tested.exchanges.iter().map(entry).collect();
    json!({ "log": {
        "version": "1.2",
        "creator": { "name": "okap-conformance", "version": env!("CARGO_PKG_VERSION") },
        "comment": format!("{}: {}", tested.test, tested.said),
        "entries": entries,
    } })
}

fn entry(exchange: &Exchange) -> Value {
    let after = Duration::milliseconds(i64::try_from(exchange.at_ms).unwrap_or(i64::MAX));
    let at = OffsetDateTime::UNIX_EPOCH.checked_add(after).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut request = json!({
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": pairs(&exchange.headers),
        "queryString": query(&exchange.url),
        "headersSize": -1,
        "bodySize": exchange.body.len(),
    });
    if let (false, Some(members)) = (exchange.body.is_empty(), request.as_object_mut()) {
        let kind = header(&exchange.headers, "content-type");
        members.insert(
            "postData".to_owned(),
            json!({ "mimeType": kind, "params": [], "text": exchange.body }),
        );
    }
    json!({
        "startedDateTime": at.format(&Rfc3339).unwrap_or_default(),
        "time": exchange.took_ms,
        "request": request,
        "response": {
            // 0 is what browsers write where no answer came
            "status": exchange.status.unwrap_or(0),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": pairs(&exchange.answer_headers),
            "content": {
                "size": exchange.answer.len(),
                "mimeType": header(&exchange.answer_headers, "content-type"),
                "text": exchange.answer,
            },
            "redirectURL": header(&exchange.answer_headers, "location"),
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": { "send": 0, "wait": exchange.took_ms, "receive": 0 },
    })
}

fn pairs(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let named = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map_or("", |(_, value)| value)
}

fn query(url: &str) -> Vec<Value> {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, verdict::Verdict};

    #[test]
    fn an_exchange_has_every_member_that_har_wants() {
        insta::assert_json_snapshot!(
            document(&sample::tested("proxy.refuse.model", Verdict::Fail)),
            { ".log.creator.version" => "[version]" }
        );
    }
}

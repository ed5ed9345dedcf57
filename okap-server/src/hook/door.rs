//! Who may order: this computer, by its own name, in JSON.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, uri::Authority};
use serde_json::json;

use crate::{
    BoxError, Peer,
    body::{self, ReadError},
    reply::{self, Reply},
};

/// Longest order, in bytes: 1 MiB.
const LONGEST: usize = 1024 * 1024;

/// The body of a request that may order something.
pub(super) async fn taken<B>(request: Request<B>, within: Duration) -> Result<Bytes, Reply>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    if request.method() != Method::POST {
        return Err(reply::method_not_allowed("POST"));
    }
    // a page whose name was bent to this computer is same-origin with it, and can but send that name
    if !names_this_computer(&request) {
        return Err(refusal(421, "the hook is for this computer alone, by a name of it"));
    }
    let peer = request.extensions().get::<Peer>();
    if peer.is_some_and(|peer| !peer.0.to_canonical().is_loopback()) {
        return Err(refusal(403, "the hook is for this computer alone"));
    }
    // a page of another site can post a form or plain text without asking; JSON it cannot
    if request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)
        != Some(b"application/json")
    {
        return Err(refusal(415, "send application/json"));
    }
    body::read(request.into_body(), LONGEST, within).await.map_err(|error| {
        reply::closing(match error {
            ReadError::TooLarge => refusal(413, "an order has 1 MiB at most"),
            ReadError::TooSlow => refusal(408, "the order did not arrive in time"),
            ReadError::Broken => refusal(400, "the order broke off"),
        })
    })
}

/// An answer that says why in words.
pub(super) fn refusal(status: u16, why: &str) -> Reply {
    reply::json(status, &json!({ "error": why }))
}

fn names_this_computer<B>(request: &Request<B>) -> bool {
    let headers = request.headers().get_all(header::HOST).iter();
    let mut names = headers.map(|host| host.to_str().ok()?.parse().ok()).peekable();
    let target = request.uri().authority();
    (names.peek().is_some() || target.is_some())
        && names.all(|name| name.as_ref().is_some_and(is_here))
        && target.is_none_or(is_here)
}

fn is_here(name: &Authority) -> bool {
    let host = name.host();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback());
    // nothing but a port may stand beside it
    here && name.as_str().strip_prefix(host).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    fn is_named(uri: &str, hosts: &[&str]) -> bool {
        let request = hosts.iter().fold(Request::post(uri), |r, host| r.header("host", *host));
        names_this_computer(&request.body(()).unwrap())
    }

    #[test]
    fn the_names_of_this_computer_are_taken_and_no_others() {
        for host in ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787", "127.0.0.2:80"] {
            assert!(is_named("/__okap_test", &[host]), "{host}");
            assert!(is_named(&format!("http://{host}/__okap_test"), &[]), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost.evil.example",
            "localhost:8787.evil.example",
            "evil@localhost:8787",
            "10.0.0.1:8787",
            "[::2]:8787",
            "",
        ] {
            assert!(!is_named("/__okap_test", &[host]), "{host}");
        }
        assert!(!is_named("/__okap_test", &[]));
        assert!(!is_named("/__okap_test", &["localhost", "evil.example"]));
        assert!(!is_named("http://evil.example/__okap_test", &["localhost"]));
    }
}

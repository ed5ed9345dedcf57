use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Request, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use okap_server::Peer;
use url::Url;

/// What every request passes first: it has to name this vault, and it is told where it came from.
#[derive(Clone, Debug)]
pub(super) struct Door {
    names: Arc<[(String, u16)]>,
    issuer: Arc<str>,
    /// The port that a name without one stands for.
    usual_port: u16,
    behind_tls_proxy: bool,
}

impl Door {
    pub(super) fn new(issuer: &Url, listen: SocketAddr, tls: bool, behind_tls_proxy: bool) -> Self {
        let usual_port = if tls || issuer.scheme() == "https" { 443 } else { 80 };
        let named = issuer.host_str().unwrap_or_default().to_owned();
        let mut names = vec![(named, issuer.port_or_known_default().unwrap_or(usual_port))];
        if listen.ip().is_loopback() {
            let here = ["localhost", "127.0.0.1", "[::1]"];
            names.extend(here.map(|name| (name.to_owned(), listen.port())));
        }
        let issuer = issuer.as_str().trim_end_matches('/').into();
        Self { names: names.into(), issuer, usual_port, behind_tls_proxy }
    }

    /// Whether a request is meant for this vault.
    ///
    /// A page of another site whose name was bent to this address (DNS rebinding) is same-origin
    /// with it for the browser, but cannot but send its own name.
    pub(super) fn is_ours<B>(&self, request: &Request<B>) -> bool {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let named = host.to_str().is_ok_and(|host| self.is_name(host));
        named && request.uri().authority().is_none_or(|authority| self.is_name(authority.as_str()))
    }

    fn is_name(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // the last colon of an IPv6 address alone stands in brackets
            Some((name, port)) if !port.ends_with(']') => (name, number(port)),
            _ => (host, Some(self.usual_port)),
        };
        let is = |(own, at): &(String, u16)| Some(*at) == port && own.eq_ignore_ascii_case(name);
        self.names.iter().any(is)
    }

    /// Where a request comes from: behind a proxy, what the proxy itself has seen.
    pub(super) fn peer(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.behind_tls_proxy {
            return connected;
        }
        // what stands before the last entry is the client's own word
        let last = headers.get_all("x-forwarded-for").iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        last.and_then(|ip| ip.trim().parse().ok()).unwrap_or(connected)
    }
}

/// A port as it stands in an address: digits alone.
fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lets a request in, and logs how it ended.
pub(super) async fn enter(
    State(door): State<Door>,
    ConnectInfo(connected): ConnectInfo<SocketAddr>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    if !door.is_ours(&request) {
        let text = format!("this vault answers at {} alone\n", door.issuer);
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let peer = door.peer(connected.ip(), request.headers());
    request.extensions_mut().insert(Peer(peer));
    let (method, room) = (request.method().clone(), room(request.uri().path()));
    let began = Instant::now();
    let answer = next.run(request).await;
    let ms = began.elapsed().as_millis();
    tracing::info!(%method, room, status = answer.status().as_u16(), ms, "answered");
    answer
}

/// Which part of the vault a path belongs to. A log has no whole paths: they may name anything.
fn room(path: &str) -> &'static str {
    // a name stands behind those that it is the beginning of
    const ROOMS: [&str; 19] = [
        "/okap/authorize",
        "/okap/continue",
        "/okap/device_authorization",
        "/okap/device",
        "/okap/grants",
        "/okap/introspect",
        "/okap/limits",
        "/okap/request",
        "/okap/revoke",
        "/okap/token",
        "/okap/par",
        "/.well-known",
        "/consent",
        "/apps",
        "/grants",
        "/login",
        "/logout",
        "/assets",
        "/v1/",
    ];
    ROOMS.into_iter().find(|room| path.contains(room)).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(issuer: &str, listen: &str) -> Door {
        Door::new(&issuer.parse().unwrap(), listen.parse().unwrap(), false, false)
    }

    fn asks(door: &Door, uri: &str, hosts: &[&str]) -> bool {
        let request = hosts.iter().fold(Request::get(uri), |r, host| r.header("host", *host));
        door.is_ours(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn on_loopback_the_vault_answers_to_this_computers_names_with_its_port() {
        let door = door("http://127.0.0.1:8787", "127.0.0.1:8787");
        for host in ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787", "[::1]:8787"] {
            assert!(asks(&door, "/", &[host]), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost",
            "localhost:80",
            "localhost:8787.evil.example",
            "localhost.evil.example:8787",
            "evil@localhost:8787",
            "127.0.0.2:8787",
            "",
        ] {
            assert!(!asks(&door, "/", &[host]), "{host}");
        }
    }

    #[test]
    fn a_public_vault_answers_to_its_name_alone() {
        let door = door("https://vault.example.com", "10.0.0.1:8443");
        assert!(asks(&door, "/", &["vault.example.com"]));
        assert!(asks(&door, "/", &["Vault.Example.com:443"]));
        for host in [
            "10.0.0.1:8443",
            "localhost:8443",
            "vault.example.com:80",
            "vault.example.com.evil.example",
        ] {
            assert!(!asks(&door, "/", &[host]), "{host}");
        }
    }

    #[test]
    fn one_host_is_named_and_the_address_agrees_with_it() {
        let door = door("http://127.0.0.1:8787", "127.0.0.1:8787");
        assert!(!asks(&door, "/", &[]));
        assert!(!asks(&door, "/", &["localhost:8787", "localhost:8787"]));
        assert!(asks(&door, "http://localhost:8787/", &["localhost:8787"]));
        assert!(!asks(&door, "http://evil.example/", &["localhost:8787"]));
    }

    #[test]
    fn only_a_proxy_is_believed_and_only_its_own_entry() {
        let connected: IpAddr = "10.0.0.9".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.append("x-forwarded-for", "7.7.7.7, 198.51.100.7".parse().unwrap());
        let mut door = door("https://vault.example.com", "10.0.0.1:80");
        assert_eq!(door.peer(connected, &headers), connected);
        door.behind_tls_proxy = true;
        assert_eq!(door.peer(connected, &headers).to_string(), "198.51.100.7");
        assert_eq!(door.peer(connected, &HeaderMap::new()), connected);
        headers.append("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(door.peer(connected, &headers), connected);
    }

    #[test]
    fn a_log_names_rooms_and_never_paths() {
        assert_eq!(room("/v1/openai/chat/completions"), "/v1/");
        assert_eq!(room("/okap/token"), "/okap/token");
        assert_eq!(room("/base/consent/secret-id"), "/consent");
        for path in
            ["/okap/device", "/okap/device_authorization", "/okap/introspect", "/okap/limits"]
        {
            assert_eq!(room(path), path);
        }
        assert_eq!(room("/okap/grants/g_id"), "/okap/grants");
        assert_eq!(room("/grants/g_id"), "/grants");
        assert_eq!(room("/apps/id/revoke"), "/apps");
        assert_eq!(room("/okap_at_secret"), "other");
    }
}

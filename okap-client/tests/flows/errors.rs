//! What errors say and what they keep to themselves.

use std::{error::Error as _, future::Future, time::Duration};

use okap_client::{
    Access, Ask, Client, ClientInfo, DevicePrompt, Error, Pending, Session, TokenStore, Transport,
    TransportError, transport::Sending,
};
use serde_json::json;

use crate::{
    Canned, ask, pair,
    vault::{CONTINUATION, METADATA, TOKEN},
};

fn whole(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn vaults_words_are_carried_and_its_tokens_are_not() {
    let (vault, client) = pair();
    let said = format!("limit of 5 requests reached\u{1b}[31m, token {CONTINUATION} was used");
    vault.can(
        "/okap/continue",
        Canned::json(400, json!({"error": "invalid_request", "error_description": said})),
    );
    let error = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST https://vault.test/okap/continue answered 400 invalid_request: \
         limit of 5 requests reached [31m, token … was used"
    );
    assert!(!whole(&error).contains(CONTINUATION));
    // as an error code, a reason, a member of the wrong type, a name that stands twice
    let twice = format!("{{\"{TOKEN}\":1,\"{TOKEN}\":2}}").into_bytes();
    for canned in [
        Canned::json(400, json!({"error": TOKEN})),
        Canned::json(403, json!({"status": "denied", "reason": TOKEN})),
        Canned::json(200, json!({"okap": "1.0", "status": "granted", "token_type": TOKEN})),
        Canned { body: twice, ..Canned::json(200, json!(0)) },
    ] {
        vault.can("/okap/authorize", canned);
        let error = client.start(ask()).await.unwrap_err();
        assert!(!whole(&error).contains(TOKEN), "{}", whole(&error));
    }
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let (vault, client) = pair();
    let pending = client.start(ask()).await.unwrap();
    let access = pending.wait(Duration::ZERO).await.unwrap();
    let sent = &vault.calls("POST /okap/continue")[0].headers;
    let shown = format!("{client:?} {pending:?} {access:?} {sent:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains(CONTINUATION), "{shown}");
    assert!(shown.contains("https://vault.test"), "{shown}");
}

#[tokio::test]
async fn codes_become_kinds() {
    type Is = fn(&Error) -> bool;
    let cases: [(u16, &str, Is); 8] = [
        (400, "invalid_request", Error::is_invalid_request),
        (400, "unsupported_version", Error::is_invalid_request),
        (403, "access_denied", Error::is_denied),
        (400, "access_denied", Error::is_denied),
        (429, "too_many_requests", Error::is_vault),
        (503, "temporarily_unavailable", Error::is_vault),
        (500, "server_error", Error::is_vault),
        (401, "token_expired", Error::is_expired),
    ];
    for (status, code, is) in cases {
        let (vault, client) = pair();
        vault.can("/okap/authorize", Canned::json(status, json!({"error": code})));
        let error = client.start(ask()).await.unwrap_err();
        assert!(is(&error), "{error}");
        assert_eq!(error.code(), Some(code));
    }
    let (vault, client) = pair();
    vault.can(METADATA, Canned { body: b"<html>".to_vec(), ..Canned::json(404, json!(0)) });
    let error = client.start(ask()).await.unwrap_err();
    assert!(error.is_vault() && error.code().is_none(), "{error}");
}

/// A transport that never answers, or never arrives.
struct Broken(Option<&'static str>);

impl Transport for Broken {
    fn send(&self, _: http::Request<Vec<u8>>) -> Sending<'_> {
        Box::pin(async {
            match self.0 {
                Some(why) => Err(TransportError::new(why)),
                None => std::future::pending().await,
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn network_failures_are_named_and_bounded_in_time() {
    let client = |why| {
        let info = ClientInfo::new("Notes").unwrap();
        Client::with_transport("https://vault.test".parse().unwrap(), info, Broken(why)).unwrap()
    };
    let error = client(Some("no route to host")).start(ask()).await.unwrap_err();
    assert!(error.is_network(), "{error}");
    assert_eq!(
        error.to_string(),
        "GET https://vault.test/.well-known/oauth-authorization-server failed"
    );
    assert_eq!(error.source().unwrap().to_string(), "no route to host");

    let start = tokio::time::Instant::now();
    let error = client(None).start(ask()).await.unwrap_err();
    assert!(error.is_network() && !error.is_timeout(), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[test]
fn futures_and_values_can_go_to_other_threads() {
    fn sent<T: Send>(_: T) {}
    fn shared<T: Send + Sync + 'static>() {}
    fn flows(
        client: &Client,
        pending: &Pending,
        access: &Access,
        ask: Ask,
    ) -> [Box<dyn Future<Output = ()>>; 0] {
        sent(client.start(ask.clone()));
        sent(client.start_on_device(ask.clone()));
        #[cfg(feature = "browser")]
        sent(client.authorize_in_browser(ask.clone()));
        #[cfg(feature = "browser")]
        sent(client.authorize_with(ask.clone(), |_| ()));
        #[cfg(feature = "browser")]
        sent(client.step_up(access, ask.clone()));
        sent(client.refresh(access));
        sent(client.delegate(access, ask, "Worker", None));
        sent(client.limits(access));
        sent(client.session(access.clone()));
        sent(client.revoke(access));
        sent(pending.wait(Duration::ZERO));
        []
    }
    let _ = flows;
    shared::<Client>();
    shared::<Pending>();
    shared::<Access>();
    shared::<DevicePrompt>();
    shared::<Session>();
    #[cfg(feature = "browser")]
    shared::<okap_client::Transaction>();
    shared::<Box<dyn TokenStore>>();
    shared::<Error>();
}

use okap_engine::{
    client::Client,
    flow::{Decision, Issued, Profile},
    narrow::as_asked,
    record::{App, Identity},
    token::Seed,
};
use okap_types::{
    Capability, ClientDocument, ClientInfo, Limits, ModelAccess, ModelId, Money, Provider, Secret,
    Timestamp,
};

use crate::host::{Host, REDIRECT, code_of, redeeming};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

pub(crate) fn seed(number: u8) -> Seed {
    Seed::new(Secret::new([number; 32]))
}

pub(crate) fn profile() -> Profile {
    Profile::new("https://vault.example".parse().unwrap())
}

pub(crate) fn model(name: &str) -> ModelId {
    name.parse().unwrap()
}

pub(crate) fn cap(micros: u64) -> Money {
    Money::from_micros(micros).unwrap()
}

/// An app on the user's own computer.
pub(crate) fn local() -> App {
    Client::Local.at_redirect(REDIRECT, Some("Notes")).unwrap()
}

/// An app of which nothing is known.
pub(crate) fn stranger() -> App {
    App { identity: Identity::Unverified, info: ClientInfo::new("Chat").unwrap() }
}

/// The document of a published client, with more members.
pub(crate) fn document(more: &str) -> ClientDocument {
    let json = format!(
        r#"{{"client_id":"https://notes.example/okap.json","client_name":"Notes",
        "redirect_uris":["https://notes.example/cb","http://127.0.0.1/cb"]{more}}}"#
    );
    let url = "https://notes.example/okap.json".parse().unwrap();
    ClientDocument::parse(&url, json.as_bytes()).unwrap()
}

/// Two OpenAI models for a month, with caps.
pub(crate) fn asked() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4o", "gpt-4o-mini"])
        .capabilities([Capability::Chat, Capability::Embeddings])
        .limits(Limits::monthly(Money::usd(10)).per_minute(60))
        .expires(noon().plus_seconds(30 * 86_400))
}

/// All that was asked.
pub(crate) fn all_of(asked: &[ModelAccess]) -> Decision {
    let latest = noon().plus_seconds(365 * 86_400);
    Decision::Approve(asked.iter().map(|a| Some(as_asked(a, &[], latest))).collect())
}

/// A code that may be redeemed.
pub(crate) fn code(host: &mut Host, key: Option<&str>) -> String {
    let asked = [asked()];
    let id = host.push(local(), &asked, key).unwrap();
    code_of(&host.decide(&id, None, &all_of(&asked)).unwrap().unwrap())
}

/// What the code flow gives.
pub(crate) fn issued(host: &mut Host) -> Issued {
    let code = code(host, None);
    host.redeem(&code, &redeeming()).unwrap()
}

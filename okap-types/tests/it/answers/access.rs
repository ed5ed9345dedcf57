//! What is granted: of one provider in part, of another everything.

use okap_types::{AccessType, Capability, GrantedAccess, Limits, Models, Money, Provider};

use super::{end, listed};

pub(crate) fn granted_access() -> GrantedAccess {
    GrantedAccess {
        access_type: AccessType::AiModelAccess,
        provider: Provider::OpenAi,
        models: listed(&["gpt-4o-mini"]),
        capabilities: vec![Capability::Chat],
        limits: Limits::monthly(Money::usd(5)).per_minute(30),
        expires: end(),
        base_url: "https://vault.example/v1/openai".parse().unwrap(),
        currency: GrantedAccess::CURRENCY.to_owned(),
        window: GrantedAccess::WINDOW.to_owned(),
        models_refused: vec!["gpt-4".parse().unwrap()],
    }
}

pub(crate) fn everything_granted() -> GrantedAccess {
    GrantedAccess {
        provider: Provider::Anthropic,
        models: Models::Any,
        capabilities: vec![Capability::Chat, Capability::Vision],
        limits: Limits::default(),
        base_url: "https://vault.example/v1/anthropic".parse().unwrap(),
        models_refused: Vec::new(),
        ..granted_access()
    }
}

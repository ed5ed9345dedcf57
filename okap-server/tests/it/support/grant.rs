use base64ct::{Base64UrlUnpadded, Encoding};
use okap_engine::{
    flow::{Decided, Decision, shown},
    narrow::{Approved, as_asked},
    record::{Grant, Interaction},
};
use okap_server::ControlError;
use okap_types::{Capability, Limits, Models};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Ask, House, owner};

/// What an app holds after the user allowed.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) token: String,
    pub(crate) grant: Grant,
}

/// A verifier, and the challenge that belongs to it.
pub(crate) const VERIFIER: &str = "the-verifier-of-these-tests-is-43-chars-long";

pub(crate) fn challenge(verifier: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(verifier.as_bytes()))
}

/// Chat with the small model of OpenAI, under these limits.
pub(crate) fn chat_with(limits: Value) -> Value {
    json!({
        "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"],
        "capabilities": ["chat"], "limits": limits,
    })
}

/// Everything that is asked, as it is asked.
pub(crate) fn all(asked: &Interaction) -> Decision {
    let latest = asked.created.plus_seconds(300 * 24 * 3600);
    let part = |access| Some(as_asked(access, &["gpt-4o-mini".parse().unwrap()], latest));
    Decision::Approve(asked.access.iter().map(part).collect())
}

/// The first part that is asked, changed; the others as they are asked.
pub(crate) fn first(asked: &Interaction, change: impl FnOnce(&mut Approved)) -> Decision {
    let Decision::Approve(mut parts) = all(asked) else { unreachable!() };
    change(parts[0].as_mut().unwrap());
    Decision::Approve(parts)
}

impl House {
    /// Asks with the draft's shape; the answer is the pending one.
    pub(crate) async fn ask(&self, details: &Value) -> Answer {
        let details = match details {
            Value::Array(_) => details.clone(),
            one => json!([one]),
        };
        let body = json!({
            "okap": "1.0", "authorization_details": details, "client": {"name": "Notes"},
        });
        self.send(Ask::post("/okap/authorize").json(&body)).await
    }

    /// The stored request behind an `interaction_uri`.
    pub(crate) async fn interaction(&self, page: &str) -> Interaction {
        let id = page.rsplit('/').next().unwrap();
        self.control().interaction(id).await.unwrap()
    }

    pub(crate) async fn decide(
        &self,
        asked: &Interaction,
        decision: &Decision,
    ) -> Result<Decided, ControlError> {
        self.control().decide(&asked.id, &owner(), &shown(asked), decision).await
    }

    /// Fetches the outcome of a direct request.
    pub(crate) async fn fetch(&self, pending: &Answer) -> Answer {
        let token = pending.json()["continue"]["access_token"].as_str().unwrap().to_owned();
        self.send(Ask::post("/okap/continue").bearer(&token)).await
    }

    /// Asks, is allowed all of it, and fetches the token.
    pub(crate) async fn grant(&self, details: Value) -> Granted {
        self.grant_as(details, all).await
    }

    /// Asks, is allowed what the user leaves, and fetches the token.
    pub(crate) async fn grant_as(
        &self,
        details: Value,
        decide: impl FnOnce(&Interaction) -> Decision,
    ) -> Granted {
        let pending = self.ask(&details).await;
        assert_eq!(pending.status, 202, "{}", pending.text());
        let page = pending.json()["interaction_uri"].as_str().unwrap().to_owned();
        let asked = self.interaction(&page).await;
        let decided = self.decide(&asked, &decide(&asked)).await.unwrap();
        let answer = self.fetch(&pending).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Granted { token, grant: decided.grant.unwrap() }
    }

    /// Chat with the small model without any limit.
    pub(crate) async fn plain(&self) -> Granted {
        self.grant(chat_with(json!({}))).await
    }

    /// Chat, embeddings and pictures with both providers and every model, without any limit.
    pub(crate) async fn wide(&self) -> Granted {
        let details = json!([
            {"type": "ai_model_access", "provider": "openai"},
            {"type": "ai_model_access", "provider": "anthropic"},
        ]);
        let decide = |asked: &Interaction| {
            let Decision::Approve(parts) = all(asked) else { unreachable!() };
            let widen = |part: Option<Approved>| {
                part.map(|part| Approved {
                    models: Models::Any,
                    capabilities: vec![
                        Capability::Chat,
                        Capability::Embeddings,
                        Capability::Vision,
                    ],
                    limits: Limits::default(),
                    ..part
                })
            };
            Decision::Approve(parts.into_iter().map(widen).collect())
        };
        self.grant_as(details, decide).await
    }

    /// Pico-USD used in this month, settled and held.
    pub(crate) async fn used(&self, granted: &Granted) -> u64 {
        self.control().used(&granted.grant).await.unwrap()[0].month.get()
    }

    /// Takes a grant back, as the user does on the vault's page.
    pub(crate) async fn revoke(&self, granted: &Granted) {
        self.control().revoke(&owner(), &granted.grant.id).await.unwrap();
    }
}

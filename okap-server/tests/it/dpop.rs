//! Tokens that are bound to a key: whoever sends them has to prove that it holds it.

mod address;
mod binding;
mod nonce;
mod once;
mod proof;
mod token;

use serde_json::{Value, json};

use crate::support::{App, Ask, House, Key, Members, Signed, Tokens, chat_with, key, post};

const CHAT: &str = "/v1/openai/chat/completions";

fn app() -> App {
    App::local()
}

fn details() -> Value {
    chat_with(json!({}))
}

/// At an OAuth endpoint.
fn bad_here() -> (u16, String) {
    (400, "invalid_dpop_proof".into())
}

/// At a resource.
fn bad_there() -> (u16, String) {
    (401, "invalid_dpop_proof".into())
}

impl House {
    /// A code that any key may redeem.
    async fn free_code(&self) -> String {
        self.code_for(&app(), &details()).await
    }

    /// Tokens that are bound to a key.
    pub(crate) async fn bound(&self, key: &Key) -> Tokens {
        let members = app().redeems(&self.free_code().await);
        Tokens::from(&self.send(self.with_proof(&members, key)).await)
    }

    /// A form for the token endpoint with a proof that is right.
    pub(crate) fn with_proof(&self, members: &Members, key: &Key) -> Ask {
        post("/okap/token", members).proven(&self.proof(key, "POST", "/okap/token"))
    }

    /// A proof for a chat call.
    fn chat_proof(&self, tokens: &Tokens) -> Signed {
        self.proof(&key(1), "POST", CHAT).ath(&tokens.access)
    }

    /// A chat call of a bound token with this proof.
    async fn chats_with(&self, tokens: &Tokens, proof: &Signed) -> (u16, String) {
        self.send(Ask::chat("", json!({})).dpop(&tokens.access, proof)).await.says()
    }
}

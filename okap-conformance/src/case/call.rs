//! The walk: a call that goes through the vault, and what of it reached the provider.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Case, Grant, ask::MODEL, put};
use crate::{
    http::{Call, Reply},
    outcome::{Stop, Witness, twin},
    provider::{Fault, Ledger, Rule},
};

/// A chat call with a nonce in its words, by which the provider's books know it.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Stands in the words of the call and nowhere else.
    pub nonce: String,
    body: Value,
}

impl Prompt {
    /// Another model.
    #[must_use]
    pub fn model(self, model: &str) -> Self {
        self.with("model", json!(model))
    }

    /// As many words of answer, one token each, and a ceiling of as many tokens.
    #[must_use]
    pub fn words(self, words: u64) -> Self {
        let said = format!("{}: say {words} words", self.nonce);
        let messages = json!([{ "role": "user", "content": said }]);
        self.with("messages", messages).with("max_tokens", json!(words))
    }

    /// A member of the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        put(&mut self.body, member, value);
        self
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }
}

impl AsRef<str> for Prompt {
    fn as_ref(&self) -> &str {
        &self.nonce
    }
}

impl Case {
    /// A chat call for 16 words of answer.
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        let (nonce, body) = (self.nonce(), json!({ "model": MODEL }));
        Prompt { nonce, body }.words(16)
    }

    /// Calls the model with a grant's token.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn call(&self, grant: &Grant, prompt: &Prompt) -> Result<Reply, Stop> {
        self.send(self.chat(grant, prompt)).await
    }

    /// The call, for a test that changes something about it.
    #[must_use]
    pub fn chat(&self, grant: &Grant, prompt: &Prompt) -> Call {
        let url = format!("{}/chat/completions", grant.base_url);
        Call::post(url).bearer(&grant.token).json(&prompt.body)
    }

    /// What of a call, known by its prompt or by words in it, is in the provider's books.
    #[must_use]
    pub fn books(&self, words: impl AsRef<str>) -> Ledger {
        self.provider().ledger().about(words.as_ref())
    }

    /// The provider's books about a call that has to have reached it, whatever became of it.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where it did not.
    pub fn reached(&self, prompt: &Prompt) -> Result<Ledger, Stop> {
        let books = self.books(prompt);
        twin(Witness::of_upstream("OKAP-R-280", &prompt.nonce, &books))?;
        Ok(books)
    }

    /// Makes the provider do something wrong for a call.
    pub fn spoil(&self, prompt: &Prompt, fault: Fault) {
        self.provider().set_fault(Rule::fault(fault).containing(&prompt.nonce));
    }

    /// Makes the provider hold the answers to a prompt until so many calls with it are there, or
    /// none has come for so long.
    pub fn hold(&self, prompt: &Prompt, calls: usize, quiet: Duration) {
        self.provider().set_barrier_for(&prompt.nonce, calls, Some(quiet));
    }

    /// Calls the model, and holds the answer and the provider's books to it: the ordinary call that
    /// has to work. The twin of most refusals.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it was not answered, or did not reach the provider once and clean.
    pub async fn forwarded(
        &self,
        grant: &Grant,
        prompt: &Prompt,
    ) -> Result<(Reply, Witness), Stop> {
        let reply = self.call(grant, prompt).await?;
        reply.has_status("OKAP-R-280", 200)?;
        let words = reply.text("/choices/0/message/content");
        // the fake provider repeats the words that it was sent
        reply.ensure("OKAP-R-280", words.contains(&prompt.nonce), "the provider's answer")?;
        let books = self.books(prompt);
        let witness = Witness::of_upstream("OKAP-R-280", &prompt.nonce, &books)?;
        if books.totals.calls != 1 {
            let calls = format!("{} calls", books.totals.calls);
            return Err(Stop::failed("OKAP-R-321", "one call at the provider", calls));
        }
        Ok((reply, witness))
    }

    /// Fails where a call that was refused reached the provider all the same.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn never_left(&self, words: impl AsRef<str>) -> Result<(), Stop> {
        match self.books(words).totals.calls {
            0 => Ok(()),
            n => Err(Stop::failed(
                "OKAP-R-277",
                "a refusal before any byte leaves",
                format!("{n} calls at the provider"),
            )),
        }
    }
}

//! Calls of other kinds than a chat, and those that must not leave.

use serde_json::{Value, json};

use super::{Ask, Case, Grant, Prompt, with};
use crate::{
    driver::Decision,
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

impl Case {
    /// A call to a route of the first provider of a grant.
    #[must_use]
    pub fn post(&self, grant: &Grant, route: &str, body: &Value) -> Call {
        Call::post(format!("{}/{route}", grant.base_url)).bearer(&grant.token).json(body)
    }

    /// A chat call with these bytes as its body.
    #[must_use]
    pub fn chat_of(&self, grant: &Grant, body: impl Into<bytes::Bytes>) -> Call {
        let url = format!("{}/chat/completions", grant.base_url);
        let call = Call::post(url).bearer(&grant.token);
        call.header("content-type", "application/json").body(body)
    }

    /// A grant of several objects; each needs a `reason` of its own only where the user is told
    /// one.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn grant_of(&self, ask: &Ask, details: &[Value]) -> Result<Grant, Stop> {
        let body = with(ask.shape_2(), "authorization_details", json!(details));
        let answered = async {
            let pending = self.begin_with(ask, &body).await?;
            self.decide(&pending, Decision::Approve).await?;
            Grant::read(&self.outcome(&pending).await?)
        };
        prerequisite("no grant to test with", answered.await)
    }

    /// Sends a call that has to be refused, and holds the provider's books to it.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is not, or for another reason, or reached the provider all the
    /// same.
    pub async fn refuses_call(
        &self,
        call: Call,
        words: &str,
        requirement: &str,
        (status, code): (u16, &str),
    ) -> Result<Reply, Stop> {
        let reply = self.send(call).await?;
        reply.is_refused(requirement, status, code)?;
        self.never_left(words)?;
        Ok(reply)
    }

    /// As [`refuses_call`](Self::refuses_call), of a chat call.
    ///
    /// # Errors
    /// As [`refuses_call`](Self::refuses_call).
    pub async fn refuses_chat(
        &self,
        grant: &Grant,
        prompt: &Prompt,
        requirement: &str,
        as_: (u16, &str),
    ) -> Result<Reply, Stop> {
        self.refuses_call(self.chat(grant, prompt), &prompt.nonce, requirement, as_).await
    }
}

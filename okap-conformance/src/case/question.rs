//! The question: an app asks, the user decides, the app fetches the outcome.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Ask, Case};
use crate::{
    driver::Decision,
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// A request that waits for the user.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The answer to the request.
    pub reply: Reply,
    correlation: String,
}

/// What an app was given.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The access token.
    pub token: String,
    /// The grant's id.
    pub id: String,
    /// Address for calls, without a slash at its end.
    pub base_url: String,
    /// The granted objects.
    pub details: Vec<Value>,
    /// The answer that brought it.
    pub reply: Reply,
}

impl Pending {
    /// Where the user decides.
    #[must_use]
    pub fn page(&self) -> &str {
        self.reply.text("/interaction_uri")
    }

    /// The token that fetches the outcome.
    #[must_use]
    pub fn token(&self) -> &str {
        self.reply.text("/continue/access_token")
    }

    /// Seconds between an answer and the next poll.
    fn interval(&self) -> Duration {
        Duration::from_secs(self.reply.at("/interval").as_u64().unwrap_or(2).min(10))
    }
}

impl Case {
    /// Sends a body to the direct endpoint.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn request(&self, body: &Value) -> Result<Reply, Stop> {
        self.send(Call::post(self.at("okap/authorize")).json(body)).await
    }

    /// Asks by shape 2; the vault has to say that the request waits for the user.
    ///
    /// # Errors
    /// Where it says something else: [`Stop::Failed`] in a test about that, [`Stop::Untestable`] in
    /// any other.
    pub async fn begin(&self, ask: &Ask) -> Result<Pending, Stop> {
        self.begin_with(ask, &ask.shape_2()).await
    }

    /// As [`begin`](Self::begin), with a body of another shape.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with(&self, ask: &Ask, body: &Value) -> Result<Pending, Stop> {
        let reply = self.request(body).await?;
        let handed = ["/access_token", "/token"].iter().any(|token| !reply.at(token).is_null());
        let waits = reply.status == 202 && reply.text("/status") == "pending";
        let checked = reply
            .ensure("OKAP-R-141", !handed, "no token before the user has decided")
            .and_then(|()| reply.ensure("OKAP-R-011", waits, "202 with status pending"));
        match self.verifies(&["OKAP-R-011", "OKAP-R-141"]) {
            true => checked?,
            false => prerequisite("no request that waits for the user", checked)?,
        }
        let correlation = ask.correlation.clone();
        Ok(Pending { reply, correlation })
    }

    /// The user decides.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver cannot, [`Stop::Broken`] where it fails.
    pub async fn decide(&self, pending: &Pending, decision: Decision) -> Result<(), Stop> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (page, code) = (text(pending.page()), text(pending.reply.text("/user_code")));
        self.decide_by(&pending.correlation, decision, page, code).await.map(drop)
    }

    /// One poll for the outcome. `wait` is how many seconds the vault may hold the answer.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn poll(&self, pending: &Pending, wait: Option<u64>) -> Result<Reply, Stop> {
        let uri = pending.reply.text("/continue/uri");
        let mut call = Call::post(uri).bearer(pending.token());
        if let Some(seconds) = wait {
            call = call.header("prefer", format!("wait={seconds}"));
        }
        self.send(call).await
    }

    /// Polls until there is an outcome.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault has none in time.
    pub async fn outcome(&self, pending: &Pending) -> Result<Reply, Stop> {
        let begun = Instant::now();
        loop {
            let reply = self.poll(pending, Some(5)).await?;
            if !matches!(reply.status, 202 | 429) {
                return Ok(reply);
            }
            if begun.elapsed() > self.stage.target.timeouts.consent.0 {
                return Err(Stop::failed_in("OKAP-R-149", "an outcome once it is decided", &reply));
            }
            self.pause(pending).await;
        }
    }

    /// Waits as long as an app has to between two polls.
    pub async fn pause(&self, pending: &Pending) {
        tokio::time::sleep(pending.interval()).await;
    }

    /// Asks, decides, fetches: the whole question.
    ///
    /// # Errors
    /// As its parts.
    pub async fn answer(&self, ask: &Ask, decision: Decision) -> Result<Reply, Stop> {
        let pending = self.begin(ask).await?;
        self.decide(&pending, decision).await?;
        self.outcome(&pending).await
    }

    /// A grant for a test that is about something else.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn grant(&self, ask: &Ask) -> Result<Grant, Stop> {
        let answered = self.answer(ask, Decision::Approve).await;
        let granted = answered.and_then(|reply| Grant::read(&reply));
        prerequisite("no grant to test with", granted)
    }

    /// The app gives its token back (RFC 7009).
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault does not take it.
    pub async fn give_back(&self, token: &str) -> Result<(), Stop> {
        let call = Call::post(self.at("okap/revoke")).form(&[("token", token)]);
        self.send(call).await?.has_status("OKAP-R-231", 200)
    }

    /// What the vault says of a grant to its own app.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn own_grant(&self, grant: &Grant) -> Result<Reply, Stop> {
        let url = self.at(&format!("okap/grants/{}", grant.id));
        self.send(Call::get(url).bearer(&grant.token)).await
    }
}

impl Grant {
    /// Reads an outcome of shape 2.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is none.
    pub fn read(reply: &Reply) -> Result<Self, Stop> {
        let granted = reply.status == 200 && reply.text("/status") == "granted";
        reply.ensure("OKAP-R-157", granted, "200 with status granted")?;
        Self::of(reply, "OKAP-R-157")
    }

    /// Reads a token answer.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is none.
    pub fn of_tokens(reply: &Reply, requirement: &str) -> Result<Self, Stop> {
        reply.has_status(requirement, 200)?;
        Self::of(reply, requirement)
    }

    fn of(reply: &Reply, requirement: &str) -> Result<Self, Stop> {
        let details = reply.at("/authorization_details").as_array().cloned().unwrap_or_default();
        let base_url = reply.text("/authorization_details/0/base_url");
        let (token, id) = (reply.text("/access_token"), reply.text("/grant_id"));
        let whole = !token.is_empty() && !id.is_empty() && !base_url.is_empty();
        reply.ensure(requirement, whole, "access_token, grant_id and a base_url")?;
        Ok(Self {
            token: token.to_owned(),
            id: id.to_owned(),
            base_url: base_url.to_owned(),
            details,
            reply: reply.clone(),
        })
    }

    /// The first granted object; `null` where there is none.
    #[must_use]
    pub fn object(&self) -> Value {
        self.details.first().cloned().unwrap_or(json!(null))
    }
}

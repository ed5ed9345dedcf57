//! The token endpoint.

use super::{Ask, Case, Coded, Grant, Parameters, code::LOCAL};
use crate::{
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The grant, by its access token.
    pub grant: Grant,
    /// The refresh token.
    pub refresh: String,
    /// Whose they are.
    pub client_id: String,
}

impl Tokens {
    /// Reads an answer of the token endpoint.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is no set of tokens.
    pub fn read(reply: &Reply, client_id: &str) -> Result<Self, Stop> {
        let (grant, refresh) =
            (Grant::of_tokens(reply, "OKAP-R-123")?, reply.text("/refresh_token"));
        reply.ensure("OKAP-R-123", !refresh.is_empty(), "a refresh_token")?;
        Ok(Self { grant, refresh: refresh.to_owned(), client_id: client_id.to_owned() })
    }

    /// The token request that renews them.
    #[must_use]
    pub fn form(&self) -> Parameters {
        Parameters::of(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &self.refresh),
            ("client_id", &self.client_id),
        ])
    }
}

impl Case {
    /// A request to the token endpoint.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn token(&self, form: &Parameters) -> Result<Reply, Stop> {
        self.send(Call::post(self.at("okap/token")).form(&form.fields())).await
    }

    /// Redeems a code that is good.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault does not take it.
    pub async fn redeem(&self, code: &Coded) -> Result<Tokens, Stop> {
        Tokens::read(&self.token(&code.form()).await?, &code.push.client_id)
    }

    /// Renews tokens that are good.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault does not.
    pub async fn renew(&self, tokens: &Tokens) -> Result<Tokens, Stop> {
        Tokens::read(&self.token(&tokens.form()).await?, &tokens.client_id)
    }

    /// Tokens of the code flow, for a test that is about something else.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there are none.
    pub async fn tokens(&self, ask: &Ask) -> Result<Tokens, Stop> {
        let code = self.coded(ask).await?;
        prerequisite("no tokens to test with", self.redeem(&code).await)
    }

    /// Gives a token back, with more in the form.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn send_revoke(&self, form: &Parameters) -> Result<Reply, Stop> {
        self.send(Call::post(self.at("okap/revoke")).form(&form.fields())).await
    }

    /// Whether a grant is what the vault says to its own app: `active`, `revoked`, `expired`.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is something else.
    pub async fn stands(&self, requirement: &str, grant: &Grant, as_: &str) -> Result<Reply, Stop> {
        let reply = self.own_grant(grant).await?;
        let holds = reply.text("/status") == as_;
        reply.ensure(requirement, holds, format!("a grant that is {as_}"))?;
        Ok(reply)
    }

    /// The client id of apps on the user's own computer.
    #[must_use]
    pub const fn local(&self) -> &'static str {
        LOCAL
    }
}

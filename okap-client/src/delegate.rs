//! Delegation (RFC 8693): a grant of its own for another program, within this one.

use http::StatusCode;
use okap_types::{
    AppName,
    oauth::{ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE, TokenAnswer},
};

use crate::{
    Access, Ask, Client, Error,
    access::Holder,
    discovery::Discovery,
    error::Kind,
    received::{Received, Wanted},
    wire::{Form, PROMPT},
};

impl Client {
    /// Gives another program access of its own, within this one: what it spends counts here as
    /// well, it ends when this one ends, and the user sees it under `name`. Hand it over with
    /// [`Access::save`], or its token and base URL alone.
    ///
    /// `thumbprint` is that of the other program's key: the token is bound to it, and of no use
    /// to this program. Without one, a bound token's child is bound to the same key.
    ///
    /// ```no_run
    /// # async fn delegate(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// use okap_client::{Limits, ModelAccess, Money, Provider};
    /// let ask = ModelAccess::new(Provider::OpenAi)
    ///     .models(["gpt-4o-mini"])
    ///     .limits(Limits::daily(Money::usd(1)));
    /// let child = okap.delegate(&access, ask, "Search worker", None).await?;
    /// // the worker ends; so does its access
    /// okap.revoke(&child).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where `ask` is not within this access,
    /// the name is longer than 80 characters, or delegation goes too deep;
    /// [`is_untrusted`](Error::is_untrusted) where the answer fails a safety check.
    pub async fn delegate(
        &self,
        access: &Access,
        ask: impl Into<Ask>,
        name: &str,
        thumbprint: Option<&str>,
    ) -> Result<Access, Error> {
        self.issued(access)?;
        let ask = ask.into().check()?;
        let name = AppName::new(name)
            .map_err(|e| Error::new(Kind::InvalidRequest, format!("the name: {e}")))?;
        let key = access.key()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let mut form = Form::new();
        form.add("grant_type", TOKEN_EXCHANGE)
            .add("subject_token", access.token().expose())
            .add("subject_token_type", ACCESS_TOKEN_TYPE)
            .add("client_name", name.as_str())
            .add_details(&ask)?;
        let holder = match (thumbprint, key) {
            (Some(thumbprint), _) => {
                form.add("dpop_jkt", thumbprint);
                Holder::Other(thumbprint.to_owned())
            }
            (None, Some(key)) => Holder::Own(key.clone()),
            (None, None) => Holder::Bearer,
        };
        let reply = self.post(found.token()?, &form, key, PROMPT).await?;
        let answer: TokenAnswer = reply.expect(StatusCode::OK)?;
        if answer.issued_token_type.as_deref() != Some(ACCESS_TOKEN_TYPE) {
            return Err(Error::new(Kind::Vault, "the vault exchanged for no access token"));
        }
        if answer.grant_id == *access.grant_id() {
            return Err(Error::untrusted("the vault gave the same grant instead of a new one"));
        }
        let mut received = Received::token(answer, &reply)?;
        received.refresh = None;
        let unbound_will_do = self.keys().unbound_will_do;
        let wanted = Wanted { asked: ask, whole: None, holder, unbound_will_do };
        received.check(self.vault(), self.nonces(), wanted)
    }
}

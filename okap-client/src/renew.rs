//! Renewal (RFC 6749 section 6), for all or for less of what was granted.

use std::time::Duration;

use http::StatusCode;
use okap_types::oauth::TokenAnswer;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    discovery::Discovery,
    error::Kind,
    key::Key,
    received::{Received, Wanted},
    wire::{Form, PROMPT, Reply},
};

/// A vault gives the same successor again for this long after a rotation. The last try begins a
/// little earlier.
const GRACE: Duration = Duration::from_secs(9);
/// How long a try may take that is followed by another.
const TRY: Duration = Duration::from_secs(4);
/// How long to pause after the first try that failed; twice as long after each other.
const PAUSE: Duration = Duration::from_millis(500);

impl Client {
    /// Renews access without the user: a new access token, and a new refresh token in the place
    /// of the old one, which must not be used again. An app that keeps access for longer is
    /// better off with a [`Session`](crate::Session), which sees to that.
    ///
    /// # Behavior
    /// A call that broke off is repeated with the same refresh token within the 10 s for which
    /// the vault gives the same answer again. An access that was [narrowed](Self::narrow) comes
    /// back whole.
    ///
    /// ```no_run
    /// # async fn renew(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// let access = match okap.refresh(&access).await {
    ///     Ok(renewed) => renewed,
    ///     Err(error) if error.is_temporary() && !access.is_expired() => access,
    ///     Err(error) => return Err(error),
    /// };
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_reauthorize`](Error::is_reauthorize) where only the user can help, also where this
    /// access cannot be renewed at all; [`is_temporary`](Error::is_temporary) where the vault is
    /// out of reach or fails: the old access is as good as before;
    /// [`is_untrusted`](Error::is_untrusted) where the answer fails a safety check.
    pub async fn refresh(&self, access: &Access) -> Result<Access, Error> {
        self.renew(access, None).await
    }

    /// Renews access for less than was granted: for a part of the app that needs no more. The
    /// grant keeps all of it, so a later [`refresh`](Self::refresh) brings it back.
    ///
    /// The refresh token of `access` is used up by this; the answer has the next one.
    ///
    /// ```no_run
    /// # async fn narrow(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let less = ModelAccess::new(Provider::OpenAi).models(["gpt-4o-mini"]);
    /// let access = okap.narrow(&access, less).await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`is_invalid_request`](Error::is_invalid_request) where
    /// `less` is not less: nothing is used up then.
    pub async fn narrow(&self, access: &Access, less: impl Into<Ask>) -> Result<Access, Error> {
        self.renew(access, Some(less.into().check()?)).await
    }

    async fn renew(&self, access: &Access, less: Option<Ask>) -> Result<Access, Error> {
        self.issued(access)?;
        let inner = access.inner();
        let Some(refresh) = &inner.refresh else {
            return Err(Error::new(Kind::Reauthorize, "this access has no refresh token"));
        };
        let key = access.key()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let mut form = Form::new();
        form.add("grant_type", "refresh_token").add("refresh_token", refresh.expose());
        if let Some(less) = &less {
            form.add_details(less)?;
        }
        let reply = self.insist(found.token()?, &form, key).await?;
        let answer: TokenAnswer = reply.expect(StatusCode::OK)?;
        if answer.grant_id != inner.grant_id {
            return Err(Error::untrusted("the vault renewed another grant"));
        }
        let mut received = Received::token(answer, &reply)?;
        // an answer without one leaves the old one in force (RFC 6749 section 6)
        received.refresh.get_or_insert_with(|| refresh.clone());
        let whole = access.whole().clone();
        let (asked, whole) = match less {
            None => (whole, None),
            Some(less) => (less, Some(whole)),
        };
        let holder = inner.holder.clone();
        let unbound_will_do = self.keys().unbound_will_do;
        let wanted = Wanted { asked, whole, holder, unbound_will_do };
        received.check(self.vault(), self.nonces(), wanted)
    }

    /// Posts a form that is safe to repeat for a short while, until it is answered.
    async fn insist(&self, url: &Url, form: &Form, key: Option<&Key>) -> Result<Reply, Error> {
        let begun = Instant::now();
        let mut pause = PAUSE;
        loop {
            let next = begun.elapsed().saturating_add(TRY).saturating_add(pause);
            let last = next >= GRACE;
            let within = if last { PROMPT } else { TRY };
            let outcome = self.post(url, form, key, within).await;
            let broke_off = match &outcome {
                Err(error) => error.is_network(),
                Ok(reply) => reply.status.is_server_error(),
            };
            if last || !broke_off {
                return outcome;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }
}

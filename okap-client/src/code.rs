//! The authorization code flow on this computer: a browser, and a port for it to come back to.

use std::io;

use url::Url;

use crate::{Access, Ask, Client, Error, browser, loopback::Loopback};

impl Client {
    /// Asks in the browser of this computer: opens it, waits up to 5 minutes for the user, and
    /// brings the access, which can be renewed.
    ///
    /// # Behavior
    /// - The request is pushed to the vault first (RFC 9126); the browser carries only its name.
    /// - The browser comes back to a port on 127.0.0.1 that is open for this call alone. Answers
    ///   with another `state` or `iss` are ignored; the genuine one still counts.
    /// - Dropping the future closes the port.
    /// - An app with a [document](crate::ClientBuilder::client_id) lists
    ///   `http://127.0.0.1/callback` there.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let access = okap.authorize_in_browser(ModelAccess::new(Provider::OpenAi)).await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_denied`](Error::is_denied) where the user says no; [`is_timeout`](Error::is_timeout)
    /// where no valid answer comes; [`is_local`](Error::is_local) where no browser or port is to
    /// be had; [`is_untrusted`](Error::is_untrusted) where the vault fails a safety check.
    pub async fn authorize_in_browser(&self, ask: impl Into<Ask>) -> Result<Access, Error> {
        self.code_flow(ask.into(), browser::open).await
    }

    /// As [`authorize_in_browser`](Self::authorize_in_browser), but the app brings the address to
    /// the browser itself. `show` is called once; it must not block.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), okap_client::Error> {
    /// let access = okap.authorize_with(ask, |url| println!("open {url} in this computer's browser")).await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`authorize_in_browser`](Self::authorize_in_browser).
    pub async fn authorize_with(
        &self,
        ask: impl Into<Ask>,
        show: impl FnOnce(&Url),
    ) -> Result<Access, Error> {
        let show = |url: &Url| {
            show(url);
            Ok(())
        };
        self.code_flow(ask.into(), show).await
    }

    /// Asks the user, in the browser of this computer, for all that was asked before and `more`:
    /// for an app that finds out later what it needs. The earlier access stands until it ends or
    /// is [revoked](Self::revoke), so calls under way go on.
    ///
    /// What is asked is [`Access::with_more`]; give that to another way of asking where there is
    /// no browser here.
    ///
    /// ```no_run
    /// # async fn more(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let more = ModelAccess::new(Provider::OpenAi).models(["o3"]).reason("Plan your week");
    /// let wider = okap.step_up(&access, more).await?;
    /// okap.revoke(&access).await?;
    /// # let _ = wider; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`authorize_in_browser`](Self::authorize_in_browser) and [`Access::with_more`].
    pub async fn step_up(&self, access: &Access, more: impl Into<Ask>) -> Result<Access, Error> {
        self.issued(access)?;
        self.authorize_in_browser(access.with_more(more)?).await
    }

    async fn code_flow(
        &self,
        ask: Ask,
        open: impl FnOnce(&Url) -> io::Result<()>,
    ) -> Result<Access, Error> {
        let loopback = Loopback::bind().await?;
        let (consent, transaction) = self.push(ask, loopback.redirect_uri()).await?;
        open(&consent).map_err(|e| Error::local("the browser could not be opened", e))?;
        let (expected, unredeemed) = transaction.split();
        unredeemed.redeem(loopback.wait(expected).await?).await
    }
}

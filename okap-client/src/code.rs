use std::io;

use http::StatusCode;
use okap_types::{
    Secret,
    oauth::{PushedAnswer, TokenAnswer},
};
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    access::Received,
    browser,
    discovery::{CodeEndpoints, Discovery},
    loopback::{Callback, Expected, Loopback},
    pkce::Pkce,
    wire::{self, PROMPT},
};

/// The `client_id` of an app on the user's own computer.
const LOCAL_CLIENT: &str = "http://localhost";

impl Client {
    /// Asks in the browser of this computer: opens it, waits up to 5 minutes for the user, and
    /// brings the access.
    ///
    /// # Behavior
    /// - The request is pushed to the vault first (RFC 9126); the browser carries only its name.
    /// - The browser comes back to a port on 127.0.0.1 that is open for this call alone. Answers
    ///   with another `state` or `iss` are ignored; the genuine one still counts.
    /// - Dropping the future closes the port.
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

    async fn code_flow(
        &self,
        ask: Ask,
        open: impl FnOnce(&Url) -> io::Result<()>,
    ) -> Result<Access, Error> {
        let ask = ask.check()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let endpoints = found.code()?;
        let pkce = Pkce::random();
        let loopback = Loopback::bind().await?;
        let redirect_uri = loopback.redirect_uri();
        let consent = self.push(&ask, &endpoints, &pkce, &redirect_uri).await?;
        open(&consent).map_err(|e| Error::local("the browser could not be opened", e))?;
        let expected = Expected { state: pkce.state, issuer: self.vault().issuer().to_owned() };
        match loopback.wait(expected).await? {
            Callback::Code(code) => {
                self.redeem(ask, endpoints.token, &code, &pkce.verifier, &redirect_uri).await
            }
            Callback::Refused { code, description } => {
                let why = Some(description).filter(|d| !d.is_empty());
                let why = why.map(|d| format!(": {d}")).unwrap_or_default();
                // there is no status in a callback: any of a refusal will do
                let text = format!("the vault answered {code} in the browser{why}");
                Err(Error::coded(&code, 400, text))
            }
        }
    }

    /// Pushes the request (RFC 9126) and gives the address for the browser.
    async fn push(
        &self,
        ask: &Ask,
        endpoints: &CodeEndpoints<'_>,
        pkce: &Pkce,
        redirect_uri: &str,
    ) -> Result<Url, Error> {
        let details = wire::json(&ask.access())?;
        let mut pairs = vec![
            ("client_id", LOCAL_CLIENT),
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("code_challenge", &pkce.challenge),
            ("code_challenge_method", "S256"),
            ("state", pkce.state.expose()),
            ("authorization_details", &details),
        ];
        if let Some(name) = &self.info().name {
            pairs.push(("client_name", name.as_str()));
        }
        let request = wire::form(endpoints.push, &pairs)?;
        let reply = wire::exchange(self.transport(), request, PROMPT).await?;
        let pushed: PushedAnswer = reply.expect(StatusCode::CREATED)?;
        let mut consent = endpoints.authorize.clone();
        consent
            .query_pairs_mut()
            .append_pair("client_id", LOCAL_CLIENT)
            .append_pair("request_uri", pushed.request_uri.expose());
        Ok(consent)
    }

    /// Redeems the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
    async fn redeem(
        &self,
        ask: Ask,
        token_endpoint: &Url,
        code: &Secret<String>,
        verifier: &Secret<String>,
        redirect_uri: &str,
    ) -> Result<Access, Error> {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri),
            ("client_id", LOCAL_CLIENT),
            ("code_verifier", verifier.expose()),
        ];
        let request = wire::form(token_endpoint, &pairs)?;
        let reply = wire::exchange(self.transport(), request, PROMPT).await?;
        let answer: TokenAnswer = reply.expect(StatusCode::OK)?;
        Received::from(answer).check(self.vault(), ask)
    }
}

//! The authorization code flow, in two halves: before the browser leaves, and when it is back.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use http::StatusCode;
use okap_types::{
    Secret,
    oauth::{PushedAnswer, TokenAnswer},
};
use url::{Host, Url};

use crate::{
    Access, Ask, Client, Error,
    access::Holder,
    callback::{Callback, Expected, judge},
    discovery::Discovery,
    error::Kind,
    key::Key,
    pkce::Pkce,
    received::{Received, Wanted},
    wire::{Form, PROMPT},
};

impl Client {
    /// Begins the code flow of an app that handles the way back itself, such as a web app: gives
    /// the address for the user's browser, and what the app keeps until the browser is back at
    /// `redirect_uri`.
    ///
    /// Keep the [`Transaction`] in the server's session of the user who starts it, and finish it
    /// for that session alone: whoever comes back in another session is another user, whom
    /// somebody else has sent.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), Box<dyn std::error::Error>> {
    /// let back = "https://notes.example.com/okap/callback".parse()?;
    /// let (consent, transaction) = okap.begin(ask, &back).await?;
    /// // session.insert(transaction); answer with a redirect to `consent`
    /// # let query = "";
    /// // later, at /okap/callback, in the same session:
    /// let access = transaction.finish(query).await?;
    /// # let _ = (consent, access); Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the redirect URI is one that no
    /// vault takes, or the vault refuses the ask; [`is_untrusted`](Error::is_untrusted) where the
    /// vault fails a safety check; [`is_network`](Error::is_network),
    /// [`is_vault`](Error::is_vault) where there is no good answer.
    pub async fn begin(
        &self,
        ask: impl Into<Ask>,
        redirect_uri: &Url,
    ) -> Result<(Url, Transaction), Error> {
        self.allowed(redirect_uri)?;
        self.push(ask.into(), redirect_uri.to_string()).await
    }

    /// Checks that the browser may be sent there.
    fn allowed(&self, redirect_uri: &Url) -> Result<(), Error> {
        let loopback = match redirect_uri.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            _ => false,
        };
        let plain = redirect_uri.fragment().is_none()
            && redirect_uri.username().is_empty()
            && redirect_uri.password().is_none();
        let fits = match redirect_uri.scheme() {
            "http" => loopback,
            // an app without a document is one on this computer
            _ if self.app().document.is_none() => false,
            "https" => true,
            scheme => scheme.contains('.'),
        };
        if plain && fits {
            return Ok(());
        }
        let text = match self.app().document {
            Some(_) => {
                "the redirect URI is neither https, nor loopback http, nor a scheme of its own"
            }
            None => "the redirect URI is not on this computer; elsewhere an app needs a client_id",
        };
        Err(Error::new(Kind::InvalidRequest, text))
    }

    /// Pushes the request (RFC 9126) and gives the address for the browser.
    pub(crate) async fn push(
        &self,
        ask: Ask,
        redirect_uri: String,
    ) -> Result<(Url, Transaction), Error> {
        let ask = ask.check()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let endpoints = found.code()?;
        let key = found.key(self.keys())?;
        let pkce = Pkce::random();
        let mut form = Form::new();
        self.app().introduce(&mut form);
        form.add("response_type", "code")
            .add("redirect_uri", &redirect_uri)
            .add("code_challenge", &pkce.challenge)
            .add("code_challenge_method", "S256")
            .add("state", pkce.state.expose())
            .add_details(&ask)?;
        if let Some(key) = &key {
            form.add("dpop_jkt", key.thumbprint());
        }
        let reply = self.post(endpoints.push, &form, None, PROMPT).await?;
        let pushed: PushedAnswer = reply.expect(StatusCode::CREATED)?;
        let mut consent = endpoints.authorize.clone();
        consent
            .query_pairs_mut()
            .append_pair("client_id", self.app().id())
            .append_pair("request_uri", pushed.request_uri.expose());
        let expected = Expected { state: pkce.state, issuer: self.vault().issuer().to_owned() };
        let unredeemed = Unredeemed {
            client: self.clone(),
            ask,
            token_endpoint: endpoints.token.clone(),
            verifier: pkce.verifier,
            redirect_uri,
            key,
        };
        Ok((consent, Transaction { expected, unredeemed, used: AtomicBool::new(false) }))
    }
}

/// A request that is in the user's browser, and what ties the answer to it: `state`, the vault's
/// name, the code verifier, the key.
///
/// It cannot be cloned or written down, so that it stays with the session that it belongs to.
///
/// ```no_run
/// # async fn back(transaction: okap_client::Transaction) -> Result<(), okap_client::Error> {
/// let query = "code=…&state=…&iss=https%3A%2F%2Fvault.example.com";
/// let access = transaction.finish(query).await?;
/// # let _ = access; Ok(())
/// # }
/// ```
pub struct Transaction {
    expected: Expected,
    unredeemed: Unredeemed,
    used: AtomicBool,
}

/// All that a code has to be redeemed with.
pub(crate) struct Unredeemed {
    client: Client,
    ask: Ask,
    token_endpoint: Url,
    verifier: Secret<String>,
    redirect_uri: String,
    key: Option<Key>,
}

impl Transaction {
    /// Takes the query of the address at which the browser came back, without the `?`, and
    /// brings the access.
    ///
    /// # Behavior
    /// `state` and `iss` are checked before anything is believed; a query that fails there
    /// changes nothing, and the genuine one still counts. The genuine one counts once.
    ///
    /// # Errors
    /// [`is_untrusted`](Error::is_untrusted) where the query is not the answer to this request,
    /// or was already used; [`is_denied`](Error::is_denied) where the user says no; else as
    /// [`authorize_in_browser`](Client::authorize_in_browser).
    pub async fn finish(&self, callback_query: &str) -> Result<Access, Error> {
        let callback = judge(callback_query, &self.expected)
            .map_err(|why| Error::untrusted(format!("the answer in the browser: {why}")))?;
        if self.used.swap(true, Ordering::SeqCst) {
            return Err(Error::untrusted("the answer in the browser was used before"));
        }
        self.unredeemed.redeem(callback).await
    }

    pub(crate) fn split(self) -> (Expected, Unredeemed) {
        (self.expected, self.unredeemed)
    }
}

impl Unredeemed {
    /// Redeems the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
    pub(crate) async fn redeem(&self, callback: Callback) -> Result<Access, Error> {
        let code = match callback {
            Callback::Code(code) => code,
            Callback::Refused { code, description } => {
                let why = Some(description).filter(|d| !d.is_empty());
                let why = why.map(|d| format!(": {d}")).unwrap_or_default();
                // there is no status in a callback: any of a refusal will do
                let text = format!("the vault answered {code} in the browser{why}");
                return Err(Error::coded(&code, 400, text));
            }
        };
        let client = &self.client;
        let mut form = Form::new();
        form.add("grant_type", "authorization_code")
            .add("code", code.expose())
            .add("redirect_uri", &self.redirect_uri)
            .add("code_verifier", self.verifier.expose());
        let key = self.key.as_ref();
        let reply = client.post(&self.token_endpoint, &form, key, PROMPT).await?;
        let answer: TokenAnswer = reply.expect(StatusCode::OK)?;
        let wanted = Wanted {
            asked: self.ask.clone(),
            whole: None,
            holder: self.key.clone().map_or(Holder::Bearer, Holder::Own),
            unbound_will_do: client.keys().unbound_will_do,
        };
        Received::token(answer, &reply)?.check(client.vault(), client.nonces(), wanted)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("client", &self.unredeemed.client)
            .finish_non_exhaustive()
    }
}

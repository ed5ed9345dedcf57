//! Asking on another device (RFC 8628).

use std::{fmt, time::Duration};

use http::StatusCode;
use okap_types::oauth::DeviceAnswer;
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    discovery::Discovery,
    waiting::{Call, SHORTEST, Waiting, shown},
    wire::{Form, PROMPT},
};

/// The pause between two polls where the vault states none (RFC 8628 section 3.2).
const INTERVAL: u64 = 5;

impl Client {
    /// Asks from where there is no browser: the user opens an address on any device and enters a
    /// code. The access can be renewed.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), okap_client::Error> {
    /// let prompt = okap.start_on_device(ask).await?;
    /// println!("{prompt}");
    /// let access = prompt.wait(prompt.expires_in()).await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the ask is not valid, here or in
    /// the vault's eyes; [`is_vault`](Error::is_vault) also where the vault does not offer this
    /// way of asking; [`is_untrusted`](Error::is_untrusted), [`is_network`](Error::is_network)
    /// where there is no good answer.
    pub async fn start_on_device(&self, ask: impl Into<Ask>) -> Result<DevicePrompt, Error> {
        let ask = ask.into().check()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let (ask_at, token_at) = (found.device()?, found.token()?.clone());
        let key = found.key(self.keys())?;
        let mut form = Form::new();
        self.app().introduce(&mut form);
        form.add_details(&ask)?;
        let reply = self.post(ask_at, &form, None, PROMPT).await?;
        let answer: DeviceAnswer = reply.expect(StatusCode::OK)?;
        self.vault().owns("verification_uri", &answer.verification_uri)?;
        if let Some(complete) = &answer.verification_uri_complete {
            self.vault().owns("verification_uri_complete", complete)?;
        }
        let call = Call::Device { uri: token_at, code: answer.device_code, key };
        let interval = Duration::from_secs(answer.interval.unwrap_or(INTERVAL)).max(SHORTEST);
        // nobody decides in no time, and the vault counts the pause from its own answer
        let waiting = Waiting::new(self.clone(), ask, call, interval, interval, answer.expires_in);
        Ok(DevicePrompt {
            user_code: shown(answer.user_code)?,
            address: answer.verification_uri,
            complete: answer.verification_uri_complete,
            waiting,
        })
    }
}

/// A request that waits for the user on another device.
///
/// Its `Display` is a sentence for the user: where to go and what to enter.
///
/// ```no_run
/// # async fn ask(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), okap_client::Error> {
/// let prompt = okap.start_on_device(ask).await?;
/// assert!(prompt.to_string().contains(prompt.user_code()));
/// # Ok(())
/// # }
/// ```
pub struct DevicePrompt {
    user_code: String,
    address: Url,
    complete: Option<Url>,
    waiting: Waiting,
}

impl DevicePrompt {
    /// What the user enters.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the user enters it.
    #[must_use]
    pub fn verification_uri(&self) -> &Url {
        &self.address
    }

    /// The same with the code in it, for a link or a QR code, where the vault gives one. The
    /// vault's page still asks the user to compare the code.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&Url> {
        self.complete.as_ref()
    }

    /// How long the user still has; zero when the request has ended.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.waiting.expires_in()
    }

    /// Waits for the user's decision, at most that long.
    ///
    /// # Behavior
    /// - The vault is asked after its interval, again and again; each `slow_down` adds 5 s to it
    ///   for good. A few failures of network or vault in a row are lived through.
    /// - Dropping the future ends the asking. A later call keeps the pace and takes it up again.
    /// - After success it gives the same access.
    ///
    /// # Errors
    /// [`is_denied`](Error::is_denied) where the user says no; [`is_timeout`](Error::is_timeout)
    /// where the time is over; [`is_expired`](Error::is_expired) where the request has ended;
    /// [`is_unbound`](Error::is_unbound) where a token bound to a key was asked for and not
    /// given; [`is_untrusted`](Error::is_untrusted) where the grant fails another safety check;
    /// [`is_network`](Error::is_network), [`is_vault`](Error::is_vault) where failures go on.
    pub async fn wait(&self, at_most: Duration) -> Result<Access, Error> {
        self.waiting.wait(at_most).await
    }
}

impl fmt::Display for DevicePrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "open {} on any device and enter the code {}", self.address, self.user_code)
    }
}

impl fmt::Debug for DevicePrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevicePrompt")
            .field("verification_uri", &self.address)
            .field("expires_in", &self.expires_in())
            .finish_non_exhaustive()
    }
}

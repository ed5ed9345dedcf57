use std::{fmt, time::Duration};

use okap_types::response;
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    access::Holder,
    received::{Received, Wanted},
    waiting::{Call, Waiting, shown},
    wire::{Outcome, Reply},
};

/// A direct request that waits for the user.
///
/// Show [`consent_url`](Self::consent_url) and [`user_code`](Self::user_code), then
/// [`wait`](Self::wait).
///
/// ```no_run
/// # async fn ask(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), okap_client::Error> {
/// let pending = okap.start(ask).await?;
/// if let (Some(url), Some(code)) = (pending.consent_url(), pending.user_code()) {
///     println!("allow it at {url}; it shows the code {code}");
/// }
/// let access = pending.wait(std::time::Duration::from_secs(300)).await?;
/// # let _ = access; Ok(())
/// # }
/// ```
pub struct Pending(State);

enum State {
    /// The vault granted at once.
    Granted(Access),
    Asked {
        consent_url: Url,
        user_code: String,
        waiting: Box<Waiting>,
    },
}

impl Pending {
    pub(crate) fn new(client: Client, ask: Ask, reply: &Reply) -> Result<Self, Error> {
        match reply.outcome()? {
            Outcome::Granted(answer) => {
                let unbound_will_do = client.keys().unbound_will_do;
                let holder = Holder::Bearer;
                let wanted = Wanted { asked: ask, whole: None, holder, unbound_will_do };
                let received = Received::direct(*answer, reply)?;
                let access = received.check(client.vault(), client.nonces(), wanted)?;
                Ok(Self(State::Granted(access)))
            }
            Outcome::Pending => {
                let answer: response::Pending = reply.read()?;
                client.vault().owns("interaction_uri", &answer.interaction_uri)?;
                client.vault().owns("continue.uri", &answer.continuation.uri)?;
                let call = Call::Direct {
                    uri: answer.continuation.uri,
                    token: answer.continuation.access_token,
                };
                let interval = Duration::from_secs(answer.interval);
                let pause = Duration::ZERO;
                let waiting = Waiting::new(client, ask, call, interval, pause, answer.expires_in);
                Ok(Self(State::Asked {
                    consent_url: answer.interaction_uri,
                    user_code: shown(answer.user_code)?,
                    waiting: Box::new(waiting),
                }))
            }
        }
    }

    /// Where the user decides. `None` where the vault granted at once and nobody is asked.
    #[must_use]
    pub fn consent_url(&self) -> Option<&Url> {
        match &self.0 {
            State::Granted(_) => None,
            State::Asked { consent_url, .. } => Some(consent_url),
        }
    }

    /// Shown by the vault's page as well, for the user to compare.
    #[must_use]
    pub fn user_code(&self) -> Option<&str> {
        match &self.0 {
            State::Granted(_) => None,
            State::Asked { user_code, .. } => Some(user_code),
        }
    }

    /// How long the user still has; zero when the request has ended.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        match &self.0 {
            State::Granted(_) => None,
            State::Asked { waiting, .. } => Some(waiting.expires_in()),
        }
    }

    /// Waits for the user's decision, at most that long.
    ///
    /// # Behavior
    /// - The vault is asked at once and then at its own pace; it may hold each answer.
    /// - A few failures of network or vault in a row are lived through.
    /// - An answer under way at the end is awaited for up to 10 s more, since the vault gives a
    ///   token once. For the same reason do not drop the future early: give a time.
    /// - It may be called again after a timeout; after success it gives the same access.
    ///
    /// # Errors
    /// [`is_denied`](Error::is_denied) where the user says no; [`is_timeout`](Error::is_timeout)
    /// where the time is over; [`is_expired`](Error::is_expired) where the request has ended;
    /// [`is_untrusted`](Error::is_untrusted) where the grant fails a safety check;
    /// [`is_network`](Error::is_network), [`is_vault`](Error::is_vault) where failures go on, or
    /// the time is over and the last thing heard was a failure.
    pub async fn wait(&self, at_most: Duration) -> Result<Access, Error> {
        match &self.0 {
            State::Granted(access) => Ok(access.clone()),
            State::Asked { waiting, .. } => waiting.wait(at_most).await,
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Pending");
        match &self.0 {
            State::Granted(access) => shown.field("access", access),
            State::Asked { waiting, .. } => shown.field("client", waiting.client()),
        };
        shown.finish_non_exhaustive()
    }
}

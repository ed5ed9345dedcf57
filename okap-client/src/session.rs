//! Access that is renewed before it ends.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex as Lock, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{Access, Ask, Client, Error, clock, error::Kind};

/// How long before its end a token is renewed: a minute, or a fifth of a short life.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a vault that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Access that is renewed before it ends. Cheap to clone; every clone is the same session.
///
/// # Behavior
/// - However many tasks ask at once, the vault is called once. A task that goes away does not
///   break the call off.
/// - Where the vault is out of reach or fails, the access that is there goes on being used while
///   it lives: [`trouble`](Self::trouble) says why.
/// - A new refresh token is in the store before the old one is forgotten.
/// - One program at a time keeps a session; another that shares its store is noticed before the
///   next renewal.
///
/// ```no_run
/// # async fn calls(session: okap_client::Session) -> Result<(), okap_client::Error> {
/// match session.access().await {
///     Ok(access) => println!("good for {:?}", access.expires_in()),
///     Err(error) if error.is_reauthorize() => println!("ask the user again"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    client: Client,
    state: Lock<State>,
    /// Held by the one task that talks to the vault or the store.
    flight: Mutex<()>,
}

struct State {
    access: Access,
    /// Whether the store has it.
    saved: bool,
    /// Attempts to renew that have ended, so that those who waited for one share its outcome.
    attempts: u64,
    /// Why the last attempt failed.
    trouble: Option<Error>,
    not_before: Instant,
    /// Why there will be no more access.
    end: Option<Error>,
    /// What was asked for in addition, the last time.
    tried: Option<Ask>,
}

impl Session {
    pub(crate) fn new(client: Client, access: Access) -> Self {
        let state = State {
            access,
            saved: true,
            attempts: 0,
            trouble: None,
            not_before: Instant::now(),
            end: None,
            tried: None,
        };
        Self(Arc::new(Inner { client, state: Lock::new(state), flight: Mutex::new(()) }))
    }

    /// Access that is good for a while: the one at hand, or a renewed one where that is about to
    /// end. Ask before each call; it costs nothing while there is nothing to do.
    ///
    /// # Errors
    /// [`is_reauthorize`](Error::is_reauthorize) where only the user can help: access was taken
    /// back, or has ended and cannot be renewed; [`is_temporary`](Error::is_temporary) where the
    /// token has ended and the vault is out of reach or fails.
    pub async fn access(&self) -> Result<Access, Error> {
        let attempts = {
            let state = self.state();
            if let Some(ready) = state.ready() {
                return ready;
            }
            state.attempts
        };
        let session = self.clone();
        apart(async move {
            let _flight = session.0.flight.lock().await;
            let shared = {
                let state = session.state();
                let outcome = || state.outcome();
                state.ready().or_else(|| (state.attempts != attempts).then(outcome))
            };
            match shared {
                Some(outcome) => outcome,
                None => session.attempt().await,
            }
        })
        .await
    }

    /// As [`access`](Self::access), after the vault refused a call made with `refused` as
    /// expired: a clock may be wrong. Renews now, unless another task has done so since.
    ///
    /// ```no_run
    /// # async fn again(session: okap_client::Session, refused: okap_client::Refused) -> Result<(), okap_client::Error> {
    /// let mut access = session.access().await?;
    /// // a call was refused
    /// if refused.is_expired() {
    ///     access = session.renew(&access).await?;
    /// }
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`access`](Self::access).
    pub async fn renew(&self, refused: &Access) -> Result<Access, Error> {
        let (session, refused) = (self.clone(), refused.clone());
        apart(async move {
            let _flight = session.0.flight.lock().await;
            let shared = {
                let state = session.state();
                let other = state.access.token().expose() != refused.token().expose();
                other.then(|| state.outcome())
            };
            match shared {
                Some(outcome) => outcome,
                None => session.attempt().await,
            }
        })
        .await
    }

    /// Why the last renewal failed, or why the store could not be written, where the access is
    /// in use all the same. `None` when all is well.
    ///
    /// ```no_run
    /// # fn show(session: okap_client::Session) {
    /// if let Some(error) = session.trouble() {
    ///     eprintln!("access is not renewed at the moment: {error}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn trouble(&self) -> Option<Error> {
        self.state().trouble.clone()
    }

    /// Access for less, for a part of the app that needs no more. It cannot be renewed by
    /// itself: ask for it again. The session goes on with all of it.
    ///
    /// ```no_run
    /// # async fn part(session: okap_client::Session) -> Result<(), okap_client::Error> {
    /// use okap_client::{Limits, ModelAccess, Money, Provider};
    /// let less = ModelAccess::new(Provider::OpenAi).limits(Limits::daily(Money::usd(1)));
    /// let access = session.narrow(less).await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::narrow`].
    pub async fn narrow(&self, less: impl Into<Ask>) -> Result<Access, Error> {
        let (session, less) = (self.clone(), less.into());
        apart(async move {
            let _flight = session.0.flight.lock().await;
            let held = session.held()?;
            let narrow = session.0.client.narrow(&held, less).await;
            let narrow = narrow.inspect_err(|error| session.fail(error))?;
            let next = narrow.inner().refresh.clone();
            session.hold(held.change(|inner| inner.refresh = next)).await;
            Ok(narrow.change(|inner| inner.refresh = None))
        })
        .await
    }

    /// Asks the user, in the browser of this computer, for all that was asked before and `more`,
    /// and goes on with what is granted. The earlier access stands until it ends or is revoked.
    ///
    /// ```no_run
    /// # async fn more(session: okap_client::Session, refused: okap_client::Refused) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// if refused.is_model_not_allowed() {
    ///     let more = ModelAccess::new(Provider::OpenAi).models(["o3"]).reason("Plan your week");
    ///     let access = session.ask_for_more(more).await?;
    /// #   let _ = access;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::step_up`]; the session goes on as before then.
    /// [`is_invalid_request`](Error::is_invalid_request) where the same was asked for three
    /// times in a row, also where the user said no each time.
    #[cfg(feature = "browser")]
    pub async fn ask_for_more(&self, more: impl Into<Ask>) -> Result<Access, Error> {
        let ask = self.with_more(more)?;
        let access = self.0.client.authorize_in_browser(ask).await?;
        self.replace(access.clone()).await?;
        Ok(access)
    }

    /// What to ask the user for, in any way of asking, where all that was asked before and `more`
    /// is needed; give what is granted to [`replace`](Self::replace).
    ///
    /// ```no_run
    /// # async fn more(okap: okap_client::Client, session: okap_client::Session) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let ask = session.with_more(ModelAccess::new(Provider::OpenAi).models(["o3"]))?;
    /// let prompt = okap.start_on_device(ask).await?;
    /// println!("{prompt}");
    /// session.replace(prompt.wait(prompt.expires_in()).await?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Access::with_more`], counting each time that the session was asked.
    pub fn with_more(&self, more: impl Into<Ask>) -> Result<Ask, Error> {
        let mut state = self.state();
        let ask = state.access.with_more(more)?;
        let ask = match &state.tried {
            Some(tried) => ask.after(tried)?,
            None => ask,
        };
        state.tried = Some(ask.clone());
        Ok(ask)
    }

    /// Goes on with other access of the same vault, such as wider one.
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where it is another vault's;
    /// [`is_store`](Error::is_store) where it cannot be saved: it is in use all the same.
    pub async fn replace(&self, access: Access) -> Result<(), Error> {
        self.0.client.issued(&access)?;
        let session = self.clone();
        apart(async move {
            let _flight = session.0.flight.lock().await;
            session.state().end = None;
            session.hold(access).await;
            session.trouble().filter(Error::is_store).map_or(Ok(()), Err)
        })
        .await
    }

    /// Gives the access back, and forgets it here and in the store.
    ///
    /// # Errors
    /// As [`Client::revoke`]; nothing is forgotten then. [`is_store`](Error::is_store) where the
    /// store keeps what is worth nothing any more.
    pub async fn revoke(&self) -> Result<(), Error> {
        let session = self.clone();
        apart(async move {
            let _flight = session.0.flight.lock().await;
            let held = session.state().access.clone();
            session.0.client.revoke(&held).await?;
            let text = "this access was given back";
            session.state().end = Some(Error::new(Kind::Reauthorize, text));
            session.0.client.forget().await
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> Result<Access, Error> {
        let state = self.state();
        state.end.clone().map_or_else(|| Ok(state.access.clone()), Err)
    }

    /// Renews once. The caller holds the flight.
    async fn attempt(&self) -> Result<Access, Error> {
        let client = &self.0.client;
        let held = self.held()?;
        let unsaved = !self.state().saved;
        if unsaved && !(is_due(&held) && held.is_renewable()) {
            self.hold(held).await;
            return self.state().outcome();
        }
        let elsewhere = self.elsewhere(&held).await;
        let renewed = match elsewhere {
            Some(other) if !is_due(&other) => Ok(other),
            Some(other) => client.refresh(&other).await,
            None => client.refresh(&held).await,
        };
        // another program may have been faster between the look and the call
        let renewed = match renewed {
            Err(error) if error.is_reauthorize() => match self.elsewhere(&held).await {
                Some(other) if !is_due(&other) => Ok(other),
                _ => Err(error),
            },
            other => other,
        };
        match renewed {
            Ok(access) => self.hold(access).await,
            Err(error) => {
                self.fail(&error);
                if error.is_reauthorize() {
                    // what is left in the store is worth nothing; if it stays, no harm is done
                    let _ = client.forget().await;
                }
            }
        }
        let mut state = self.state();
        state.attempts = state.attempts.wrapping_add(1);
        state.outcome()
    }

    /// What another program put into the store since this one did.
    async fn elsewhere(&self, held: &Access) -> Option<Access> {
        if !self.state().saved {
            return None;
        }
        let kept = self.0.client.kept().await.ok().flatten()?;
        let secret = |a: &Access| a.inner().refresh.clone();
        let (ours, theirs) = (secret(held)?, secret(&kept)?);
        let newer = kept.grant_id() == held.grant_id() && ours.expose() != theirs.expose();
        newer.then_some(kept)
    }

    /// Takes new access: into the store first, and then in place of the old.
    async fn hold(&self, access: Access) {
        let saved = self.0.client.keep(&access).await;
        let mut state = self.state();
        state.access = access;
        state.saved = saved.is_ok();
        state.trouble = saved.err();
        state.not_before = clock::after(PAUSE);
    }

    fn fail(&self, error: &Error) {
        let mut state = self.state();
        state.trouble = Some(error.clone());
        state.not_before = clock::after(PAUSE);
        if error.is_reauthorize() {
            state.end = Some(error.clone());
        }
    }
}

impl State {
    /// What to answer at once; `None` where the vault or the store has to be asked.
    fn ready(&self) -> Option<Result<Access, Error>> {
        let rest = self.trouble.is_some() && self.not_before > Instant::now();
        let busy = is_due(&self.access) && self.access.is_renewable();
        let idle = self.saved && !busy;
        (self.end.is_some() || idle || rest).then(|| self.outcome())
    }

    fn outcome(&self) -> Result<Access, Error> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        if !self.access.is_expired() {
            return Ok(self.access.clone());
        }
        let over = || Error::new(Kind::Reauthorize, "access has ended and cannot be renewed");
        Err(self.trouble.clone().filter(|_| self.access.is_renewable()).unwrap_or_else(over))
    }
}

/// Whether it is time to renew, by either clock: the steady one stands still while the computer
/// sleeps, the calendar may be set.
fn is_due(access: &Access) -> bool {
    let margin = MARGIN.min(access.inner().lifetime / 5);
    access.expires_in() <= margin || clock::between(clock::wall(), access.ends()) <= margin
}

/// Runs work that must come to its end, also where whoever waits for it goes away: an answer
/// that nobody takes would lose a refresh token.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let broke_off = |e| Error::local("the app's runtime ended the work", e);
    tokio::spawn(work).await.map_err(broke_off)?
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("access", &self.state().access).finish_non_exhaustive()
    }
}

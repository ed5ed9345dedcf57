//! Access that an app keeps between two starts.

use crate::{Access, Client, Error, Session};

impl Client {
    /// Keeps access for as long as the app needs it: saves it in the
    /// [store](crate::ClientBuilder::store), if there is one, and renews it when it is asked for.
    ///
    /// ```no_run
    /// # #[cfg(feature = "browser")]
    /// # async fn keep(okap: okap_client::Client, ask: okap_client::Ask) -> Result<(), okap_client::Error> {
    /// let session = match okap.resume().await? {
    ///     Some(session) => session,
    ///     None => okap.session(okap.authorize_in_browser(ask).await?).await?,
    /// };
    /// // before each call
    /// let access = session.access().await?;
    /// # let _ = access; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_store`](Error::is_store) where it cannot be saved;
    /// [`is_invalid_request`](Error::is_invalid_request) where it is another vault's.
    pub async fn session(&self, access: Access) -> Result<Session, Error> {
        self.issued(&access)?;
        self.keep(&access).await?;
        Ok(Session::new(self.clone(), access))
    }

    /// Takes up what an earlier session of this vault left in the store; `None` where there is
    /// nothing, or no store.
    ///
    /// # Errors
    /// [`is_store`](Error::is_store) where the store fails; else as [`restore`](Self::restore).
    pub async fn resume(&self) -> Result<Option<Session>, Error> {
        let kept = self.kept().await?;
        Ok(kept.map(|access| Session::new(self.clone(), access)))
    }

    pub(crate) async fn kept(&self) -> Result<Option<Access>, Error> {
        let Some(store) = self.store() else {
            return Ok(None);
        };
        let issuer = self.vault().issuer();
        let text = store.load(issuer).await.map_err(|e| Error::store("read", e))?;
        text.map(|text| self.restore(&text)).transpose()
    }

    pub(crate) async fn keep(&self, access: &Access) -> Result<(), Error> {
        let Some(store) = self.store() else {
            return Ok(());
        };
        let text = access.save()?;
        store.save(access.issuer(), &text).await.map_err(|e| Error::store("saved", e))
    }

    pub(crate) async fn forget(&self) -> Result<(), Error> {
        let Some(store) = self.store() else {
            return Ok(());
        };
        store.remove(self.vault().issuer()).await.map_err(|e| Error::store("removed", e))
    }
}

//! The direct request: JSON there, a link back.

use okap_types::Version;

use crate::{
    Ask, Client, Error, Pending,
    discovery::Discovery,
    error::Kind,
    wire::{self, Direct, PROMPT},
};

impl Client {
    /// Asks directly: the vault answers with a link for the user, and the app waits. The token
    /// lives as long as the grant, 30 days at most, and cannot be renewed.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let pending = okap.start(ModelAccess::new(Provider::Anthropic)).await?;
    /// # let _ = pending; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the ask is not valid, here or in
    /// the vault's eyes; [`is_denied`](Error::is_denied) where the vault's policy says no at once;
    /// [`is_unbound`](Error::is_unbound) where tokens shall be bound to a key, which this way of
    /// asking cannot do; [`is_network`](Error::is_network), [`is_vault`](Error::is_vault),
    /// [`is_untrusted`](Error::is_untrusted) where there is no good answer.
    pub async fn start(&self, ask: impl Into<Ask>) -> Result<Pending, Error> {
        let ask = ask.into().check()?;
        if self.keys().wanted && !self.keys().unbound_will_do {
            let text = "a direct request gives a token that is bound to no key";
            return Err(Error::new(Kind::Unbound, text));
        }
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let direct = Direct {
            okap: Version::CURRENT,
            authorization_details: ask.access(),
            client: &self.app().introduction(),
        };
        let request = direct.to(found.direct()?)?;
        let reply = wire::exchange(self.transport(), request, PROMPT).await?;
        Pending::new(self.clone(), ask, &reply)
    }
}

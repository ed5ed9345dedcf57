//! What the vault says of a grant, and giving it back.

use http::{StatusCode, header::AUTHORIZATION};
use okap_types::{
    GrantId, Secret,
    standing::{GrantAnswer, LimitsAnswer},
};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    Access, Client, Error,
    client::Proof,
    discovery::Discovery,
    error::Kind,
    wire::{self, Form, PROMPT},
};

impl Client {
    /// Says what is left of each limit.
    ///
    /// ```no_run
    /// # async fn show(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// for left in okap.limits(&access).await?.limits {
    ///     if let Some(money) = left.limits.monthly_spend {
    ///         println!("{}: {} USD left until {}", left.provider, money.remaining, money.resets_at);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_reauthorize`](Error::is_reauthorize), [`is_expired`](Error::is_expired) where the
    /// access is dead; [`is_invalid_request`](Error::is_invalid_request) where it is another
    /// vault's: its token is not shown to this one.
    pub async fn limits(&self, access: &Access) -> Result<LimitsAnswer, Error> {
        self.issued(access)?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let answer: LimitsAnswer = self.ask_with(access, found.limits()?).await?;
        same_grant(access, &answer.grant_id)?;
        Ok(answer)
    }

    /// Says whether the grant stands, since when, until when, and for what.
    ///
    /// ```no_run
    /// # async fn show(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// let grant = okap.grant(&access).await?;
    /// println!("granted {}, ends {}", grant.created, grant.expires);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`limits`](Self::limits).
    pub async fn grant(&self, access: &Access) -> Result<GrantAnswer, Error> {
        self.issued(access)?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let mut url = found.grants()?.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(access.grant_id().as_str());
        }
        let answer: GrantAnswer = self.ask_with(access, &url).await?;
        same_grant(access, &answer.grant_id)?;
        Ok(answer)
    }

    /// Checks that each `base_url` says itself that it belongs to this vault (RFC 9728): one call
    /// for each. The `base_url`s are known to be at the vault's own origin without it; where
    /// several vaults share an origin, this tells them apart.
    ///
    /// ```no_run
    /// # async fn check(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// okap.check_resources(&access).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_untrusted`](Error::is_untrusted) where one names another resource or another vault;
    /// [`is_vault`](Error::is_vault) where there is no such document.
    pub async fn check_resources(&self, access: &Access) -> Result<(), Error> {
        self.issued(access)?;
        let mut seen: Vec<&Url> = Vec::new();
        for granted in access.granted() {
            if seen.contains(&&granted.base_url) {
                continue;
            }
            seen.push(&granted.base_url);
            let mut url = granted.base_url.clone();
            url.set_path(&format!(
                "/.well-known/oauth-protected-resource{}",
                granted.base_url.path()
            ));
            let request = wire::get(&url)?;
            let reply = wire::exchange(self.transport(), request, PROMPT).await?;
            let document: Described = reply.expect(StatusCode::OK)?;
            let issuer = self.vault().issuer();
            if document.resource != granted.base_url {
                let text = format!("base_url of {} says it is another resource", granted.provider);
                return Err(Error::untrusted(text));
            }
            if !document.authorization_servers.iter().any(|a| a == issuer) {
                let text = format!("base_url of {} does not name {issuer}", granted.provider);
                return Err(Error::untrusted(text));
            }
        }
        Ok(())
    }

    /// Gives access back: from now on its tokens are refused. Doing so twice is no error.
    ///
    /// ```no_run
    /// # async fn end(okap: okap_client::Client, access: okap_client::Access) -> Result<(), okap_client::Error> {
    /// okap.revoke(&access).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the access is another vault's: its
    /// token is not shown to this one. Else as [`start`](Self::start).
    pub async fn revoke(&self, access: &Access) -> Result<(), Error> {
        self.issued(access)?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let url = found.revocation()?;
        // both: one of the two may have been replaced or have ended, and is then worth nothing
        if let Some(refresh) = &access.inner().refresh {
            self.give_back(url, refresh, "refresh_token", true).await?;
        }
        self.give_back(url, access.token(), "access_token", access.is_renewable()).await
    }

    /// `named`: whether the grant is known to be this client's. That of a direct request has no
    /// client, and a vault refuses one that is not the grant's.
    async fn give_back(
        &self,
        url: &Url,
        token: &Secret<String>,
        hint: &str,
        named: bool,
    ) -> Result<(), Error> {
        let mut form = Form::new();
        form.add("token", token.expose()).add("token_type_hint", hint);
        let reply = match named || self.app().signer.is_some() {
            true => self.post(url, &form, None, PROMPT).await?,
            false => wire::exchange(self.transport(), form.to(url)?, PROMPT).await?,
        };
        match reply.status {
            StatusCode::OK => Ok(()),
            _ => Err(reply.refusal()),
        }
    }

    /// Reads a resource of the vault with the app's token.
    async fn ask_with<T: DeserializeOwned>(&self, access: &Access, url: &Url) -> Result<T, Error> {
        let make = || {
            let mut request = wire::get(url)?;
            request.headers_mut().insert(AUTHORIZATION, access.credential()?);
            Ok(request)
        };
        let proof = Proof { key: access.key()?, access: Some(access) };
        let reply = self.send(make, proof, PROMPT).await?;
        reply.expect(StatusCode::OK)
    }
}

/// What RFC 9728 wants of every document, which is less than what a vault has to write.
#[derive(Deserialize)]
struct Described {
    resource: Url,
    #[serde(default)]
    authorization_servers: Vec<String>,
}

fn same_grant(access: &Access, answered: &GrantId) -> Result<(), Error> {
    if access.grant_id() == answered {
        return Ok(());
    }
    let text = format!("the answer is about grant {answered}, not about {}", access.grant_id());
    Err(Error::new(Kind::Vault, text))
}

//! Proofs that a client holds its key (RFC 9449): checked, and counted once.

use http::{HeaderMap, HeaderValue};
use okap_engine::{
    proof::{self, Expected, Proof, ProofError},
    record::{Nonces, insert},
    refusal::Refusal,
};
use okap_types::{Secret, token::AccessToken};
use url::Url;

use crate::{
    CommitError, Consent, Vault,
    core::Core,
    ports::{self, es256::verify},
    vault::{TRIES, load},
};

/// The header that carries a proof.
pub(crate) const DPOP: &str = "dpop";

impl<V: Vault, C: Consent> Core<V, C> {
    /// Checks the proof that came with a request; gives the thumbprint of its key, `None` where no
    /// proof came. A proof counts once, on every node.
    ///
    /// # Errors
    /// [`Refusal::InvalidProof`], [`Refusal::UseNonce`], [`Refusal::VaultUnavailable`].
    pub(crate) async fn proven(
        &self,
        headers: &HeaderMap,
        method: &str,
        url: &Url,
        token: Option<&AccessToken>,
    ) -> Result<Option<String>, Refusal> {
        let mut proofs = headers.get_all(DPOP).iter();
        let Some(text) = proofs.next() else { return Ok(None) };
        if proofs.next().is_some() {
            return Err(Refusal::InvalidProof("more than one DPoP header".to_owned()));
        }
        let text = text.to_str().map_err(|_| {
            Refusal::InvalidProof("the DPoP header is not a compact JWS".to_owned())
        })?;
        let nonces = match self.config.dpop_nonce {
            true => Some(self.nonces().await?),
            false => None,
        };
        let expected =
            Expected { method, url, now: self.clock.now(), token, nonces: nonces.as_ref() };
        let proven = Proof::read(text).and_then(|proof| proof.check(&expected, &verify));
        let proven = proven.map_err(|error| match error {
            ProofError::UseNonce => Refusal::UseNonce,
            other => Refusal::InvalidProof(other.to_string()),
        })?;
        match self.vault.commit(vec![proven.replay]).await {
            Ok(()) => Ok(Some(proven.thumbprint.as_str().to_owned())),
            Err(CommitError::Conflict) => {
                Err(Refusal::InvalidProof("the DPoP proof was used before".to_owned()))
            }
            Err(CommitError::Store(error)) => {
                tracing::error!(%error, "a proof could not be stored");
                Err(Refusal::VaultUnavailable)
            }
        }
    }

    /// The nonce that proofs have to carry now, where the vault asks for one.
    pub(crate) async fn fresh_nonce(&self) -> Option<HeaderValue> {
        if !self.config.dpop_nonce {
            return None;
        }
        let secret = self.nonces().await.ok()?;
        HeaderValue::from_str(&proof::nonce(&secret, self.clock.now())).ok()
    }

    /// What nonces are made of: the same on every node and after every start.
    async fn nonces(&self) -> Result<Secret<[u8; 32]>, Refusal> {
        let unavailable = |error: crate::StoreError| {
            tracing::error!(%error, "nonces cannot be made");
            Refusal::VaultUnavailable
        };
        if let Some(bits) = self.nonces.get() {
            return Ok(bits.clone());
        }
        for _ in 0..TRIES {
            if let Some(found) = load::<Nonces>(&self.vault, "all").await.map_err(unavailable)? {
                let bits = found.record.bits().ok_or(Refusal::VaultUnavailable)?;
                return Ok(self.nonces.get_or_init(|| bits).clone());
            }
            let fresh = Nonces::new(&ports::seed().map_err(unavailable)?);
            match self.vault.commit(vec![insert("all", &fresh)]).await {
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(unavailable(error)),
            }
        }
        Err(Refusal::VaultUnavailable)
    }
}

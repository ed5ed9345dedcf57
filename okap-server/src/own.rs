//! What an app asks about its own grant: `/okap/limits` and `/okap/grants/{grant_id}`.

use http::{HeaderMap, Method, header};
use okap_engine::{
    about, address::endpoint, admit, ledger::Chain, record::Allowed, refusal::Refusal,
};
use okap_types::{ErrorCode, Version, standing::LimitsAnswer};

use crate::{
    Consent, StoreError, Vault,
    core::Core,
    holder::Holder,
    proxy::{Presented, authorization, is_dpop},
    reply::{self, Reply},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `GET /okap/limits`
    pub(crate) async fn limits(&self, headers: &HeaderMap) -> Reply {
        let now = self.clock.now();
        let own = self.own(headers, &Method::GET, "okap/limits").await;
        // a grant that has ended has nothing left
        let own = own.and_then(|holder| {
            admit::alive(&holder.grant, &holder.ancestors, &holder.access, now).map(|()| holder)
        });
        let holder = match own {
            Ok(holder) => holder,
            Err(refusal) => return self.own_refused(headers, &refusal).await,
        };
        let mut limits = Vec::new();
        for part in holder.access.allows(&holder.grant) {
            match self.chain_of(part).await {
                Ok(chain) => limits.push(about::limits(part, &chain, now)),
                Err(_) => return reply::unavailable(),
            }
        }
        let grant_id = holder.grant.id.clone();
        reply::json(200, &LimitsAnswer { okap: Version::CURRENT, grant_id, limits })
    }

    /// `GET` and `DELETE /okap/grants/{grant_id}`
    pub(crate) async fn own_grant(&self, headers: &HeaderMap, method: &Method, id: &str) -> Reply {
        let holder = match self.own(headers, method, &format!("okap/grants/{id}")).await {
            Ok(holder) => holder,
            Err(refusal) => return self.own_refused(headers, &refusal).await,
        };
        if holder.grant.id.as_str() != id {
            return reply::error(ErrorCode::NotFound, "this token belongs to another grant");
        }
        let Holder { access, grant, ancestors } = holder;
        if method == Method::GET {
            let now = self.clock.now();
            let profile = &self.config.profile;
            return reply::json(200, &about::grant(profile, &access, &grant, &ancestors, now));
        }
        match self.revoke(grant.id.clone()).await {
            Ok(()) => reply::empty(204),
            Err(_) => reply::unavailable(),
        }
    }

    /// The accounts that calls under a part count in, as they stand.
    pub(crate) async fn chain_of(&self, part: &Allowed) -> Result<Chain, StoreError> {
        self.chain(&part.shares()).await
    }

    /// Whose token came in the `Authorization` header, with the proof of its key.
    async fn own(
        &self,
        headers: &HeaderMap,
        method: &Method,
        path: &str,
    ) -> Result<Holder, Refusal> {
        let presented: Presented = authorization(headers)?;
        let holder = self.held(&presented.token).await?;
        let here = endpoint(&self.config.profile.issuer, path);
        self.holds_key(headers, method.as_str(), || here, &presented, &holder.access).await?;
        Ok(holder)
    }

    async fn own_refused(&self, headers: &HeaderMap, refusal: &Refusal) -> Reply {
        let mut answer = reply::error_with(refusal.status(), refusal.code(), refusal.to_string());
        answer.headers_mut().remove(header::WWW_AUTHENTICATE);
        reply::challenge(&mut answer, refusal, None, is_dpop(headers));
        if let (Refusal::UseNonce, Some(nonce)) = (refusal, self.fresh_nonce().await) {
            answer.headers_mut().insert("dpop-nonce", nonce);
        }
        answer
    }
}

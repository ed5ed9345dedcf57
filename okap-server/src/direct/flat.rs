//! `POST /okap/request`, in the flat shape of an earlier client: HTTP 200 whatever comes of it.

use std::time::Duration;

use bytes::Bytes;
use okap_engine::{
    record::{Repeated, details},
    token::hash,
};
use okap_types::{
    GrantRequest, Secret, Version,
    response::{FlatAnswer, FlatToken},
};

use super::{Handle, Outcome};
use crate::{
    Asked, Consent, Vault,
    core::Core,
    reply::{self, Reply},
    vault::load,
};

/// How long the answer of `/okap/request` is held: its client gives up after 30 s.
const FLAT_WAIT: Duration = Duration::from_secs(25);

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/request`
    pub(crate) async fn flat(&self, source: &str, body: &Bytes) -> Reply {
        let request = match GrantRequest::parse_flat(body) {
            Ok(request) => request,
            Err(error) => return flat_error(error.code().as_str(), error.to_string()),
        };
        let text = std::str::from_utf8(body).unwrap_or_default();
        let fingerprint = hash(&format!("{source}\n{text}"));
        let earlier = match load::<Repeated>(&self.vault, &fingerprint).await {
            Ok(earlier) => earlier,
            Err(_) => {
                return flat_error("vault_unavailable", "the vault cannot reach its store".into());
            }
        };
        let now = self.clock.now();
        let mut link = None;
        if let Some(ended) = earlier.as_ref().filter(|e| e.record.0.expires <= now) {
            let _ = self.commit(vec![ended.remove()]).await;
        }
        if earlier.is_none_or(|e| e.record.0.expires <= now) {
            match self.open_direct(source, request, Some(&fingerprint)).await {
                // the same request came twice at once: this one waits with the other
                Err(_)
                    if matches!(load::<Repeated>(&self.vault, &fingerprint).await, Ok(Some(_))) => {
                }
                Err(refused) => return refused_flat(&refused),
                Ok((interaction, _)) => match self.ask(&interaction).await {
                    Ok(page) => link = page,
                    Err(_) => {
                        return flat_error(
                            "vault_unavailable",
                            "the vault cannot reach its store".into(),
                        );
                    }
                },
            }
        }
        if let Some(link) = &link {
            tracing::info!(%link, "an app asks for access and waits for a decision");
        }
        self.flat_outcome(&fingerprint).await
    }

    async fn flat_outcome(&self, fingerprint: &str) -> Reply {
        match self.outcome(&Handle::Repeated(fingerprint.to_owned()), FLAT_WAIT).await {
            Err(_) => flat_error("vault_unavailable", "the vault cannot reach its store".into()),
            Ok(Outcome::Denied) => flat_error("user_denied", "the user denied the request".into()),
            Ok(Outcome::Gone | Outcome::Expired) => flat_error(
                "expired",
                "the request expired before anybody decided; ask again".into(),
            ),
            Ok(Outcome::Waiting(interaction)) => match self.page_of(&interaction).await {
                Ok(Asked::Visit(page)) => flat_error(
                    "pending",
                    format!(
                        "waiting for approval at {page} (code {}); send the same request again",
                        interaction.user_code
                    ),
                ),
                _ => flat_error(
                    "pending",
                    "waiting for approval; send the same request again".into(),
                ),
            },
            Ok(Outcome::Granted(interaction, issued)) => {
                let details = details(&issued.access, &self.config.profile.issuer);
                let Some(first) = details.first() else { return reply::unavailable() };
                let token = FlatToken {
                    token: Secret::from(issued.token.expose()),
                    base_url: first.base_url.clone(),
                    provider: first.provider.clone(),
                    models: first.models.clone(),
                    // its client knows no others than those it asked for
                    capabilities: first.capabilities.clone(),
                    limits: first.limits.clone(),
                    expires_at: self
                        .clock
                        .now()
                        .plus_seconds(i64::try_from(issued.expires_in).unwrap_or(0)),
                    created_at: interaction.created,
                };
                reply::json(
                    200,
                    &FlatAnswer {
                        okap: Version::CURRENT,
                        approved: true,
                        token: Some(token),
                        error: None,
                        error_code: None,
                    },
                )
            }
        }
    }
}

fn flat_error(code: &str, text: String) -> Reply {
    reply::json(
        200,
        &FlatAnswer {
            okap: Version::CURRENT,
            approved: false,
            token: None,
            error: Some(text),
            error_code: Some(code.to_owned()),
        },
    )
}

/// An error answer in the flat shape; its client reads nothing but HTTP 200.
fn refused_flat(refused: &Reply) -> Reply {
    match refused.status().as_u16() {
        429 => {
            flat_error("too_many_requests", "too many requests wait for a decision already".into())
        }
        503 => flat_error("vault_unavailable", "the vault cannot reach its store".into()),
        _ => flat_error(
            "invalid_request",
            "the request asks for something this vault cannot grant".into(),
        ),
    }
}

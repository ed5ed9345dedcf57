use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::{HeaderMap, header};
use okap_engine::{about, record::Refresh, token::hash};
use okap_types::{
    ErrorCode,
    oauth::{IntrospectionAnswer, IntrospectionRequest},
    token::{AccessToken, RefreshToken},
};

use super::{fields, refused};
use crate::{
    Consent, StoreError, Vault,
    core::Core,
    reply::{self, Reply},
    vault::load,
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/introspect` (RFC 7662), for the resource servers that the owner named.
    pub(crate) async fn introspect(&self, headers: &HeaderMap, body: &Bytes) -> Reply {
        if !self.is_resource_server(headers) {
            let text = "introspection is for resource servers that the vault's owner has set up";
            let mut answer = reply::error(ErrorCode::InvalidClient, text);
            reply::set(&mut answer, header::WWW_AUTHENTICATE, "Basic realm=\"okap\"");
            return answer;
        }
        let request = match fields(headers, body) {
            Ok(form) => IntrospectionRequest::from_form(&form).map_err(|e| refused(&e)),
            Err(refused) => Err(refused),
        };
        match request {
            Err(refused) => refused,
            Ok(request) => match self.living(request.token.expose()).await {
                Ok(found) => reply::json(200, &found.unwrap_or_default()),
                Err(_) => reply::unavailable(),
            },
        }
    }

    async fn living(&self, token: &str) -> Result<Option<IntrospectionAnswer>, StoreError> {
        let profile = &self.config.profile;
        let now = self.clock.now();
        if let Ok(token) = AccessToken::parse(token) {
            let Some(holder) = self.holder(&token).await? else { return Ok(None) };
            let alive =
                okap_engine::admit::alive(&holder.grant, &holder.ancestors, &holder.access, now);
            return Ok(alive
                .is_ok()
                .then(|| about::access_token(profile, &holder.access, &holder.grant)));
        }
        if RefreshToken::parse(token).is_ok() {
            let Some(refresh) = load::<Refresh>(&self.vault, &hash(token)).await? else {
                return Ok(None);
            };
            let refresh = refresh.record;
            let grant = self.family(&refresh.grant).await?.map(|(grant, _)| grant);
            let unused = refresh.rotated.is_none() && refresh.expires > now;
            let grant = grant.filter(|g| unused && g.revoked.is_none());
            return Ok(grant.map(|g| about::refresh_token(profile, &refresh, &g)));
        }
        Ok(None)
    }

    /// Whether HTTP Basic credentials (RFC 6749 section 2.3.1) are those of a resource server.
    fn is_resource_server(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return false };
        let decoded = sent
            .to_str()
            .ok()
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, text)| Base64::decode_vec(text.trim()).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
            return false;
        };
        let plain = |text: &str| {
            let pair = format!("v={text}");
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned())
        };
        let (Some(id), Some(secret)) = (plain(id), plain(secret)) else { return false };
        self.config.resource_servers.iter().any(|server| server.is(&id, &secret))
    }
}

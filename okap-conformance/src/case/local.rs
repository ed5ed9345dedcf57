//! The code flow of a local app, as far as keys and delegation need it.

use serde_json::json;

use super::{Ask, Case, Grant, Holder, key::sha256};
use crate::{
    driver::{Decision, Order},
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// The client of every local app.
pub(crate) const CLIENT: &str = "http://localhost";
const REDIRECT: &str = "http://127.0.0.1:51004/callback";

/// A code, and what redeems it.
pub struct Code {
    /// The code.
    pub code: String,
    verifier: String,
}

impl Case {
    /// A pushed request of a local app with a verifier; `more` are further parameters.
    #[must_use]
    pub fn push(&self, ask: &Ask, verifier: &str, more: &[(&str, &str)]) -> Call {
        let (details, challenge) = (json!([ask.details()]).to_string(), sha256(verifier));
        let name = ask.app();
        let fields = [
            ("client_id", CLIENT),
            ("client_name", &name),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("authorization_details", &details),
        ];
        Call::post(self.at("okap/par")).form(&[&fields, more].concat())
    }

    /// A verifier of its own.
    #[must_use]
    pub fn verifier(&self) -> String {
        [self.nonce(), self.nonce(), self.nonce()].concat()
    }

    /// The user allows what was pushed, and the browser comes back with a code.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where it does not.
    pub async fn code(&self, ask: &Ask, pushed: &Reply, verifier: String) -> Result<Code, Stop> {
        let what = "no code to test with";
        prerequisite(what, pushed.has_status("OKAP-R-108", 201))?;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", CLIENT)
            .append_pair("request_uri", pushed.text("/request_uri"))
            .finish();
        let page = self.at(&format!("okap/authorize?{query}"));
        let visited = self.send(Call::get(page)).await?;
        let page = visited.header("location").map(str::to_owned);
        prerequisite(what, visited.ensure("OKAP-R-113", page.is_some(), "the user's page"))?;
        let order = Order::Decide {
            correlation: ask.correlation.clone(),
            user: self.stage.target.user().to_owned(),
            decision: Decision::Approve,
            interaction_url: page,
            user_code: None,
        };
        let done = self.order(order).await?;
        let back = done.pointer("/redirect").and_then(|back| back.as_str()).unwrap_or_default();
        let back: Option<url::Url> = back.parse().ok();
        let code = back.and_then(|back| {
            back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
        });
        let untold = || Stop::Untestable("the driver does not tell where the browser went".into());
        Ok(Code { code: code.ok_or_else(untold)?, verifier })
    }

    /// The token request of a code.
    #[must_use]
    pub fn redemption(&self, code: &Code) -> Call {
        Call::post(self.at("okap/token")).form(&[
            ("grant_type", "authorization_code"),
            ("code", &code.code),
            ("redirect_uri", REDIRECT),
            ("client_id", CLIENT),
            ("code_verifier", &code.verifier),
        ])
    }

    /// A code that no key was named for.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub async fn plain_code(&self, ask: &Ask) -> Result<Code, Stop> {
        let verifier = self.verifier();
        let pushed = self.send(self.push(ask, &verifier, &[])).await?;
        self.code(ask, &pushed, verifier).await
    }

    /// A code that is bound to a holder's key by `dpop_jkt`.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub async fn bound_code(&self, ask: &Ask, holder: &Holder) -> Result<Code, Stop> {
        let (verifier, jkt) = (self.verifier(), holder.key.thumbprint());
        let pushed = self.send(self.push(ask, &verifier, &[("dpop_jkt", &jkt)])).await?;
        self.code(ask, &pushed, verifier).await
    }
}

impl Grant {
    /// Reads a token answer.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is none.
    pub fn of_tokens(reply: &Reply, requirement: &str) -> Result<Self, Stop> {
        reply.has_status(requirement, 200)?;
        let details = reply.at("/authorization_details").as_array().cloned().unwrap_or_default();
        let base_url = reply.text("/authorization_details/0/base_url");
        let (token, id) = (reply.text("/access_token"), reply.text("/grant_id"));
        let whole = !token.is_empty() && !id.is_empty() && !base_url.is_empty();
        reply.ensure(requirement, whole, "access_token, grant_id and a base_url")?;
        Ok(Self {
            token: token.to_owned(),
            id: id.to_owned(),
            base_url: base_url.to_owned(),
            details,
            reply: reply.clone(),
        })
    }
}

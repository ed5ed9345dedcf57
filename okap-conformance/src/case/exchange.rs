//! Handing access on (RFC 8693).

use serde_json::Value;

use super::{Case, Grant};
use crate::{
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Case {
    /// Whether the vault hands access on at all, by its metadata.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] where it does not, [`Stop::Untestable`] without metadata.
    pub async fn hands_on(&self) -> Result<(), Stop> {
        let metadata = self.send(Call::get(self.metadata_url())).await?;
        prerequisite("no metadata", metadata.has_status("OKAP-R-051", 200))?;
        match metadata.at("/grant_types_supported").to_string().contains(EXCHANGE) {
            true => Ok(()),
            false => Err(Stop::NotApplicable("the vault hands no access on".to_owned())),
        }
    }

    /// The exchange of an access token; `more` are further parameters.
    #[must_use]
    pub fn exchange(&self, subject: &str, more: &[(&str, &str)]) -> Call {
        let fields = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        Call::post(self.at("okap/token")).form(&[&fields, more].concat())
    }

    /// Hands on what of a grant these details leave; all of it where they are `None`.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn hand_on(&self, parent: &Grant, details: Option<&Value>) -> Result<Reply, Stop> {
        let details = details.map(ToString::to_string);
        let more: Vec<_> =
            details.iter().map(|text| ("authorization_details", text.as_str())).collect();
        self.send(self.exchange(&parent.token, &more)).await
    }

    /// A child of a grant, for a test that is about something else.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn child(&self, parent: &Grant, details: Option<&Value>) -> Result<Grant, Stop> {
        let reply = self.hand_on(parent, details).await?;
        prerequisite("no child grant to test with", Grant::of_tokens(&reply, "OKAP-R-214"))
    }

    /// A child of a grant, under a name that the app gives it.
    ///
    /// # Errors
    /// As [`child`](Self::child).
    pub async fn named_child(&self, parent: &Grant, name: &str) -> Result<Grant, Stop> {
        let reply = self.send(self.exchange(&parent.token, &[("client_name", name)])).await?;
        prerequisite("no child grant to test with", Grant::of_tokens(&reply, "OKAP-R-214"))
    }
}

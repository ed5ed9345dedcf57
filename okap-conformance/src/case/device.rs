//! The device flow: an app shows a code, the user types it elsewhere, the app polls.

use serde_json::json;

use super::{Ask, Case, Parameters, code::LOCAL};
use crate::{
    driver::Decision,
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// A request that waits for a user who is elsewhere.
#[derive(Clone, Debug)]
pub struct Device {
    /// The answer to the request.
    pub reply: Reply,
    /// Who asks.
    pub client_id: String,
    correlation: String,
}

impl Device {
    /// What the app polls with.
    #[must_use]
    pub fn code(&self) -> &str {
        self.reply.text("/device_code")
    }

    /// What the user types.
    #[must_use]
    pub fn user_code(&self) -> &str {
        self.reply.text("/user_code")
    }

    /// What its request is known by.
    pub(super) fn correlation(&self) -> &str {
        &self.correlation
    }

    /// Seconds between two polls.
    #[must_use]
    pub fn interval(&self) -> u64 {
        self.reply.at("/interval").as_u64().unwrap_or(5)
    }

    /// The token request that polls.
    #[must_use]
    pub fn form(&self) -> Parameters {
        Parameters::of(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", self.code()),
            ("client_id", &self.client_id),
        ])
    }
}

impl Case {
    /// The form of a device request of a local app.
    #[must_use]
    pub fn device_form(&self, ask: &Ask) -> Parameters {
        Parameters::of(&[
            ("client_id", LOCAL),
            ("client_name", &ask.app()),
            ("authorization_details", &json!([ask.details()]).to_string()),
        ])
    }

    /// Sends a device request.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn send_device(&self, form: &Parameters) -> Result<Reply, Stop> {
        self.send(Call::post(self.at("okap/device_authorization")).form(&form.fields())).await
    }

    /// A device request that has to be taken.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is not.
    pub async fn device(&self, ask: &Ask) -> Result<Device, Stop> {
        self.device_of(ask, &self.device_form(ask), LOCAL).await
    }

    /// As [`device`](Self::device), by another form.
    ///
    /// # Errors
    /// As [`device`](Self::device).
    pub async fn device_of(
        &self,
        ask: &Ask,
        form: &Parameters,
        client: &str,
    ) -> Result<Device, Stop> {
        let reply = self.send_device(form).await?;
        let codes = ["/device_code", "/user_code", "/verification_uri"].map(|at| reply.text(at));
        let whole = reply.status == 200 && codes.iter().all(|text| !text.is_empty());
        reply.ensure("OKAP-R-171", whole, "200 with both codes and an address")?;
        let (client_id, correlation) = (client.to_owned(), ask.correlation.clone());
        Ok(Device { reply, client_id, correlation })
    }

    /// One poll.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn poll_device(&self, device: &Device) -> Result<Reply, Stop> {
        self.token(&device.form()).await
    }

    /// The user types a code, and decides what comes up.
    ///
    /// # Errors
    /// As [`Case::decide_by`].
    pub async fn type_code(&self, device: &Device, code: &str, said: Decision) -> Result<(), Stop> {
        self.decide_by(&device.correlation, said, None, Some(code.to_owned())).await.map(drop)
    }

    /// The user types the code as it was shown, and decides.
    ///
    /// # Errors
    /// As [`Case::decide_by`].
    pub async fn answer_device(&self, device: &Device, said: Decision) -> Result<(), Stop> {
        self.type_code(device, device.user_code(), said).await
    }

    /// A device request, for a test that is about what becomes of it.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn waiting_device(&self, ask: &Ask) -> Result<Device, Stop> {
        prerequisite("no device request to test with", self.device(ask).await)
    }
}

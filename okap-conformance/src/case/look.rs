//! The vault's pages, as the signed-in user sees them.

use serde_json::Value;

use super::{Case, Device};
use crate::{
    driver::{Decision, Order},
    http::{Call, Reply},
    outcome::Stop,
};

impl Case {
    /// Opens a page of the vault in a browser of the user.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver cannot sign in, and as [`Case::send`].
    pub async fn look(&self, page: &str) -> Result<Reply, Stop> {
        let said = self.order(Order::SignIn { user: self.user().to_owned() }).await?;
        let cookie = said.pointer("/cookie").and_then(Value::as_str).unwrap_or_default();
        self.secret("cookie", cookie);
        self.send(Call::get(page).header("cookie", cookie).header("accept", "text/html")).await
    }

    /// Where the user decides a device request, once its code is typed.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver does not say.
    pub async fn page_of(&self, device: &Device) -> Result<String, Stop> {
        let code = Some(device.user_code().to_owned());
        let said = self.decide_by(device.correlation(), Decision::Ignore, None, code).await?;
        let page = said.pointer("/page").and_then(Value::as_str);
        let missing =
            || Stop::Untestable("the driver does not say which page: {\"page\": …}".into());
        page.map(|page| self.absolute(page)).ok_or_else(missing)
    }

    /// The address that the calls of this test come from, where the system has more than one.
    #[must_use]
    pub fn source(&self) -> std::net::Ipv4Addr {
        super::source::of(self.seed)
    }
}

impl Reply {
    /// Fails where a page does not show a text.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn shows(&self, requirement: &str, text: &str) -> Result<(), Stop> {
        let shown = String::from_utf8_lossy(&self.body).contains(text);
        match shown {
            true => Ok(()),
            false => {
                let observed = format!("a page with status {} without it", self.status);
                Err(Stop::failed(requirement, format!("{text} on the page"), observed))
            }
        }
    }
}

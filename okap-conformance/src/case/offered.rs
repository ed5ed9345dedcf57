//! What a vault says that it has.

use serde_json::json;

use super::Case;
use crate::{http::Call, outcome::Stop};

impl Case {
    /// Whether the vault lists a provider: what it does not list is not asked of it (OKAP-R-280).
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn offers(&self, provider: &str) -> Result<bool, Stop> {
        let metadata = self.send(Call::get(self.metadata_url())).await?;
        let listed = metadata.at("/okap_providers_supported").as_array();
        Ok(listed.is_some_and(|all| all.contains(&json!(provider))))
    }
}

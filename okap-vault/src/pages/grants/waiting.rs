use okap_server::StoreError;

use crate::pages::{Site, caller::Caller, show};

/// A request that waits for the user, on the list.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) link: String,
    pub(super) app: Caller,
    /// The providers whose keys it wants to use.
    pub(super) providers: String,
    /// What the app shows for comparison.
    pub(super) user_code: String,
    pub(super) until: String,
}

/// The requests that wait for the user.
pub(super) async fn waiting(site: &Site) -> Result<Vec<Waiting>, StoreError> {
    let asked = site.pages.control.waiting().await?;
    let waiting = asked.into_iter().map(|asked| {
        let providers: Vec<_> =
            asked.access.iter().map(|access| show::provider(&access.provider)).collect();
        Waiting {
            link: site.at(&format!("/consent/{}", asked.id)),
            app: Caller::of(&asked.app),
            providers: providers.join(", "),
            user_code: asked.user_code,
            until: show::clock(asked.expires),
        }
    });
    Ok(waiting.collect())
}

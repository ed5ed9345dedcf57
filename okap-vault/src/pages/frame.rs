use super::{Site, assets, session::Session};

/// What stands around every page: where links begin, and who is signed in.
#[derive(Debug)]
pub(super) struct Frame {
    /// The start of every link.
    pub(super) base: String,
    /// The style sheet's version.
    pub(super) style: &'static str,
    /// The session's token for forms; none where nobody is signed in.
    pub(super) csrf: Option<String>,
}

impl Frame {
    /// For a visitor without a session.
    pub(super) fn stranger(site: &Site) -> Self {
        Self { base: site.base.clone(), style: assets::version(), csrf: None }
    }

    /// For the user.
    pub(super) fn user(site: &Site, session: &Session) -> Self {
        Self { csrf: Some(session.csrf.clone()), ..Self::stranger(site) }
    }
}

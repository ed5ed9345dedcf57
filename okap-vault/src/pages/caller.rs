//! Who asks, as a page introduces it.

use okap_engine::record::{App, Back, Identity, Interaction};
use okap_types::AppName;
use url::Url;

/// An app as a page introduces it.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// What is sure of it, as a heading: the host of its document, or what kind of app it is.
    pub(super) known: String,
    /// Whether it is the app of its document.
    pub(super) proof: Proof,
    /// What it calls itself.
    pub(super) name: Option<String>,
    /// The host that it says is its home, where that says more than its client id.
    pub(super) home: Option<String>,
}

/// What stands behind a `client_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is the app of this document.
    Verified(Client),
    /// It says that it is the app of this document.
    Claimed(Client),
    /// It has none, or one that anybody has.
    Nothing,
}

/// A published `client_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// The address of the document.
    pub(super) id: String,
    /// Whose it is.
    pub(super) host: String,
}

impl Client {
    fn of(app: &App) -> Option<Self> {
        let id = app.info.client_id.as_deref()?;
        let url = Url::parse(id).ok()?;
        Some(Self { id: id.to_owned(), host: url.host_str()?.to_owned() })
    }
}

impl Caller {
    /// Introduces an app.
    pub(super) fn of(app: &App) -> Self {
        let proof = match (app.identity, Client::of(app)) {
            (Identity::Published, Some(client)) => Proof::Verified(client),
            (Identity::Claimed, Some(client)) => Proof::Claimed(client),
            _ => Proof::Nothing,
        };
        let known = match (app.identity, &proof) {
            (_, Proof::Verified(client)) => client.host.clone(),
            (Identity::Local, _) => "A local app".to_owned(),
            _ => "An unverified app".to_owned(),
        };
        let name = app.info.name.as_ref().filter(|name| !name.is_empty());
        let home = app.info.url.as_ref().and_then(|url| url.host_str());
        let home = home.filter(|home| proof.client().is_none_or(|client| client.host != *home));
        Self {
            known,
            name: name.map(AppName::as_str).map(str::to_owned),
            home: home.map(str::to_owned),
            proof,
        }
    }

    /// Introduces the app of a request, which came from somewhere.
    pub(super) fn asking(asked: &Interaction) -> Self {
        let mut caller = Self::of(&asked.app);
        let place = match asked.back {
            Back::Device => "An app on another device",
            Back::Redirect { .. } | Back::Fetch => "An app on this computer",
        };
        if asked.app.identity == Identity::Local {
            place.clone_into(&mut caller.known);
        }
        caller
    }

    /// Its name in a sentence.
    pub(super) fn name(&self) -> &str {
        match (&self.name, &self.proof) {
            (Some(name), _) => name,
            (None, Proof::Verified(client)) => &client.host,
            (None, _) => "the app",
        }
    }

    /// Whether it is the app of its document.
    pub(super) fn is_verified(&self) -> bool {
        matches!(self.proof, Proof::Verified(_))
    }
}

impl Proof {
    fn client(&self) -> Option<&Client> {
        match self {
            Self::Verified(client) | Self::Claimed(client) => Some(client),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use okap_types::ClientInfo;

    use super::*;

    fn app(identity: Identity, name: Option<&str>) -> App {
        let named = name.map_or_else(ClientInfo::default, |name| ClientInfo::new(name).unwrap());
        let client_id = Some("https://notes.example/okap.json".to_owned());
        let url = Some("https://www.notes.example/".parse().unwrap());
        App { identity, info: ClientInfo { client_id, url, ..named } }
    }

    #[test]
    fn a_proven_app_is_known_by_its_host() {
        let caller = Caller::of(&app(Identity::Published, Some("Notes")));
        assert_eq!((caller.known.as_str(), caller.name()), ("notes.example", "Notes"));
        assert!(caller.is_verified());
        assert_eq!(caller.home.as_deref(), Some("www.notes.example"));
        // without a name its host is its name
        assert_eq!(Caller::of(&app(Identity::Published, None)).name(), "notes.example");
    }

    #[test]
    fn what_is_claimed_is_no_heading() {
        for identity in [Identity::Claimed, Identity::Unverified] {
            let caller = Caller::of(&app(identity, None));
            assert_eq!((caller.known.as_str(), caller.name()), ("An unverified app", "the app"));
            assert!(!caller.is_verified());
        }
        let claimed = Caller::of(&app(Identity::Claimed, None));
        assert!(matches!(claimed.proof, Proof::Claimed(client) if client.host == "notes.example"));
    }

    #[test]
    fn a_proof_without_a_document_is_none() {
        let mut app = app(Identity::Published, Some("Notes"));
        for id in [None, Some("notes"), Some("data:,x")] {
            app.info.client_id = id.map(str::to_owned);
            let caller = Caller::of(&app);
            assert_eq!(
                (caller.known.as_str(), caller.proof),
                ("An unverified app", Proof::Nothing)
            );
        }
    }
}

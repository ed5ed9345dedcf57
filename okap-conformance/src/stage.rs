//! What all tests of a run share: the vault, the provider behind it, and the driver.

mod clock;
mod held;

use std::{collections::BTreeSet, net::TcpListener, sync::atomic::AtomicI64, time::Duration};

use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    canary::Secrets,
    driver::{Driver, DriverError, Hook, Human, Nobody, Order, Split, Template, Verb, WebDriver},
    http::{Call, Http},
    launch::{LaunchError, Launched, Places},
    provider::{self, FakeProvider},
    seed::Seed,
    target::{Mode, Target},
    transcript::Transcript,
};

/// The providers whose keys are seeded: those that the fake one can answer as.
const PROVIDERS: [&str; 3] = ["openai", "anthropic", "google"];

/// Why nothing can be tested.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The fake provider cannot listen.
    #[error("the fake provider cannot listen on {0}: {1}")]
    Provider(String, #[source] std::io::Error),
    /// The vault does not start.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The vault does not answer.
    #[error("the vault does not answer at {0}: {1}")]
    Vault(String, String),
    /// The driver does not work.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// What all tests of a run share.
pub struct Stage {
    pub(crate) target: Target,
    pub(crate) base_url: String,
    pub(crate) provider: FakeProvider,
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) verbs: BTreeSet<Verb>,
    pub(crate) secrets: Secrets,
    pub(crate) run: String,
    pub(crate) seed: Seed,
    launched: Mutex<Option<Launched>>,
    turned: AtomicI64,
}

impl Stage {
    /// Starts the provider and the vault of a description, and finds out what the driver can. The
    /// secrets are added to those given, which may stand in an error, too.
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn open(target: Target, seed: Seed, secrets: Secrets) -> Result<Self, StageError> {
        held::know(&target, |name| std::env::var(name).ok(), &secrets);
        let listen = target.provider.listen.clone();
        let config = provider::Config {
            listen: listen.clone(),
            master_key: secrets.mint("master", seed),
            ..provider::Config::default()
        };
        let provider = FakeProvider::start(config)
            .await
            .map_err(|error| StageError::Provider(listen, error))?;
        let mut places = Places::default();
        places.set("port", free_port().to_string());
        let base_url = places.fill(&target.target.base_url).trim_end_matches('/').to_owned();
        places.set("base_url", &base_url);
        let advertised = advertised(&target, &provider);
        for name in PROVIDERS {
            places.set(&format!("provider.{name}"), &advertised);
            places.set(&format!("master.{name}"), provider.master_key());
        }
        let launched = match &target.launch {
            Some(plan) => Some(Launched::start(&target, plan, &base_url, places.clone()).await?),
            None => None,
        };
        let run = seed.of("run").word();
        let patience = target.timeouts.consent.0;
        let driver = driver(&target, &places, &run, patience);
        let mut stage = Self {
            verbs: BTreeSet::new(),
            target,
            base_url,
            provider,
            driver,
            secrets,
            run,
            seed,
            launched: Mutex::new(launched),
            turned: AtomicI64::new(0),
        };
        stage.look_around(&advertised).await?;
        Ok(stage)
    }

    /// The stage of a vault in this process, which calls this provider and whose user this driver
    /// plays.
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn within(
        target: Target,
        provider: FakeProvider,
        driver: Box<dyn Driver>,
        seed: Seed,
    ) -> Result<Self, StageError> {
        let secrets = Secrets::default();
        held::know(&target, |name| std::env::var(name).ok(), &secrets);
        secrets.know("master", provider.master_key());
        let base_url = target.target.base_url.trim_end_matches('/').to_owned();
        let (run, url) = (seed.of("run").word(), provider.url());
        let verbs = BTreeSet::new();
        let (launched, turned) = (Mutex::new(None), AtomicI64::new(0));
        let mut stage = Self {
            target,
            base_url,
            provider,
            driver,
            verbs,
            secrets,
            run,
            seed,
            launched,
            turned,
        };
        stage.look_around(&url).await?;
        Ok(stage)
    }

    /// What the vault has written to its standard output and error, where the suite has started it.
    pub(crate) async fn said(&self) -> Option<String> {
        self.launched.lock().await.as_ref().map(Launched::said)
    }

    /// Ends the vault, where the suite has started it.
    pub async fn close(&self) {
        if let Some(launched) = &mut *self.launched.lock().await {
            launched.stop().await;
        }
    }

    async fn look_around(&mut self, provider: &str) -> Result<(), StageError> {
        let patience = self.target.timeouts.request.0.min(Duration::from_secs(10));
        let http = Http::new(Transcript::new(self.secrets.clone()), patience)
            .trusting(self.target.trust.clone());
        // any answer will do: whether it is the right one is for tests to say
        let metadata = Call::get(metadata_url(&self.base_url));
        let failed = |said| StageError::Vault(self.base_url.clone(), said);
        http.send(metadata).await.map_err(|stop| failed(stop.said()))?;
        self.verbs = self.capabilities().await?;
        self.seeded(provider).await
    }

    /// Gives the vault the suite's keys, and leads it to the fake provider.
    async fn seeded(&self, provider: &str) -> Result<(), StageError> {
        if !self.verbs.contains(&Verb::Seed) {
            return Ok(());
        }
        for name in PROVIDERS {
            let order = Order::Seed {
                user: self.target.user().to_owned(),
                provider: name.to_owned(),
                key: self.provider.master_key().to_owned(),
                upstream: provider.to_owned(),
            };
            self.driver.carry_out("", &order).await?;
        }
        Ok(())
    }

    async fn capabilities(&self) -> Result<BTreeSet<Verb>, StageError> {
        let mut verbs: BTreeSet<Verb> = match self.driver.carry_out("", &Order::Capabilities).await
        {
            Ok(said) => listed(&said),
            Err(DriverError::Unsupported(_)) => BTreeSet::new(),
            Err(failed) => return Err(failed.into()),
        };
        // a hook can decide, and is not asked to
        if self.target.consent.mode == Mode::Nobody {
            verbs.remove(&Verb::Decide);
        }
        if self.target.consent.mode() != Mode::Nobody {
            verbs.insert(Verb::Decide);
        }
        if self.target.launch.is_some() {
            verbs.insert(Verb::Restart);
        }
        Ok(verbs)
    }
}

/// Whoever decides; all else is the hook's, where there is one.
fn driver(target: &Target, places: &Places, run: &str, patience: Duration) -> Box<dyn Driver> {
    let (consent, trust) = (&target.consent, &target.trust);
    let hook = consent
        .hook
        .as_ref()
        .map(|hook| Hook::at(places.fill(hook), run.to_owned(), patience).trusting(trust.clone()));
    let decides: Box<dyn Driver> = match (consent.mode(), &consent.approve_url, &consent.browser) {
        (Mode::Template, Some(address), _) => {
            Box::new(Template::new(places.fill(address), patience).trusting(trust.clone()))
        }
        (Mode::Browser, _, Some(browser)) => Box::new(WebDriver::new(browser.clone(), patience)),
        (Mode::Human, ..) => Box::new(Human::here()),
        (Mode::Hook, ..) => match hook {
            Some(hook) => return Box::new(hook),
            None => Box::new(Nobody),
        },
        _ => Box::new(Nobody),
    };
    match hook {
        Some(hook) => Box::new(Split::new(decides, Box::new(hook))),
        None => decides,
    }
}

/// The verbs of an answer; words of later suites are left alone.
fn listed(said: &Value) -> BTreeSet<Verb> {
    let words = said.pointer("/verbs").and_then(Value::as_array).cloned().unwrap_or_default();
    words.into_iter().filter_map(|word| serde_json::from_value(word).ok()).collect()
}

/// Where the metadata of an issuer are: between its origin and its path.
pub(crate) fn metadata_url(issuer: &str) -> String {
    let from = issuer.find("://").map_or(0, |at| at + 3);
    let path =
        issuer.get(from..).and_then(|rest| rest.find('/')).map_or(issuer.len(), |at| from + at);
    let (origin, path) = issuer.split_at(path);
    format!("{origin}/.well-known/oauth-authorization-server{}", path.trim_end_matches('/'))
}

fn advertised(target: &Target, provider: &FakeProvider) -> String {
    let url = provider.url();
    let port = url.rsplit(':').next().unwrap_or_default();
    target
        .provider
        .advertise
        .as_ref()
        .map_or_else(|| url.clone(), |as_| as_.replace("{port}", port))
}

/// A port that was free a moment ago, on every address: some servers listen on all, and there a
/// closed connection of another one is in the way for a minute.
fn free_port() -> u16 {
    let bound = ["[::]:0", "0.0.0.0:0", "127.0.0.1:0"].iter().find_map(|all| {
        let listener = TcpListener::bind(all).ok()?;
        listener.local_addr().ok()
    });
    bound.map_or(0, |address| address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_stand_between_origin_and_path() {
        assert_eq!(
            metadata_url("http://127.0.0.1:1"),
            "http://127.0.0.1:1/.well-known/oauth-authorization-server"
        );
        assert_eq!(
            metadata_url("https://v.example/a/b"),
            "https://v.example/.well-known/oauth-authorization-server/a/b"
        );
    }
}

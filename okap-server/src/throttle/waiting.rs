//! One more request that waits for a decision, or no more.

use okap_engine::record::{Interaction, Key, Loaded, Outcome};
use okap_types::ErrorCode;

use crate::{
    Consent, Vault,
    core::Core,
    reply::{self, Reply},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// Counts a request that is about to wait; refuses it where its source has too many waiting.
    pub(crate) async fn throttled(&self, source: &str, asked: &Interaction) -> Result<(), Reply> {
        let app = asked.app.counted_as();
        let open = || self.throttle.open(source, &app, &asked.id, self.clock.now(), asked.expires);
        let mut opened = open();
        if opened.is_err() && self.hears_of_decisions(source).await {
            opened = open();
        }
        opened.map_err(|wait| {
            let text =
                format!("too many requests wait for a decision already; try again in {wait} s");
            let mut refused = reply::error(ErrorCode::TooManyRequests, text);
            reply::set(&mut refused, http::header::RETRY_AFTER, &wait.to_string());
            refused
        })
    }

    /// Looks whether requests of a source were decided by another node or process.
    async fn hears_of_decisions(&self, source: &str) -> bool {
        let waiting = self.throttle.waiting(source, self.clock.now());
        if waiting.is_empty() {
            return false;
        }
        let keys: Vec<_> = waiting.iter().map(|id| Key::of::<Interaction>(id)).collect();
        let Ok(found) = self.vault.read(&keys).await else { return false };
        let mut heard = false;
        for ((id, key), found) in waiting.iter().zip(keys).zip(found) {
            let asked = Loaded::<Interaction>::read(key, found);
            let decided = asked.is_ok_and(|asked| {
                asked.is_some_and(|asked| asked.record.outcome != Outcome::Waiting)
            });
            if decided {
                self.throttle.decided(id);
                heard = true;
            }
        }
        heard
    }
}

//! A call from its hold to its settlement.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    admit::{self, Admitted, Settlement},
    ledger::Denial,
    pico::Pico,
    price::ModelPrice,
    provider::{Call, Style},
    record::{AuditRow, CallId, End, Grant},
    refusal::Refusal,
};
use okap_types::{Provider, Timestamp, token::AccessToken};
use tokio::{runtime::Handle, time::Instant};

use crate::{
    Consent, Vault,
    allowance::{Family, Place, Settling, Shortens},
    core::Core,
    holder::Holder,
    ports::NotAfter,
    remembered::Known,
};

/// How late a call may leave behind its hold: a slot of a minute is used anew a second behind it.
const LATE: Duration = Duration::from_millis(900);

/// A call that has been admitted and has to be settled, whatever happens.
pub(crate) struct Running<V: Vault, C: Consent> {
    core: Weak<Core<V, C>>,
    pub(crate) id: CallId,
    /// Whose access it goes by.
    pub(crate) known: Arc<Known>,
    pub(crate) token: AccessToken,
    /// The accounts that it counts in.
    pub(crate) family: Arc<Family>,
    /// When the access that it goes by ends.
    pub(crate) ends: Timestamp,
    pub(crate) provider: Provider,
    pub(crate) style: Style,
    pub(crate) call: Call,
    pub(crate) admitted: Admitted,
    pub(crate) price: Option<Arc<ModelPrice>>,
    /// When it was held: its place in the minute is that of this moment.
    held: Instant,
    /// Counts it among the calls under way, until it is settled.
    place: Mutex<Option<Place>>,
    /// How many bytes may have left for the provider: none, or all.
    pub(super) sent: AtomicBool,
}

impl<V: Vault, C: Consent> Running<V, C> {
    pub(crate) fn grant(&self) -> &Grant {
        &self.known.holder.grant
    }

    /// Until when it may leave: later behind its hold the provider would see it in another minute.
    pub(super) fn not_after(&self) -> Option<NotAfter> {
        let pause = Duration::from_millis(self.admitted.hold.pause.into());
        self.family.is_rated().then(|| NotAfter(self.held + pause + LATE))
    }

    /// What there is to write of it; `None` where that was done.
    fn settling(
        &self,
        core: &Core<V, C>,
        settled: Settlement,
        status: u16,
        end: End,
    ) -> Option<Settling> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let row = AuditRow {
            id: self.id,
            at: self.admitted.hold.admitted,
            grant: self.grant().id.clone(),
            owner: self.grant().owner.clone(),
            provider: self.provider.clone(),
            model: self.call.model.to_string(),
            operation: self.call.operation.as_str().to_owned(),
            status,
            usage: settled.usage,
            cost: settled.cost,
            estimated: settled.estimated,
            prices: core.prices.version().to_owned(),
            end,
        };
        let held = self.admitted.hold.amount;
        if self.admitted.ceiling.is_some() && held > Pico::ZERO && settled.cost > held {
            tracing::warn!(grant = %row.grant, %held, cost = %settled.cost, "a call cost more than its bound");
        }
        let (family, hold, cost) = (self.family.clone(), self.admitted.hold, settled.cost);
        Some(Settling { family, hold, cost, row: Arc::new(row), place: Some(place) })
    }
}

impl<V: Vault, C: Consent> Drop for Running<V, C> {
    /// Whatever became of it, it is settled.
    fn drop(&mut self) {
        let Some(core) = self.core.upgrade() else { return };
        let settled = match self.sent.load(Ordering::Relaxed) {
            true => admit::settle_unanswered(&self.call, &self.admitted),
            false => admit::settle_refused(),
        };
        if let Some(settling) = self.settling(&core, settled, 0, End::AppLeft)
            && Handle::try_current().is_ok()
        {
            drop(core.book(settling));
        }
    }
}

/// A call that may go, as far as its money and rates allow.
pub(super) struct Asked {
    pub(super) call: Call,
    pub(super) family: Arc<Family>,
    pub(super) ends: Timestamp,
    pub(super) provider: Provider,
    pub(super) style: Style,
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Holds a call's bound; the grant still stands once it is held, else it is let go.
    pub(super) async fn admitted(
        self: &Arc<Self>,
        asked: Asked,
        known: Arc<Known>,
        token: AccessToken,
    ) -> Result<Box<Running<V, C>>, Refusal> {
        let Asked { call, family, ends, provider, style } = asked;
        let place = family.enter(self.config.calls_at_once)?;
        let call = call.sent_to(&provider);
        let price = self.prices.find_shared(provider.as_str(), call.model.as_str());
        let admitted = self
            .hold(&family, |chain, shortens| {
                let admitted = admit::admit(chain, &call, price.as_deref(), self.clock.now())?;
                let shorter = admitted.lowered && call.ceiling.is_some();
                if shorter && shortens == Shortens::Not {
                    chain.take_back(&admitted.hold);
                    return Err(Denial::Shortened);
                }
                Ok(admitted)
            })
            .await?;
        let running = Box::new(Running {
            core: Arc::downgrade(self),
            id: self.allowance.next_call(),
            known,
            token,
            family,
            ends,
            provider,
            style,
            call,
            admitted,
            price,
            held: Instant::now(),
            place: Mutex::new(Some(place)),
            sent: AtomicBool::new(false),
        });
        if admitted.hold.pause > 0 {
            tokio::time::sleep(Duration::from_millis(admitted.hold.pause.into())).await;
        }
        // body and hold may have taken their time: a revocation that came before is seen here
        let still = self.still(&running.known, &running.token).await.and_then(|known| {
            let Holder { access, grant, ancestors } = &known.holder;
            admit::alive(grant, ancestors, access, self.clock.now())
        });
        match still {
            Ok(()) => Ok(running),
            Err(refusal) => {
                self.settle(&running, admit::settle_refused(), 0, End::Revoked).await?;
                Err(refusal)
            }
        }
    }

    /// Settles a call: its hold becomes its cost, and its audit row is durable.
    ///
    /// # Errors
    /// [`Refusal::VaultUnavailable`] where the row does not get to the store in time; it will get
    /// there later, and the hold stands until then.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        running: &Running<V, C>,
        settled: Settlement,
        status: u16,
        end: End,
    ) -> Result<(), Refusal> {
        let Some(settling) = running.settling(self, settled, status, end) else { return Ok(()) };
        match self.book(settling).wait().await {
            true => Ok(()),
            false => Err(Refusal::VaultUnavailable),
        }
    }
}

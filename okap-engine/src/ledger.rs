//! Counters: money held and spent, requests made. Arithmetic only.
//!
//! An account belongs to (user, app, provider, details object). A hold is counted before a call
//! leaves; settling replaces it by what the call cost. A hold that is never settled stays counted
//! in its window, so that a crash cannot make room.
//!
//! The store keeps an [`Account`]: what is settled, and what each node has on lease. A node counts
//! its calls in a [`Leased`], without a word to the store, as long as its lease covers them. In the
//! store `settled + leases <= cap` holds at all times, and on a node `counted <= lease`.

mod account;
mod chain;
mod lease;
mod leased;
mod minute;
mod window;

pub use account::{Account, Hold, Used};
pub use chain::{Chain, Denial};
pub use lease::Lease;
pub use leased::{Ahead, Leased, Renewal, Want};

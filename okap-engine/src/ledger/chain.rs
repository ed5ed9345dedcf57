use okap_types::{Limits, Timestamp};

use super::{Account, Hold, Leased, Used};
use crate::{pico::Pico, record::Share, refusal::Refusal};

/// Why a call is not counted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It may not go.
    Refused(Refusal),
    /// It fits, but no lease of this node covers so much money or one more request.
    Uncovered(Pico),
    /// It would go with less output than it asks for, and may not have to.
    Shortened,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denial> for Refusal {
    /// What an app is told: what no lease covers in time cannot be let through.
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Refused(refusal) => refusal,
            Denial::Uncovered(_) | Denial::Shortened => Self::VaultUnavailable,
        }
    }
}

/// The accounts that one call counts in, each under its own caps: that of the grant's object
/// first, then those of the objects it was delegated from. Counted in all of them or in none.
#[derive(Clone, Debug)]
pub struct Chain(Vec<Link>);

#[derive(Clone, Debug)]
struct Link {
    account: Leased,
    limits: Limits,
}

impl Chain {
    /// Accounts beside the shares that name them, each to be stored behind each step; where they
    /// differ in number the rest is new.
    #[must_use]
    pub fn new(shares: &[Share], accounts: impl IntoIterator<Item = Account>) -> Self {
        let mut accounts = accounts.into_iter();
        let account = |_: &Share| Leased::whole(accounts.next().unwrap_or_default());
        let accounts: Vec<_> = shares.iter().map(account).collect();
        Self::leased(shares, accounts)
    }

    /// Accounts that this node has leases on, beside the shares that name them.
    #[must_use]
    pub fn leased(shares: &[Share], accounts: impl IntoIterator<Item = Leased>) -> Self {
        let link = |(share, mut account): (&Share, Leased)| {
            account.keep(share.until);
            Link { account, limits: share.limits.clone() }
        };
        Self(shares.iter().zip(accounts).map(link).collect())
    }

    /// The leased accounts as they stand now, in the order of the shares.
    pub fn into_leased(self) -> impl Iterator<Item = Leased> {
        self.0.into_iter().map(|link| link.account)
    }

    /// The accounts as they stand now, in the order of the shares.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.0.iter().map(|link| link.account.account())
    }

    /// Turns all windows over to the one moment that counts: a hold names the same everywhere.
    fn advance(&mut self, now: Timestamp) {
        let now = self.moment(now);
        self.0.iter_mut().for_each(|link| link.account.advance(now));
    }

    fn moment(&self, now: Timestamp) -> Timestamp {
        self.0.iter().map(|link| link.account.moment(now)).fold(now, Timestamp::max)
    }

    /// Each account's use beside its caps.
    pub fn used(&self, now: Timestamp) -> impl Iterator<Item = (&Limits, Used)> {
        let now = self.moment(now);
        self.0.iter().map(move |link| (&link.limits, link.account.used(now)))
    }

    /// Whether any cap is on money.
    #[must_use]
    pub fn has_money(&self) -> bool {
        self.0.iter().any(|link| link.limits.has_money())
    }

    /// The lowest cap on the tokens of one call.
    #[must_use]
    pub fn tokens_per_request(&self) -> Option<okap_types::Count> {
        self.0.iter().filter_map(|link| link.limits.tokens_per_request).min()
    }

    /// Money that a call may still be held for: the least that any account has left; `None` where
    /// no cap is on money.
    ///
    /// # Errors
    /// [`Refusal::SpendLimitExceeded`] where nothing is left.
    pub fn money_left(&mut self, now: Timestamp) -> Result<Option<Pico>, Refusal> {
        self.advance(now);
        let mut least = None;
        for link in &self.0 {
            let left = link.account.money_left(&link.limits)?;
            least = match (least, left) {
                (Some(one), Some(other)) => Some(std::cmp::min(one, other)),
                (one, other) => one.or(other),
            };
        }
        Ok(least)
    }

    /// Whether one more request fits under every rate; counts nothing.
    ///
    /// # Errors
    /// [`Refusal::RequestsPerMinute`], [`Refusal::RequestsPerDay`].
    pub fn fits_rates(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.advance(now);
        self.0.iter().try_for_each(|link| link.account.fits_rates(&link.limits))
    }

    /// Counts one request and holds money for it on every account; on a refusal on none.
    ///
    /// # Errors
    /// As [`Account::hold`], and [`Denial::Uncovered`].
    pub fn hold(&mut self, amount: Pico, now: Timestamp) -> Result<Hold, Denial> {
        // time goes on for a refused call, too
        self.advance(now);
        for link in &self.0 {
            link.account.fits_rates(&link.limits)?;
            link.account.fits_money(&link.limits, amount)?;
        }
        if !self.0.iter().all(|link| link.account.covers(&link.limits, amount)) {
            return Err(Denial::Uncovered(amount));
        }
        let pauses = self.0.iter().map(|link| link.account.pause(&link.limits));
        let pause = pauses.max().unwrap_or_default();
        let holds = self.0.iter_mut().map(|link| link.account.count(amount, pause));
        // a chain without a link holds nothing anywhere, and no call goes by it
        holds.last().ok_or(Denial::Refused(Refusal::VaultUnavailable))
    }

    /// Takes a call back that was counted just now, on every account.
    pub fn take_back(&mut self, hold: &Hold) {
        self.0.iter_mut().for_each(|link| link.account.take_back(hold));
    }

    /// Replaces a hold by what the call cost, on every account.
    pub fn settle(&mut self, hold: &Hold, cost: Pico) {
        for link in &mut self.0 {
            link.account.settle(hold, cost);
        }
    }
}

use okap_types::{Limits, Timestamp};

use super::{Account, Hold, Used};
use crate::{pico::Pico, record::Share, refusal::Refusal};

/// The accounts that one call counts in, each under its own caps: that of the grant's object
/// first, then those of the objects it was delegated from. Counted in all of them or in none.
#[derive(Clone, Debug)]
pub struct Chain(Vec<Link>);

#[derive(Clone, Debug)]
struct Link {
    account: Account,
    limits: Limits,
}

impl Chain {
    /// Accounts beside the shares that name them; where they differ in number the rest is new.
    #[must_use]
    pub fn new(shares: &[Share], accounts: impl IntoIterator<Item = Account>) -> Self {
        let mut accounts = accounts.into_iter();
        let link = |share: &Share| Link {
            account: Account { until: share.until, ..accounts.next().unwrap_or_default() },
            limits: share.limits.clone(),
        };
        Self(shares.iter().map(link).collect())
    }

    /// The accounts as they stand now, in the order of the shares.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.0.iter().map(|link| &link.account)
    }

    /// The one moment that counts for all of them: a hold names the same windows everywhere.
    fn moment(&self, now: Timestamp) -> Timestamp {
        let latest = self.0.iter().map(|link| link.account.latest).max().unwrap_or_default();
        now.max(Timestamp::from_unix_millis(latest))
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
    pub fn money_left(&self, now: Timestamp) -> Result<Option<Pico>, Refusal> {
        let now = self.moment(now);
        let mut least = None;
        for link in &self.0 {
            let left = link.account.money_left(&link.limits, now)?;
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
    pub fn fits_rates(&self, now: Timestamp) -> Result<(), Refusal> {
        let now = self.moment(now);
        for link in &self.0 {
            let rates = Limits { monthly_spend: None, daily_spend: None, ..link.limits.clone() };
            link.account.clone().hold(&rates, Pico::default(), now)?;
        }
        Ok(())
    }

    /// Counts one request and holds money for it on every account; on a refusal on none.
    ///
    /// # Errors
    /// As [`Account::hold`].
    pub fn hold(&mut self, amount: Pico, now: Timestamp) -> Result<Hold, Refusal> {
        let now = self.moment(now);
        // time goes on for a refused call, too
        for link in &mut self.0 {
            link.account.advance(now);
        }
        let mut held = self.clone();
        let mut hold = None;
        for link in &mut held.0 {
            hold = Some(link.account.hold(&link.limits, amount, now)?);
        }
        *self = held;
        // a chain without a link holds nothing anywhere, and no call goes by it
        hold.ok_or(Refusal::VaultUnavailable)
    }

    /// Replaces a hold by what the call cost, on every account.
    pub fn settle(&mut self, hold: &Hold, cost: Pico) {
        for link in &mut self.0 {
            link.account.settle(hold, cost);
        }
    }
}

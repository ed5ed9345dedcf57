use time::OffsetDateTime;

use super::{Caps, Code, Counted, DAY, Moment, SECOND, Spec, subset};

impl Spec {
    /// Which accounts a call counts in.
    pub(crate) fn call(
        &mut self,
        which: usize,
        provider: u8,
        model: u8,
        capability: u8,
        amount: u64,
    ) -> Result<(usize, Vec<(String, Caps)>), Code> {
        self.alive(which)?;
        let token = &self.tokens[which];
        let of_provider: Vec<_> =
            token.parts.iter().filter(|part| part.provider == provider).collect();
        if of_provider.is_empty() {
            return Err("provider_not_allowed");
        }
        if of_provider.iter().all(|part| part.end <= self.now) {
            return Err("token_expired");
        }
        let Some(part) = of_provider.iter().find(|part| subset(model, part.models)) else {
            let nowhere = of_provider.iter().all(|part| !subset(capability, part.capabilities));
            return Err(if nowhere { "capability_not_allowed" } else { "model_not_allowed" });
        };
        if !subset(capability, part.capabilities) {
            return Err("capability_not_allowed");
        }
        if part.end <= self.now {
            return Err("token_expired");
        }
        let accounts = part.accounts();
        // a clock that steps back reopens no window
        let now = accounts.iter().map(|(name, _)| self.latest(name)).max().unwrap();
        let counted = |name: &str, in_window: &dyn Fn(Moment) -> bool| -> Vec<&Counted> {
            let calls = self.ledger.get(name).into_iter().flatten();
            calls.filter(|call| in_window(call.at)).collect()
        };
        let room = |most: Option<u64>, used: u64, more: u64| most.is_none_or(|m| used + more <= m);
        for (name, [_, minute, day]) in &accounts {
            let in_minute = counted(name, &|at| at + 60 * SECOND > now).len() as u64;
            let in_day = counted(name, &|at| at / DAY == now / DAY).len() as u64;
            if !room(*minute, in_minute, 1) || !room(*day, in_day, 1) {
                return Err("rate_limit_exceeded");
            }
        }
        for (name, [month, ..]) in &accounts {
            if !room(*month, self.spent(name, now), amount) {
                return Err("spend_limit_exceeded");
            }
        }
        self.calls += 1;
        for (name, _) in &accounts {
            let counted = Counted { call: self.calls, at: now, amount };
            self.ledger.entry(name.clone()).or_default().push(counted);
        }
        Ok((self.calls, accounts))
    }

    pub(crate) fn settle(&mut self, call: usize, cost: u64) {
        let all = self.ledger.values_mut().flatten();
        all.filter(|counted| counted.call == call).for_each(|counted| counted.amount = cost);
    }

    /// What an account has spent in the month of a moment.
    pub(crate) fn spent(&self, account: &str, now: Moment) -> u64 {
        let calls = self.ledger.get(account).into_iter().flatten();
        calls.filter(|call| month(call.at) == month(now)).map(|call| call.amount).sum()
    }

    /// The latest moment that an account has seen.
    pub(crate) fn latest(&self, account: &str) -> Moment {
        let calls = self.ledger.get(account).into_iter().flatten();
        calls.map(|call| call.at).fold(self.now, Moment::max)
    }
}

fn month(at: Moment) -> (i32, u8) {
    let date = OffsetDateTime::from_unix_timestamp(at / SECOND).unwrap();
    (date.year(), date.month().into())
}

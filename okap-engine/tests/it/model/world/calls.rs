use std::sync::OnceLock;

use okap_engine::{
    admit::{allowed, parts},
    provider::{Call, Operation},
    refusal::Refusal,
};
use okap_types::Timestamp;
use proptest::prelude::*;

use super::{
    Checked, Outcome, World, told,
    wire::{MODELS, micros, provider},
};
use crate::model::op::Aim;

impl World {
    pub(super) fn call(&mut self, which: usize, aim: Aim, amount: u8) -> Checked<Outcome> {
        let (number, model, chat) = match aim {
            Aim::Blind { other_provider, model, chat } => {
                (u8::from(other_provider), usize::from(model), chat)
            }
            Aim::Allowed(number) => {
                let parts = &self.spec.tokens[which].parts;
                let part = &parts[usize::from(number) % parts.len()];
                let model = part.models.trailing_zeros() as usize;
                (part.provider, model, part.capabilities & 1 == 1)
            }
        };
        let call = &calls()[model][usize::from(!chat)];
        let provider = provider(number);
        let now = self.host.now;
        let money = u64::from(amount);
        let (token, _) = &self.tokens[which];
        let standing = self.host.standing(token);
        let entered = (|| {
            let standing = standing.as_ref().ok_or("invalid_token")?;
            standing.alive(now).map_err(|e| e.code().as_str())?;
            let parts = parts(standing.allows(), &provider, now).map_err(|e| e.code().as_str())?;
            let part = allowed(&parts, call, now).map_err(|e| e.code().as_str())?;
            let (mut chain, read) = self.host.chain(part);
            chain.fits_rates(now).map_err(|e| e.code().as_str())?;
            let hold =
                chain.hold(micros(money), now).map_err(|e| Refusal::from(e).code().as_str())?;
            Ok((part.clone(), hold, chain, read))
        })();
        let (model, capability) = (1 << model, if chat { 1 } else { 2 });
        let expected = self.spec.call(which, number, model, capability, money);
        let answer = entered.as_ref().map(drop).map_err(|code| *code);
        let wanted = expected.as_ref().map(drop).map_err(|code| *code);
        prop_assert_eq!(answer, wanted, "token {} calls", which);
        let (Ok((part, hold, chain, read)), Ok((call, accounts))) = (entered, expected) else {
            return Ok(told("use", answer.map(|()| "")));
        };
        self.host.keep(&read, &chain);
        for (share, (name, [most, ..])) in part.shares().iter().zip(&accounts) {
            let spent = self.spent_of(&share.account, name)?;
            prop_assert!(most.is_none_or(|most| spent <= most), "{} is above its cap", name);
        }
        prop_assert_eq!(part.shares().len(), accounts.len());
        self.open_calls.push((call, part, hold));
        Ok(match accounts.len() {
            4 => "use: ok on 4 accounts".into(),
            _ => "use: ok".into(),
        })
    }

    /// What an account has spent this month, by the engine's word, which has to be the other's.
    pub(super) fn spent_of(&self, account: &str, name: &str) -> Checked<u64> {
        let latest = self.spec.latest(name);
        let used = self.host.account(account).record.used(Timestamp::from_unix_millis(latest));
        let spent = self.spec.spent(name, latest);
        prop_assert_eq!(used.month, micros(spent), "{} has other counters", name);
        Ok(spent)
    }

    pub(super) fn settle(&mut self, which: usize, part: u8) -> Checked<Outcome> {
        let (call, object, hold) = self.open_calls.remove(which);
        let cost = hold.amount.get() / 1_000_000 * u64::from(part) / 255;
        let (mut chain, read) = self.host.chain(&object);
        chain.settle(&hold, micros(cost));
        self.host.keep(&read, &chain);
        self.spec.settle(call, cost);
        Ok("settle".into())
    }
}

/// A call for each model, to chat and to embed.
fn calls() -> &'static [[Call; 2]; 5] {
    static CALLS: OnceLock<[[Call; 2]; 5]> = OnceLock::new();
    CALLS.get_or_init(|| {
        MODELS.map(|model| {
            let chat = format!(r#"{{"model":"{model}","messages":[]}}"#);
            let embed = format!(r#"{{"model":"{model}","input":"hi"}}"#);
            [
                Call::read(Operation::Chat, chat.as_bytes()).unwrap(),
                Call::read(Operation::Embeddings, embed.as_bytes()).unwrap(),
            ]
        })
    })
}

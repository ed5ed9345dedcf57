//! What a vault says of a grant's limits.

use serde_json::Value;

use super::{Case, Grant};
use crate::{
    http::{Call, Reply},
    outcome::Stop,
    provider::{self, Ledger},
};

/// A limit on money, in millionths of a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The limit.
    pub limit: u64,
    /// What is used, holds among it.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
}

impl Case {
    /// `GET /okap/limits`.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn limits(&self, grant: &Grant) -> Result<Reply, Stop> {
        self.send(Call::get(self.at("okap/limits")).bearer(&grant.token)).await
    }

    /// An amount of so many dollars and a part that nobody guesses: told to the driver alone, no echo
    /// of a request has it.
    #[must_use]
    pub fn told_amount(&self, dollars: u32) -> String {
        format!("{dollars}.{}1", 10_000 + self.seed().below(89_999))
    }

    /// A limit on money of the first object, by its name.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault does not say it as the specification has it.
    pub async fn money(&self, grant: &Grant, limit: &str) -> Result<Counter, Stop> {
        let reply = self.limits(grant).await?;
        reply.has_status("OKAP-R-243", 200)?;
        let amount = |member: &str| micros(reply.at(&format!("/limits/0/limits/{limit}/{member}")));
        match (amount("limit"), amount("used"), amount("remaining")) {
            (Some(limit), Some(used), Some(remaining)) => Ok(Counter { limit, used, remaining }),
            _ => {
                let expected = format!("limit, used and remaining of {limit}, 6 decimals at most");
                Err(Stop::failed_in("OKAP-R-242", expected, &reply))
            }
        }
    }

    /// What the calls of these books cost by the vault's price list, in millionths of a dollar,
    /// rounded up.
    #[must_use]
    pub fn cost(&self, books: &Ledger) -> u64 {
        let pico = books.calls.iter().map(|call| self.pico(call)).fold(0, u64::saturating_add);
        pico.div_ceil(1_000_000)
    }

    fn pico(&self, call: &provider::Call) -> u64 {
        let listed = self.stage.target.pricing.get(call.model.as_deref().unwrap_or_default());
        // a dollar for a million tokens is a millionth for each
        let of = |tokens: u64, price: f64| (tokens as f64 * price * 1_000_000.0).ceil() as u64;
        listed.map_or(call.billed_pico, |price| {
            let prompt = of(call.prompt_tokens, price.input_per_mtok);
            prompt.saturating_add(of(call.completion_tokens, price.output_per_mtok))
        })
    }
}

/// A decimal string of dollars as millionths.
fn micros(amount: &Value) -> Option<u64> {
    let (whole, part) = amount.as_str()?.split_once('.')?;
    let short = (2..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let part = short.then(|| format!("{part:0<6}"))?.parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::micros;

    #[test]
    fn an_amount_is_read_by_its_digits() {
        assert_eq!(micros(&json!("1.50")), Some(1_500_000));
        assert_eq!(micros(&json!("0.000001")), Some(1));
        for wrong in [json!("1"), json!("1.5"), json!("0.0000001"), json!(1.5), json!("-1.00")] {
            assert_eq!(micros(&wrong), None, "{wrong}");
        }
    }
}

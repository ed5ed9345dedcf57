use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Driver, DriverError, Order};
use crate::{
    canary::Secrets,
    http::{Call, Http, Trust},
    target::Choice,
    transcript::Transcript,
};

/// An address that decides when it is fetched, with `{correlation}`, `{action}` and
/// `{interaction_url}` in it. It can approve and deny, and nothing else.
pub struct Template {
    address: String,
    patience: Duration,
    trust: Trust,
}

impl Template {
    /// An address with the places to fill in.
    #[must_use]
    pub fn new(address: String, patience: Duration) -> Self {
        Self { address, patience, trust: Trust::default() }
    }

    /// Believes other authorities than the public ones, too.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    async fn fetch(&self, order: &Order) -> Result<Value, DriverError> {
        let (Some(choice), Order::Decide { correlation, interaction_url, .. }) =
            (order.choice()?, order)
        else {
            return Ok(Value::Null);
        };
        let action = match choice {
            Choice::Approve => "approve",
            Choice::Deny => "deny",
        };
        let url = filled(&self.address, correlation, action, interaction_url.as_deref());
        let http = Http::new(Transcript::new(Secrets::default()), self.patience)
            .trusting(self.trust.clone());
        let sent = http.send(Call::get(&url)).await;
        let reply = sent.map_err(|stop| DriverError::Failed(stop.said()))?;
        match reply.status {
            200..=399 => Ok(json!({ "decided": true })),
            _ => Err(DriverError::Failed(format!("{url}: {}", reply.summary()))),
        }
    }
}

fn filled(address: &str, correlation: &str, action: &str, page: Option<&str>) -> String {
    let coded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    address
        .replace("{correlation}", &coded(correlation))
        .replace("{action}", action)
        .replace("{interaction_url}", &coded(page.unwrap_or_default()))
}

impl Driver for Template {
    fn carry_out<'a>(
        &'a self,
        _: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(self.fetch(order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_an_address_are_filled_in() {
        let address = "http://127.0.0.1:1/ok?c={correlation}&a={action}&p={interaction_url}";
        assert_eq!(
            filled(address, "a b", "deny", Some("http://x/?y=1&z")),
            "http://127.0.0.1:1/ok?c=a+b&a=deny&p=http%3A%2F%2Fx%2F%3Fy%3D1%26z"
        );
    }
}

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Driver, DriverError, Order};
use crate::{
    canary::Secrets,
    http::{Call, Http, Trust},
    transcript::Transcript,
};

/// A vault's own test hook: one address, JSON, the verb in the body.
///
/// `{"v":1,"verb":"decide","run":…,"test":…}` and the members of the [`Order`]. 404 and 501 say that
/// there is no such verb; any other answer than 2xx is the driver's failure, not the vault's.
pub struct Hook {
    url: String,
    run: String,
    patience: Duration,
    trust: Trust,
}

impl Hook {
    /// The hook at an address, for a run.
    #[must_use]
    pub fn at(url: String, run: String, patience: Duration) -> Self {
        Self { url, run, patience, trust: Trust::default() }
    }

    /// Believes other authorities than the public ones, too.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    async fn ask(&self, test: &str, order: &Order) -> Result<Value, DriverError> {
        if matches!(order, Order::Restart) {
            // who is to be stopped is not asked to come back
            return Err(DriverError::Unsupported(order.verb()));
        }
        let failed = |why: String| DriverError::Failed(format!("{}: {why}", self.url));
        let mut body = serde_json::to_value(order).map_err(|error| failed(error.to_string()))?;
        for (name, value) in [("v", json!(1)), ("run", json!(self.run)), ("test", json!(test))] {
            if let Some(members) = body.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        }
        // what is said to a driver is no evidence and stays out of the test's transcript
        let http = Http::new(Transcript::new(Secrets::default()), self.patience)
            .trusting(self.trust.clone());
        let sent = http.send(Call::post(&self.url).json(&body)).await;
        let reply = sent.map_err(|stop| failed(stop.said()))?;
        match reply.status {
            200..=299 => Ok(reply.json().clone()),
            404 | 501 => Err(DriverError::Unsupported(order.verb())),
            _ => Err(failed(reply.summary())),
        }
    }
}

impl Driver for Hook {
    fn carry_out<'a>(
        &'a self,
        test: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(self.ask(test, order))
    }
}

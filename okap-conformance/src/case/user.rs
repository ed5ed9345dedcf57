//! What the user and the test bench do, through the driver.

use serde_json::Value;

use super::{Case, Grant};
use crate::{
    driver::{Decision, DriverError, Order},
    outcome::Stop,
    stage::StageError,
};

impl Case {
    /// Decides a request that is known by its correlation, page or code. Gives what the driver says.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver cannot, [`Stop::Broken`] where it fails.
    pub async fn decide_by(
        &self,
        correlation: &str,
        decision: Decision,
        interaction_url: Option<String>,
        user_code: Option<String>,
    ) -> Result<Value, Stop> {
        let order = Order::Decide {
            correlation: correlation.to_owned(),
            user: self.user().to_owned(),
            decision,
            interaction_url,
            user_code,
        };
        self.order(order).await
    }

    /// Whose keys are used.
    #[must_use]
    pub fn user(&self) -> &str {
        self.stage.target.user()
    }

    /// Adds a secret that was told by the driver, so that no report shows it.
    pub fn secret(&self, name: &str, value: &str) {
        self.stage.secrets.know(name, value);
    }

    /// The user revokes a grant.
    ///
    /// # Errors
    /// As [`decide_by`](Self::decide_by).
    pub async fn revoke(&self, grant: &Grant) -> Result<(), Stop> {
        self.order(Order::Revoke { grant: grant.id.clone() }).await.map(drop)
    }

    /// Turns the vault's clock forward. A test that does needs [`Verb::Advance`] and runs alone.
    ///
    /// [`Verb::Advance`]: crate::driver::Verb::Advance
    ///
    /// # Errors
    /// As [`decide_by`](Self::decide_by).
    pub async fn advance(&self, seconds: u32) -> Result<(), Stop> {
        self.stage.advance(self.test.id, seconds).await.map_err(stopped)
    }

    /// The rows of a grant in the vault's audit.
    ///
    /// # Errors
    /// As [`decide_by`](Self::decide_by).
    pub async fn audit(&self, grant: &Grant) -> Result<Vec<Value>, Stop> {
        let said = self.order(Order::Audit { grant: grant.id.clone() }).await?;
        Ok(said.pointer("/rows").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Stops the vault and starts it again. A test that does needs [`Verb::Restart`] and runs alone.
    ///
    /// [`Verb::Restart`]: crate::driver::Verb::Restart
    ///
    /// # Errors
    /// As [`decide_by`](Self::decide_by).
    pub async fn restart(&self) -> Result<(), Stop> {
        self.stage.restart().await.map_err(|error| match error {
            StageError::Driver(error) => stopped(error),
            error => Stop::Broken(error.to_string()),
        })
    }

    /// What the vault has written to its standard output and error so far; `None` where the suite
    /// has not started it.
    pub async fn log(&self) -> Option<String> {
        self.stage.said().await
    }

    /// Carries out any order.
    ///
    /// # Errors
    /// As [`decide_by`](Self::decide_by).
    pub async fn order(&self, order: Order) -> Result<Value, Stop> {
        self.stage.driver.carry_out(self.test.id, &order).await.map_err(stopped)
    }
}

fn stopped(error: DriverError) -> Stop {
    match error {
        DriverError::Unsupported(_) => Stop::Untestable(error.to_string()),
        DriverError::Failed(_) => Stop::Broken(error.to_string()),
    }
}

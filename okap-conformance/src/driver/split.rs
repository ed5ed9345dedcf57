use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Driver, DriverError, Order, Verb};

/// Two drivers: one decides as the user, and the other does all else.
pub struct Split {
    decides: Box<dyn Driver>,
    does: Box<dyn Driver>,
}

impl Split {
    /// One that decides, and one for all else.
    #[must_use]
    pub fn new(decides: Box<dyn Driver>, does: Box<dyn Driver>) -> Self {
        Self { decides, does }
    }
}

impl Driver for Split {
    fn carry_out<'a>(
        &'a self,
        test: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        match order.verb() {
            Verb::Decide => self.decides.carry_out(test, order),
            _ => self.does.carry_out(test, order),
        }
    }
}

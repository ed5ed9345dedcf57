use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Driver, DriverError, Order};

/// Nobody who decides: what needs a decision is untestable.
pub struct Nobody;

impl Driver for Nobody {
    fn carry_out<'a>(
        &'a self,
        _: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(async { Err(DriverError::Unsupported(order.verb())) })
    }
}

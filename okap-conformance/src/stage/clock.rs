//! The vault's clock, which tests turn and a restart sets back.

use std::sync::atomic::Ordering;

use super::{Stage, StageError, advertised};
use crate::driver::{DriverError, Order};

impl Stage {
    /// How many seconds the vault's clock was turned forward.
    pub(crate) fn turned(&self) -> i64 {
        self.turned.load(Ordering::Acquire)
    }

    /// Turns the vault's clock forward.
    ///
    /// # Errors
    /// [`DriverError`].
    pub(crate) async fn advance(&self, test: &str, seconds: u32) -> Result<(), DriverError> {
        self.driver.carry_out(test, &Order::Advance { seconds }).await?;
        self.turned.fetch_add(i64::from(seconds), Ordering::AcqRel);
        Ok(())
    }

    /// Starts the vault anew over the same data; its clock is turned as far as it was.
    ///
    /// # Errors
    /// [`StageError::Driver`] where neither the suite nor the driver has started it.
    pub(crate) async fn restart(&self) -> Result<(), StageError> {
        match &mut *self.launched.lock().await {
            Some(launched) => {
                launched.restart().await?;
                self.turned_again().await?;
                // the way to the fake provider may be kept in memory alone
                self.seeded(&advertised(&self.target, &self.provider)).await
            }
            None => {
                // in the vault's own process the driver keeps the clock, too
                self.driver.carry_out("", &Order::Restart).await?;
                Ok(())
            }
        }
    }

    /// Turns the clock of a vault that was started anew as far as it was: it stands at the system's
    /// time, and what was handed out before has its end by the turned one.
    async fn turned_again(&self) -> Result<(), StageError> {
        // where that fails, nothing goes by a clock that is not there
        let turned = self.turned.swap(0, Ordering::AcqRel);
        if let Some(seconds) = u32::try_from(turned).ok().filter(|seconds| *seconds > 0) {
            self.advance("", seconds).await?;
        }
        Ok(())
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{Arc, Mutex},
    };

    use axum::{Json, Router, http::StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::{canary::Secrets, seed::Seed, target::Target};

    /// A vault of `sleep`, whose address and hook answer from here; the hook refuses `advance` the
    /// `nth` time. Its stage, and what the hook is told.
    async fn sleeping(refuses: usize) -> (Stage, Arc<Mutex<Vec<Value>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let orders = Arc::clone(&told);
        let vault = Router::new().fallback(async move |body: axum::body::Bytes| {
            let order: Value = serde_json::from_slice(&body).unwrap_or_default();
            let mut orders = orders.lock().unwrap();
            if order["verb"] == "advance" {
                orders.push(order["seconds"].clone());
                if orders.len() == refuses {
                    return (StatusCode::CONFLICT, Json(Value::Null));
                }
            }
            (StatusCode::OK, Json(json!({ "verbs": ["decide", "advance"] })))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, vault).await.unwrap() });
        let text = format!(
            "[target]\nname='a'\nbase_url='http://{address}'\n\
             [launch]\ncommand=['sleep', '60']\n[consent]\nhook='{{base_url}}/hook'"
        );
        let target = Target::parse(&text, Path::new("t.toml"), &[], []).unwrap();
        let stage = Stage::open(target, Seed::fresh(), Secrets::default()).await.unwrap();
        (stage, told)
    }

    #[tokio::test]
    async fn behind_a_restart_the_vaults_clock_is_turned_as_far_as_it_was() {
        let (stage, told) = sleeping(0).await;
        stage.restart().await.unwrap();
        assert!(told.lock().unwrap().is_empty(), "it was never turned");
        for seconds in [605, 60] {
            stage.advance("t", seconds).await.unwrap();
        }
        stage.restart().await.unwrap();
        stage.restart().await.unwrap();
        assert_eq!(*told.lock().unwrap(), [605, 60, 665, 665]);
        assert_eq!(stage.turned(), 665);
        stage.close().await;
    }

    #[tokio::test]
    async fn a_clock_that_cannot_be_turned_again_stands_where_the_restart_has_left_it() {
        let (stage, told) = sleeping(2).await;
        stage.advance("t", 605).await.unwrap();
        assert!(matches!(stage.restart().await, Err(StageError::Driver(_))));
        assert_eq!(stage.turned(), 0);
        stage.restart().await.unwrap();
        stage.advance("t", 60).await.unwrap();
        assert_eq!(
            (stage.turned(), told.lock().unwrap().clone()),
            (60, vec![605.into(), 605.into(), 60.into()])
        );
        stage.close().await;
    }
}

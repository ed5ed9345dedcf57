use std::{
    io::{self, Write},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::{Decision, Driver, DriverError, Order};

/// How long a person may take for one decision.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A person at a terminal, who is told what to decide and says when it is done.
pub struct Human {
    desk: Mutex<Desk>,
    patience: Duration,
}

struct Desk {
    lines: mpsc::UnboundedReceiver<String>,
    out: Box<dyn Write + Send>,
}

impl Human {
    /// The person at this terminal.
    #[must_use]
    pub fn here() -> Self {
        let (sends, lines) = mpsc::unbounded_channel();
        // waits for input, which nothing can interrupt; ends with the process
        std::thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if sends.send(line).is_err() {
                    return;
                }
            }
        });
        Self::at(lines, Box::new(io::stderr()), PATIENCE)
    }

    fn at(
        lines: mpsc::UnboundedReceiver<String>,
        out: Box<dyn Write + Send>,
        patience: Duration,
    ) -> Self {
        Self { desk: Mutex::new(Desk { lines, out }), patience }
    }

    async fn ask(&self, test: &str, order: &Order) -> Result<Value, DriverError> {
        let Order::Decide { correlation, user, decision, interaction_url, user_code } = order
        else {
            return Err(DriverError::Unsupported(order.verb()));
        };
        if *decision == Decision::Ignore {
            return Ok(Value::Null);
        }
        // one question at a time
        let mut desk = self.desk.lock().await;
        while desk.lines.try_recv().is_ok() {}
        let mut told = format!("\n\r{test}: as {user}, {}\n", wanted(decision));
        match interaction_url {
            Some(page) => told.push_str(&format!("  open     {page}\n")),
            None => told.push_str("  open     the vault's page of waiting requests\n"),
        }
        told.push_str(&format!("  request  {correlation} (stands in the name of the app)\n"));
        if let Some(code) = user_code {
            told.push_str(&format!("  code     {code}\n"));
        }
        let seconds = self.patience.as_secs();
        told.push_str(&format!(
            "  then press Enter here, or type s to leave the test out; {seconds} s left\n"
        ));
        let failed = |error: io::Error| DriverError::Failed(error.to_string());
        desk.out.write_all(told.as_bytes()).and_then(|()| desk.out.flush()).map_err(failed)?;
        match tokio::time::timeout(self.patience, desk.lines.recv()).await {
            Ok(Some(line)) if line.trim().is_empty() => Ok(json!({ "decided": true })),
            Ok(Some(_)) => Err(DriverError::Unsupported(order.verb())),
            Ok(None) => Err(DriverError::Failed("nobody is at the terminal".to_owned())),
            Err(_) => Err(DriverError::Failed(format!("nobody decided within {seconds} s"))),
        }
    }
}

fn wanted(decision: &Decision) -> String {
    match decision {
        Decision::Approve => "ALLOW all of the request".to_owned(),
        Decision::Deny => "DENY the request".to_owned(),
        Decision::Ignore => "do nothing".to_owned(),
        Decision::Narrow { details } => {
            let details: Vec<_> = details.iter().map(ToString::to_string).collect();
            format!("ALLOW the request, lowered to {} (null: none of it)", details.join(" and "))
        }
    }
}

impl Driver for Human {
    fn carry_out<'a>(
        &'a self,
        test: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(self.ask(test, order))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, PoisonError};

    use super::*;
    use crate::driver::Verb;

    #[derive(Clone, Default)]
    struct Paper(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn order(decision: Decision) -> Order {
        Order::Decide {
            correlation: "okapconfabc".to_owned(),
            user: "owner".to_owned(),
            decision,
            interaction_url: Some("http://127.0.0.1:1/p".to_owned()),
            user_code: Some("ABCD-EFGH".to_owned()),
        }
    }

    /// What a person who says this brings about, and what they were told.
    async fn with(says: Option<&str>, decision: Decision) -> (Result<Value, DriverError>, String) {
        let (sends, lines) = mpsc::unbounded_channel();
        let paper = Paper::default();
        let human = Human::at(lines, Box::new(paper.clone()), Duration::from_millis(200));
        let order = order(decision);
        let answers = async {
            while paper.0.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            if let Some(says) = says {
                sends.send(says.to_owned()).unwrap();
            }
        };
        let (done, ()) = tokio::join!(human.carry_out("core.grant.denied", &order), answers);
        let told = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        (done, told)
    }

    #[tokio::test]
    async fn a_person_is_told_where_and_what_to_decide() {
        let (done, told) = with(Some(""), Decision::Deny).await;
        assert_eq!(done, Ok(json!({ "decided": true })));
        insta::assert_snapshot!(told);
    }

    #[tokio::test]
    async fn a_person_may_leave_a_test_out_or_be_away() {
        let (done, _) = with(Some("s"), Decision::Approve).await;
        assert_eq!(done, Err(DriverError::Unsupported(Verb::Decide)));
        let (done, _) = with(None, Decision::Approve).await;
        assert!(matches!(done, Err(DriverError::Failed(_))), "{done:?}");
    }

    #[tokio::test]
    async fn nobody_is_asked_to_do_nothing() {
        let (sends, lines) = mpsc::unbounded_channel::<String>();
        drop(sends);
        let human = Human::at(lines, Box::new(io::sink()), Duration::ZERO);
        assert_eq!(human.carry_out("t", &order(Decision::Ignore)).await, Ok(Value::Null));
        let clock = Order::Advance { seconds: 1 };
        let done = human.carry_out("t", &clock).await;
        assert_eq!(done, Err(DriverError::Unsupported(Verb::Advance)));
    }
}

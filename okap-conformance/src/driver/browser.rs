use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Driver, DriverError, Order};
use crate::{
    canary::Secrets,
    http::{Call, Http},
    target::{Browser, Choice, Step},
    transcript::Transcript,
};

/// The name under which the WebDriver protocol gives elements (section 12.1).
const ELEMENT: &str = "/value/element-6066-11e4-a52e-4f735466cecf";
/// Between two looks at where the browser is.
const LOOK: Duration = Duration::from_millis(100);

/// A browser that follows the script of a description. It can approve and deny, and nothing else;
/// each decision has a session of its own, and so its own cookies.
pub struct WebDriver {
    browser: Browser,
    patience: Duration,
}

/// A session of a browser.
struct Session {
    http: Http,
    address: String,
}

impl WebDriver {
    /// A browser that has so long for a decision.
    #[must_use]
    pub fn new(browser: Browser, patience: Duration) -> Self {
        Self { browser, patience }
    }

    async fn decide(&self, order: &Order) -> Result<Value, DriverError> {
        let (Some(choice), Order::Decide { interaction_url, .. }) = (order.choice()?, order) else {
            return Ok(Value::Null);
        };
        let page = interaction_url.as_deref().ok_or(DriverError::Unsupported(order.verb()))?;
        let session = Session::open(&self.browser, self.patience).await?;
        let walked = session.walk(&self.browser, page, choice, self.patience).await;
        let closed = session.ask(Call::new("DELETE", &session.address)).await;
        walked.and(closed).map(|_| json!({ "decided": true }))
    }
}

impl Session {
    async fn open(browser: &Browser, patience: Duration) -> Result<Self, DriverError> {
        let http = Http::new(Transcript::new(Secrets::default()), patience);
        let root = format!("{}/session", browser.webdriver.trim_end_matches('/'));
        let mut session = Self { http, address: root };
        let wanted = json!({ "capabilities": { "alwaysMatch": browser.capabilities } });
        let opened = session.ask(Call::post(&session.address).json(&wanted)).await?;
        let id = opened.pointer("/value/sessionId").and_then(Value::as_str);
        let id = id.ok_or_else(|| DriverError::Failed("the browser gave no session".to_owned()))?;
        session.address = format!("{}/{id}", session.address);
        Ok(session)
    }

    async fn walk(
        &self,
        browser: &Browser,
        page: &str,
        choice: Choice,
        patience: Duration,
    ) -> Result<(), DriverError> {
        self.post("url", &json!({ "url": page })).await?;
        let begun = Instant::now();
        let mut used = vec![0_usize; browser.page.len()];
        loop {
            let here = self.ask(Call::get(format!("{}/url", self.address))).await?;
            let here =
                here.pointer("/value").and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut pages = browser.page.iter().zip(&mut used);
            let fits = pages.find(|(page, used)| {
                let chosen = page.when.is_none_or(|when| when == choice);
                here.contains(&page.address) && chosen && **used < page.most
            });
            if let Some((page, used)) = fits {
                *used = used.saturating_add(1);
                for step in &page.steps {
                    self.step(step).await?;
                }
                if page.last {
                    return Ok(());
                }
            }
            if begun.elapsed() > patience {
                let why = format!("no step of consent.browser.page is left for {here}");
                return Err(DriverError::Failed(why));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn step(&self, step: &Step) -> Result<(), DriverError> {
        let (selector, typed) = match step {
            Step::Click { click } => (click, None),
            Step::Fill { fill, with } => (fill, Some(with.clone())),
            Step::FillFrom { fill, env } => {
                let unset = |_| DriverError::Failed(format!("the variable {env} is not set"));
                (fill, Some(std::env::var(env).map_err(unset)?))
            }
        };
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.post("element", &query).await?;
        let missing = || DriverError::Failed(format!("there is no {selector} on the page"));
        let id = found.pointer(ELEMENT).and_then(Value::as_str).ok_or_else(missing)?;
        match typed {
            None => self.post(&format!("element/{id}/click"), &json!({})).await.map(drop),
            Some(text) => {
                self.post(&format!("element/{id}/value"), &json!({ "text": text })).await.map(drop)
            }
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, DriverError> {
        self.ask(Call::post(format!("{}/{path}", self.address)).json(body)).await
    }

    async fn ask(&self, call: Call) -> Result<Value, DriverError> {
        let url = call.url.clone();
        let sent = self.http.send(call).await;
        let reply = sent.map_err(|stop| DriverError::Failed(format!("{url}: {}", stop.said())))?;
        match reply.status {
            200 => Ok(reply.json().clone()),
            _ => Err(DriverError::Failed(format!("{url}: {}", reply.summary()))),
        }
    }
}

impl Driver for WebDriver {
    fn carry_out<'a>(
        &'a self,
        _: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(self.decide(order))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, extract::Request, http::StatusCode};

    use super::*;
    use crate::driver::Decision;

    const SCRIPT: &str = r##"
        webdriver = "http://127.0.0.1:1"
        [[page]]
        address = "/login"
        steps = [{ fill = "#pass", with = "made up" }, { click = "#in" }]
        [[page]]
        address = "/consent"
        when = "approve"
        steps = [{ click = "#yes" }]
        last = true
        [[page]]
        address = "/consent"
        when = "deny"
        steps = [{ click = "#no" }]
        last = true
    "##;

    /// A browser that goes from the login to the consent with a click on `#in`; tells what was done.
    async fn decided(
        decision: Decision,
        login_works: bool,
    ) -> (Result<Value, DriverError>, Vec<String>) {
        let done = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&done);
        let driver = Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 10_000).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let mut seen = seen.lock().unwrap();
            let here = match login_works && seen.iter().any(|line| line == "click #in") {
                true => "http://127.0.0.1:2/consent",
                false => "http://127.0.0.1:2/login",
            };
            let path = head.uri.path().to_owned();
            let value = match (head.method.as_str(), path.as_str()) {
                ("POST", "/session") => json!({ "sessionId": "s" }),
                ("GET", "/session/s/url") => json!(here),
                ("POST", "/session/s/element") => {
                    json!({ "element-6066-11e4-a52e-4f735466cecf": body["value"].as_str().unwrap().trim_matches('#') })
                }
                ("POST", path) if path.ends_with("/click") => {
                    seen.push(format!("click #{}", path.split('/').nth(4).unwrap()));
                    Value::Null
                }
                ("POST", path) if path.ends_with("/value") => {
                    seen.push(format!("type {}", body["text"].as_str().unwrap()));
                    Value::Null
                }
                ("DELETE", "/session/s") => {
                    seen.push("close".to_owned());
                    Value::Null
                }
                ("POST", "/session/s/url") => Value::Null,
                _ => return (StatusCode::NOT_FOUND, Json(json!({}))),
            };
            (StatusCode::OK, Json(json!({ "value": value })))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, driver).await.unwrap() });
        let mut browser: Browser = toml::from_str(SCRIPT).unwrap();
        browser.webdriver = format!("http://{address}");
        let order = Order::Decide {
            correlation: "c".to_owned(),
            user: "owner".to_owned(),
            decision,
            interaction_url: Some("http://127.0.0.1:2/login".to_owned()),
            user_code: None,
        };
        let driver = WebDriver::new(browser, Duration::from_millis(500));
        let came = driver.carry_out("t", &order).await;
        let done = done.lock().unwrap().clone();
        (came, done)
    }

    #[tokio::test]
    async fn a_browser_follows_the_script_to_the_decision_and_is_closed() {
        let (came, done) = decided(Decision::Approve, true).await;
        assert_eq!(came, Ok(json!({ "decided": true })));
        assert_eq!(done, ["type made up", "click #in", "click #yes", "close"]);
        let (_, done) = decided(Decision::Deny, true).await;
        assert_eq!(done, ["type made up", "click #in", "click #no", "close"]);
    }

    #[tokio::test]
    async fn a_page_that_comes_again_is_the_drivers_failure_and_the_browser_is_closed() {
        let (came, done) = decided(Decision::Approve, false).await;
        let Err(DriverError::Failed(said)) = came else { panic!("{came:?}") };
        assert!(said.contains("/login"), "{said}");
        assert_eq!(done, ["type made up", "click #in", "close"]);
    }
}

//! The walk of one call, from its first byte to the last of its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use super::answer::Answer;
use super::ask::Ask;
use super::barrier::Barriers;
use super::books::{Books, now_ms};
use super::config::{Config, Manner, Price};
use super::draft::{Draft, Report, Usage};
use super::error::{ProviderError, stream_error};
use super::faults::{Fault, Rules};
use super::ledger::What;
use super::openai::responses;
use super::reply::Reply;
use super::route::{Route, Style};
use super::visit::Visit;
use super::{anthropic, dialect, google, openai, stream};

/// All that the calls share.
pub(super) struct Desk {
    config: Config,
    pub(super) books: Arc<Books>,
    pub(super) rules: Rules,
    pub(super) barriers: Barriers,
}

/// How the call is to be answered.
struct Order {
    reply: Reply,
    manner: Manner,
}

impl Desk {
    pub(super) fn new(config: Config) -> Self {
        let barriers = Barriers::new(config.barrier);
        Self { config, books: Books::new(), rules: Rules::default(), barriers }
    }

    pub(super) fn master_key(&self) -> &str {
        &self.config.master_key
    }

    pub(super) fn reset(&self) {
        self.rules.clear();
        self.barriers.clear();
        self.books.clear();
    }

    /// Answers one request of the provider's own paths.
    pub(super) async fn answer(self: Arc<Self>, request: Request) -> Response<Body> {
        let mut visit = Visit::receive(request, &self.books, self.master_key()).await;
        let order = match self.serve(&mut visit).await {
            Ok(order) => order,
            Err(error) => Order {
                reply: error.reply(visit.style, visit.call.seq()),
                manner: Manner::default(),
            },
        };
        self.send(order, visit)
    }

    async fn serve(&self, visit: &mut Visit) -> Result<Order, ProviderError> {
        self.admit_caller(visit)?;
        let Some(route) = visit.route.clone() else {
            let (method, path) = (visit.head.method.as_str(), visit.head.uri.path());
            return Err(ProviderError::unknown_route(method, path));
        };
        match &route {
            Route::Models => Ok(self.plain(&self.models(visit.style))),
            Route::Model(name) => Ok(self.plain(&self.model(visit.style, name)?)),
            _ => self.complete(&route, visit).await,
        }
    }

    /// Refuses a caller without the one right credential.
    fn admit_caller(&self, visit: &Visit) -> Result<(), ProviderError> {
        let headers = &visit.head.headers;
        if !visit.is_authorized(self.master_key()) {
            let shown = headers.get("authorization").and_then(|value| value.to_str().ok());
            let key = shown.unwrap_or_default().trim_start_matches("Bearer ");
            return Err(ProviderError::unauthorized(visit.style, key));
        }
        if visit.style == Style::Anthropic && !headers.contains_key("anthropic-version") {
            let text = "anthropic-version: header is required";
            return Err(ProviderError::invalid(text, "anthropic-version"));
        }
        Ok(())
    }

    /// Answers a call to a model.
    async fn complete(&self, route: &Route, visit: &mut Visit) -> Result<Order, ProviderError> {
        if *route == Route::Responses && !responses::is_unstored(&visit.json) {
            visit.call.violation(What::StoreNotFalse, "body /store");
        }
        let ask = dialect::read(route, &visit.json)?;
        visit.call.asked(&ask.model, ask.stream);
        let price = self.price(visit.style, &ask.model)?;
        let (manner, fault) = self.rules.take(&ask.model, &visit.json, self.config.manner);
        let prompt = ask.taken.unwrap_or_else(|| ask.prompt.tokens(self.config.counting));
        self.charge(route, price, prompt, fault.as_ref(), visit);
        if route.is_billed() {
            self.barriers.pass(&visit.json).await;
        }
        sleep(manner.delay).await;
        if let Some(reply) = self.refused(fault.as_ref(), visit).await? {
            return Ok(Order { reply, manner });
        }
        let answer = self.written(route, &ask, manner, fault.as_ref());
        let words = answer.tokens().saturating_mul(ask.choices.max(ask.tried));
        let completion = ask.made.unwrap_or(0).saturating_add(words);
        let usage = Usage { report: report_of(fault.as_ref()), prompt, completion };
        let (body, seq, created) = (&visit.json, visit.call.seq(), now_ms() / 1000);
        let draft = Draft { ask: &ask, body, answer: &answer, usage, seq, created };
        let mut reply = if ask.stream {
            dialect::stream(route, &draft)
        } else {
            stream::generate(completion, manner.chunk_delay, &visit.call).await;
            dialect::whole(route, &draft)
        };
        if fault == Some(Fault::EchoCredential) {
            reply.header("x-received-credential", self.master_key());
        }
        stream::spoil(&mut reply, &manner, fault.as_ref(), stream_error(route));
        Ok(Order { reply, manner })
    }

    /// Bills the prompt, unless the fault makes the call free.
    fn charge(
        &self,
        route: &Route,
        price: Price,
        prompt: u64,
        fault: Option<&Fault>,
        visit: &mut Visit,
    ) {
        let free = !route.is_billed() || fault.is_some_and(|fault| !fault.is_billed());
        visit.call.admit(if free { Price::default() } else { price }, prompt);
    }

    /// The faults that leave no answer to give.
    async fn refused(
        &self,
        fault: Option<&Fault>,
        visit: &Visit,
    ) -> Result<Option<Reply>, ProviderError> {
        let key = self.master_key();
        match fault {
            Some(Fault::Status { status, retry_after, echo }) => {
                let error = ProviderError::with_status(visit.style, *status, key);
                let error = error.retry_after(*retry_after);
                Err(if *echo { error.repeating(key) } else { error })
            }
            Some(Fault::Redirect { to, status }) => {
                let mut reply = Reply::whole(*status, "text/html", "");
                reply.header("location", to);
                Ok(Some(reply))
            }
            Some(Fault::Says { status, body }) => Ok(Some(Reply::json(*status, body))),
            Some(Fault::Html) => {
                let page = "<!doctype html><title>Just a moment...</title>".to_owned();
                Ok(Some(Reply::whole(200, "text/html; charset=utf-8", page)))
            }
            Some(Fault::Hang) => match stream::hang().await {},
            _ => Ok(None),
        }
    }

    fn written(&self, route: &Route, ask: &Ask, manner: Manner, fault: Option<&Fault>) -> Answer {
        match (route, fault) {
            (route, _) if !route.speaks() => Answer::none(),
            (_, Some(Fault::EchoCredential)) => Answer::echo(ask, self.master_key()),
            _ => Answer::write(ask, manner.words),
        }
    }

    fn price(&self, style: Style, model: &str) -> Result<Price, ProviderError> {
        let price = self.config.price(model).filter(|_| style.serves(model));
        price.ok_or_else(|| ProviderError::unknown_model(style, model))
    }

    fn models(&self, style: Style) -> Value {
        let names = self.config.prices.keys();
        match style {
            Style::OpenAi => openai::models(names),
            Style::Anthropic => anthropic::models(names),
            Style::Google => google::models(names),
        }
    }

    fn model(&self, style: Style, name: &str) -> Result<Value, ProviderError> {
        self.price(style, name)?;
        Ok(match style {
            Style::OpenAi => openai::model(name),
            Style::Anthropic => anthropic::model(name),
            Style::Google => google::model(name),
        })
    }

    fn plain(&self, body: &Value) -> Order {
        Order { reply: Reply::json(200, body), manner: Manner::default() }
    }

    /// Gives the reply the headers that a provider always sends, and a vault always strips.
    fn send(&self, order: Order, visit: Visit) -> Response<Body> {
        let Order { mut reply, manner } = order;
        let request_id = format!("req_{}", visit.call.seq());
        match visit.style {
            Style::OpenAi => reply.header("x-request-id", &request_id),
            Style::Anthropic => reply.header("request-id", &request_id),
            Style::Google => reply.header("server-timing", "gfet4t7; dur=1"),
        }
        reply.header("openai-organization", "org-okapconf");
        reply.header("set-cookie", "__cf_bm=okapconf; path=/; HttpOnly; Secure");
        visit.call.status(reply.status);
        let headers = std::mem::take(&mut reply.headers);
        let status = StatusCode::from_u16(reply.status);
        let body =
            stream::body(reply, manner.chunk_delay, manner.one_byte || manner.within, visit.call);
        let mut response = Response::new(body);
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

fn report_of(fault: Option<&Fault>) -> Report {
    match fault {
        Some(Fault::NoUsage) => Report::Absent,
        Some(Fault::ZeroUsage) => Report::Zero,
        _ => Report::True,
    }
}

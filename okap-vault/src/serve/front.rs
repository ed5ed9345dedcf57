use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use okap_server::{ConsentPage, OkapService};
use tower::ServiceExt;
use tower_service::Service;

use super::{door::Door, listener::Answer};
use crate::store::StoredVault;

/// Where a request goes: a proxied call straight to the proxy, everything else to the pages.
#[derive(Clone)]
pub(super) struct Front(Arc<Parts>);

struct Parts {
    door: Door,
    /// What the paths of calls begin with.
    calls: String,
    okap: OkapService<StoredVault, ConsentPage>,
    pages: Router,
}

impl Front {
    pub(super) fn new(
        door: Door,
        issuer_path: &str,
        okap: OkapService<StoredVault, ConsentPage>,
        pages: Router,
    ) -> Self {
        let calls = format!("{}/v1/", issuer_path.trim_end_matches('/'));
        Self(Arc::new(Parts { door, calls, okap, pages }))
    }

    pub(super) fn answer(&self, request: Request<Incoming>, from: SocketAddr) -> Answering {
        let Parts { door, calls, okap, pages } = &*self.0;
        let mut request = request;
        if request.uri().path().starts_with(calls.as_str()) && door.is_ours(&request) {
            return Answering::Call(okap.clone().call(request));
        }
        request.extensions_mut().insert(ConnectInfo(from));
        Answering::Page(Box::pin(pages.clone().oneshot(request.map(Body::new))))
    }
}

/// An answer that is on its way.
pub(super) enum Answering {
    Call(okap_server::Answering),
    Page(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut *self {
            Self::Call(call) => {
                let answer = ready!(Pin::new(call).poll(context))?;
                // what calls cost is in the audit
                tracing::debug!(room = "/v1/", status = answer.status().as_u16(), "answered");
                Ok(answer.map(Either::Right))
            }
            Self::Page(page) => Ok(ready!(page.as_mut().poll(context))?.map(Either::Left)),
        })
    }
}

//! How providers are spoken to: which routes exist, what a call says, what an answer used.
//!
//! Everything here works on bytes that are handed in. A route that is not in the table does not
//! exist; a member that could go around a grant is refused.

mod anthropic;
mod call;
mod form;
mod google;
mod images;
mod items;
mod json;
mod members;
mod meter;
mod openai;
mod recording;
mod reply;
mod route;
mod sse;
mod texts;
mod upstream;
mod usage;
mod watch;

pub use call::{Answer, Call};
pub use form::Part;
pub use meter::{Meter, Metered};
pub use reply::{error_body, model, models, stop_event};
pub use route::{Operation, Route, Verb, route};
pub use upstream::{Auth, Style, Upstream, Upstreams};

//! How providers are spoken to: which routes exist, what a call says, what an answer used.
//!
//! Everything here works on bytes that are handed in. A route that is not in the table does not
//! exist; a member that could go around a grant is refused.

mod anthropic;
mod call;
mod images;
mod meter;
mod openai;
mod reply;
mod route;
mod sse;
mod upstream;
mod watch;

pub use call::Call;
pub use meter::{Meter, Metered};
pub use reply::{error_body, model, models, stop_event};
pub use route::{Operation, route, route_of};
pub use upstream::{Auth, Style, Upstream, Upstreams};

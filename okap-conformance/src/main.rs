//! The command `okap-conformance`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    okap_conformance::command().await
}

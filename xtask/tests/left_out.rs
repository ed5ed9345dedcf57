//! Says, at the end of `cargo test --workspace`, what that command leaves to the full one.

#![allow(clippy::print_stdout, reason = "its purpose")]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let list = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["test", "--list"]).output();
    let list =
        list.ok().filter(|o| o.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    let Some(list) = list else {
        println!("cargo xtask test --list does not work");
        return ExitCode::FAILURE;
    };
    println!("\nleft to `cargo xtask test`:");
    for line in list.lines().filter(|line| !line.starts_with("tests")) {
        println!("  {line}");
    }
    println!();
    ExitCode::SUCCESS
}

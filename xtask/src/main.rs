//! The project's own chores: `cargo xtask test` runs every check there is.

mod attacks;
mod checks;
mod conformance;
mod fuzz;
mod generated;
mod interop;
mod light;
mod openapi;
mod prices;
mod schema;
mod spec;
mod tools;
mod vectors;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "OKAP's chores", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every check, installing what is missing by cargo, pip, npm and apt
    Test {
        /// Only the checks whose name contains one of these words
        only: Vec<String>,
        /// Names the checks and stops
        #[arg(long)]
        list: bool,
    },
    /// Runs the official SDKs, foreign clients and a real browser against a running vault
    Interop {
        /// Which suites, by the folders of interop/; all where none is named
        suites: Vec<String>,
    },
    /// Fuzzes what reads bytes from outside, two targets at a time
    Fuzz {
        /// Which targets; all where none is named
        targets: Vec<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Without libFuzzer, also where there is a nightly toolchain
        #[arg(long)]
        stable: bool,
    },
    /// Writes spec/schema/ from the wire types
    Schema {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Writes spec/openapi.yaml from the wire types and the table of routes
    Openapi {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Writes spec/vectors/ from the tables of the tests
    Vectors {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Holds spec/okap.md, its requirements and what upholds them against each other
    Spec {
        /// Accepted for symmetry: this chore only ever compares
        #[arg(long)]
        check: bool,
    },
    /// Writes docs/attacks.md from spec/attacks.toml and the names of the tests
    Attacks {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
    /// Prints how many lying vaults the conformance tests catch, and by which test each
    Mutants {
        /// Only mutants whose id contains one of these words
        only: Vec<String>,
        /// Only tests whose id contains one of these words, for tests that are new
        #[arg(long, num_args = 1..)]
        tests: Vec<String>,
    },
    /// Writes the price snapshot from the genai-prices crate
    Prices {
        /// Compares instead of writing
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Test { only, list } => checks::run(&only, list),
        Chore::Interop { suites } => interop::run(&suites),
        Chore::Fuzz { targets, seconds, stable } => fuzz::run(&targets, seconds, stable),
        Chore::Schema { check } => schema::write(check),
        Chore::Openapi { check } => openapi::write(check),
        Chore::Vectors { check } => vectors::write(check),
        Chore::Spec { check: _ } => spec::check(),
        Chore::Attacks { check } => attacks::write(check),
        Chore::Mutants { only, tests } => conformance::mutants(&only, &tests),
        Chore::Prices { check } => prices::write(check),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tools::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

//! A vault for your API keys that AI apps ask for access.
//!
//! One program: [`store`] keeps everything in one SQLite file, [`keys`] seals the providers'
//! keys in it, [`user`] says who signs in, `pages` asks the owner, [`serve`](mod@serve) puts all
//! of it behind one address, and `cli` is how it is started and looked after.

mod bench;
mod cli;
pub mod config;
mod demo;
mod family;
pub mod home;
pub mod keys;
mod out;
pub mod pages;
pub mod serve;
pub mod store;
pub mod user;

pub use cli::run;

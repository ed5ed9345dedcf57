//! Money and rates hold under everything that an app can do.

pub(super) mod account;
pub(super) mod ceiling;
pub(super) mod race;
pub(super) mod rate;
pub(super) mod restart;
pub(super) mod settle;
pub(super) mod spend;
pub(super) mod window;

//! Commands to stations: who may ask is the API's matter, when to send is the connections'; here is what both share.

mod board;
mod config;
mod lists;

pub use board::Board;
pub use config::Config;
pub(crate) use lists::next_part;

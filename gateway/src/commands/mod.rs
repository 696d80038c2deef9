//! Commands to stations: who may ask is the API's matter, when to send is the connections'; here is what both share.

mod board;
mod config;

pub use board::Board;
pub use config::Config;

//! Stations that speak OCPP: a websocket endpoint on which the versions are told apart by negotiation, never by the
//! URL. One task a connection, one message after the other: decode → journal → answer. What was not journaled is not
//! answered.

mod access;
mod call;
mod config;
mod connection;
mod end;
mod handshake;
mod outgoing;
mod quarantine;
mod rate;
mod registry;
mod replay;
mod server;
#[cfg(test)]
mod tests;
mod trace;

pub use config::{Config, DefaultVersion, ProfileError};
pub use rate::Pace;
pub use server::{Deps, Error, serve};
pub use trace::{Look, Seen, Taps};

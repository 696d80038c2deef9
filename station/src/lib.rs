//! The domain of Ampwarden, pure: ids, units, events, decoding and folding. No I/O, no clock, no randomness: what a
//! function gives follows from its arguments alone, so that replaying the journal gives the same rows.

pub mod command;
mod connector;
pub mod deviation;
pub mod digest;
pub mod event;
pub mod fact;
pub mod fold;
pub mod id;
pub mod key;
pub mod measurand;
pub mod mqtt;
pub mod ocpp;
pub mod secret;
pub mod setting;
pub mod time;

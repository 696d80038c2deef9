//! OCPP stations that are not ours: PyPI `ocpp`, which validates both directions by the schemas of the Open Charge
//! Alliance, against the real gateway and store.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod charge;
mod connect;
mod messages;

use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

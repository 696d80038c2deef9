//! The gateway's OCPP endpoint as a whole: tools that attack it, stations that vanish, answers that come late, frames that
//! are looked at.
// Helpers of tests fail the test as well; figures are printed to be read.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod answers;
mod deflate;
mod tool;
mod trace;
mod vanish;

use integration::Gateway;

/// A gateway whose store is away: what is tested does not wait for it. `ocpp` are keys of `[gateway.ocpp]`.
fn without_store(ocpp: &str) -> Gateway {
    let mut gateway = Gateway::prepare(
        "http://127.0.0.1:1",
        1,
        &format!(
            "mqtt = {{ listen = \"127.0.0.1:{{mqtt}}\" }}\nocpp = {{ listen = \"127.0.0.1:{{ocpp}}\", {ocpp} }}\n\
             commands = {{ call_timeout = \"1s\" }}"
        ),
    );
    gateway.start_again();
    gateway
}

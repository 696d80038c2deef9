//! Fuzzing of every decoder: libFuzzer gives bytes, a target takes them as far as they go. `FUZZ_TARGET` names it; one
//! program for all, because linking takes longer than most of them run. `fuzz/run.sh` builds and runs it.
//!
//! What of the gateway is fuzzed is compiled in by its path: the gateway as a whole brings servers with it, and all of
//! them would have to be built again with coverage counters.
#![no_main]

extern crate self as service;

/// As `service::config`: sizes and times of the journal's settings.
#[path = "../../service/src/config"]
#[allow(dead_code)]
mod config {
    mod bytes;
    mod duration;
    pub use bytes::HumanBytes;
    pub use duration::HumanDuration;
}
#[path = "../../gateway/src/journal/mod.rs"]
#[allow(dead_code)]
mod journal;
#[path = "../../gateway/src/mqtt/codec.rs"]
#[allow(dead_code)]
mod mqtt_codec;
#[path = "../../gateway/src/pipeline"]
#[allow(dead_code)]
mod pipeline {
    mod books;
    mod snapshot;
    pub use snapshot::Snapshot;
}

mod csv;
mod events;
mod fold;
mod journals;
mod mqtt;
mod ocpp;
mod packets;
mod snapshots;

use std::sync::OnceLock;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 7] = [
    ("csv", csv::run),
    ("events", events::run),
    ("journal", journals::run),
    ("mqtt", mqtt::run),
    ("ocpp", ocpp::run),
    ("packets", packets::run),
    ("snapshot", snapshots::run),
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        target.unwrap_or_else(|| panic!("FUZZ_TARGET is {name:?}; there are {:?}", TARGETS.map(|t| t.0))).1
    })(data);
});

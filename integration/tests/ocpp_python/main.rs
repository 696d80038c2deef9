//! OCPP stations that are not ours: PyPI `ocpp`, which validates both directions by the schemas of the Open Charge
//! Alliance, against the real gateway and store.

mod charge;
mod messages;

use std::path::PathBuf;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

/// The Python with `ocpp` and `websockets`: `AMPWARDEN_PYTHON`, or the one that setup makes.
fn python() -> PathBuf {
    let own = || concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/venv/bin/python").into();
    let python: PathBuf = std::env::var_os("AMPWARDEN_PYTHON").map_or_else(own, Into::into);
    assert!(python.exists(), "{} is not there: run `make setup`, or set AMPWARDEN_PYTHON", python.display());
    python
}

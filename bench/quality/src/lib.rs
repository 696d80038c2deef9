//! How well the anomaly service finds what is odd: on classical sets beside peers, and on real sessions with injected
//! faults. The sets are not part of the repository; where they are absent that is said.

pub mod adbench;
pub mod forecast;
pub mod kinds;
mod npz;
pub mod peers;
pub mod report;
pub mod sessions;
pub mod suite;
pub mod telemetry;

use std::path::{Path, PathBuf};

/// The folder with the sets: `AMPWARDEN_DATA`, or `shared/data` beside the repository. `None` where it is absent.
#[must_use]
pub fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("AMPWARDEN_DATA").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

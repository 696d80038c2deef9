//! Programs that tests start: our own, and Python with what setup installed for it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The `ampwarden` binary: `AMPWARDEN_BIN`, or the one that cargo builds beside the tests (built now if it is not
/// fresh).
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("AMPWARDEN_BIN") {
            return PathBuf::from(path);
        }
        let test = std::env::current_exe().unwrap_or_else(|error| panic!("this test's own path: {error}"));
        // target/debug/deps/test-… → target/debug/ampwarden
        let folder =
            test.ancestors().nth(2).unwrap_or_else(|| panic!("{} lies in no folder", test.display()));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Targets of the whole workspace, one of them a test: otherwise the dependencies' features are others, and all
        // would be built a second time.
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--workspace", "--bin", "ampwarden", "--test", "layout"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the binary cannot be built");
        folder.join("ampwarden")
    })
}

/// The Python with `ocpp` and `websockets`: `AMPWARDEN_PYTHON`, or the one that setup makes.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn python() -> PathBuf {
    let own = || concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/venv/bin/python").into();
    let python: PathBuf = std::env::var_os("AMPWARDEN_PYTHON").map_or_else(own, Into::into);
    assert!(python.exists(), "{} is not there: run `make setup`, or set AMPWARDEN_PYTHON", python.display());
    python
}

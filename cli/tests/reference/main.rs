//! The reference pages and the example configuration are rendered from the types. A test that finds one out of date
//! rewrites it, then fails: look at the difference and commit it.

mod cli;
mod config;
mod example;
mod metrics;
mod tables;

use std::path::{Path, PathBuf};

/// Compares a file of the repository with what it should be.
fn keep(path: &str, content: &str) {
    let path = root().join(path);
    // Without final blanks, so that editors and renderers agree.
    let content = content.trim_end().to_owned() + "\n";
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found != content {
        std::fs::create_dir_all(path.parent().expect("within the repository")).expect("folder");
        std::fs::write(&path, content).expect("write");
        panic!("{} was out of date and has been rewritten: commit it", path.display());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

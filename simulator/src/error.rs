//! What keeps a simulation from running.

use std::io;
use std::path::PathBuf;

use crate::client::ClientError;

/// Why a simulation cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a target nor a file was named.
    #[error(
        "nothing to do: name where stations connect (--ocpp ws://localhost:8887, --mqtt localhost:1883), or a history \
         to write (--history 90 --out sessions.csv), or a file to replay (--replay FILE.csv --mqtt localhost:1883)"
    )]
    Nowhere,
    /// An argument has a value that cannot be read.
    #[error("{name} {value}: this is not {wanted}")]
    Argument {
        /// Which.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A file cannot be opened, read or written.
    #[error("{} cannot be {doing}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A CSV file is not as it should be.
    #[error("{}: {source}", path.display())]
    Csv {
        /// Which.
        path: PathBuf,
        /// What is wrong and where.
        source: csv::Error,
    },
    /// A file to replay has no rows.
    #[error("{} has no rows to replay", .0.display())]
    Empty(PathBuf),
    /// A script has a line that cannot be read.
    #[error("{}, line {line}: {problem}", path.display())]
    Script {
        /// Which.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] service::tls::TlsError),
    /// A client had to give up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A task failed in a way that it should not.
    #[error("a client failed: {0}; this is a defect, please report it")]
    Defect(String),
}

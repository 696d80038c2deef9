//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: this is no TOML: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// Keys or values are wrong; each is told.
    #[error("{}", lines(.0))]
    Wrong(Vec<Problem>),
}

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where it was written.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Where something was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a file, at a line (the first is 1).
    File(PathBuf, usize),
    /// In an environment variable.
    Variable(String),
    /// Nowhere: it is missing.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

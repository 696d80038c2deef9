//! What happened to models, beside their files, which never change: which one is active, and what their evaluations
//! said. Each is a small JSON file, written whole or not at all.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::artefact::{Artefact, ArtefactError, Folder};
use crate::evaluation::Evaluation;

/// Which model scores, and since when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Active {
    /// The model's name.
    pub model: String,
    /// When it was activated, microseconds since 1970 UTC.
    pub since_us: i64,
}

/// What was found of a model after its training.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// Why it was not activated, if it was not.
    pub refused: Option<String>,
    /// What its evaluation said; none where too few sessions could be held out.
    pub evaluation: Option<Evaluation>,
}

const ACTIVE: &str = "active.json";

/// Writes a file: all of it or nothing. It is on the disk when this returns.
pub(super) fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    fs::File::open(folder)?.sync_all()
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ArtefactError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ArtefactError::Io { path: path.to_owned(), error }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ArtefactError::Unusable { path: path.to_owned(), why: error.to_string() })
}

impl Folder {
    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), ArtefactError> {
        let path = self.0.join(name);
        let unusable = |why: String| ArtefactError::Unusable { path: path.clone(), why };
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| unusable(error.to_string()))?;
        write_whole(&self.0, &path, &bytes).map_err(|error| ArtefactError::Io { path: path.clone(), error })
    }

    /// Which model was activated last; `None` if none ever was.
    ///
    /// # Errors
    /// [`ArtefactError::Io`], [`ArtefactError::Unusable`]
    pub fn active(&self) -> Result<Option<Active>, ArtefactError> {
        read(&self.0.join(ACTIVE))
    }

    /// Notes which model is active: it is again after a restart.
    ///
    /// # Errors
    /// [`ArtefactError::Io`]
    pub fn set_active(&self, active: &Active) -> Result<(), ArtefactError> {
        self.write_json(ACTIVE, active)
    }

    /// What was found of a model; nothing of one that was never evaluated. A file that cannot be read is said, and taken
    /// for nothing.
    #[must_use]
    pub fn verdict(&self, name: &str) -> Verdict {
        match read(&self.0.join(verdict_file(name))) {
            Ok(verdict) => verdict.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "what was found of a model cannot be read");
                Verdict::default()
            }
        }
    }

    /// Notes what was found of a model.
    ///
    /// # Errors
    /// [`ArtefactError::Io`]
    pub fn set_verdict(&self, name: &str, verdict: &Verdict) -> Result<(), ArtefactError> {
        self.write_json(&verdict_file(name), verdict)
    }

    /// The model that scores after a start: the one that was activated last, or else the newest that can be used and
    /// was not refused. Also when it was activated; `None` if that must be noted anew. What cannot be used is said.
    ///
    /// # Errors
    /// [`ArtefactError::Io`] if the folder cannot be read.
    pub fn last_good(&self) -> Result<Option<(Artefact, Option<i64>)>, ArtefactError> {
        let active = self.active().unwrap_or_else(|error| {
            tracing::warn!(%error, "it cannot be read which model was activated last; the newest is taken");
            None
        });
        if let Some(active) = &active {
            match self.load(&active.model) {
                Ok(artefact) => return Ok(Some((artefact, Some(active.since_us)))),
                Err(error) => {
                    tracing::warn!(%error, "the active model cannot be used; another one is looked for");
                }
            }
        }
        let tried = active.map(|active| active.model);
        for name in self.names()?.into_iter().filter(|name| Some(name) != tried.as_ref()) {
            if self.verdict(&name).refused.is_some() {
                continue;
            }
            match self.load(&name) {
                Ok(artefact) => return Ok(Some((artefact, None))),
                Err(error) => tracing::warn!(%error, "a model cannot be used; the one before it is tried"),
            }
        }
        Ok(None)
    }
}

/// The name of the file with a model's verdict.
pub(super) fn verdict_file(name: &str) -> String {
    format!("{name}.verdict.json")
}

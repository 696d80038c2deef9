//! Models as files: immutable, named by date and checksum, readable only by the service.
//!
//! Layout: 8 bytes magic with the format's version, 32 bytes SHA-256 of the rest, MessagePack.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use sha2::{Digest as _, Sha256};

use super::ledger::{Verdict, verdict_file, write_whole};
use super::trained::Model;

/// First bytes of a file; the last digit is the format.
const MAGIC: &[u8; 8] = b"AMPWMDL3";
/// A file with the format's predecessor or successor begins alike.
const MAGIC_STEM: usize = 7;
/// Larger files are not read: a model of a million sessions has some 100 MiB.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// The files' extension.
const EXTENSION: &str = "model";

/// A model with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    /// Date, time and the first digits of the checksum: unique and sortable.
    pub name: String,
    /// SHA-256 of the content, in hexadecimal.
    pub checksum: String,
    /// The model itself.
    pub model: Model,
}

/// A file in the folder.
#[derive(Debug)]
pub struct Kept {
    /// The model's name, from the file's.
    pub name: String,
    /// The model, or why it cannot be used.
    pub artefact: Result<Artefact, ArtefactError>,
    /// What was found of it.
    pub verdict: Verdict,
}

/// Why a model's file cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Not one of ours.
    #[error("{0} is not a model file")]
    Foreign(PathBuf),
    /// One of ours, of another format.
    #[error(
        "{path} has format {found}, but this version of Ampwarden reads format {MAGIC_FORMAT}: train anew"
    )]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: char,
    },
    /// Changed or cut.
    #[error("{0} is damaged: its checksum does not fit its content")]
    Damaged(PathBuf),
    /// Readable, but not usable.
    #[error("{path} cannot be used: {why}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The model cannot be written as MessagePack.
    #[error("the model cannot be encoded: {0}")]
    Encode(rmp_serde::encode::Error),
}

/// The format that is written and read.
const MAGIC_FORMAT: char = '3';

impl Artefact {
    /// Names a model by its content.
    ///
    /// # Errors
    /// [`ArtefactError::Encode`]
    pub fn new(model: Model) -> Result<(Self, Vec<u8>), ArtefactError> {
        let content = rmp_serde::to_vec(&model).map_err(ArtefactError::Encode)?;
        let digest = Sha256::digest(&content);
        let checksum = hex::encode(digest);
        let date = DateTime::from_timestamp_micros(model.trained_at_us).unwrap_or_default();
        let name = format!("{}-{}", date.format("%Y%m%d-%H%M%S"), &checksum[..8]);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&digest);
        bytes.extend_from_slice(&content);
        Ok((Self { name, checksum, model }, bytes))
    }
}

/// The folder with the models' files.
#[derive(Debug, Clone)]
pub struct Folder(pub(super) PathBuf);

impl Folder {
    /// Opens the folder; makes it if it is not there (0700).
    ///
    /// # Errors
    /// [`ArtefactError::Io`]
    pub fn open(path: &Path) -> Result<Self, ArtefactError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| ArtefactError::Io { path: path.to_owned(), error })?;
        Ok(Self(path.to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.{EXTENSION}"))
    }

    /// Writes a model: all of it or nothing.
    ///
    /// # Errors
    /// [`ArtefactError::Io`], [`ArtefactError::Encode`]
    pub fn save(&self, model: Model) -> Result<Artefact, ArtefactError> {
        let (artefact, bytes) = Artefact::new(model)?;
        let path = self.path(&artefact.name);
        write_whole(&self.0, &path, &bytes).map_err(|error| ArtefactError::Io { path, error })?;
        Ok(artefact)
    }

    /// The names of all files, the newest first.
    ///
    /// # Errors
    /// [`ArtefactError::Io`]
    pub fn names(&self) -> Result<Vec<String>, ArtefactError> {
        let io = |error| ArtefactError::Io { path: self.0.clone(), error };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|e| e == EXTENSION)
                && let Some(name) = path.file_stem().and_then(|n| n.to_str())
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(names)
    }

    /// Reads and checks one model.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn load(&self, name: &str) -> Result<Artefact, ArtefactError> {
        let path = self.path(name);
        let io = |error| ArtefactError::Io { path: path.clone(), error };
        if fs::metadata(&path).map_err(io)?.len() > FILE_BYTES_MAX {
            return Err(ArtefactError::Foreign(path));
        }
        let bytes = fs::read(&path).map_err(io)?;
        if bytes.len() < 40 || bytes[..MAGIC_STEM] != MAGIC[..MAGIC_STEM] {
            return Err(ArtefactError::Foreign(path));
        }
        if bytes[MAGIC_STEM] != MAGIC[MAGIC_STEM] {
            return Err(ArtefactError::Format { path, found: char::from(bytes[MAGIC_STEM]) });
        }
        let (digest, content) = bytes[8..].split_at(32);
        if Sha256::digest(content).as_slice() != digest {
            return Err(ArtefactError::Damaged(path));
        }
        let unusable = |why: String| ArtefactError::Unusable { path: path.clone(), why };
        let model: Model = rmp_serde::from_slice(content).map_err(|e| unusable(e.to_string()))?;
        if let Some(why) = model.problem() {
            return Err(unusable(why));
        }
        Ok(Artefact { name: name.to_owned(), checksum: hex::encode(digest), model })
    }

    /// All files, the newest first, with what they hold.
    ///
    /// # Errors
    /// [`ArtefactError::Io`] if the folder cannot be read; what is wrong with a file stands beside it.
    pub fn all(&self) -> Result<Vec<Kept>, ArtefactError> {
        Ok(self
            .names()?
            .into_iter()
            .map(|name| {
                let (artefact, verdict) = (self.load(&name), self.verdict(&name));
                Kept { name, artefact, verdict }
            })
            .collect())
    }

    /// Removes the oldest models beyond `keep`, never `active`. Refused ones go first, but for the newest of them.
    ///
    /// # Errors
    /// [`ArtefactError::Io`]
    pub fn prune(&self, keep: usize, active: &str) -> Result<(), ArtefactError> {
        let mut names = self.names()?;
        names.retain(|name| name != active);
        // Stable: the newest stay first.
        let mut refused_seen = false;
        names.sort_by_cached_key(|name| {
            let refused = self.verdict(name).refused.is_some();
            refused && std::mem::replace(&mut refused_seen, true)
        });
        for name in names.into_iter().skip(keep.saturating_sub(1)) {
            for path in [self.path(&name), self.0.join(verdict_file(&name))] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(ArtefactError::Io { path, error });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::checks::Limits;
    use crate::models::{Active, Training};
    use crate::session::Session;

    fn model(trained_at_us: i64) -> Model {
        let history = (0..300)
            .map(|i| Session {
                station: format!("CP-{}", i % 7),
                energy_wh: Some(f64::from(i % 40) * 500.0),
                duration_s: Some(f64::from(i % 50) * 300.0),
                started_us: i64::from(i) * 3_600_000_000,
                ..Session::default()
            })
            .collect();
        Model::train(history, &Training::default(), &Limits::default(), trained_at_us)
            .expect("enough sessions")
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&folder.path().join("models")).expect("made");
        let saved = folder.save(model(1_772_494_200_000_000)).expect("saved");
        assert!(saved.name.starts_with("20260302-233000-"), "{}", saved.name);
        assert_eq!(folder.load(&saved.name).expect("loaded"), saved);
        let mode = fs::metadata(folder.path(&saved.name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(folder.path()).expect("there");
        let saved = folder.save(model(1)).expect("saved");
        let path = folder.path(&saved.name);
        let good = fs::read(&path).expect("readable");

        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, &bad).expect("written");
        assert!(matches!(folder.load(&saved.name), Err(ArtefactError::Damaged(_))));
        fs::write(&path, &good[..good.len() - 10]).expect("written");
        assert!(matches!(folder.load(&saved.name), Err(ArtefactError::Damaged(_))));
        fs::write(&path, b"hello").expect("written");
        assert!(matches!(folder.load(&saved.name), Err(ArtefactError::Foreign(_))));
        let mut older = good;
        older[MAGIC_STEM] = b'1';
        fs::write(&path, &older).expect("written");
        let error = folder.load(&saved.name).expect_err("another format").to_string();
        assert!(error.contains("has format 1, but this version of Ampwarden reads format 3"), "{error}");
    }

    #[test]
    fn the_last_good_model_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(folder.path()).expect("there");
        assert!(folder.last_good().expect("readable").is_none());
        let day = 86_400_000_000;
        let [first, second, third] = [0, 1, 2].map(|at| folder.save(model(at * day)).expect("saved").name);
        let found = || folder.last_good().expect("readable").map(|(a, since)| (a.name, since));
        assert_eq!(found(), Some((third.clone(), None)), "none was ever activated: the newest");
        let refused = Verdict { refused: Some("worse".into()), evaluation: None };
        folder.set_verdict(&third, &refused).expect("written");
        assert_eq!(folder.verdict(&third), refused);
        assert_eq!(found(), Some((second.clone(), None)), "a refused one is not taken by itself");
        // An older one was activated again, and stays so.
        folder.set_active(&Active { model: first.clone(), since_us: 7 }).expect("written");
        assert_eq!(found(), Some((first.clone(), Some(7))));
        fs::write(folder.path(&first), b"AMPWMDL3 and then nothing that makes sense, for 40 bytes")
            .expect("written");
        assert_eq!(found(), Some((second.clone(), None)), "a damaged one is passed over");
        fs::write(folder.0.join("active.json"), b"{").expect("written");
        assert_eq!(found(), Some((second, None)), "so is a damaged note");
    }

    #[test]
    fn old_models_go_but_never_the_active() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(folder.path()).expect("there");
        let day = 86_400_000_000;
        let names: Vec<String> = (0..4).map(|d| folder.save(model(d * day)).expect("saved").name).collect();
        folder.prune(2, &names[0]).expect("pruned");
        assert_eq!(folder.names().expect("names"), [names[3].clone(), names[0].clone()]);
    }
}

//! The fold's state, its position in the journal and the books, saved together, atomically.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use station::fold::Fold;
use station::time::Timestamp;

use super::books::Books;
use crate::journal::{Progress, keep_reserve, read_if_there, sync_folder, write_atomically};

const MAGIC: &[u8; 8] = b"AMPWSNP1";
const PREFIX: &str = "snapshot-";
/// So many of the newest are kept, for the case that the newest is damaged.
const NEWEST_KEPT: usize = 2;
/// What a damaged one is called from then on; the last is kept.
const SET_ASIDE: &str = "damaged-snapshot";
/// After so many events room for the next snapshot is looked after.
pub(super) const ROOM_EVENTS: u64 = 4_096;
/// What an event adds to a snapshot, about: the most of it is the list of those that were seen.
const ROOM_BYTES_AN_EVENT: u64 = 64;
/// That list has an end.
const ROOM_MAX_BYTES: u64 = 64 << 20;
/// About so many older ones are kept, spread over what the journal retains: segments can only be freed up to one.
const SPREAD_KEPT: u64 = 8;

/// All that follows from the events up to `books.position`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Position and counts.
    pub books: Books,
    /// State.
    pub fold: Fold,
    /// The store when it was last looked at and had everything: whether it has restarted since is seen by it. While
    /// something must be written to it again, it stays as it was before.
    pub store: Option<StoreMark>,
    /// After this position requests were given up that may still arrive at the store.
    #[serde(default)]
    pub unsure_from: Option<u64>,
}

/// A run of the store, and what its tables had accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreMark {
    /// When it started.
    pub started: Timestamp,
    /// Accepted transactions by table.
    pub accepted: BTreeMap<String, i64>,
}

impl StoreMark {
    /// Whether this store, looked at later, has not all transactions of the one `before`.
    #[must_use]
    pub fn lacks(&self, before: &Self) -> bool {
        before.accepted.iter().any(|(table, txn)| self.accepted.get(table).is_none_or(|now| now < txn))
    }
}

impl Snapshot {
    /// Saves it beside the ones before, on a full disk in the place that is kept for the `last` one.
    ///
    /// # Errors
    /// What the system says; the ones before are still there then.
    pub fn save(&self, folder: &Path, last: bool) -> io::Result<()> {
        let body = rmp_serde::to_vec_named(self).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(body.len() + 12);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        write_atomically(&path(folder, self.books.position), &bytes, last)
    }

    /// The state from which all events after `position` can be folded again, of those that the journal, whose first
    /// record is `first`, still holds: the newest that does not lie beyond `position`, or the oldest there is.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load_for(folder: &Path, position: u64, first: u64) -> io::Result<Self> {
        let positions = positions(folder)?;
        let (before, beyond) = positions.split_at(positions.partition_point(|p| *p <= position));
        let load = |position: &u64| -> io::Result<Option<Self>> {
            Ok(read_if_there(&path(folder, *position))?.and_then(|bytes| parse(&bytes).ok()))
        };
        for position in before.iter().rev() {
            if let Some(snapshot) = load(position)? {
                return Ok(snapshot);
            }
        }
        if first <= 1 {
            // Nothing was freed yet: before the first event there is nothing to know.
            return Ok(Self::default());
        }
        for position in beyond {
            if let Some(snapshot) = load(position)? {
                return Ok(snapshot);
            }
        }
        Ok(Self::default())
    }

    /// The newest good one, and how many damaged ones there are; they are told, set aside and passed over.
    ///
    /// # Errors
    /// When the folder cannot be read, or the newest is whole and cannot be understood: another version of Ampwarden
    /// wrote it, and what it knows (settings, open sessions, books) must not be forgotten.
    pub fn load(folder: &Path) -> io::Result<(Option<Self>, u64)> {
        let mut damaged = 0;
        for position in positions(folder)?.into_iter().rev() {
            let path = path(folder, position);
            let read = match read_if_there(&path) {
                Ok(Some(bytes)) => parse(&bytes),
                Ok(None) => continue,
                Err(error) => Err(Unusable::Damaged(error.to_string())),
            };
            match read {
                Ok(snapshot) => return Ok((Some(snapshot), damaged)),
                Err(Unusable::Foreign(reason)) => {
                    return Err(io::Error::other(format!(
                        "{} was written by another version of Ampwarden ({reason}): start that version, or move the file away to go on from an older state",
                        path.display()
                    )));
                }
                Err(Unusable::Damaged(reason)) => {
                    damaged += 1;
                    tracing::error!(path = %path.display(), reason, "a snapshot is damaged; it is set aside, and the journal is folded from an older one");
                    fs::rename(&path, folder.join(SET_ASIDE))?;
                }
            }
        }
        Ok((None, damaged))
    }

    /// What is known when no snapshot is left, and the journal begins with `first`: the store has answered for all that
    /// came before, and nobody knows any more how each of it ended.
    #[must_use]
    pub fn without(first: u64) -> Self {
        let before = first.saturating_sub(1);
        if before > 0 {
            tracing::error!(
                events = before,
                "no snapshot can be read: settings, open sessions and totals begin anew with what the journal retains, and the books do not know how the events before ended"
            );
        }
        Self { books: Books { position: before, uncounted: before, ..Books::default() }, ..Self::default() }
    }
}

/// Removes snapshots that nothing needs any more: of those before `keep_from` only the newest stays. Its position is
/// returned: what the journal holds up to it may be freed.
///
/// # Errors
/// What the system says.
pub(super) fn prune(folder: &Path, keep_from: u64) -> io::Result<u64> {
    let found = positions(folder)?;
    let base = found.iter().copied().filter(|p| *p < keep_from).max().unwrap_or(0);
    let apart = found.last().map_or(0, |last| last.saturating_sub(base)) / SPREAD_KEPT;
    let newest = found.len().saturating_sub(NEWEST_KEPT);
    let mut last_kept = None;
    let mut removed = false;
    for (n, position) in found.into_iter().enumerate() {
        let far_enough = last_kept.is_none_or(|last| position >= last + apart.max(1));
        if n >= newest || (position >= base && far_enough) {
            last_kept = Some(position);
        } else {
            fs::remove_file(path(folder, position))?;
            removed = true;
        }
    }
    if removed {
        // Before segments are removed: one that came back after a power cut would have lost what followed it.
        sync_folder(folder)?;
    }
    Ok(base)
}

/// Sets room aside for the snapshot that will know all that is journaled, and [`ROOM_EVENTS`] more. Without it the
/// journal takes nothing: on a disk that is full to the last byte no segment could ever be freed.
pub(super) fn keep_room(folder: &Path, journal: &Progress) {
    let kept = positions(folder).and_then(|positions| {
        let newest = positions.last().copied().unwrap_or(0);
        let bytes = fs::metadata(path(folder, newest)).map_or(0, |file| file.len());
        let events = journal.synced().saturating_sub(newest).saturating_add(ROOM_EVENTS);
        let grown = events.saturating_mul(ROOM_BYTES_AN_EVENT).min(ROOM_MAX_BYTES);
        keep_reserve(folder, bytes + bytes / 4 + grown)
    });
    journal.set_reserve(kept.is_ok());
    if let Err(error) = kept {
        tracing::error!(%error, "no room could be set aside for the next snapshot; nothing is acknowledged until there is");
    }
}

/// Why a snapshot cannot be used.
enum Unusable {
    Damaged(String),
    Foreign(String),
}

fn parse(bytes: &[u8]) -> Result<Snapshot, Unusable> {
    let damaged = |reason: &str| Unusable::Damaged(reason.to_owned());
    let body = bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(|| damaged("it does not begin as one"))?;
    let (crc, body) = body.split_at_checked(4).ok_or_else(|| damaged("it is cut off"))?;
    if crc != crc32c::crc32c(body).to_le_bytes() {
        return Err(damaged("the checksum does not fit"));
    }
    rmp_serde::from_slice(body).map_err(|error| Unusable::Foreign(error.to_string()))
}

fn path(folder: &Path, position: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{position:020}"))
}

/// Positions of the snapshots that are there, in order.
fn positions(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let position = name.to_str().and_then(|n| n.strip_prefix(PREFIX)).filter(|d| d.len() == 20);
        found.extend(position.and_then(|d| d.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> Snapshot {
        Snapshot { books: Books { position, stored: position, ..Books::default() }, ..Snapshot::default() }
    }

    #[test]
    fn the_newest_good_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Snapshot::load(folder.path()).unwrap(), (None, 0));
        for position in [10, 20, 30] {
            at(position).save(folder.path(), true).unwrap();
            assert_eq!(prune(folder.path(), 0).unwrap(), 0);
        }
        assert_eq!(Snapshot::load(folder.path()).unwrap(), (Some(at(30)), 0));
        let mut bytes = fs::read(path(folder.path(), 30)).unwrap();
        bytes[20] ^= 1;
        fs::write(path(folder.path(), 30), bytes).unwrap();
        assert_eq!(Snapshot::load(folder.path()).unwrap(), (Some(at(20)), 1));
        assert_eq!(Snapshot::load(folder.path()).unwrap(), (Some(at(20)), 0), "it was set aside");
    }

    #[test]
    fn one_of_another_version_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        at(10).save(folder.path(), true).unwrap();
        let body = b"whole, and not understood";
        let bytes = [MAGIC.as_slice(), &crc32c::crc32c(body).to_le_bytes(), body].concat();
        fs::write(path(folder.path(), 20), bytes).unwrap();
        let error = Snapshot::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another version"), "{error}");
    }

    #[test]
    fn without_any_the_books_begin_with_the_journal() {
        assert_eq!(Snapshot::without(1), Snapshot::default());
        let books = Snapshot::without(41).books;
        assert_eq!((books.position, books.uncounted, books.difference(50)), (40, 40, 0));
    }

    #[test]
    fn some_are_kept_over_what_the_journal_retains() {
        let folder = tempfile::tempdir().unwrap();
        for position in 1..=200 {
            at(position).save(folder.path(), true).unwrap();
            prune(folder.path(), 0).unwrap();
        }
        let kept = positions(folder.path()).unwrap();
        assert!(kept.len() <= 12 && kept.ends_with(&[199, 200]) && kept[0] == 1, "{kept:?}");
        at(201).save(folder.path(), true).unwrap();
        let base = prune(folder.path(), 120).unwrap();
        assert!((60..120).contains(&base), "{base}");
        assert_eq!(positions(folder.path()).unwrap()[0], base, "what lies before is not needed any more");
        let load_for = |position, first| Snapshot::load_for(folder.path(), position, first).unwrap();
        assert_eq!(load_for(0, base + 1), at(base));
        assert_eq!(load_for(200, base + 1), at(200));
        assert_eq!(load_for(base + 1, base + 1), at(base));
        assert_eq!(load_for(0, 1), Snapshot::default(), "the whole journal is there");
    }
}

//! The journal on disk: every event is appended and synced here before it is acknowledged.
//!
//! One thread appends ([`Journal`]); readers ([`Reader`]) follow as far as it is synced. Records are numbered from 1
//! without gaps. A segment is a file named by its first record; records beyond the first of the next segment are
//! void (they are what a failed sync left behind).

mod files;
mod reader;
mod recovery;
mod segment;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::config::HumanBytes;

pub use files::{keep_reserve, read_if_there, sync_folder, write_atomically};
pub use reader::{Damage, Reader};

use self::files::{create_private_folder, is_full, private};
use self::segment::HEADER_BYTES;

/// There must be so much room again before a journal that was full takes events: it would be full again at once, and
/// the stations would be let in and sent away in turns.
const ROOM_BYTES: usize = 256 << 10;

/// Settings of the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Folder of the journal and of the snapshots. On a local disk: no NFS. Created with mode 0700.
    pub folder: PathBuf,
    /// Bytes that the journal may hold; beyond it nothing is acknowledged until the store has taken rows.
    pub max_bytes: HumanBytes,
    /// Size of a segment's file.
    pub segment_bytes: HumanBytes,
    /// Longest time for which a message waits for others to share its sync.
    pub group_wait: service::config::HumanDuration,
    /// Bytes of events in one sync.
    pub group_bytes: HumanBytes,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("/var/lib/ampwarden/journal"),
            max_bytes: HumanBytes::from_mib(20 * 1024),
            segment_bytes: HumanBytes::from_mib(64),
            group_wait: service::config::HumanDuration::from_millis(0),
            group_bytes: HumanBytes::from_mib(4),
        }
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or a file in it.
    #[error(
        "the journal's {path}: {source}; it needs a writable folder on a local disk (gateway.journal.folder)"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else has it.
    #[error(
        "the journal in {0} is in use by another gateway: one journal, one gateway (end the other, or set \
         gateway.journal.folder)"
    )]
    InUse(PathBuf),
}

/// Why a batch was not made durable.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// `max_bytes` is reached, or the disk is full.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The disk failed.
    #[error("the journal could not be synced: {0}")]
    Disk(#[from] io::Error),
}

/// How far the journal is synced, for readers.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
    full: AtomicBool,
    no_reserve: AtomicBool,
}

#[derive(Debug, Default, Clone)]
struct State {
    /// Number of the last synced record.
    synced: u64,
    /// First records of the segments, in order, with their bytes.
    segments: Vec<(u64, u64)>,
    closed: bool,
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the last synced record.
    pub fn synced(&self) -> u64 {
        self.state().synced
    }

    /// Bytes that the segments hold.
    pub fn bytes(&self) -> u64 {
        self.state().segments.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Whether the journal or the disk was full when records were last to be appended.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Says whether the room is set aside that a snapshot needs ([`keep_reserve`]). Without it nothing is appended:
    /// on a disk that is full to the last byte no segment could ever be freed.
    pub fn set_reserve(&self, there: bool) {
        self.no_reserve.store(!there, Ordering::Relaxed);
    }

    /// Waits until a record beyond `after` is synced, the journal is closed, or the time is over. Returns the number
    /// of the last synced record.
    pub fn wait_beyond(&self, after: u64, at_most: Duration) -> u64 {
        let state = self.state();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, at_most, |s| s.synced <= after && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.synced
    }

    /// Tells readers that nothing more will come.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Whether nothing more will come.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// First record of the segment that holds `sequence`, and of the one after it.
    fn segment_of(&self, sequence: u64) -> Option<(u64, Option<u64>)> {
        let state = self.state();
        let at = state.segments.partition_point(|(first, _)| *first <= sequence).checked_sub(1)?;
        Some((state.segments[at].0, state.segments.get(at + 1).map(|(first, _)| *first)))
    }

    /// First records of the segments after the one that begins with `first`.
    fn segment_after(&self, first: u64) -> Option<u64> {
        self.state().segments.iter().map(|(f, _)| *f).find(|f| *f > first)
    }

    /// First records of all segments, in order.
    pub fn segments(&self) -> Vec<u64> {
        self.state().segments.iter().map(|(first, _)| *first).collect()
    }
}

/// The end that appends.
#[derive(Debug)]
pub struct Journal {
    config: JournalConfig,
    progress: Arc<Progress>,
    next: u64,
    /// The open segment; none after a failure, until a new one could be begun.
    open: Option<Segment>,
    buffer: Vec<u8>,
    cut_bytes: u64,
    _lock: File,
}

#[derive(Debug)]
struct Segment {
    file: File,
    first: u64,
    bytes: u64,
}

impl Journal {
    /// Opens or begins the journal. A torn tail is cut off, and said so.
    ///
    /// # Errors
    /// When the folder cannot be used, or another gateway uses it.
    pub fn open(config: JournalConfig) -> Result<Self, JournalError> {
        let folder = config.folder.clone();
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::File { path, source }
        };
        create_private_folder(&folder).map_err(at(&folder))?;
        let lock_path = folder.join("lock");
        let lock =
            private().write(true).create(true).truncate(false).open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(folder)),
            Err(fs::TryLockError::Error(source)) => return Err(at(&lock_path)(source)),
        }

        let mut firsts: Vec<u64> = Vec::new();
        for entry in fs::read_dir(&folder).map_err(at(&folder))? {
            let entry = entry.map_err(at(&folder))?;
            firsts.extend(entry.file_name().to_str().and_then(segment::first_of));
        }
        firsts.sort_unstable();

        let mut journal = Self {
            config,
            progress: Arc::new(Progress::default()),
            next: 1,
            open: None,
            buffer: Vec::new(),
            cut_bytes: 0,
            _lock: lock,
        };
        journal.recover_tail(&mut firsts)?;
        let mut segments = Vec::new();
        for first in firsts {
            let path = segment::path(&folder, first);
            let bytes = fs::metadata(&path).map_err(at(&path))?.len();
            segments.push((first, bytes));
        }
        {
            let mut state = journal.progress.state();
            state.segments = segments;
            state.synced = journal.next - 1;
        }
        Ok(journal)
    }

    /// Says that records up to `sequence` were given before, whatever the folder holds: a journal whose segments were
    /// lost goes on with new numbers, and never gives one twice.
    pub fn continue_after(&mut self, sequence: u64) {
        if sequence >= self.next {
            tracing::warn!(
                expected = sequence + 1,
                found = self.next,
                "the journal ends before the snapshot's position: segments are missing"
            );
            self.next = sequence + 1;
            self.open = None;
            self.progress.state().synced = sequence;
        }
    }

    /// What readers watch.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.config.folder
    }

    /// Number of the next record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that were cut off its end when it was opened.
    #[must_use]
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    /// Whether there is room again, and the disk does what it is told: to be asked after a failure, before the next
    /// append.
    ///
    /// # Errors
    /// When the next append would fail, too.
    pub fn check_room(&self) -> Result<(), AppendError> {
        self.check_limits(ROOM_BYTES)?;
        let path = self.config.folder.join("room");
        let tried = private().write(true).create(true).truncate(true).open(&path).and_then(|mut file| {
            file.write_all(&vec![0; ROOM_BYTES])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        tried.and(removed).map_err(append_error)
    }

    fn check_limits(&self, more: usize) -> Result<(), AppendError> {
        let held = self.progress.bytes();
        let max = self.config.max_bytes.0;
        let trouble = if held + more as u64 > max {
            format!("{held} of {max} bytes are held (gateway.journal.max_bytes)")
        } else if self.progress.no_reserve.load(Ordering::Relaxed) {
            "the disk has no room for the next snapshot, and without one no segment can be freed".to_owned()
        } else {
            return Ok(());
        };
        self.progress.full.store(true, Ordering::Relaxed);
        Err(AppendError::Full(trouble))
    }

    /// Appends records and makes them durable, all or none. Returns the number of the first.
    ///
    /// # Errors
    /// When they are not durable; then none of them is in the journal.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<u64, AppendError> {
        let first = self.next;
        if payloads.is_empty() {
            return Ok(first);
        }
        self.buffer.clear();
        segment::put_group(&mut self.buffer, first, payloads.iter().map(Vec::as_slice));
        self.check_limits(self.buffer.len())?;
        if let Err(error) = self.write_and_sync(first) {
            self.abandon_tail();
            self.progress.full.store(is_full(&error), Ordering::Relaxed);
            return Err(append_error(error));
        }
        self.progress.full.store(false, Ordering::Relaxed);
        self.next += payloads.len() as u64;
        let mut state = self.progress.state();
        state.synced = self.next - 1;
        if let (Some(open), Some(last)) = (&self.open, state.segments.last_mut()) {
            last.1 = open.bytes;
        }
        drop(state);
        self.progress.changed.notify_all();
        Ok(first)
    }

    fn write_and_sync(&mut self, first: u64) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|s| s.bytes >= self.config.segment_bytes.0) {
            self.open = None;
            self.begin_segment(first)?;
        }
        let Some(open) = &mut self.open else { return Err(io::Error::other("no open segment")) };
        open.file.write_all(&self.buffer)?;
        open.file.sync_data()?;
        open.bytes += self.buffer.len() as u64;
        Ok(())
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let path = segment::path(&self.config.folder, first);
        let begun = self.make_segment(&path, first).inspect_err(|_| {
            // After a folder's sync has failed, nobody knows whether the name is on the disk: it is made anew.
            let _ = fs::remove_file(&path);
        });
        let file = begun?;
        let mut state = self.progress.state();
        state.segments.retain(|(f, _)| *f < first);
        state.segments.push((first, HEADER_BYTES as u64));
        drop(state);
        self.open = Some(Segment { file, first, bytes: HEADER_BYTES as u64 });
        Ok(())
    }

    fn make_segment(&self, path: &Path, first: u64) -> io::Result<File> {
        // What a failure before left under this name was never acknowledged.
        let mut file = private().write(true).create(true).truncate(true).open(path)?;
        file.write_all(&segment::header(first))?;
        file.sync_all()?;
        sync_folder(&self.config.folder)?;
        Ok(file)
    }

    /// After a failed write or sync nobody knows what of it is on the disk. The tail is cut off as well as can be,
    /// and the next record begins a new segment, which makes the rest of this one void.
    fn abandon_tail(&mut self) {
        if let Some(open) = self.open.take() {
            if let Err(error) = open.file.set_len(open.bytes).and_then(|()| open.file.sync_all()) {
                tracing::warn!(%error, segment = open.first, "a tail that was not synced could not be cut off; the next segment makes it void");
            }
            if open.first == self.next {
                // It holds nothing; the next one takes its name.
                let _ = fs::remove_file(segment::path(&self.config.folder, open.first));
                self.progress.state().segments.retain(|(f, _)| *f < open.first);
            }
        }
    }

    /// Removes the segments that hold only records before `keep`. The open segment stays.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn free(progress: &Progress, folder: &Path, keep: u64) -> io::Result<()> {
        loop {
            let oldest = {
                let state = progress.state();
                match state.segments.as_slice() {
                    [(first, _), (second, _), ..] if *second <= keep => *first,
                    _ => return Ok(()),
                }
            };
            match fs::remove_file(segment::path(folder, oldest)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            progress.state().segments.retain(|(first, _)| *first != oldest);
        }
    }
}

fn append_error(error: io::Error) -> AppendError {
    if is_full(&error) {
        AppendError::Full(format!("the disk says: {error}"))
    } else {
        AppendError::Disk(error)
    }
}

#[cfg(test)]
mod tests;

//! Reading the journal, as far as it is synced.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use super::Progress;
use super::segment::{self, Found, HEADER_BYTES, RECORD_HEADER_BYTES};

const READ_BYTES: usize = 256 << 10;

/// Reads records in their order, from a number on.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    progress: Arc<Progress>,
    next: u64,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    file: File,
    first: u64,
    /// What was read ahead; `at` is where the next record begins in it.
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of damage that are being passed over.
    skipped: u64,
}

/// Records that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first that is missing.
    pub from: u64,
    /// The last that is missing.
    pub to: u64,
    /// The segment's file.
    pub path: PathBuf,
}

impl Reader {
    /// Reads from record `next` on.
    #[must_use]
    pub fn new(folder: PathBuf, progress: Arc<Progress>, next: u64) -> Self {
        Self { folder, progress, next: next.max(1), open: None }
    }

    /// Number of the next record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The next synced record, put into `payload`; `None` when all synced ones were read. Records that are damaged or
    /// missing are passed over and told to `damaged`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(
        &mut self,
        payload: &mut Vec<u8>,
        damaged: &mut dyn FnMut(Damage),
    ) -> io::Result<Option<u64>> {
        loop {
            let synced = self.progress.synced();
            if self.next > synced {
                return Ok(None);
            }
            if self.open.is_none() && !self.open_segment(damaged)? {
                // No segment holds it or any later one: they are lost.
                self.lost(synced, self.folder.clone(), damaged);
                return Ok(None);
            }
            let Some(open) = &mut self.open else { continue };
            let void_from = self.progress.segment_after(open.first);
            match open.take(payload)? {
                Some(sequence) if void_from.is_some_and(|from| sequence >= from) => self.open = None,
                Some(sequence) if sequence < self.next => {}
                Some(sequence) if sequence > synced => {
                    // Written, not synced yet: it is read again later.
                    self.open = None;
                    self.lost(synced, self.folder.clone(), damaged);
                    return Ok(None);
                }
                Some(sequence) => {
                    if sequence > self.next {
                        let path = segment::path(&self.folder, open.first);
                        damaged(Damage { from: self.next, to: sequence - 1, path });
                    }
                    self.next = sequence + 1;
                    return Ok(Some(sequence));
                }
                None => {
                    // The segment's end. The next record is in the next segment, or was lost at the end of this one.
                    let path = segment::path(&self.folder, open.first);
                    self.open = None;
                    self.lost(void_from.map_or(synced, |from| from - 1), path, damaged);
                }
            }
        }
    }

    /// Tells that what comes next up to `to` is lost, if there is any: a last segment may be empty, and what was to be
    /// in it is not written yet.
    fn lost(&mut self, to: u64, path: PathBuf, damaged: &mut dyn FnMut(Damage)) {
        if to >= self.next {
            damaged(Damage { from: self.next, to, path });
            self.next = to + 1;
        }
    }

    /// Opens the segment that holds the next record, or the first one after it.
    fn open_segment(&mut self, damaged: &mut dyn FnMut(Damage)) -> io::Result<bool> {
        loop {
            let first = match self.progress.segment_of(self.next) {
                Some((first, _)) => first,
                None => match self.progress.segment_after(self.next) {
                    Some(first) => {
                        damaged(Damage { from: self.next, to: first - 1, path: self.folder.clone() });
                        self.next = first;
                        first
                    }
                    None => return Ok(false),
                },
            };
            let path = segment::path(&self.folder, first);
            match File::open(&path) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(HEADER_BYTES as u64))?;
                    self.open = Some(OpenSegment { file, first, buffer: Vec::new(), at: 0, skipped: 0 });
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let Some(after) = self.progress.segment_after(first) else { return Ok(false) };
                    damaged(Damage { from: self.next, to: after - 1, path });
                    self.next = after;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl OpenSegment {
    /// The next good record of the segment, whatever its number; `None` at its end.
    fn take(&mut self, payload: &mut Vec<u8>) -> io::Result<Option<u64>> {
        loop {
            match segment::record_at(&self.buffer[self.at..]) {
                Found::Record { sequence, payload: found, next, .. } => {
                    if self.skipped > 0 {
                        tracing::error!(
                            segment = self.first,
                            bytes = self.skipped,
                            "damaged bytes in the journal were passed over"
                        );
                        self.skipped = 0;
                    }
                    payload.clear();
                    payload.extend_from_slice(found);
                    self.at += next;
                    return Ok(Some(sequence));
                }
                Found::Damage => {
                    self.skipped += 1;
                    self.at += 1;
                }
                Found::Short(needed) => {
                    if self.fill(needed)? {
                        continue;
                    }
                    // A flipped bit in a length can make the rest look short: look further, byte by byte.
                    if self.buffer.len() - self.at <= RECORD_HEADER_BYTES {
                        return Ok(None);
                    }
                    self.skipped += 1;
                    self.at += 1;
                }
            }
        }
    }

    /// Reads on until `needed` bytes are there; `false` if the file has no more.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        if self.at >= READ_BYTES || self.at == self.buffer.len() {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        while self.buffer.len() - self.at < needed {
            let before = self.buffer.len();
            self.buffer.resize(before + READ_BYTES.max(needed), 0);
            let read = self.file.read(&mut self.buffer[before..])?;
            self.buffer.truncate(before + read);
            if read == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

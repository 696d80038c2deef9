//! Opening a journal that was not closed: finding its end.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use super::files::sync_folder;
use super::segment::{self, Found, HEADER_BYTES};
use super::{Journal, JournalError, Segment};

/// What is left of a last segment that cannot be read goes by this name; the newest is kept.
const SET_ASIDE: &str = "damaged-segment";

impl Journal {
    /// Finds the last good record, and opens the last segment behind it. A last segment without a single good record
    /// (the gateway died while it began it) is removed.
    pub(super) fn recover_tail(&mut self, firsts: &mut Vec<u64>) -> Result<(), JournalError> {
        let folder = self.config.folder.clone();
        while let Some(first) = firsts.last().copied() {
            let path = segment::path(&folder, first);
            let at = |source| JournalError::File { path: path.clone(), source };
            let bytes = fs::read(&path).map_err(at)?;
            let good_header = segment::header_is_good(&bytes, first);
            // Records carry their numbers and checksums: they count whatever the header says.
            let (end, last) = good_end(&bytes, first);
            if last.is_none() && (end < bytes.len() || !good_header) {
                self.cut_bytes += bytes.len() as u64;
                if good_header || bytes.len() <= HEADER_BYTES {
                    tracing::warn!(path = %path.display(), bytes = bytes.len(), "the journal's last segment holds no whole record; it is removed");
                    fs::remove_file(&path).map_err(at)?;
                } else {
                    let aside = folder.join(SET_ASIDE);
                    tracing::error!(path = %path.display(), bytes = bytes.len(), aside = %aside.display(), "the journal's last segment is damaged, and holds no whole record; it is set aside");
                    fs::rename(&path, aside).map_err(at)?;
                }
                firsts.pop();
                self.next = self.next.max(first);
                continue;
            }
            if !good_header {
                tracing::error!(path = %path.display(), "the header of the journal's last segment is damaged; its records are read by their own checksums");
            }
            if end < bytes.len() {
                let cut = bytes.len() - end;
                self.cut_bytes += cut as u64;
                tracing::warn!(path = %path.display(), cut, "the journal's last segment has a torn tail; it is cut off (it was never synced, and not acknowledged, unless the disk is damaged)");
            }
            // Cut, and synced: what was only in memory before is on the disk now, or the gateway does not start.
            let file = OpenOptions::new().append(true).open(&path).map_err(at)?;
            file.set_len(end as u64).map_err(at)?;
            file.sync_all().map_err(at)?;
            self.next = self.next.max(last.map_or(first, |l| l + 1));
            self.open = Some(Segment { file, first, bytes: end as u64 });
            break;
        }
        sync_folder(&folder).map_err(|source| JournalError::File { path: PathBuf::from(&folder), source })
    }
}

/// The end of the last good record and its number. Damage in the middle is passed over: what follows it counts.
fn good_end(bytes: &[u8], first: u64) -> (usize, Option<u64>) {
    let mut at = HEADER_BYTES;
    let (mut end, mut last) = (HEADER_BYTES.min(bytes.len()), None);
    while at < bytes.len() {
        match segment::record_at(&bytes[at..]) {
            Found::Record { sequence, next, .. }
                if sequence >= first && last.is_none_or(|l| sequence > l) =>
            {
                at += next;
                (end, last) = (at, Some(sequence));
            }
            _ => at += 1,
        }
    }
    (end, last)
}

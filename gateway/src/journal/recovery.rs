//! Opening a journal that was not closed: finding its end.

use std::fs::{self, OpenOptions};
use std::io::Write;
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
            let Scan { end, last, torn } = scan(&bytes, first);
            if last.is_none() && torn.is_empty() && (end < bytes.len() || !good_header) {
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
                tracing::warn!(path = %path.display(), cut, kept = torn.len(), "the journal's last segment has a torn tail; it is cut off (it was never synced, and not acknowledged, unless the disk is damaged)");
            }
            // Cut, and synced: what was only in memory before is on the disk now, or the gateway does not start.
            let mut file = OpenOptions::new().append(true).open(&path).map_err(at)?;
            file.set_len(end as u64).map_err(at)?;
            let (mut rescued, begin) = (Vec::new(), last.map_or(first, |l| l + 1));
            segment::put_group(&mut rescued, begin, torn.iter().copied());
            file.write_all(&rescued).map_err(at)?;
            file.sync_all().map_err(at)?;
            self.next = self.next.max(begin + torn.len() as u64);
            self.open = Some(Segment { file, first, bytes: (end + rescued.len()) as u64 });
            break;
        }
        sync_folder(&folder).map_err(|source| JournalError::File { path: PathBuf::from(&folder), source })
    }
}

/// What a last segment holds.
struct Scan<'a> {
    /// Where its last good record ends, or the last one before the torn group's hole.
    end: usize,
    /// That record's number.
    last: Option<u64>,
    /// What is whole behind the hole.
    torn: Vec<&'a [u8]>,
}

/// Looks for records. Damage in the middle is passed over: what follows it counts, and what is missing was lost. Not so
/// in the last group: it was being written when the power was cut, in whatever order the disk saw fit. It was not
/// acknowledged, nothing of it is missed, and what of it is whole is kept without a hole.
fn scan(bytes: &[u8], first: u64) -> Scan<'_> {
    let mut at = HEADER_BYTES;
    let mut scan = Scan { end: HEADER_BYTES.min(bytes.len()), last: None, torn: Vec::new() };
    // The state before the hole in the group that is being read, and the number of the last record behind it.
    let mut hole: Option<(usize, Option<u64>)> = None;
    while at < bytes.len() {
        match segment::record_at(&bytes[at..]) {
            Found::Record { sequence, payload, next, begins_group }
                if sequence >= first && scan.last.is_none_or(|l| sequence > l) =>
            {
                let expected = scan.last.map_or(first, |l| l + 1);
                if begins_group {
                    (hole, scan.torn) = (None, Vec::new());
                } else if hole.is_none() && (at > scan.end || sequence > expected) {
                    hole = Some((scan.end, scan.last));
                }
                if hole.is_some() {
                    scan.torn.push(payload);
                }
                at += next;
                (scan.end, scan.last) = (at, Some(sequence));
            }
            _ => at += 1,
        }
    }
    if let Some((end, last)) = hole {
        (scan.end, scan.last) = (end, last);
    }
    scan
}

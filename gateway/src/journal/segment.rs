//! The bytes of a journal segment: a header, then records. Both carry checksums.
//!
//! ```text
//! header  "AMPWJRN1"  first sequence number u64  crc32c u32  zero u32
//! record  length u32  crc32c u32                 sequence number u64     payload
//! ```
//! Numbers are little-endian; a record's checksum covers its length, its sequence number and its payload, so that a
//! record is recognised wherever it stands: after damage, reading goes on at the next good one.

use std::path::{Path, PathBuf};

/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 24;
/// Bytes before a record's payload.
pub(super) const RECORD_HEADER_BYTES: usize = 16;
/// Longest payload: larger than any frame that adapters take (1 MiB), small enough to bound what a flipped bit in a
/// length makes us read.
pub(super) const PAYLOAD_MAX_BYTES: usize = 8 << 20;

/// Largest number of a record: at a million a second the journal gets there in 146,000 years. A larger one is damage,
/// and counting on from what is read never overflows.
const SEQUENCE_MAX: u64 = 1 << 62;

/// In a record's length: it is the first of those that were synced together. Whatever comes before such a record was
/// synced, for it is written after that.
const BEGINS_GROUP: u32 = 1 << 31;

const MAGIC: &[u8; 8] = b"AMPWJRN1";
const SUFFIX: &str = ".journal";

/// The header of the segment that begins with that record.
pub(super) fn header(first: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&first.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Whether a segment begins with a good header for that record.
pub(super) fn header_is_good(bytes: &[u8], first: u64) -> bool {
    bytes.get(..HEADER_BYTES) == Some(header(first).as_slice())
}

/// Appends a group to a buffer: records that are synced together, numbered from `first` on.
pub(super) fn put_group<'a>(buffer: &mut Vec<u8>, first: u64, payloads: impl Iterator<Item = &'a [u8]>) {
    for (sequence, payload) in (first..).zip(payloads) {
        put_record(buffer, sequence, payload, sequence == first);
    }
}

fn put_record(buffer: &mut Vec<u8>, sequence: u64, payload: &[u8], begins_group: bool) {
    let length =
        u32::try_from(payload.len()).unwrap_or(u32::MAX) | if begins_group { BEGINS_GROUP } else { 0 };
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&record_crc(length, sequence, payload).to_le_bytes());
    buffer.extend_from_slice(&sequence.to_le_bytes());
    buffer.extend_from_slice(payload);
}

fn record_crc(length: u32, sequence: u64, payload: &[u8]) -> u32 {
    let mut head = [0; 12];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&sequence.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

/// What stands at the begin of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A whole record; `next` bytes further on the next begins.
    Record {
        /// Its number.
        sequence: u64,
        /// Its content.
        payload: &'a [u8],
        /// Its length in the segment.
        next: usize,
        /// Whether it is the first of its group.
        begins_group: bool,
    },
    /// A record may begin here, but bytes are missing: so many are needed.
    Short(usize),
    /// No record begins here.
    Damage,
}

/// Looks for a record at the begin of `bytes`.
pub(super) fn record_at(bytes: &[u8]) -> Found<'_> {
    let Some((head, rest)) = bytes.split_at_checked(RECORD_HEADER_BYTES) else {
        return Found::Short(RECORD_HEADER_BYTES);
    };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = number(0);
    let sequence = u64::from(number(8)) | u64::from(number(12)) << 32;
    let payload_bytes = (length & !BEGINS_GROUP) as usize;
    if payload_bytes > PAYLOAD_MAX_BYTES || sequence > SEQUENCE_MAX {
        return Found::Damage;
    }
    let Some(payload) = rest.get(..payload_bytes) else {
        return Found::Short(RECORD_HEADER_BYTES + payload_bytes);
    };
    if record_crc(length, sequence, payload) == number(4) {
        let begins_group = length & BEGINS_GROUP != 0;
        Found::Record { sequence, payload, next: RECORD_HEADER_BYTES + payload_bytes, begins_group }
    } else {
        Found::Damage
    }
}

/// The file of the segment that begins with that record.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{SUFFIX}"))
}

/// The first record of a segment, by its file's name; `None` for other files.
pub(super) fn first_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(SUFFIX)?;
    (digits.len() == 20).then(|| digits.parse().ok())?.filter(|first| *first <= SEQUENCE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_again_and_damage_is_seen() {
        let mut bytes = Vec::new();
        put_group(&mut bytes, 7, [b"seven".as_slice(), b""].into_iter());
        let Found::Record { sequence: 7, payload: b"seven", next, begins_group: true } = record_at(&bytes)
        else {
            panic!()
        };
        let second = Found::Record { sequence: 8, payload: b"", next: 16, begins_group: false };
        assert_eq!(record_at(&bytes[next..]), second);
        for cut in 0..next {
            assert!(matches!(record_at(&bytes[..cut]), Found::Short(_)), "cut at {cut}");
        }
        for bit in 0..next * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(record_at(&flipped), Found::Record { .. }), "bit {bit}");
        }
    }

    #[test]
    fn numbers_that_no_journal_reaches_are_damage() {
        let mut bytes = Vec::new();
        put_record(&mut bytes, u64::MAX, b"x", true);
        assert_eq!(record_at(&bytes), Found::Damage);
        assert_eq!(first_of("18446744073709551615.journal"), None);
    }

    #[test]
    fn names_and_headers_belong_together() {
        assert_eq!(first_of("00000000000000000042.journal"), Some(42));
        assert_eq!(first_of("42.journal"), None);
        assert_eq!(first_of("snapshot"), None);
        assert!(header_is_good(&header(42), 42));
        assert!(!header_is_good(&header(42), 43));
        assert!(!header_is_good(&header(42)[..20], 42));
    }
}

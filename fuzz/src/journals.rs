//! A journal is written, damaged, opened, read, and written on. What is read was written, in its order; what cannot be
//! read is told; what is appended afterwards is all there.
//!
//! Input: a byte of how many records; for each a byte of how long; then four bytes a damage (what, where, how). With
//! 0xff as the first byte, the rest is the content of the only segment.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::HumanBytes;
use crate::journal::{Damage, Journal, JournalConfig, Reader};

const SEGMENT_BYTES: u64 = 200;

pub(crate) fn run(data: &[u8]) {
    let Some((records, rest)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut written = vec![Vec::new()];
    if *records == 255 {
        fs::write(folder.path().join(format!("{:020}.journal", 1)), rest).expect("written");
    } else {
        let (lengths, damages) = rest.split_at(usize::from(*records % 32).min(rest.len()));
        let mut journal = open(folder.path());
        for length in lengths {
            // Some are synced together.
            let payload = vec![*length; usize::from(*length)];
            let payloads = if length % 3 == 0 { vec![payload; 2] } else { vec![payload] };
            journal.append(&payloads).expect("there is room");
            written.extend(payloads);
        }
        drop(journal);
        for damage in damages.chunks_exact(4).take(8) {
            harm(folder.path(), damage);
        }
    }
    let whole = *records != 255;
    let mut journal = open(folder.path());
    let kept = journal.next();
    // A snapshot remembers numbers that the damaged journal does not.
    if rest.last().is_some_and(|last| last % 4 == 0) {
        journal.continue_after(written.len() as u64 + 1);
    }
    check(folder.path(), &journal, |sequence, payload| {
        assert!(
            // What is whole of a torn last group moves up.
            !whole || written.iter().skip(sequence as usize).any(|w| w == payload),
            "record {sequence} was never written so"
        );
    });
    let next = journal.next();
    assert!(next >= kept);
    for n in 0..6_u8 {
        assert_eq!(journal.append(&[vec![n; 70]]).expect("there is room"), next + u64::from(n));
    }
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(journal.next(), next + 6, "what was synced is gone");
    let mut found = 0;
    check(folder.path(), &journal, |sequence, payload| {
        if let Some(n) = sequence.checked_sub(next) {
            assert_eq!(payload, vec![n as u8; 70], "record {sequence} is not what was appended");
            found += 1;
        }
    });
    assert_eq!(found, 6, "what was appended after the damage is not all there");
}

fn open(folder: &Path) -> Journal {
    let config = JournalConfig {
        folder: folder.to_owned(),
        segment_bytes: HumanBytes(SEGMENT_BYTES),
        ..JournalConfig::default()
    };
    Journal::open(config).unwrap_or_else(|error| panic!("a damaged journal must open: {error}"))
}

/// Reads all: every number is either read or told as damaged, once, in its order.
fn check(folder: &Path, journal: &Journal, mut each: impl FnMut(u64, &[u8])) {
    let mut reader = Reader::new(folder.to_owned(), journal.progress(), 1);
    let (mut payload, mut expected) = (Vec::new(), 1);
    loop {
        let mut damages: Vec<Damage> = Vec::new();
        let read = reader.read(&mut payload, &mut |damage| damages.push(damage)).expect("readable");
        for damage in damages {
            assert!(damage.from == expected && damage.to >= damage.from, "{damage:?}, expected {expected}");
            expected = damage.to + 1;
        }
        let Some(sequence) = read else { break };
        assert_eq!(sequence, expected, "records are skipped in silence");
        each(sequence, &payload);
        expected += 1;
    }
    assert_eq!(expected, journal.next(), "the end of the journal is lost in silence");
}

fn harm(folder: &Path, damage: &[u8]) {
    let (what, how) = (damage[0], damage[3]);
    let segments = segments(folder);
    let Some(path) = segments.get(usize::from(what / 8) % segments.len().max(1)) else { return };
    let mut bytes = fs::read(path).expect("readable");
    let at = usize::from(u16::from_le_bytes([damage[1], damage[2]])) % (bytes.len() + 1);
    match what % 8 {
        0 => bytes.truncate(at),
        1 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (how % 8)),
        2 => bytes[at..].iter_mut().take(usize::from(how)).for_each(|byte| *byte = 0),
        3 => bytes.extend(std::iter::repeat_n(how, at)),
        4 => drop(bytes.drain(at..(at + usize::from(how)).min(bytes.len()))),
        // A piece of it stands elsewhere, too: a block that was written twice.
        5 => {
            let piece = bytes[at..(at + usize::from(how)).min(bytes.len())].to_vec();
            bytes.extend(piece);
        }
        6 => {
            fs::remove_file(path).expect("removed");
            return;
        }
        _ => {
            let piece = bytes[..at].to_vec();
            bytes.splice(at..at, piece);
        }
    }
    fs::write(path, bytes).expect("written");
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "journal"));
    paths.sort();
    paths
}

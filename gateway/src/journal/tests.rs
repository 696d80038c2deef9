//! What the journal keeps, and what it says of damage.

use super::*;

fn config(folder: &Path) -> JournalConfig {
    JournalConfig { folder: folder.to_owned(), segment_bytes: HumanBytes(256), ..JournalConfig::default() }
}

fn payload(n: u64) -> Vec<u8> {
    format!("event number {n}").into_bytes()
}

fn append(journal: &mut Journal, numbers: std::ops::Range<u64>) {
    for n in numbers {
        assert_eq!(journal.append(&[payload(n)]).unwrap(), n);
    }
}

/// All records from `from` on, and what was damaged.
fn read_all(journal: &Journal, from: u64) -> (Vec<u64>, Vec<(u64, u64)>) {
    let mut reader = Reader::new(journal.config.folder.clone(), journal.progress(), from);
    let (mut read, mut damage, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(n) = reader.read(&mut bytes, &mut |d| damage.push((d.from, d.to))).unwrap() {
        assert_eq!(bytes, payload(n));
        read.push(n);
    }
    assert_eq!(reader.next(), journal.next());
    (read, damage)
}

#[test]
fn what_was_appended_is_read_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..40);
    assert!(journal.progress().segments().len() > 2);
    assert!(matches!(Journal::open(config(folder.path())), Err(JournalError::InUse(_))));
    drop(journal);
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 40..50);
    assert_eq!(read_all(&journal, 1), ((1..50).collect(), vec![]));
    assert_eq!(read_all(&journal, 33).0, (33..50).collect::<Vec<_>>());
}

#[test]
fn an_empty_last_segment_has_lost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..12);
    let segments = journal.progress().segments();
    drop(journal);
    let last = segments[segments.len() - 1];
    for first in &segments[..segments.len() - 1] {
        fs::remove_file(segment::path(folder.path(), *first)).unwrap();
    }
    fs::write(segment::path(folder.path(), last), segment::header(last)).unwrap();
    let journal = Journal::open(config(folder.path())).unwrap();
    assert_eq!(read_all(&journal, 1), (vec![], vec![(1, last - 1)]));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..4);
    drop(journal);
    let path = segment::path(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut journal = Journal::open(config(folder.path())).unwrap();
        let kept = journal.next() - 1;
        assert!(kept < 3);
        journal.append(&[payload(kept + 1)]).unwrap();
        assert_eq!(read_all(&journal, 1), ((1..=kept + 1).collect(), vec![]), "cut at {cut}");
        drop(journal);
        for first in 1..5 {
            let _ = fs::remove_file(segment::path(folder.path(), first));
        }
    }
}

#[test]
fn a_flipped_bit_costs_one_record_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..30);
    let path = segment::path(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    for byte in HEADER_BYTES..whole.len() {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let (read, damage) = read_all(&journal, 1);
        assert_eq!(read.len(), 28, "byte {byte}");
        assert_eq!(damage.len(), 1, "byte {byte}");
        assert_eq!(damage[0].0, damage[0].1);
    }
}

/// A power cut while the last group was written leaves any of its sectors. None of it was acknowledged: nothing is lost.
#[test]
fn a_hole_in_the_group_that_was_not_synced_is_no_loss() {
    for (harmed, survivors, damage) in [
        (4, vec![1, 2, 3, 5, 6], vec![]),
        (5, vec![1, 2, 3, 4, 6], vec![]),
        (2, vec![1, 3, 4, 5, 6], vec![(2, 2)]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = JournalConfig { segment_bytes: HumanBytes(1 << 20), ..config(folder.path()) };
        let mut journal = Journal::open(config.clone()).unwrap();
        for group in [1..4, 4..7] {
            journal.append(&group.map(payload).collect::<Vec<_>>()).unwrap();
        }
        drop(journal);
        let path = segment::path(folder.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        let record = (bytes.len() - HEADER_BYTES) / 6;
        bytes[HEADER_BYTES + (harmed - 1) * record + 20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        // Twice: what was mended stays.
        for _ in 0..2 {
            let journal = Journal::open(config.clone()).unwrap();
            let mut reader = Reader::new(folder.path().to_owned(), journal.progress(), 1);
            let (mut read, mut told, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
            while reader.read(&mut bytes, &mut |d| told.push((d.from, d.to))).unwrap().is_some() {
                read.push(bytes.clone());
            }
            assert_eq!(read, survivors.iter().copied().map(payload).collect::<Vec<_>>(), "harmed: {harmed}");
            assert_eq!(told, damage, "harmed: {harmed}");
            assert_eq!(journal.next(), if damage.is_empty() { 6 } else { 7 });
        }
    }
}

#[test]
fn a_lost_or_shortened_segment_is_told_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..30);
    let segments = journal.progress().segments();
    let second = segment::path(folder.path(), segments[1]);
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..HEADER_BYTES + 10]).unwrap();
    let (read, damage) = read_all(&journal, 1);
    assert_eq!(damage, vec![(segments[1], segments[2] - 1)]);
    assert_eq!(read.len() as u64, 29 - (segments[2] - segments[1]));
    fs::remove_file(&second).unwrap();
    assert_eq!(read_all(&journal, 1).1, vec![(segments[1], segments[2] - 1)]);
}

#[test]
fn a_full_journal_refuses_and_takes_again_when_segments_are_freed() {
    let folder = tempfile::tempdir().unwrap();
    let config = JournalConfig { max_bytes: HumanBytes(1024), ..config(folder.path()) };
    let mut journal = Journal::open(config).unwrap();
    let mut n = 1;
    while journal.append(&[payload(n)]).is_ok() {
        n += 1;
    }
    assert!(matches!(journal.append(&[payload(n)]), Err(AppendError::Full(_))));
    let progress = journal.progress();
    Journal::free(&progress, folder.path(), n - 1).unwrap();
    append(&mut journal, n..n + 5);
    let first = progress.segments()[0];
    assert_eq!(read_all(&journal, first).0, (first..n + 5).collect::<Vec<_>>());
}

#[test]
fn what_a_failed_sync_left_behind_is_void() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..4);
    // A tail that was written but not acknowledged, and could not be cut off.
    let mut tail = Vec::new();
    segment::put_group(&mut tail, 4, std::iter::once(b"never acknowledged".as_slice()));
    fs::OpenOptions::new()
        .append(true)
        .open(segment::path(folder.path(), 1))
        .unwrap()
        .write_all(&tail)
        .unwrap();
    journal.open = None;
    append(&mut journal, 4..8);
    assert_eq!(read_all(&journal, 1), ((1..8).collect(), vec![]));
    drop(journal);
    let journal = Journal::open(config(folder.path())).unwrap();
    assert_eq!(read_all(&journal, 1), ((1..8).collect(), vec![]));
}

#[test]
fn numbers_go_on_after_the_snapshot_even_if_the_segments_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    journal.continue_after(100);
    append(&mut journal, 101..105);
    assert_eq!(read_all(&journal, 101).0, vec![101, 102, 103, 104]);
}

#[test]
fn a_damaged_header_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..12);
    drop(journal);
    let last = *Journal::open(config(folder.path())).unwrap().progress().segments().last().unwrap();
    let path = segment::path(folder.path(), last);
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 12..20);
    assert_eq!(read_all(&journal, 1), ((1..20).collect(), vec![]));
}

#[test]
fn a_last_segment_that_cannot_be_read_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    append(&mut journal, 1..12);
    let last = *journal.progress().segments().last().unwrap();
    drop(journal);
    fs::write(segment::path(folder.path(), last), [7; 100]).unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    assert_eq!((journal.next(), journal.cut_bytes()), (last, 100));
    assert_eq!(fs::read(folder.path().join("damaged-segment")).unwrap(), [7; 100]);
    append(&mut journal, last..20);
    assert_eq!(read_all(&journal, 1), ((1..20).collect(), vec![]));
}

#[test]
fn without_a_reserve_nothing_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(config(folder.path())).unwrap();
    journal.progress().set_reserve(false);
    assert!(matches!(journal.append(&[payload(1)]), Err(AppendError::Full(_))));
    assert!(journal.check_room().is_err() && journal.progress().is_full());
    journal.progress().set_reserve(true);
    journal.check_room().unwrap();
    append(&mut journal, 1..3);
    assert!(!journal.progress().is_full());
}

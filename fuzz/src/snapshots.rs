//! A snapshot's content, with a checksum that fits: a defect, or a version that wrote something else.

use crate::pipeline::Snapshot;

pub(crate) fn run(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bytes = b"AMPWSNP1".to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(data).to_le_bytes());
    bytes.extend_from_slice(data);
    std::fs::write(folder.path().join(format!("snapshot-{:020}", 7)), &bytes).expect("written");
    // An error is said when it is whole and cannot be understood.
    let snapshot = Snapshot::load(folder.path());
    // Without the frame, too: whatever a disk gives back.
    std::fs::write(folder.path().join(format!("snapshot-{:020}", 8)), data).expect("written");
    let _ = Snapshot::load(folder.path());
    if let Ok((Some(snapshot), _)) = snapshot {
        let _ = snapshot.save(folder.path(), true);
    }
}

//! Files that survive power cuts and full disks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Held while the reserve is made or used: it must not grow when it is somebody's file already.
static RESERVING: Mutex<()> = Mutex::new(());
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Writes a file so that after a power cut either the old or the new one is there, whole: written aside, synced,
/// renamed, and the folder synced. On a full disk it takes the place that [`keep_reserve`] has set aside, if it may.
///
/// # Errors
/// What the system says.
pub fn write_atomically(path: &Path, bytes: &[u8], may_use_reserve: bool) -> io::Result<()> {
    let aside = path.with_extension("new");
    let written = private().write(true).create(true).truncate(true).open(&aside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&aside);
        let _held = RESERVING.lock().unwrap_or_else(PoisonError::into_inner);
        let reserve = reserve_beside(path);
        if !may_use_reserve || !is_full(&error) || length(&reserve) < bytes.len() as u64 {
            return Err(error);
        }
        // Its blocks are there already: nothing has to be found on the disk.
        let mut file = OpenOptions::new().write(true).open(&reserve)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()?;
        fs::rename(&reserve, &aside)?;
    }
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Sets room aside in a folder, so that a file of so many bytes can be written there even if the disk is full.
///
/// # Errors
/// When the disk has no room for it. What there is stays.
pub fn keep_reserve(folder: &Path, bytes: u64) -> io::Result<()> {
    let _held = RESERVING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = folder.join(RESERVE);
    let mut there = length(&path);
    if there >= bytes {
        return Ok(());
    }
    let mut file = private().append(true).create(true).open(&path)?;
    while there < bytes {
        // Zeros, and no hole: the blocks are what it is for.
        let more = ZEROS.len().min(usize::try_from(bytes - there).unwrap_or(usize::MAX));
        file.write_all(&ZEROS[..more])?;
        there += more as u64;
    }
    file.sync_all()
}

const RESERVE: &str = "reserve";

fn reserve_beside(path: &Path) -> PathBuf {
    path.with_file_name(RESERVE)
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// Reads a whole file; `None` if there is none.
///
/// # Errors
/// What the system says.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes).map(|_| Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A new file's name is durable only when its folder is synced.
///
/// # Errors
/// What the system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, each with its name on the disk.
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_private_folder(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    above.map_or(Ok(()), sync_folder)
}

pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_aside_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for text in ["old", "new"] {
            write_atomically(&path, text.as_bytes(), false).unwrap();
            assert_eq!(read_if_there(&path).unwrap().unwrap(), text.as_bytes());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read_if_there(&folder.path().join("none")).unwrap(), None);
    }

    #[test]
    fn the_reserve_grows_and_is_not_sparse() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        for bytes in [100, 200_000, 5] {
            keep_reserve(folder.path(), bytes).unwrap();
        }
        let reserve = fs::metadata(folder.path().join(RESERVE)).unwrap();
        assert_eq!(reserve.len(), 200_000);
        assert!(reserve.blocks() * 512 >= reserve.len());
    }
}

//! A disk that forgets: what a process did to a folder is written down by a preloaded library
//! (`integration/preload/powercut.c`), and after its death the folder is built again as a power cut might have left it.
//!
//! What was synced is there, to the byte. Of the rest nobody knows: writes are there, or not, or in part, in any order;
//! names of new, renamed and removed files are as they were at the folder's last sync, or later. After a sync that
//! failed, what it should have written is gone as at a cut, though the process still reads it, and no later sync brings
//! it back (Linux does so).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Bytes that a disk writes at once: a write is torn between them or within.
const SECTOR: usize = 512;

/// A folder on it, and what of it is certain.
pub(crate) struct Disk {
    /// The traced folder.
    pub(crate) folder: PathBuf,
    library: PathBuf,
    trace: PathBuf,
    nodes: Vec<Node>,
    rng: StdRng,
}

#[derive(Clone)]
enum Node {
    File(File),
    Folder(Folder),
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Default)]
struct Folder {
    durable: BTreeMap<String, usize>,
    live: BTreeMap<String, usize>,
    pending: Vec<Naming>,
}

#[derive(Clone)]
enum Naming {
    Link(String, usize),
    Unlink(String),
    Rename(String, String, usize),
}

/// What a process did to the disk.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// Syncs are among them.
    pub(crate) changes: usize,
    /// With EIO.
    pub(crate) failed_syncs: usize,
}

/// A record of the trace.
struct Record<'a> {
    kind: u8,
    inode: u64,
    offset: usize,
    first: &'a [u8],
    second: &'a [u8],
}

impl Disk {
    /// An empty folder below `base`, and the library beside it.
    pub(crate) fn new(base: &Path, seed: u64) -> Self {
        let (folder, library) = (base.join("disk"), base.join("powercut.so"));
        fs::create_dir_all(&folder).unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/preload/powercut.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .args([source, "-ldl", "-lpthread"])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "cc cannot build {source}");
        let nodes = vec![Node::Folder(Folder::default())];
        Self { folder, library, trace: base.join("trace"), nodes, rng: StdRng::seed_from_u64(seed) }
    }

    /// The environment of a process whose changes are to be traced.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("POWERCUT_FOLDER", self.folder.display().to_string()),
            ("POWERCUT_TRACE", self.trace.display().to_string()),
        ]
    }

    /// The power is cut, after the process has died: the folder is as the disk has it.
    pub(crate) fn cut(&mut self) -> Life {
        let life = self.replay();
        self.check_node(0, &self.folder);
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in &mut nodes {
            node.lose(&mut self.rng);
        }
        self.nodes = nodes;
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir(&self.folder).unwrap();
        self.build(0, &self.folder);
        self.adopt();
        life
    }

    /// Takes the folder as it is: everything in it is on the disk.
    pub(crate) fn adopt(&mut self) {
        self.nodes = Vec::new();
        self.read(&self.folder.clone());
    }

    fn read(&mut self, path: &Path) -> usize {
        let id = self.nodes.len();
        if path.is_file() {
            let bytes = fs::read(path).unwrap();
            self.nodes.push(Node::File(File { durable: bytes.clone(), live: bytes, pending: Vec::new() }));
            return id;
        }
        self.nodes.push(Node::Folder(Folder::default()));
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            names.insert(entry.file_name().into_string().unwrap(), self.read(&entry.path()));
        }
        self.nodes[id] = Node::Folder(Folder { durable: names.clone(), live: names, pending: Vec::new() });
        id
    }

    fn build(&self, node: usize, path: &Path) {
        match &self.nodes[node] {
            Node::File(file) => fs::write(path, &file.durable).unwrap(),
            Node::Folder(folder) => {
                fs::create_dir_all(path).unwrap();
                for (name, node) in &folder.durable {
                    self.build(*node, &path.join(name));
                }
            }
        }
    }

    /// Does again what the trace says.
    fn replay(&mut self) -> Life {
        let mut life = Life::default();
        let Ok(bytes) = fs::read(&self.trace) else { return life };
        let mut inodes = BTreeMap::new();
        let mut rest = bytes.as_slice();
        while let Some((record, next)) = record(rest) {
            self.apply(&record, &mut inodes);
            rest = next;
            life.changes += usize::from(record.kind != b'o');
            life.failed_syncs += usize::from(record.kind == b'e');
        }
        fs::remove_file(&self.trace).unwrap();
        life
    }

    fn apply(&mut self, record: &Record<'_>, inodes: &mut BTreeMap<u64, usize>) {
        let of = |inodes: &BTreeMap<u64, usize>| inodes[&record.inode];
        match record.kind {
            b'o' => {
                let path = self.relative(record.first);
                let node = self.find(&path).unwrap_or_else(|| panic!("{path:?} came from nowhere"));
                inodes.insert(record.inode, node);
            }
            b'c' | b'd' => {
                let (parent, name) = self.place(record.first);
                let is_file = record.kind == b'c';
                self.nodes.push(if is_file {
                    Node::File(File::default())
                } else {
                    Node::Folder(Folder::default())
                });
                let node = self.nodes.len() - 1;
                inodes.insert(record.inode, node);
                self.nodes[parent].name(Naming::Link(name, node));
            }
            b'w' => self.nodes[of(inodes)].write(Change::Write(record.offset, record.first.to_vec())),
            b't' => self.nodes[of(inodes)].write(Change::Truncate(record.offset)),
            b's' => self.nodes[of(inodes)].sync(),
            b'e' => {
                let node = of(inodes);
                let mut failed = self.nodes[node].clone();
                failed.lose(&mut self.rng);
                self.nodes[node] = failed;
            }
            b'r' => {
                let (parent, from) = self.place(record.first);
                let (same, to) = self.place(record.second);
                assert_eq!(parent, same, "renamed from one folder to another");
                let node = self.find(&self.relative(record.first)).unwrap();
                self.nodes[parent].name(Naming::Rename(from, to, node));
            }
            b'u' => {
                let (parent, name) = self.place(record.first);
                self.nodes[parent].name(Naming::Unlink(name));
            }
            kind => panic!("the trace has a record of kind {kind}"),
        }
    }

    fn relative(&self, path: &[u8]) -> String {
        let path = std::str::from_utf8(path).unwrap();
        let below = path.strip_prefix(self.folder.to_str().unwrap()).unwrap();
        below.trim_matches('/').to_owned()
    }

    /// The folder that a path's last part is in, and that part.
    fn place(&self, path: &[u8]) -> (usize, String) {
        let path = self.relative(path);
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let folder = self.find(parent).unwrap_or_else(|| panic!("{path:?} is in no folder"));
        (folder, name.to_owned())
    }

    /// What the process saw under a name.
    fn find(&self, relative: &str) -> Option<usize> {
        relative.split('/').filter(|part| !part.is_empty()).try_fold(0, |node, part| {
            match &self.nodes[node] {
                Node::Folder(folder) => folder.live.get(part).copied(),
                Node::File(_) => None,
            }
        })
    }

    /// What the trace says is what is there: nothing went round it.
    fn check_node(&self, node: usize, path: &Path) {
        match &self.nodes[node] {
            Node::File(file) => {
                let there = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert!(
                    there == file.live,
                    "{} has {} bytes, and {} by the trace, or others: the process changed it in a way that is not traced",
                    path.display(),
                    there.len(),
                    file.live.len()
                );
            }
            Node::Folder(folder) => {
                let mut there: Vec<String> = fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
                there.sort();
                let traced: Vec<&String> = folder.live.keys().collect();
                assert_eq!(there.iter().collect::<Vec<_>>(), traced, "{}", path.display());
                for (name, node) in &folder.live {
                    self.check_node(*node, &path.join(name));
                }
            }
        }
    }
}

impl Node {
    fn write(&mut self, change: Change) {
        let Self::File(file) = self else { panic!("a folder was written to") };
        change.apply(&mut file.live);
        file.pending.push(change);
    }

    fn name(&mut self, naming: Naming) {
        let Self::Folder(folder) = self else { panic!("a file is no folder") };
        naming.apply(&mut folder.live);
        folder.pending.push(naming);
    }

    fn sync(&mut self) {
        match self {
            Self::File(file) => file.pending.drain(..).for_each(|change| change.apply(&mut file.durable)),
            Self::Folder(folder) => {
                folder.pending.drain(..).for_each(|naming| naming.apply(&mut folder.durable));
            }
        }
    }

    /// Of what was not synced, some is on the disk, and the rest is lost.
    fn lose(&mut self, rng: &mut StdRng) {
        match self {
            Self::File(file) => {
                let pending = std::mem::take(&mut file.pending);
                lose_writes(&mut file.durable, pending, rng);
            }
            Self::Folder(folder) => {
                let pending = std::mem::take(&mut folder.pending);
                for naming in some(pending, rng) {
                    naming.apply(&mut folder.durable);
                }
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => bytes.resize(*length, 0),
            Self::Write(at, written) => {
                let end = at + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(written);
            }
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

/// None, all, the first ones, or any.
fn some<T>(all: Vec<T>, rng: &mut StdRng) -> Vec<T> {
    let kept = rng.random_range(0..=all.len());
    match rng.random_range(0..4) {
        0 => Vec::new(),
        1 => all,
        2 => all.into_iter().take(kept).collect(),
        _ => all.into_iter().filter(|_| rng.random()).collect(),
    }
}

fn lose_writes(durable: &mut Vec<u8>, pending: Vec<Change>, rng: &mut StdRng) {
    // A file may have got its length and not yet its bytes.
    let zeros = rng.random_ratio(1, 4);
    for change in some(pending, rng) {
        let Change::Write(at, bytes) = &change else {
            change.apply(durable);
            continue;
        };
        if zeros && durable.len() < at + bytes.len() {
            durable.resize(at + bytes.len(), 0);
        }
        match rng.random_range(0..4) {
            0 => change.apply(durable),
            // Torn at any byte.
            1 | 2 => {
                let length = rng.random_range(0..=bytes.len());
                Change::Write(*at, bytes[..length].to_vec()).apply(durable);
            }
            // Some sectors, in any order.
            _ => {
                for sector in (0..bytes.len()).step_by(SECTOR) {
                    if *[true, false].choose(rng).unwrap() {
                        let end = bytes.len().min(sector + SECTOR);
                        Change::Write(at + sector, bytes[sector..end].to_vec()).apply(durable);
                    }
                }
            }
        }
    }
}

/// The record at the begin of the trace, and the rest. A last one that is cut off was never reported to the process.
fn record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(25)?;
    let long = |at: usize| Some(u64::from_ne_bytes(head[at..at + 8].try_into().ok()?));
    let short = |at: usize| Some(u32::from_ne_bytes(head[at..at + 4].try_into().ok()?) as usize);
    let (first, rest) = rest.split_at_checked(short(17)?)?;
    let (second, rest) = rest.split_at_checked(short(21)?)?;
    let offset = usize::try_from(long(9)?).ok()?;
    Some((Record { kind: head[0], inode: long(1)?, offset, first, second }, rest))
}

//! Holds `src/generated` against the `.proto` files: regenerates, and on a difference rewrites the files and fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;

/// All `.proto` files under `folder`, in order.
fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            proto_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
}

/// The files of a folder by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("readable"))
        })
        .collect()
}

#[test]
fn generated_code_follows_from_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = root.join("proto");
    let mut files = Vec::new();
    proto_files(&sources.join("ampwarden"), &mut files);

    let mut compiler = protox::Compiler::new([&sources]).expect("the include path");
    compiler.include_imports(true).include_source_info(true).open_files(&files).expect("valid proto files");
    let described = compiler.file_descriptor_set();

    let temporary = tempfile::tempdir().expect("a temporary folder");
    let mut config = tonic_prost_build::Config::new();
    config.format(true);
    tonic_prost_build::configure()
        .out_dir(temporary.path())
        .compile_fds_with_config(described.clone(), config)
        .expect("generated code");
    // Reflection has no use for comments and positions.
    let mut bare = described;
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    fs::write(temporary.path().join("descriptors.binpb"), bare.encode_to_vec()).expect("written");

    let committed = root.join("src/generated");
    let (fresh, old) = (contents(temporary.path()), contents(&committed));
    if fresh == old {
        return;
    }
    fs::create_dir_all(&committed).expect("a folder");
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(committed.join(name)).expect("removed");
    }
    for (name, content) in fresh.iter().filter(|(name, content)| old.get(*name) != Some(content)) {
        fs::write(committed.join(name), content).expect("written");
    }
    panic!(
        "proto/src/generated was out of date and has been rewritten: run the test again and commit the files"
    );
}

//! The configurations that are shipped are read by the real configuration type.

use std::path::Path;

use ampwarden::AmpwardenConfig;

/// Parses a shipped file; its secrets, which lie where it is deployed, are put in a folder of the test's own.
fn parse(path: &str) -> AmpwardenConfig {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let text = std::fs::read_to_string(root.join(path)).expect(path);
    let folder = tempfile::tempdir().expect("folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").expect("write");
    let text: Vec<String> = text
        .lines()
        .map(|line| match line.split_once("{ file = \"") {
            Some((before, _)) => format!("{before}{{ file = \"{}\" }}", secret.display()),
            None => line.to_owned(),
        })
        .collect();
    service::config::from_text(Some((Path::new(path), &text.join("\n"))), [])
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_compose_file_s_configuration_is_right() {
    let config = parse("deploy/compose/ampwarden.toml");
    assert_eq!(config.secrets.key_bytes().map(<[u8]>::len), Ok(32));
    assert!(config.exporter.check().is_ok() && config.anomaly.check().is_ok());
}

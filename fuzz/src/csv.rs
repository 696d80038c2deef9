//! Imports: the first byte is the preset; or a mapping as TOML comes first, with 0x1e after it.

use station::event::Source;
use station::mqtt::record::{Mapping, MappingFile, read, sites, stations};
use station::secret::SecretKey;

use crate::fold::Folds;

pub(crate) fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let names = Mapping::preset_names();
    let (mapping, text) = match names.get(usize::from(*first)) {
        Some(name) => (Mapping::preset(name), rest),
        None => {
            let at = rest.iter().position(|byte| *byte == 0x1e).unwrap_or(rest.len());
            let mapping = String::from_utf8_lossy(&rest[..at]);
            if let Ok(file) = serde_json::from_str::<MappingFile>(&mapping) {
                let _ = Mapping::new(file);
            }
            (Mapping::from_toml(&mapping), rest.get(at + 1..).unwrap_or(&[]))
        }
    };
    let Ok(mapping) = mapping else { return };
    let _ = (stations(&mapping, text), sites(&mapping, text));
    if mapping.check_sessions().is_err() {
        return;
    }
    let key = SecretKey::new(b"fuzz");
    let mut folds = Folds::default();
    for row in read(&mapping, &key, text).unwrap_or_default() {
        let line = row.line;
        folds.journal(row.into_event(Source::Import, format!("fuzz:{line}")));
    }
    folds.pass_time();
}

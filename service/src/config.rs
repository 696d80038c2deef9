//! Configuration: one TOML file, overridden by `AMPWARDEN__TABLE__KEY` variables. What is misspelt or of the wrong
//! type is an error that says where it stands and what would be right; all mistakes are told at once.

mod bytes;
mod duration;
mod environment;
mod error;
mod keys;
mod secret;
mod shape;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use bytes::HumanBytes;
pub use duration::HumanDuration;
pub use environment::{PREFIX, variable_for};
pub use error::{ConfigError, Place, Problem};
pub use secret::SecretString;
pub use shape::Shape;

/// Reads the configuration: defaults, then the file at `path` (none: defaults alone), then the variables of `env`
/// that begin with [`PREFIX`].
///
/// # Errors
/// When the file cannot be read or is no TOML, and for each key that is unknown or has a wrong type, wherever it was
/// written.
pub fn load<T: DeserializeOwned + JsonSchema>(
    path: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let file = match path {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            Some((path, text))
        }
    };
    from_text(file.as_ref().map(|(path, text)| (*path, text.as_str())), env)
}

/// [`load`] for a text that was read already; `file` is its name (for messages) and its content.
///
/// # Errors
/// As [`load`].
pub fn from_text<T: DeserializeOwned + JsonSchema>(
    file: Option<(&Path, &str)>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let shape = Shape::of::<T>();
    let mut problems = Vec::new();
    let (mut table, mut places) = match file {
        None => (toml::Table::new(), keys::Places::default()),
        Some((path, text)) => {
            let parsed = keys::parse(path, text)?;
            keys::check(&shape, path, &parsed, &mut problems);
            (parsed.table, parsed.places)
        }
    };

    // Sorted, so that two mistakes are always told in the same order.
    let env: BTreeMap<String, String> = env.into_iter().collect();
    environment::apply(&env, &shape, &mut table, &mut places, &mut problems);
    if !problems.is_empty() {
        return Err(ConfigError::Wrong(problems));
    }

    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let path: Vec<String> = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                _ => None,
            })
            .collect();
        let message = format!("{} = {}", keys::dotted(&path), error.inner().message().trim());
        let message = message.replacen(" = ", ": ", 1);
        ConfigError::Wrong(vec![Problem { place: places.nearest(&path), message }])
    })
}

#[cfg(test)]
mod tests;

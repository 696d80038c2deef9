//! Mappings that come with the product.

use super::mapping::{Mapping, MappingError, MappingFile};

/// Name, mapping. They are TOML as an operator would write it.
const ALL: [(&str, &str); 6] = [
    ("columns20", include_str!("presets/columns20.toml")),
    ("trondheim", include_str!("presets/trondheim.toml")),
    ("workplace", include_str!("presets/workplace.toml")),
    ("boulder", include_str!("presets/boulder.toml")),
    ("stations", include_str!("presets/stations.toml")),
    ("sites", include_str!("presets/sites.toml")),
];

impl Mapping {
    /// Names of the presets for sessions (the first four) and for lists.
    #[must_use]
    pub fn preset_names() -> [&'static str; 6] {
        ALL.map(|(name, _)| name)
    }

    /// The text of a preset: an example for mappings of one's own.
    #[must_use]
    pub fn preset_text(name: &str) -> Option<&'static str> {
        ALL.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A mapping that comes with the product.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn preset(name: &str) -> Result<Self, MappingError> {
        Self::new(MappingFile::preset(name)?)
    }
}

impl MappingFile {
    /// A mapping that comes with the product, to be changed.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn preset(name: &str) -> Result<Self, MappingError> {
        let text = Mapping::preset_text(name).ok_or_else(|| MappingError::Preset {
            name: name.to_owned(),
            known: Mapping::preset_names().join(", "),
        })?;
        Self::from_toml(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for name in Mapping::preset_names() {
            assert!(Mapping::preset(name).is_ok(), "{name}: {:?}", Mapping::preset(name));
        }
        let error = Mapping::preset("columns21").expect_err("none").to_string();
        assert!(error.contains("columns20, trondheim"), "{error}");
    }
}

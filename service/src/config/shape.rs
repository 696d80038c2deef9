//! What a configuration type may hold, read from its JSON schema: which keys each table has, and of which types.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type or of a part of it.
#[derive(Clone, Debug)]
pub struct Shape(Value);

impl Shape {
    /// The shape of `T`.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
        Self(settings.into_generator().into_root_schema_for::<T>().to_value())
    }

    /// The schema itself.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.0
    }

    /// The keys that a table of this shape has, with what each holds, in the order of their names.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Self)> {
        let mut keys: Vec<(String, Self)> = Vec::new();
        for schema in self.alternatives() {
            let Some(Value::Object(properties)) = schema.get("properties") else { continue };
            for (key, value) in properties {
                if !keys.iter().any(|(known, _)| known == key) {
                    keys.push((key.clone(), Self(value.clone())));
                }
            }
        }
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys
    }

    /// What stands under `key`: a key of the table, or any key where a table may have any.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<Self> {
        if let Some((_, shape)) = self.keys().into_iter().find(|(known, _)| known == key) {
            return Some(shape);
        }
        self.alternatives().into_iter().find_map(|schema| match schema.get("additionalProperties") {
            Some(any @ Value::Object(_)) => Some(Self(any.clone())),
            Some(Value::Bool(true)) => Some(Self(Value::Bool(true))),
            _ => None,
        })
    }

    /// What the elements of a list are.
    #[must_use]
    pub fn items(&self) -> Option<Self> {
        self.alternatives()
            .into_iter()
            .find_map(|schema| schema.get("items").map(|items| Self(items.clone())))
    }

    /// Whether the table has keys of its own; otherwise (free maps, plain values) no key is wrong.
    #[must_use]
    pub fn has_fixed_keys(&self) -> bool {
        !self.keys().is_empty()
    }

    /// Whether a secret stands here.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.alternatives().iter().any(|schema| schema.get("format").is_some_and(|format| format == "secret"))
    }

    /// The JSON types that are possible here ("string", "integer", …); none said means any.
    #[must_use]
    pub fn types(&self) -> BTreeSet<String> {
        let mut types = BTreeSet::new();
        for schema in self.alternatives() {
            match schema.get("type") {
                Some(Value::String(one)) => {
                    types.insert(one.clone());
                }
                Some(Value::Array(many)) => {
                    types.extend(many.iter().filter_map(|t| t.as_str().map(str::to_owned)));
                }
                _ if schema.get("const").is_some_and(Value::is_string) || schema.get("enum").is_some() => {
                    types.insert("string".to_owned());
                }
                _ => {}
            }
        }
        types
    }

    /// The schema itself and whatever it may be one of.
    fn alternatives(&self) -> Vec<&Value> {
        fn collect<'a>(schema: &'a Value, all: &mut Vec<&'a Value>) {
            all.push(schema);
            for word in ["anyOf", "oneOf", "allOf"] {
                if let Some(Value::Array(parts)) = schema.get(word) {
                    parts.iter().for_each(|part| collect(part, all));
                }
            }
        }
        let mut all = Vec::new();
        collect(&self.0, &mut all);
        all
    }
}

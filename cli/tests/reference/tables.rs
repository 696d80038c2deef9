//! The tables of the configuration, in the order of their declaration, as data for the renderers.

use ampwarden::AmpwardenConfig;
use serde_json::Value;
use service::config::Shape;

/// A table of the configuration.
pub(crate) struct Table {
    /// "gateway.ocpp"; the root's name is empty.
    pub(crate) name: String,
    /// Whether it may be there several times (`[[name]]`).
    pub(crate) repeated: bool,
    /// Whether it is there by default.
    pub(crate) present: bool,
    pub(crate) help: String,
    pub(crate) keys: Vec<Key>,
}

/// A key with a plain value, a list or a map.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) default: Option<toml::Value>,
    pub(crate) help: String,
}

/// All tables; those within come after those around them.
pub(crate) fn tables() -> Vec<Table> {
    let default = AmpwardenConfig::default();
    let value = toml::Value::try_from(&default).expect("the defaults are TOML");
    let text = toml::to_string(&default).expect("the defaults are TOML");
    let mut tables = Vec::new();
    collect(&Shape::of::<AmpwardenConfig>(), "", false, Some(&value), &Order::of(&text), &mut tables);
    tables
}

fn collect(
    shape: &Shape,
    name: &str,
    repeated: bool,
    default: Option<&toml::Value>,
    order: &Order,
    tables: &mut Vec<Table>,
) {
    let mut keys = shape.keys();
    keys.sort_by_key(|(key, _)| order.position(&join(name, key)));
    let mut table = Table {
        name: name.to_owned(),
        repeated,
        present: default.is_some() && !repeated,
        help: help(shape.schema()),
        keys: Vec::new(),
    };
    let mut inner = Vec::new();
    for (key, shape) in keys {
        let path = join(name, &key);
        let value = default.and_then(|table| table.get(&key));
        let items = shape.items().filter(Shape::has_fixed_keys);
        if shape.has_fixed_keys() && !shape.is_secret() && !is_choice(&shape) {
            collect(&shape, &path, false, value, order, &mut inner);
        } else if let Some(items) = items {
            let list = Shape::clone(&items);
            let before = inner.len();
            collect(&list, &path, true, None, order, &mut inner);
            if !help(shape.schema()).is_empty() {
                inner[before].help = help(shape.schema());
            }
        } else {
            table.keys.push(Key {
                name: key,
                kind: kind(&shape),
                default: value.cloned().or_else(|| own_default(&shape)).filter(|value| !is_set_secret(value)),
                help: help(shape.schema()),
            });
        }
    }
    tables.push(table);
    tables.append(&mut inner);
}

/// What holds within a table that is not there by default, once it is there.
fn own_default(shape: &Shape) -> Option<toml::Value> {
    let json = shape.schema().get("default").filter(|value| !value.is_null() && !value.is_object())?;
    // Texts, numbers, truth values and lists of them are written alike in both.
    toml::from_str::<toml::Table>(&format!("value = {json}")).ok()?.remove("value")
}

/// A secret that is set by default is not shown.
fn is_set_secret(value: &toml::Value) -> bool {
    value.as_str() == Some("(secret)")
}

/// A value that is a word or a table (enums with data) is shown as a key, not as a table.
fn is_choice(shape: &Shape) -> bool {
    shape.types().contains("string")
}

fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

/// The description, in one line.
fn help(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What may be written there.
fn kind(shape: &Shape) -> String {
    let schema = shape.schema();
    if let Some(format) = find(schema, "format").and_then(Value::as_str) {
        match format {
            "duration" => return "duration".into(),
            "bytes" => return "size".into(),
            "secret" => return "secret".into(),
            _ => {}
        }
    }
    let words = words(schema);
    if !words.is_empty() {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" \\| ");
    }
    if let Some(items) = shape.items() {
        return format!("list of {}", kind(&items));
    }
    let types = shape.types();
    if types.contains("object") {
        return match shape.key("any") {
            Some(value) => format!("table of {}", kind(&value)),
            None => "table".into(),
        };
    }
    for (json, name) in
        [("boolean", "true \\| false"), ("integer", "integer"), ("number", "number"), ("string", "text")]
    {
        if types.contains(json) {
            return name.into();
        }
    }
    "any".into()
}

/// The words of an enum.
fn words(schema: &Value) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |value: &Value| words.extend(value.as_str().map(str::to_owned));
    if let Some(Value::Array(all)) = schema.get("enum") {
        all.iter().for_each(&mut add);
    }
    schema.get("const").iter().for_each(|value| add(value));
    for word in ["oneOf", "anyOf"] {
        if let Some(Value::Array(parts)) = schema.get(word) {
            words.extend(parts.iter().flat_map(self::words));
        }
    }
    words
}

/// A keyword of the schema or of what it may be one of.
fn find<'a>(schema: &'a Value, keyword: &str) -> Option<&'a Value> {
    schema
        .get(keyword)
        .or_else(|| schema.get("anyOf")?.as_array()?.iter().find_map(|part| find(part, keyword)))
}

/// The order in which the types declare their keys, read from the serialised defaults.
struct Order(Vec<String>);

impl Order {
    fn of(text: &str) -> Self {
        let mut order = Vec::new();
        let mut table = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[') {
                table = name.trim_matches(['[', ']']).to_owned();
                order.push(table.clone());
            } else if let Some((key, _)) = line.split_once(" = ") {
                order.push(join(&table, key));
            }
        }
        Self(order)
    }

    /// Keys without a default come last in their table.
    fn position(&self, path: &str) -> usize {
        let within = format!("{path}.");
        self.0.iter().position(|known| known == path || known.starts_with(&within)).unwrap_or(usize::MAX)
    }
}

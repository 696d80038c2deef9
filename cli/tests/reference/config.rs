//! docs/configuration.md

use std::fmt::Write;

use service::config::variable_for;

use super::keep;
use super::tables::{Table, tables};

const HEAD: &str = "# Configuration

<!-- Rendered from the configuration types by `cargo test -p ampwarden --test reference`. Do not edit. -->

One TOML file for all processes (`--config FILE` or `AMPWARDEN_CONFIG`); each reads the tables that it needs. Everything
has a default: a file holds only what differs. [`config/ampwarden.example.toml`](../config/ampwarden.example.toml) shows
all of it. `ampwarden check config` says what is wrong, what holds, and what is not safe.

Each key can be set by an environment variable, which goes before the file: `AMPWARDEN__`, then the path in capitals with
two underscores between its parts. `gateway.ocpp.listen` is `AMPWARDEN__GATEWAY__OCPP__LISTEN`. Lists and tables are
written as in TOML: `AMPWARDEN__API__ANONYMOUS='[\"read\"]'`.

A key that is misspelt is an error, in the file and in variables alike; the message names the line and the key that was
probably meant.

| written | means |
|---|---|
| duration | a whole number and a unit: `250ms`, `10s`, `5m`, `2h`, `30d` |
| size | a whole number and a unit: `512B`, `64KiB`, `64MiB`, `2GiB` (1024), `kB`, `MB`, `GB` (1000) |
| secret | text, or `{ file = \"/run/secrets/name\" }`: read once at start, never logged |
";

#[test]
fn configuration_md_is_up_to_date() {
    let mut page = HEAD.to_owned();
    for table in tables() {
        render(&table, &mut page);
    }
    keep("docs/configuration.md", &page);
}

fn render(table: &Table, page: &mut String) {
    if table.name.is_empty() {
        return;
    }
    let brackets = if table.repeated { ("[[", "]]") } else { ("[", "]") };
    let absent = match (table.repeated, table.present) {
        (true, _) => " May be there several times; none by default.",
        (false, false) => " Not there by default.",
        (false, true) => "",
    };
    write!(page, "\n## `{}{}{}`\n\n{}{absent}\n", brackets.0, table.name, brackets.1, table.help)
        .expect("text");
    if table.keys.is_empty() {
        return;
    }
    page.push_str("\n| key | type | default | what |\n|---|---|---|---|\n");
    for key in &table.keys {
        let default = match &key.default {
            None => "–".to_owned(),
            Some(value) => format!("`{value}`").replace('|', "\\|"),
        };
        let help = key.help.replace('|', "\\|");
        writeln!(page, "| `{}` | {} | {default} | {help} |", key.name, key.kind).expect("text");
    }
}

#[test]
fn variables_are_named_as_the_page_says() {
    assert_eq!(variable_for("gateway.ocpp.listen"), "AMPWARDEN__GATEWAY__OCPP__LISTEN");
}

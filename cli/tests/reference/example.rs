//! config/ampwarden.example.toml

use std::fmt::Write;
use std::path::Path;

use ampwarden::AmpwardenConfig;

use super::tables::tables;
use super::{keep, root};

const PATH: &str = "config/ampwarden.example.toml";
const WIDTH: usize = 110;

const HEAD: &str = "# Ampwarden's configuration, with everything at its default. Rendered from the configuration types by
# `cargo test -p ampwarden --test reference`. Copy what you change; docs/configuration.md explains how to write things.
";

#[test]
fn the_example_is_up_to_date() {
    let mut text = HEAD.to_owned();
    for table in tables() {
        if table.name.is_empty() {
            continue;
        }
        let out = if table.present { "" } else { "# " };
        let brackets = if table.repeated { ("[[", "]]") } else { ("[", "]") };
        text.push('\n');
        comment(&mut text, &table.help);
        writeln!(text, "{out}{}{}{}", brackets.0, table.name, brackets.1).expect("text");
        for key in &table.keys {
            comment(&mut text, &key.help);
            match &key.default {
                Some(value) => writeln!(text, "# {} = {value}", key.name),
                None => writeln!(text, "# {} =", key.name),
            }
            .expect("text");
        }
    }
    keep(PATH, &text);
}

fn comment(text: &mut String, help: &str) {
    let mut line = String::new();
    for word in help.split(' ').filter(|word| !word.is_empty()) {
        if line.chars().count() + word.chars().count() + 4 > WIDTH {
            writeln!(text, "##{line}").expect("text");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.is_empty() {
        writeln!(text, "##{line}").expect("text");
    }
}

#[test]
fn the_example_says_the_defaults() {
    let text = std::fs::read_to_string(root().join(PATH)).expect("the example");
    let parse = |text: &str| -> AmpwardenConfig {
        service::config::from_text(Some((Path::new(PATH), text)), []).expect("the example is right")
    };
    assert_eq!(parse(&text), AmpwardenConfig::default());

    // With its defaults uncommented it says the same. (What is optional has no default.)
    let mut uncommented = String::new();
    let mut in_optional = false;
    for line in text.lines() {
        let setting = line.strip_prefix("# ").filter(|line| !line.starts_with('#'));
        match setting {
            Some(line) if line.starts_with('[') => in_optional = true,
            None if line.starts_with('[') => in_optional = false,
            _ => {}
        }
        match setting {
            Some(setting) if in_optional || setting.ends_with('=') => {}
            Some(setting) if setting.contains(" = ") => uncommented += &format!("{setting}\n"),
            _ => uncommented += &format!("{line}\n"),
        }
    }
    assert_eq!(parse(&uncommented), AmpwardenConfig::default(), "{uncommented}");
}

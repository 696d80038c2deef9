//! docs/cli.md

use std::fmt::Write;

use ampwarden::Cli;
use clap::{Command, CommandFactory};

use super::keep;

const HEAD: &str = "# Command line

<!-- Rendered from the commands by `cargo test -p ampwarden --test reference`. Do not edit. -->

";

#[test]
fn cli_md_is_up_to_date() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut page = HEAD.to_owned();
    render(&mut command, "ampwarden", &mut page);
    keep("docs/cli.md", &page);
}

#[test]
fn every_command_has_examples() {
    let mut command = Cli::command();
    command.build();
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.contains("Examples:\n  "), "{} has no examples", command.get_name());
    }
}

fn render(command: &mut Command, path: &str, page: &mut String) {
    // Without colours; the environment's own values stay out of the page.
    let help =
        command.clone().mut_args(|argument| argument.hide_env_values(true)).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(page, "## `{path}`\n\n```text\n{}\n```\n\n", help.join("\n").trim()).expect("text");
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        render(inner, &path, page);
    }
}

//! The binary itself: what it says when something is wrong, and how it ends.

mod common;

use std::net::TcpListener;

use common::{Server, ampwarden, run, text};

#[test]
fn a_misspelt_key_is_named_by_every_server() {
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), "[exporter]\ninterval = \"5s\"\nintervall = \"5s\"\n").expect("write");
    let path = file.path().display().to_string();
    let output = run(&["exporter", "--config", &path], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        format!("ampwarden: {path}:3: [exporter] has no key \"intervall\"; did you mean \"interval\"?\n")
    );
}

#[test]
fn a_taken_port_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("free");
    let address = taken.local_addr().expect("address").to_string();
    let output = run(&["exporter"], &[("AMPWARDEN__EXPORTER__ADMIN__LISTEN", &address)]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "{address} (exporter.admin.listen) is taken by another process; set exporter.admin.listen or \
         AMPWARDEN__EXPORTER__ADMIN__LISTEN"
    );
    assert!(text(&output.stderr).contains(&expected), "{}", text(&output.stderr));
}

#[test]
fn a_server_ends_well_when_asked_to() {
    let mut server = Server::start(
        ampwarden()
            .arg("exporter")
            .env("AMPWARDEN__EXPORTER__ADMIN__LISTEN", "127.0.0.1:0")
            .env("AMPWARDEN__STORE__PG__PORT", "1"),
    );
    server.after("metrics and probes on");
    let (status, said) = server.stop();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("SIGTERM: finishing what is under way"), "{said}");
}

#[test]
fn tokens_are_printed_with_the_hash_that_the_configuration_wants() {
    let output = run(&["token", "new", "ops", "--scope", "read", "--scope", "write"], &[]);
    assert!(output.status.success());
    let token = text(&output.stdout).trim().to_owned();
    let entry = text(&output.stderr);
    let entry = entry.split_once("[[api.tokens]]").expect("an entry").1;
    assert_eq!(
        entry.trim(),
        format!(
            "name = \"ops\"\nscopes = [\"read\", \"write\"]\nhash = \"{}\"",
            service::auth::hash_of(&token)
        )
    );

    let key = text(&run(&["token", "key"], &[]).stdout).trim().to_owned();
    assert!(key.len() >= 32, "{key}");
}

#[test]
fn check_config_ends_with_an_error_when_servers_would_not_start() {
    let output = run(&["check", "config", "--offline"], &[]);
    assert_eq!(output.status.code(), Some(1), "no key is set");
    assert!(text(&output.stdout).contains("error:   secrets.key is not set"), "{}", text(&output.stdout));
    let key = "0123456789abcdef0123456789abcdef";
    let output = run(&["check", "config", "--offline"], &[("AMPWARDEN__SECRETS__KEY", key)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains(key));
}

#[test]
fn an_api_that_does_not_answer_is_named_with_its_setting() {
    let free = TcpListener::bind("127.0.0.1:0").expect("free").local_addr().expect("address");
    let output = run(&["tariffs", "list"], &[("AMPWARDEN_API", &format!("http://{free}"))]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let expected = format!("the gateway's API at http://{free} does not answer (set --api or AMPWARDEN_API)");
    assert!(said.contains(&expected), "{said}");
}

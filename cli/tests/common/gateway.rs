//! A running gateway for commands. Its store is down: what the journal takes does not wait for it.

use super::{Server, ampwarden, run, text};

/// A gateway with an API token, in a folder of its own.
pub(crate) struct Gateway {
    pub(crate) server: Server,
    pub(crate) api: String,
    pub(crate) admin: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let token = service::auth::new_token();
        let tokens = format!(
            "[{{ name = \"ops\", scopes = [\"read\", \"write\", \"ingest\"], hash = \"{}\" }}, {{ name = \"looker\", scopes = [\"read\"], hash = \"{}\" }}]",
            service::auth::hash_of(&token),
            service::auth::hash_of("look")
        );
        let any = "127.0.0.1:0";
        let mut server = Server::start(
            ampwarden()
                .arg("gateway")
                .env("AMPWARDEN__SECRETS__KEY", "0123456789abcdef0123456789abcdef")
                .env("AMPWARDEN__API__TOKENS", tokens)
                .env("AMPWARDEN__STORE__HTTP", "http://127.0.0.1:1")
                .env("AMPWARDEN__STORE__PG__PORT", "1")
                .env("AMPWARDEN__GATEWAY__ADMIN__LISTEN", any)
                .env("AMPWARDEN__GATEWAY__API_LISTEN", any)
                .env("AMPWARDEN__GATEWAY__OCPP__LISTEN", any)
                .env("AMPWARDEN__GATEWAY__MQTT__LISTEN", any)
                .env("AMPWARDEN__GATEWAY__JOURNAL__FOLDER", folder.path()),
        );
        let api = server.after("HTTP API on ");
        let admin = server.after("metrics and probes on ");
        server.after("the gateway is ready");
        Self { server, api, admin, token, _folder: folder }
    }

    /// Runs a command with its token; gives what it printed, or its error.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        self.ask_as(&self.token, arguments)
    }

    pub(crate) fn ask_as(&self, token: &str, arguments: &[&str]) -> Result<String, String> {
        let output = run(arguments, &[("AMPWARDEN_API", self.api.as_str()), ("AMPWARDEN_API_TOKEN", token)]);
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stdout) + &text(&output.stderr))
        }
    }
}

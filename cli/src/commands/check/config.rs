//! `ampwarden check config`: what is wrong, a summary of what holds, and what is not safe.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use service::auth::ApiTokens;

use super::{Finding, store};
use crate::AmpwardenConfig;

/// Say what is wrong with the configuration, what holds, and what is not safe.
///
/// Ends with status 1 if the servers would not start with it. Where QuestDB answers, its parameters and tables are
/// looked at, too.
#[derive(Args, Debug)]
pub(crate) struct Config {
    /// Leave QuestDB out.
    #[arg(long)]
    offline: bool,
}

impl Config {
    pub(crate) fn run(self, path: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = match AmpwardenConfig::load(path) {
            Ok(config) => config,
            Err(error) => {
                println!("{error}");
                return Ok(ExitCode::FAILURE);
            }
        };
        print!("{}", summary(path, &config));
        let mut findings = findings(&config);
        findings.extend(path.and_then(readable_secrets));
        if !self.offline {
            findings.extend(crate::commands::process::runtime()?.block_on(store::findings(&config.store)));
        }
        for finding in &findings {
            match finding {
                Finding::Error(text) => println!("error:   {text}"),
                Finding::Warning(text) => println!("warning: {text}"),
            }
        }
        let errors = findings.iter().filter(|finding| matches!(finding, Finding::Error(_))).count();
        println!("{errors} errors, {} warnings", findings.len() - errors);
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The most important settings, one a line.
fn summary(path: Option<&Path>, config: &AmpwardenConfig) -> String {
    let from = path.map_or("none (defaults)".to_owned(), |path| path.display().to_string());
    let scopes = |scopes: &[service::auth::Scope]| {
        scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
    };
    let tokens: Vec<String> =
        config.api.tokens.iter().map(|token| format!("{} ({})", token.name, scopes(&token.scopes))).collect();
    let lines = [
        ("file", from),
        (
            "store",
            format!("{}, PG wire {}:{}", config.store.http, config.store.pg.host, config.store.pg.port),
        ),
        (
            "gateway",
            format!(
                "{}: OCPP on {}{}, API on {}, metrics and probes on {}",
                config.gateway.name,
                config.gateway.ocpp.listen,
                config
                    .gateway
                    .ocpp
                    .tls
                    .as_ref()
                    .map_or(String::new(), |_| format!(" and {} (TLS)", config.gateway.ocpp.tls_listen)),
                config.gateway.api_listen,
                config.gateway.admin.listen
            ),
        ),
        ("exporter", format!("metrics and probes on {}", config.exporter.admin.listen)),
        (
            "anomaly",
            format!(
                "gRPC on {}, metrics and probes on {}, models in {}",
                config.anomaly.grpc.listen,
                config.anomaly.admin.listen,
                config.anomaly.training.folder.display()
            ),
        ),
        ("log", format!("{}, {:?}", config.log.level, config.log.format).to_lowercase()),
        ("traces", if config.otlp.endpoint.is_empty() { "off".into() } else { config.otlp.endpoint.clone() }),
        ("API tokens", if tokens.is_empty() { "none".into() } else { tokens.join("; ") }),
        (
            "anonymous",
            if config.api.anonymous.is_empty() { "nothing".into() } else { scopes(&config.api.anonymous) },
        ),
    ];
    lines.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}

/// What needs no server to be seen.
fn findings(config: &AmpwardenConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = config.secrets.key_bytes() {
        findings.push(Finding::Error(error.to_string()));
    }
    if let Err(error) = ApiTokens::new(&config.api) {
        findings.push(Finding::Error(error.to_string()));
    }
    if let Err(error) = config.exporter.check() {
        findings.push(Finding::Error(error.to_string()));
    }
    if let Err(error) = config.anomaly.check() {
        findings.push(Finding::Error(error.to_string()));
    }
    if config.api.tokens.is_empty() && config.api.anonymous.is_empty() {
        findings.push(Finding::Warning(
            "api.tokens is empty: nobody can use the gateway's API (`ampwarden token new NAME --scope read` makes one)".into(),
        ));
    }
    if !config.api.anonymous.is_empty() {
        findings.push(Finding::Warning(
            "api.anonymous lets everybody who reaches the gateway's API in without a token".into(),
        ));
    }
    for (setting, address) in admin_addresses(config) {
        if !is_loopback(address) {
            findings.push(Finding::Warning(format!(
                "{setting} = \"{address}\" is reached from other machines, and has no access control: keep it within \
                 a network that you trust"
            )));
        }
    }
    if config.gateway.ocpp.tls.is_none() && !is_loopback(&config.gateway.ocpp.listen) {
        findings.push(Finding::Warning(format!(
            "gateway.ocpp.listen = \"{}\" takes stations from other machines without TLS: set gateway.ocpp.tls, or let a \
             proxy do it",
            config.gateway.ocpp.listen
        )));
    }
    if config.store.pg.password.expose() == "quest" {
        findings.push(Finding::Warning(
            "store.pg.password is QuestDB's default: change it there and here".into(),
        ));
    }
    if config.store.http.starts_with("http://") && !config.store.http_password.is_empty() {
        let host = config.store.http.trim_start_matches("http://");
        if !is_loopback(host) {
            findings.push(Finding::Warning(format!(
                "store.http_password goes to {host} in clear: use https:// or a network that you trust"
            )));
        }
    }
    findings
}

/// The ports without access control.
fn admin_addresses(config: &AmpwardenConfig) -> Vec<(&'static str, &str)> {
    vec![
        ("gateway.admin.listen", config.gateway.admin.listen.as_str()),
        ("exporter.admin.listen", config.exporter.admin.listen.as_str()),
        ("anomaly.admin.listen", config.anomaly.admin.listen.as_str()),
    ]
}

/// Whether an address ("host:port") is reached from this machine alone.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Secrets in a file that others can read.
fn readable_secrets(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let text = std::fs::read_to_string(path).ok()?;
    let inline = text.lines().map(str::trim).any(|line| {
        line.split_once('=').is_some_and(|(key, value)| {
            let key = key.trim();
            (key == "key" || key.ends_with("password"))
                && value.trim_start().starts_with('"')
                && !value.contains(".pem")
        })
    });
    (inline && mode & 0o077 != 0).then(|| {
        Finding::Warning(format!(
            "{} holds secrets and others may read it (mode {mode:o}): chmod 600, or move them into files of their own \
             with {{ file = \"…\" }}",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use service::auth::Scope;
    use service::config::SecretString;

    use super::*;

    fn texts(config: &AmpwardenConfig) -> Vec<String> {
        findings(config)
            .into_iter()
            .map(|finding| match finding {
                Finding::Error(text) => format!("error: {text}"),
                Finding::Warning(text) => format!("warning: {text}"),
            })
            .collect()
    }

    #[test]
    fn what_is_not_safe_is_said() {
        let mut config = AmpwardenConfig::default();
        let found = texts(&config);
        assert!(found.iter().any(|text| text.starts_with("error: secrets.key is not set")), "{found:?}");
        assert!(found.iter().any(|text| text.starts_with("warning: api.tokens is empty")), "{found:?}");

        config.secrets.key = SecretString::new("x".repeat(40));
        config.api.anonymous = vec![Scope::Read];
        config.exporter.admin.listen = "0.0.0.0:9465".into();
        config.gateway.ocpp.listen = "127.0.0.1:8887".into();
        config.store.pg.password = SecretString::new("another");
        config.store.http = "http://questdb:9000".into();
        config.store.http_password = SecretString::new("hush");
        assert_eq!(
            texts(&config),
            [
                "warning: api.anonymous lets everybody who reaches the gateway's API in without a token",
                "warning: exporter.admin.listen = \"0.0.0.0:9465\" is reached from other machines, and has no access \
                 control: keep it within a network that you trust",
                "warning: store.http_password goes to questdb:9000 in clear: use https:// or a network that you trust",
            ]
        );
    }

    #[test]
    fn loopback_addresses_are_known() {
        for (address, loopback) in [
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("localhost:80", true),
            ("0.0.0.0:80", false),
            ("questdb", false),
        ] {
            assert_eq!(is_loopback(address), loopback, "{address}");
        }
    }
}

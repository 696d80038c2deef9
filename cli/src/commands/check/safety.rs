//! What is wrong or not safe, as far as it can be seen without a server.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use service::auth::ApiTokens;
use service::config::Shape;
use service::tls::{TlsConfig, server_config};

use super::Finding;
use crate::AmpwardenConfig;

/// What needs no server to be seen.
pub(super) fn findings(path: Option<&Path>, config: &AmpwardenConfig) -> Vec<Finding> {
    let mut findings: Vec<Finding> = errors(config).into_iter().map(Finding::Error).collect();
    findings
        .extend(warnings(config).into_iter().chain(path.and_then(readable_secrets)).map(Finding::Warning));
    findings
}

/// With what the servers would not start: the same checks that they make themselves.
fn errors(config: &AmpwardenConfig) -> Vec<String> {
    let (gateway, anomaly) = (&config.gateway, &config.anomaly);
    let tls = |setting: &str, tls: Option<&TlsConfig>| {
        tls.and_then(|tls| server_config(tls).err()).map(|error| format!("{setting}: {error}"))
    };
    [
        config.secrets.key_bytes().err().map(|error| error.to_string()),
        ApiTokens::new(&config.api).err().map(|error| error.to_string()),
        config.log.check().err().map(|error| error.to_string()),
        config.otlp.check().err().map(|error| error.to_string()),
        gateway.ocpp.check().err().map(|error| error.to_string()),
        gateway.mqtt.check().err().map(|error| error.to_string()),
        config.exporter.check().err().map(|error| error.to_string()),
        anomaly.check().err().map(|error| error.to_string()),
        tls("gateway.ocpp.tls", gateway.ocpp.tls.as_ref()),
        tls("gateway.mqtt.tls", gateway.mqtt.tls.as_ref()),
        tls("anomaly.grpc.tls", anomaly.grpc.tls.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What works, but is not safe, or does nothing.
fn warnings(config: &AmpwardenConfig) -> Vec<String> {
    let (gateway, store) = (&config.gateway, &config.store);
    let mut warnings = Vec::new();
    let mut warn = |wrong: bool, text: &dyn Fn() -> String| {
        if wrong {
            warnings.push(text());
        }
    };
    let nobody = config.api.tokens.is_empty() && config.api.anonymous.is_empty();
    warn(nobody, &|| {
        "api.tokens is empty: nobody can use the gateway's API (`ampwarden token new NAME --scope read` makes one)".into()
    });
    warn(!config.api.anonymous.is_empty(), &|| {
        "api.anonymous lets everybody who reaches the gateway's API in without a token".into()
    });
    for (setting, address) in [
        ("gateway.admin.listen", &gateway.admin.listen),
        ("exporter.admin.listen", &config.exporter.admin.listen),
        ("anomaly.admin.listen", &config.anomaly.admin.listen),
    ] {
        warn(!is_loopback(address), &|| {
            format!(
                "{setting} = \"{address}\" is reached from other machines, and has no access control: keep it within a \
                 network that you trust"
            )
        });
    }
    for (table, tls, address) in [
        ("gateway.ocpp", &gateway.ocpp.tls, &gateway.ocpp.listen),
        ("gateway.mqtt", &gateway.mqtt.tls, &gateway.mqtt.listen),
    ] {
        warn(tls.is_none() && !address.is_empty() && !is_loopback(address), &|| {
            format!(
                "{table}.listen = \"{address}\" takes stations from other machines without TLS: set {table}.tls, or let a \
                 proxy do it"
            )
        });
    }
    let unproven = gateway.ocpp.security_profiles.contains(&0);
    warn(unproven && !is_loopback(&gateway.ocpp.listen), &|| {
        "gateway.ocpp.security_profiles has 0: whoever reaches gateway.ocpp.listen can speak for any station that has no \
         key"
        .into()
    });
    let mqtt = !gateway.mqtt.listen.is_empty() || gateway.mqtt.tls.is_some();
    warn(mqtt && !gateway.mqtt.anonymous && gateway.mqtt.users.is_empty(), &|| {
        "gateway.mqtt.users is empty: no station can connect by MQTT (gateway.mqtt.listen = \"\" switches it off)".into()
    });
    warn(mqtt && gateway.mqtt.anonymous, &|| {
        "gateway.mqtt.anonymous lets everybody speak for any station".into()
    });
    warn(store.pg.password.expose() == "quest", &|| {
        "store.pg.password is QuestDB's default: change it there and here".into()
    });
    let host = store.http.strip_prefix("http://").unwrap_or_default();
    warn(!host.is_empty() && !store.http_password.is_empty() && !is_loopback(host), &|| {
        format!("store.http_password goes to {host} in clear: use https:// or a network that you trust")
    });
    warnings
}

/// Whether an address ("host:port") is reached from this machine alone.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Secrets in a file that others may read.
fn readable_secrets(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let table: toml::Table = toml::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let inline = inline_secrets(&Shape::of::<AmpwardenConfig>(), "", &toml::Value::Table(table));
    (mode & 0o077 != 0 && !inline.is_empty()).then(|| {
        format!(
            "{} holds {} and others may read it (mode {mode:o}): chmod 600, or write {{ file = \"…\" }} instead",
            path.display(),
            inline.join(", ")
        )
    })
}

/// The secrets that are written in place.
fn inline_secrets(shape: &Shape, name: &str, value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) if !text.is_empty() && shape.is_secret() => vec![name.to_owned()],
        toml::Value::Table(table) => {
            let inner = table.iter().filter_map(|(key, value)| Some((key, shape.key(key)?, value)));
            let dot = if name.is_empty() { "" } else { "." };
            inner
                .flat_map(|(key, shape, value)| inline_secrets(&shape, &format!("{name}{dot}{key}"), value))
                .collect()
        }
        toml::Value::Array(items) => {
            let Some(shape) = shape.items() else { return Vec::new() };
            items.iter().flat_map(|item| inline_secrets(&shape, name, item)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use service::auth::Scope;
    use service::config::SecretString;

    use super::*;

    fn safe() -> AmpwardenConfig {
        let mut config = AmpwardenConfig::default();
        config.secrets.key = SecretString::new("x".repeat(40));
        config.store.pg.password = SecretString::new("another");
        config.gateway.ocpp.listen = "127.0.0.1:8887".into();
        config.gateway.mqtt.listen = String::new();
        config.api.tokens =
            vec![service::auth::ApiToken { name: "ops".into(), scopes: vec![], hash: "0".repeat(64) }];
        config
    }

    #[test]
    fn what_is_safe_gives_no_warning() {
        assert_eq!(findings(None, &safe()), []);
    }

    #[test]
    fn what_is_not_safe_is_said() {
        for (change, expected) in [
            (
                (|config| config.api.anonymous = vec![Scope::Read]) as fn(&mut AmpwardenConfig),
                "api.anonymous lets everybody who reaches the gateway's API in without a token",
            ),
            (
                |config| config.exporter.admin.listen = "0.0.0.0:9465".into(),
                "exporter.admin.listen = \"0.0.0.0:9465\" is reached from other machines, and has no access control: keep \
                 it within a network that you trust",
            ),
            (
                |config| config.gateway.ocpp.listen = "0.0.0.0:8887".into(),
                "gateway.ocpp.listen = \"0.0.0.0:8887\" takes stations from other machines without TLS: set \
                 gateway.ocpp.tls, or let a proxy do it",
            ),
            (
                |config| config.gateway.mqtt.listen = "127.0.0.1:1883".into(),
                "gateway.mqtt.users is empty: no station can connect by MQTT (gateway.mqtt.listen = \"\" switches it off)",
            ),
            (
                |config| config.store.pg.password = SecretString::new("quest"),
                "store.pg.password is QuestDB's default: change it there and here",
            ),
            (
                |config| {
                    config.store.http = "http://questdb:9000".into();
                    config.store.http_password = SecretString::new("hush");
                },
                "store.http_password goes to questdb:9000 in clear: use https:// or a network that you trust",
            ),
        ] {
            let mut config = safe();
            change(&mut config);
            assert_eq!(findings(None, &config), [Finding::Warning(expected.to_owned())]);
        }
    }

    #[test]
    fn with_what_servers_would_not_start_is_an_error() {
        for (change, expected) in [
            (
                (|config| config.secrets.key = SecretString::default()) as fn(&mut AmpwardenConfig),
                "secrets.key is not set",
            ),
            (|config| config.api.tokens[0].hash = "x".into(), "api.tokens: the hash of \"ops\" must be"),
            (|config| config.log.level = "loud".into(), "log.level: \"loud\" is no level"),
            (
                |config| config.otlp.endpoint = "collector:4317".into(),
                "otlp.endpoint: \"collector:4317\" must begin",
            ),
            (|config| config.exporter.shard = 1, "exporter.shard is 1"),
            (
                |config| {
                    let certificate = "/nowhere.pem".into();
                    config.gateway.ocpp.tls = Some(TlsConfig { certificate, ..TlsConfig::default() });
                },
                "gateway.ocpp.tls: /nowhere.pem (certificate) cannot be read as PEM",
            ),
        ] {
            let mut config = safe();
            change(&mut config);
            match findings(None, &config).as_slice() {
                [Finding::Error(text)] => assert!(text.starts_with(expected), "{text}"),
                found => panic!("{expected}: {found:?}"),
            }
        }
    }

    #[test]
    fn secrets_that_others_may_read_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "[secrets]\nkey = \"x\"\n[store.pg]\npassword = { file = \"y\" }\n")
            .expect("write");
        let mode =
            |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
        mode(0o644);
        let text = readable_secrets(&path).expect("a warning");
        assert!(text.contains(" holds secrets.key and others may read it (mode 644)"), "{text}");
        mode(0o600);
        assert_eq!(readable_secrets(&path), None);
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

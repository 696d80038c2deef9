//! What holds, on one page.

use std::path::Path;

use service::auth::Scope;
use service::tls::TlsConfig;

use crate::AmpwardenConfig;

/// The most important settings, one a line.
pub(super) fn page(path: Option<&Path>, config: &AmpwardenConfig) -> String {
    let (gateway, anomaly) = (&config.gateway, &config.anomaly);
    let tokens: Vec<String> =
        config.api.tokens.iter().map(|token| format!("{} ({})", token.name, scopes(&token.scopes))).collect();
    let lines = [
        ("file", path.map_or("none (defaults)".to_owned(), |path| path.display().to_string())),
        (
            "store",
            format!("{}, PG wire {}:{}", config.store.http, config.store.pg.host, config.store.pg.port),
        ),
        ("gateway", format!("called {:?}, journal in {}", gateway.name, gateway.journal.folder.display())),
        ("  OCPP", ports(&gateway.ocpp.listen, gateway.ocpp.tls.as_ref(), &gateway.ocpp.tls_listen)),
        ("  MQTT", ports(&gateway.mqtt.listen, gateway.mqtt.tls.as_ref(), &gateway.mqtt.tls_listen)),
        (
            "  broker",
            gateway.mqtt.broker.as_ref().map_or("none".to_owned(), |b| format!("{}:{}", b.host, b.port)),
        ),
        ("  API", gateway.api_listen.clone()),
        ("  admin", gateway.admin.listen.clone()),
        ("exporter", String::new()),
        ("  admin", config.exporter.admin.listen.clone()),
        ("anomaly", format!("models in {}", anomaly.training.folder.display())),
        (
            "  gRPC",
            format!("{}{}", anomaly.grpc.listen, if anomaly.grpc.tls.is_some() { " (TLS)" } else { "" }),
        ),
        ("  admin", anomaly.admin.listen.clone()),
        ("log", format!("{}, {:?}", config.log.level, config.log.format).to_lowercase()),
        (
            "traces",
            if config.otlp.endpoint.is_empty() { "off".to_owned() } else { config.otlp.endpoint.clone() },
        ),
        ("API tokens", if tokens.is_empty() { "none".to_owned() } else { tokens.join("; ") }),
        (
            "  without",
            if config.api.anonymous.is_empty() {
                "nothing".to_owned()
            } else {
                scopes(&config.api.anonymous)
            },
        ),
    ];
    lines.iter().map(|(name, value)| format!("{name:<12} {value}").trim_end().to_owned() + "\n").collect()
}

fn scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

fn ports(plain: &str, tls: Option<&TlsConfig>, tls_listen: &str) -> String {
    let plain = if plain.is_empty() { "none" } else { plain };
    match tls {
        Some(_) => format!("{plain}, with TLS {tls_listen}"),
        None => format!("{plain}, no TLS"),
    }
}

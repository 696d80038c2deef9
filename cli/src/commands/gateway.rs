//! `ampwarden gateway`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use gateway::{Listeners, Shared};
use service::listen::{BindError, bind};
use tokio::net::TcpListener;

use super::process;

/// Run the gateway: stations in; what they say is journaled, acknowledged and written to the store.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden gateway --config ampwarden.toml
  AMPWARDEN__SECRETS__KEY=\"$(cat secret.key)\" ampwarden gateway")]
pub(crate) struct Gateway {}

impl Gateway {
    pub(crate) fn run(self, config: Option<&Path>) -> anyhow::Result<ExitCode> {
        process::run(config, "ampwarden-gateway", |config, shutdown| async move {
            let listeners = listeners(&config.gateway).await?;
            announce(&listeners)?;
            let shared = Shared { store: config.store, api: config.api, secrets: config.secrets };
            gateway::run(config.gateway, shared, listeners, shutdown).await.context("the gateway ended")
        })
    }
}

async fn listeners(config: &gateway::Config) -> Result<Listeners, BindError> {
    let (ocpp, mqtt) = (&config.ocpp, &config.mqtt);
    Ok(Listeners {
        admin: bind(&config.admin.listen, "gateway.admin.listen").await?,
        api: bind(&config.api_listen, "gateway.api_listen").await?,
        ocpp: bind(&ocpp.listen, "gateway.ocpp.listen").await?,
        ocpp_tls: bind_if(ocpp.tls.is_some(), &ocpp.tls_listen, "gateway.ocpp.tls_listen").await?,
        mqtt: bind_if(!mqtt.listen.is_empty(), &mqtt.listen, "gateway.mqtt.listen").await?,
        mqtt_tls: bind_if(mqtt.tls.is_some(), &mqtt.tls_listen, "gateway.mqtt.tls_listen").await?,
    })
}

async fn bind_if(wanted: bool, address: &str, setting: &str) -> Result<Option<TcpListener>, BindError> {
    if wanted { bind(address, setting).await.map(Some) } else { Ok(None) }
}

/// Where the gateway is to be found: with port 0 in the configuration the system chose.
fn announce(listeners: &Listeners) -> std::io::Result<()> {
    for (what, listener) in [
        ("OCPP on ws", Some(&listeners.ocpp)),
        ("OCPP on wss", listeners.ocpp_tls.as_ref()),
        ("MQTT on mqtt", listeners.mqtt.as_ref()),
        ("MQTT on mqtts", listeners.mqtt_tls.as_ref()),
        ("HTTP API on http", Some(&listeners.api)),
        ("metrics and probes on http", Some(&listeners.admin)),
    ] {
        if let Some(listener) = listener {
            tracing::info!("{what}://{}", listener.local_addr()?);
        }
    }
    Ok(())
}

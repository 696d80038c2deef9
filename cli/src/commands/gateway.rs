//! `ampwarden gateway`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use gateway::{Listeners, Shared};
use service::listen::bind;

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
            let listeners = Listeners {
                admin: bind(&config.gateway.admin.listen, "gateway.admin.listen").await?,
                api: bind(&config.gateway.api_listen, "gateway.api_listen").await?,
                ocpp: bind(&config.gateway.ocpp.listen, "gateway.ocpp.listen").await?,
                ocpp_tls: match config.gateway.ocpp.tls {
                    Some(_) => Some(bind(&config.gateway.ocpp.tls_listen, "gateway.ocpp.tls_listen").await?),
                    None => None,
                },
            };
            announce(&listeners)?;
            let shared = Shared { store: config.store, api: config.api, secrets: config.secrets };
            gateway::run(config.gateway, shared, listeners, shutdown).await.context("the gateway ended")
        })
    }
}

/// Where the gateway is to be found: with port 0 in the configuration the system chose.
fn announce(listeners: &Listeners) -> std::io::Result<()> {
    tracing::info!("OCPP on ws://{}", listeners.ocpp.local_addr()?);
    if let Some(listener) = &listeners.ocpp_tls {
        tracing::info!("OCPP on wss://{}", listener.local_addr()?);
    }
    tracing::info!("HTTP API on http://{}", listeners.api.local_addr()?);
    tracing::info!("metrics and probes on http://{}", listeners.admin.local_addr()?);
    Ok(())
}

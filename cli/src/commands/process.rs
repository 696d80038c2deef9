//! What every server command does around its server: configuration, logs, runtime, signals.

use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::AmpwardenConfig;

/// Runs `server` until it ends, and tells it when a signal asks for the end. `name` is what the process calls itself
/// in traces.
pub(super) fn run<F: Future<Output = anyhow::Result<()>>>(
    path: Option<&Path>,
    name: &'static str,
    server: impl FnOnce(AmpwardenConfig, CancellationToken) -> F,
) -> anyhow::Result<ExitCode> {
    let config = AmpwardenConfig::load(path)?;
    runtime()?.block_on(async {
        let logs = service::log::init(&config.log, &config.otlp, name)?;
        let shutdown = service::shutdown::on_signals().context("signals cannot be listened to")?;
        let ended = server(config, shutdown).await;
        if let Err(error) = &ended {
            tracing::error!("{error:#}");
        }
        // Sending the last traces blocks for a moment, and the runtime must go on meanwhile.
        tokio::task::spawn_blocking(move || logs.shutdown()).await?;
        // The error was told by the log already, in the form that the operator chose.
        Ok(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// A runtime of its own for a command.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be started")
}

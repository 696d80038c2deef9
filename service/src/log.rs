//! Logs: text or JSON on standard error, levels that change while the process runs (for all, or for one station), and
//! storms of equal messages summed up. Traces go along to an OpenTelemetry collector where one is set.
//!
//! An event or span belongs to a station when it carries the field `station`, or lies in a span that does. Spans of
//! connections should be `info_span!`s, so that they exist when somebody wants to look closer later.

mod levels;
mod storm;

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SdkTracerProvider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::HumanDuration;
use crate::otlp::{self, OtlpConfig, OtlpError};
use levels::LevelFilter;
use storm::Storm;

pub use levels::LevelError;

/// Logs, on standard error.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug` or `trace`, or by module, such as `info,gateway::ocpp=debug`. Changeable while
    /// running by `PUT /log` on the admin port.
    pub level: String,
    /// `text` for people, `json` (one object a line) for log collectors.
    pub format: Format,
    /// How many equal messages of level info or above are written within `repeat_window`; the rest is summed up in
    /// one line ("… 512 more like this").
    pub repeats: u32,
    /// How long messages count as repetitions of each other.
    pub repeat_window: HumanDuration,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: Format::Text,
            repeats: 10,
            repeat_window: HumanDuration::from_secs(10),
        }
    }
}

impl LogConfig {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// When the level is none.
    pub fn check(&self) -> Result<(), LogError> {
        LevelFilter::new(&self.level)?;
        Ok(())
    }
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For log collectors.
    Json,
}

/// Why logs cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("log.level: {0}")]
    Level(#[from] LevelError),
    /// Traces cannot be sent.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    /// Logs were set up before.
    #[error("logs are set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Changes levels while the process runs.
#[derive(Clone, Debug)]
pub struct LogHandle(LevelFilter);

static HANDLE: OnceLock<LogHandle> = OnceLock::new();

/// The handle of this process's logs, once they are set up.
#[must_use]
pub fn handle() -> Option<&'static LogHandle> {
    HANDLE.get()
}

impl LogHandle {
    /// Sets the general level: "debug", or "info,gateway::ocpp=trace".
    ///
    /// # Errors
    /// When it is no level.
    pub fn set_level(&self, level: &str) -> Result<(), LevelError> {
        self.0.set_general(level)
    }

    /// Sets the level of one station, or (none) takes it back to the general one.
    ///
    /// # Errors
    /// When it is no level, or more than 1,000 stations have one.
    pub fn set_station(&self, station: &str, level: Option<&str>) -> Result<(), LevelError> {
        self.0.set_station(station, level)
    }

    /// The general level as it was set.
    #[must_use]
    pub fn level(&self) -> String {
        self.0.general()
    }

    /// The stations with levels of their own.
    #[must_use]
    pub fn stations(&self) -> Vec<(String, String)> {
        self.0.stations()
    }
}

/// Keeps logs and traces going; [`LogGuard::shutdown`] sends what is left.
#[must_use = "traces end when this is dropped"]
#[derive(Debug)]
pub struct LogGuard {
    tracer: Option<SdkTracerProvider>,
    stop: Option<Sender<()>>,
    sweeper: Option<JoinHandle<()>>,
}

/// Sets up logs and traces of this process, which calls itself `service` ("ampwarden-gateway") in traces. Traces need a
/// tokio runtime to be running.
///
/// # Errors
/// When a setting is wrong, or it was done before.
pub fn init(config: &LogConfig, otlp: &OtlpConfig, service: &'static str) -> Result<LogGuard, LogError> {
    let levels = LevelFilter::new(&config.level)?;
    let storm = Arc::new(Storm::new(config.repeats, config.repeat_window.0));
    let filter = storm::Filtered::new(levels.clone(), Arc::clone(&storm));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let tracer = otlp::provider(otlp, service)?;
    let traces = tracer.as_ref().map(|provider| otlp::layer(provider, otlp)).transpose()?;
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces).try_init()?;
    let _ = HANDLE.set(LogHandle(levels));

    let (stop, stopped) = channel();
    let sweeper = std::thread::Builder::new()
        .name("log-storms".to_owned())
        .spawn(move || {
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                storm.sweep(Instant::now()).iter().for_each(storm::Summary::write);
            }
            storm.drain().iter().for_each(storm::Summary::write);
        })
        .ok();
    Ok(LogGuard { tracer, stop: Some(stop), sweeper })
}

impl LogGuard {
    /// Writes the last summaries and sends the last traces. Blocks for up to 5 s when the collector does not answer.
    pub fn shutdown(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        drop(self.stop.take());
        if let Some(sweeper) = self.sweeper.take() {
            // It ends by itself as soon as its channel is closed; that it panicked is no reason to panic, too.
            let _ = sweeper.join();
        }
        if let Some(tracer) = self.tracer.take()
            && let Err(error) = tracer.shutdown_with_timeout(Duration::from_secs(5))
        {
            tracing::warn!("the last traces could not be sent: {error}");
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.finish();
    }
}

//! Traces to an OpenTelemetry collector, by gRPC.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::config::HumanDuration;

/// Traces.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// gRPC address of an OpenTelemetry collector, such as `http://127.0.0.1:4317`. Empty: no traces.
    pub endpoint: String,
    /// The share of traces that is kept, 0 to 1.
    pub sample_ratio: f64,
    /// Which spans are sent: `info`, or `debug` for every step of a message.
    pub level: String,
    /// How long sending a batch may take.
    pub timeout: HumanDuration,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            sample_ratio: 1.0,
            level: "debug".to_owned(),
            timeout: HumanDuration::from_secs(5),
        }
    }
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The address will not do.
    #[error(
        "otlp.endpoint: \"{0}\" must begin with http:// (gRPC in clear to a collector nearby, such as \
         http://127.0.0.1:4317; let the collector do TLS)"
    )]
    Endpoint(String),
    /// The ratio will not do.
    #[error("otlp.sample_ratio: {0} is not between 0 and 1")]
    Ratio(f64),
    /// The level is none.
    #[error("otlp.level: \"{0}\" is no level: error, warn, info, debug or trace")]
    Level(String),
    /// The exporter cannot be built.
    #[error("otlp.endpoint: traces cannot be sent to {endpoint}: {source}")]
    Exporter {
        /// Where to.
        endpoint: String,
        /// Why not.
        source: opentelemetry_otlp::ExporterBuildError,
    },
}

impl OtlpConfig {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// See [`OtlpError`].
    pub fn check(&self) -> Result<(), OtlpError> {
        if !self.endpoint.is_empty() && !self.endpoint.starts_with("http://") {
            return Err(OtlpError::Endpoint(self.endpoint.clone()));
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(OtlpError::Ratio(self.sample_ratio));
        }
        self.filter_level().map(drop)
    }

    fn filter_level(&self) -> Result<LevelFilter, OtlpError> {
        self.level.parse().map_err(|_| OtlpError::Level(self.level.clone()))
    }
}

/// Sends traces in the background, bounded: what the collector does not take in time is dropped.
pub(crate) fn provider(
    config: &OtlpConfig,
    service: &'static str,
) -> Result<Option<SdkTracerProvider>, OtlpError> {
    config.check()?;
    if config.endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&config.endpoint)
        .with_timeout(Duration::from(config.timeout))
        .build()
        .map_err(|source| OtlpError::Exporter { endpoint: config.endpoint.clone(), source })?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
    Ok(Some(
        SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(Resource::builder().with_service_name(service).build())
            .build(),
    ))
}

/// The layer that turns spans into traces.
pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
    provider: &SdkTracerProvider,
    config: &OtlpConfig,
) -> Result<impl Layer<S>, OtlpError> {
    let level = config.filter_level()?;
    // The sending itself goes through these: tracing them would never end.
    let targets = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry", "opentelemetry_sdk"]
        .into_iter()
        .map(|target| (target, LevelFilter::OFF))
        .collect::<Targets>()
        .with_default(level);
    Ok(tracing_opentelemetry::layer().with_tracer(provider.tracer("ampwarden")).with_filter(targets))
}

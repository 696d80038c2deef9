//! Have a station upload its diagnostics or its security log.

use rust_ocpp::v1_6::messages::get_diagnostics::GetDiagnosticsRequest;
use rust_ocpp::v2_0_1::datatypes::log_parameters_type::LogParametersType;
use rust_ocpp::v2_0_1::enumerations::log_enum_type::LogEnumType;
use rust_ocpp::v2_0_1::messages::get_log::GetLogRequest;
use serde::Deserialize;

use super::request::{Rendering, time};
use super::{CommandError, Kind, Message};
use crate::time::Timestamp;

pub(super) const KIND: Kind = Kind {
    name: "get_log",
    v16: Some("GetDiagnostics; GetLog with `type` security"),
    v2: Some("GetLog"),
    parameters: "`location`: where to upload it; `type`: `diagnostics` (as if not given) or `security`; `from`, `to`, \
                 `retries`, `retry_interval_s`",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    location: String,
    #[serde(default)]
    r#type: Type,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    retries: Option<i32>,
    retry_interval_s: Option<i32>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Type {
    #[default]
    Diagnostics,
    Security,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { location, r#type, from, to, retries, retry_interval_s } = rendering.read()?;
    let location = rendering.text("location", location, 512)?;
    if rendering.is_16() && r#type == Type::Diagnostics {
        let request = GetDiagnosticsRequest {
            location,
            retries,
            retry_interval: retry_interval_s,
            start_time: from.map(time),
            stop_time: to.map(time),
        };
        return rendering.message("GetDiagnostics", &request);
    }
    // The security extension of OCPP 1.6 took this message over from 2.0.
    let request = GetLogRequest {
        log_type: match r#type {
            Type::Diagnostics => LogEnumType::DiagnosticsLog,
            Type::Security => LogEnumType::SecurityLog,
        },
        request_id: rendering.number,
        retries,
        retry_interval: retry_interval_s,
        log: LogParametersType {
            remote_location: location,
            oldest_timestamp: from.map(time),
            latest_timestamp: to.map(time),
        },
    };
    rendering.message("GetLog", &request)
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn diagnostics_and_security_logs() {
        let asked = r#"{"location":"https://x/up","from":"2026-05-01T00:00:00Z"}"#;
        assert_eq!(
            rendered(V16, "get_log", asked),
            ("GetDiagnostics", r#"{"location":"https://x/up","startTime":"2026-05-01T00:00:00Z"}"#.into())
        );
        assert_eq!(
            rendered(V201, "get_log", asked).1,
            r#"{"log":{"oldestTimestamp":"2026-05-01T00:00:00.000Z","remoteLocation":"https://x/up"},"logType":"DiagnosticsLog","requestId":7}"#
        );
        let security = r#"{"location":"https://x/up","type":"security"}"#;
        for version in [V16, V201] {
            assert_eq!(
                rendered(version, "get_log", security),
                (
                    "GetLog",
                    r#"{"log":{"remoteLocation":"https://x/up"},"logType":"SecurityLog","requestId":7}"#
                        .into()
                )
            );
        }
    }
}

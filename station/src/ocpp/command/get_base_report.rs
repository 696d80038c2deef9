//! Have a station report all that it knows of itself.

use rust_ocpp::v2_0_1::messages::get_base_report::GetBaseReportRequest;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "get_base_report",
    v16: None,
    v2: Some("GetBaseReport"),
    parameters: "`report`: FullInventory (as if not given), ConfigurationInventory, SummaryInventory",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    report: Option<String>,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { report } = rendering.read()?;
    if rendering.is_16() {
        return rendering.no_such(": get_configuration without keys asks for all");
    }
    let report_base = rendering.word("report", report.as_deref().unwrap_or("FullInventory"))?;
    rendering.message("GetBaseReport", &GetBaseReportRequest { request_id: rendering.number, report_base })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn only_newer_stations_report() {
        assert_eq!(
            rendered(V201, "get_base_report", "{}"),
            ("GetBaseReport", r#"{"reportBase":"FullInventory","requestId":7}"#.into())
        );
        assert_eq!(
            refused(V16, "get_base_report", "{}"),
            "get_base_report does not exist in ocpp1.6: get_configuration without keys asks for all"
        );
    }
}

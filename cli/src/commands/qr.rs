//! `ampwarden qr`

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use qrcode::QrCode;
use qrcode::render::{svg, unicode};

/// Print the code that opens the board Driver of a connector on a phone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  ampwarden qr CP-7 --grafana https://boards.example.org
  ampwarden qr CP-7 --connector 2 --svg cp-7-2.svg
  ampwarden qr CP-8 --connector 1/1              (OCPP 2: EVSE/connector)

Whoever scans it must be let in by Grafana: by a sign-in, or as a viewer of this one folder.")]
pub(crate) struct Qr {
    /// The station's id.
    station: String,
    /// The connector; EVSE/connector for stations that speak OCPP 2.
    #[arg(long, default_value = "1")]
    connector: String,
    /// Where phones reach Grafana.
    #[arg(long, value_name = "URL", env = "AMPWARDEN_GRAFANA_URL", default_value = "http://localhost:3000")]
    grafana: String,
    /// Write it as an SVG picture to this file, for a printed sign, instead of to the terminal.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Qr {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let url = self.url();
        let code = QrCode::new(&url)
            .with_context(|| format!("{} characters do not fit in one code: shorten --grafana", url.len()))?;
        if let Some(path) = &self.svg {
            let picture = code.render::<svg::Color>().min_dimensions(300, 300).build();
            std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
            println!("{}: {url}", path.display());
        } else {
            // Light modules are drawn: terminals are dark more often than not, and scanners read both.
            println!("{}\n{url}", code.render::<unicode::Dense1x2>().build());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn url(&self) -> String {
        let grafana = self.grafana.trim_end_matches('/');
        let (station, connector) = (encoded(&self.station), encoded(&self.connector));
        format!("{grafana}/d/ampwarden-driver?var-station={station}&var-connector={connector}&kiosk")
    }
}

/// Percent-encodes what may not stand in a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_the_connector_on_the_board() {
        let qr = Qr {
            station: "CP 7&x".to_owned(),
            connector: "1/2".to_owned(),
            grafana: "https://boards.example.org/".to_owned(),
            svg: None,
        };
        let expected =
            "https://boards.example.org/d/ampwarden-driver?var-station=CP%207%26x&var-connector=1%2F2&kiosk";
        assert_eq!(qr.url(), expected);
    }
}

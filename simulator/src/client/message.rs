//! Messages that wait for their acknowledgement, and what the ledger says of them.

use chrono::{SecondsFormat, Utc};
use station::event::ConnectorStatus;

use crate::fleet::Station;
use crate::ledger::{Line, MessageLine, SessionLine};
use crate::life::{Ended, Saying, What};
use crate::wire::{Encoded, Writer};

/// Something to say, under the id that it keeps until it is acknowledged.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) saying: Saying,
    /// Whether it had to wait for a connection.
    pub(crate) offline: bool,
    pub(crate) sent: u32,
    /// Written at the first sending, and the same in every repetition.
    pub(crate) encoded: Option<Encoded>,
}

/// Real time, RFC 3339.
pub(crate) fn now_text() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Message {
    pub(crate) fn action(&self) -> &'static str {
        self.encoded.as_ref().map_or("", |encoded| encoded.action)
    }

    /// Whether it makes sense on another connection, later.
    pub(crate) fn keeps(&self) -> bool {
        !matches!(self.saying.what, What::Heartbeat | What::Authorize { .. })
    }

    /// The ledger's line for its acknowledgement.
    pub(crate) fn line(&self, station: &Station, writer: &Writer) -> MessageLine {
        let timed = !matches!(self.saying.what, What::Heartbeat | What::Data { .. });
        let mut line = MessageLine {
            station: station.id.clone(),
            protocol: station.protocol.label().into(),
            message_id: self.id.clone(),
            action: self.action().into(),
            timestamp: timed.then(|| self.saying.at.to_rfc3339()),
            sent: self.sent,
            acknowledged_at: now_text(),
            ..MessageLine::default()
        };
        let transaction = |session| writer.transaction(session).map(i64::from);
        match &self.saying.what {
            What::Status { connector, status, .. } => {
                line.connector = Some(*connector);
                line.status = Some(status_label(*status));
            }
            What::Authorize { connector, token } => {
                line.connector = Some(*connector);
                line.token = Some(token.clone());
            }
            What::Start { session, connector, token, reading } => {
                line.connector = Some(*connector);
                line.session = Some(session.to_string());
                line.transaction_id = transaction(*session);
                line.token = Some(token.clone());
                line.register_wh = Some(reading.register_wh);
            }
            // Says no reading: only that the vehicle takes no more.
            What::Suspended { session, connector, .. } => {
                line.connector = Some(*connector);
                line.session = Some(session.to_string());
            }
            What::Meter { session, connector, reading } => {
                line.connector = Some(*connector);
                line.session = Some(session.to_string());
                line.transaction_id = transaction(*session);
                line.register_wh = Some(reading.register_wh);
                line.power_w = Some(reading.power_w);
            }
            What::Stop(ended) => {
                line.connector = Some(ended.connector);
                line.session = Some(ended.session.to_string());
                line.transaction_id = transaction(ended.session);
                line.token = Some(ended.token.clone());
                line.register_wh = Some(ended.reading.register_wh);
            }
            What::Fault { connector, code, .. } => {
                line.connector = *connector;
                line.status = Some(code.clone());
            }
            What::Boot | What::Heartbeat | What::Data { .. } | What::Cut { .. } | What::PowerLoss { .. } => {}
        }
        line
    }
}

/// The ledger's line for a session's end.
pub(crate) fn session_line(ended: &Ended, station: &Station, writer: &Writer, acknowledged: bool) -> Line {
    Line::Session(SessionLine {
        station: station.id.clone(),
        protocol: station.protocol.label().into(),
        connector: ended.connector,
        session: ended.session.to_string(),
        transaction_id: writer.transaction(ended.session).map(i64::from),
        token: ended.token.clone(),
        started_at: ended.started_at.to_rfc3339(),
        ended_at: ended.ended_at.to_rfc3339(),
        meter_start_wh: ended.meter_start_wh,
        meter_stop_wh: ended.meter_stop_wh,
        energy_wh: ended.meter_stop_wh - ended.meter_start_wh,
        reason: ended.reason.label().into(),
        samples: ended.samples,
        max_power_w: ended.max_power_w,
        label: ended.label.map(|label| label.name().to_owned()),
        acknowledged_at: acknowledged.then(now_text),
    })
}

fn status_label(status: ConnectorStatus) -> String {
    status.label().to_owned()
}

//! What answers to our own OCPP calls mean for the station.

use std::time::Duration;

use serde_json::Value;

use super::ClientError;
use super::driver::Driver;
use super::message::Message;
use crate::life::What;
use crate::tally::count;

/// Shortest and longest heartbeat interval that a station takes from a gateway.
const HEARTBEAT_S: std::ops::RangeInclusive<u64> = 1..=86_400;

/// What to do with the message that was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is done with.
    Done,
    /// Say it again after a while.
    Again(Duration),
}

/// A CALLRESULT came.
pub(super) fn result(driver: &mut Driver, message: &Message, payload: &Value) -> Result<Then, ClientError> {
    let now = driver.now();
    match &message.saying.what {
        What::Boot => {
            let interval = payload["interval"].as_u64().unwrap_or(0);
            if payload["status"] != "Accepted" {
                let station = driver.station().id.clone();
                tracing::warn!(%station, status = %payload["status"], "the gateway does not accept the station yet");
                return Ok(Then::Again(Duration::from_secs(interval.clamp(1, 600))));
            }
            if HEARTBEAT_S.contains(&interval) {
                driver.heartbeat_every = Duration::from_secs(interval);
            }
        }
        What::Start { session, .. } => {
            if let Some(id) = payload["transactionId"].as_i64().and_then(|id| i32::try_from(id).ok()) {
                driver.writer.learn_transaction(*session, id);
            }
        }
        _ => {}
    }
    driver.acknowledge(message)?;
    if let (What::Start { token, .. } | What::Authorize { token, .. }, Some(status)) =
        (&message.saying.what, token_status(payload))
        && status != "Accepted"
    {
        count(&driver.world.tally.refused_cards);
        driver.tell(true, |life, out| life.refuse(token, now, out))?;
    }
    Ok(Then::Done)
}

/// A CALLERROR came. What the gateway may get over is said again, under the same id.
pub(super) fn error(
    driver: &mut Driver,
    message: &Message,
    code: &str,
    text: &str,
) -> Result<Then, ClientError> {
    match code {
        "InternalError" | "GenericError" if message.keeps() => {
            Ok(Then::Again(Duration::from_secs(1 << message.sent.min(4))))
        }
        "SecurityError" if !matches!(message.saying.what, What::Boot) && message.keeps() => {
            driver.boot_again();
            Ok(Then::Again(Duration::ZERO))
        }
        _ => {
            driver.refuse(message, format!("{code}: {text}"))?;
            Ok(Then::Done)
        }
    }
}

/// What the gateway thinks of the card: OCPP 1.6 idTagInfo, 2.0.1 idTokenInfo.
fn token_status(payload: &Value) -> Option<&str> {
    payload.get("idTagInfo").or_else(|| payload.get("idTokenInfo"))?.get("status")?.as_str()
}

//! Calls from the gateway: starting, stopping, resetting; everything else is not implemented by this kind of station.

use serde_json::{Value, json};
use uuid::Uuid;

use super::ClientError;
use super::driver::Driver;
use crate::fleet::Protocol;

/// The answer to a call, as a whole frame.
pub(super) fn answer(
    driver: &mut Driver,
    id: &str,
    action: &str,
    payload: &Value,
) -> Result<String, ClientError> {
    let result = match (driver.protocol(), action) {
        (Protocol::Ocpp16, "RemoteStartTransaction") => {
            payload["idTag"].as_str().map(|token| start(driver, token)).transpose()?
        }
        (Protocol::Ocpp201, "RequestStartTransaction") => {
            payload["idToken"]["idToken"].as_str().map(|token| start(driver, token)).transpose()?
        }
        (Protocol::Ocpp16, "RemoteStopTransaction") => {
            let session = payload["transactionId"].as_i64().and_then(|id| driver.writer.session_of(id));
            Some(stop(driver, session)?)
        }
        (Protocol::Ocpp201, "RequestStopTransaction") => {
            let session = payload["transactionId"].as_str().and_then(|id| id.parse().ok());
            Some(stop(driver, session)?)
        }
        (Protocol::Ocpp16, "GetConfiguration") => Some(json!({"configurationKey": [], "unknownKey": []})),
        (_, "ClearCache" | "SendLocalList") => Some(json!({"status": "Accepted"})),
        (_, "Reset") => {
            let now = driver.now();
            driver.tell(true, |life, out| life.reset(now, out))?;
            driver.cut_until = Some(now.plus_seconds(5));
            driver.boot_again();
            Some(json!({"status": "Accepted"}))
        }
        _ => None,
    };
    let frame = match result {
        Some(result) => json!([3, id, result]),
        None => json!([4, id, "NotImplemented", format!("this simulated station does not do {action}"), {}]),
    };
    Ok(frame.to_string())
}

fn start(driver: &mut Driver, token: &str) -> Result<Value, ClientError> {
    let now = driver.now();
    let started = driver.tell(true, |life, out| {
        let goes = !life.charges(token) && life.has_room();
        if goes {
            life.tap(token, now, true, out);
        }
        goes
    })?;
    Ok(json!({ "status": if started { "Accepted" } else { "Rejected" } }))
}

fn stop(driver: &mut Driver, session: Option<Uuid>) -> Result<Value, ClientError> {
    let now = driver.now();
    let stopped = match session {
        Some(session) => driver.tell(true, |life, out| life.stop_session(session, now, out))?,
        None => false,
    };
    Ok(json!({ "status": if stopped { "Accepted" } else { "Rejected" } }))
}

//! Messages in a station's own words, and the names that they may have.

use serde_json::Value;

use super::{CommandError, Message};

/// All messages that a central system may send, of all versions: for metric labels.
pub(super) const ACTIONS: &[&str] = &[
    "AFRRSignal",
    "AdjustPeriodicEventStream",
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ChangeTransactionTariff",
    "ClearCache",
    "ClearChargingProfile",
    "ClearDERControl",
    "ClearDisplayMessage",
    "ClearTariffs",
    "ClearVariableMonitoring",
    "CloseReservation",
    "ClosePeriodicEventStream",
    "CostUpdated",
    "CustomerInformation",
    "DataTransfer",
    "DeleteCertificate",
    "ExtendedTriggerMessage",
    "GetBaseReport",
    "GetChargingProfiles",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDERControl",
    "GetDiagnostics",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "GetMonitoringReport",
    "GetPeriodicEventStream",
    "GetReport",
    "GetTariffs",
    "GetTransactionStatus",
    "GetVariables",
    "InstallCertificate",
    "NotifyAllowedEnergyTransfer",
    "NotifyWebPaymentStarted",
    "OpenPeriodicEventStream",
    "PublishFirmware",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "RequestBatterySwap",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SetDERControl",
    "SetDefaultTariff",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SetVariables",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UnpublishFirmware",
    "UpdateDynamicSchedule",
    "UpdateFirmware",
    "UsePriorityCharging",
    "VatNumberValidation",
];

/// The longest action.
const ACTION_MAX: usize = 64;

pub(super) fn render(action: &str, payload: &Value) -> Result<Message, CommandError> {
    let fits = (1..=ACTION_MAX).contains(&action.len()) && action.bytes().all(|b| b.is_ascii_alphanumeric());
    if !fits {
        return Err(CommandError::Parameter(format!(
            "action: {action:?} is no name of a message: up to {ACTION_MAX} letters and digits"
        )));
    }
    if !payload.is_object() {
        return Err(CommandError::Parameter("payload: it must be an object".to_owned()));
    }
    Ok(Message { action: action.to_owned().into(), payload: payload.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Request, action_label, check};

    #[test]
    fn anything_that_is_a_message() {
        let raw = |action: &str, payload| {
            check(&Request::Raw { action: action.to_owned(), payload }, None)
                .map_err(|error| error.to_string())
        };
        assert_eq!(raw("GetReport", json!({"requestId": 1})), Ok(()));
        assert!(raw("Get Report", json!({})).is_err_and(|error| error.contains("is no name")));
        assert!(raw("GetReport", json!([])).is_err_and(|error| error.contains("must be an object")));
        assert_eq!(action_label("GetReport"), "GetReport");
        assert_eq!(action_label("VendorsOwn"), "other");
    }
}

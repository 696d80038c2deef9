//! Every message that a station may send, and what becomes of it: the one table from which decoding, answering, metric
//! labels and `docs/ocpp.md` come.

use super::answer::{Answering, Payload};
use super::catalogue::to_stations;
use super::error::DecodeError;
use super::message::Message;
use super::version::Version;
use super::{v16, v21, v201};

/// What becomes of messages that are kept whole and not interpreted.
pub(super) const KEPT: &str = "`data_transferred` with vendor `OCPP`: kept in the log, not interpreted";

/// One message that a station may send.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it, for the documentation.
    pub becomes: &'static str,
    /// What is answered, for the documentation.
    pub answered: &'static str,
    pub(super) decode: fn(&mut Message<'_>) -> Result<(), DecodeError>,
    pub(super) answer: fn(&Answering<'_>) -> Payload,
}

impl Action {
    /// A message that becomes events.
    pub(super) const fn taken(
        name: &'static str,
        becomes: &'static str,
        answered: &'static str,
        decode: fn(&mut Message<'_>) -> Result<(), DecodeError>,
        answer: fn(&Answering<'_>) -> Payload,
    ) -> Self {
        Self { name, becomes, answered, decode, answer }
    }

    /// The messages of a version.
    pub fn all(version: Version) -> impl Iterator<Item = &'static Self> {
        let (base, newer): (&'static [Self], &'static [Self]) = match version {
            Version::V16 => (v16::ACTIONS, &[]),
            Version::V201 => (v201::ACTIONS, &[]),
            Version::V21 => (v201::ACTIONS, v21::ACTIONS),
        };
        let replaced = |name| newer.iter().any(|action| action.name == name);
        base.iter().filter(move |action| !replaced(action.name)).chain(newer)
    }

    /// The message with this name.
    #[must_use]
    pub fn find(version: Version, name: &str) -> Option<&'static Self> {
        Self::all(version).find(|action| action.name == name)
    }

    /// Whether its answer may be given again to a repeated message: not where it tells the time.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        !matches!(self.name, "BootNotification" | "Heartbeat")
    }
}

/// The tables of `docs/ocpp.md`.
#[must_use]
pub fn documentation() -> String {
    let mut text = String::new();
    let titles = [
        "OCPP 1.6J",
        "OCPP 2.0.1, and 2.1 where nothing else is said below",
        "OCPP 2.1 adds, or answers otherwise",
    ];
    let tables = [v16::ACTIONS, v201::ACTIONS, v21::ACTIONS];
    for ((title, version), actions) in titles.into_iter().zip(Version::ALL).zip(tables) {
        text.push_str(&format!("### {title}\n\n| message | becomes | is answered |\n|---|---|---|\n"));
        for action in actions {
            text.push_str(&format!("| {} | {} | {} |\n", action.name, action.becomes, action.answered));
        }
        let known =
            |name: &&str| version != Version::V21 || !to_stations(Version::V201).any(|known| known == *name);
        let names: Vec<&str> = to_stations(version).filter(known).collect();
        text.push_str(&format!(
            "\nOnly a central system sends {}. From a station they are kept in `rejected` and answered with CALLERROR \
             `NotSupported`.\n\n",
            names.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_holds_the_table() {
        crate::ocpp::testing::page_holds("messages", &documentation());
    }

    /// Whatever the schemas of a version know is a message that stations send, or one that only a central system does.
    #[test]
    fn each_message_of_each_version_has_its_place_once() {
        for (version, schemas) in
            [(Version::V16, SCHEMAS_16), (Version::V201, SCHEMAS_201), (Version::V21, SCHEMAS_21)]
        {
            let mut found: Vec<&str> =
                Action::all(version).map(|action| action.name).chain(to_stations(version)).collect();
            found.sort_unstable();
            let expected: Vec<&str> = schemas.split_ascii_whitespace().collect();
            assert_eq!(found, expected, "{version:?}");
        }
    }

    /// The names of the JSON schemas of requests.
    const SCHEMAS_16: &str = "Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration \
        ClearCache ClearChargingProfile DataTransfer DeleteCertificate DiagnosticsStatusNotification \
        ExtendedTriggerMessage FirmwareStatusNotification GetCompositeSchedule GetConfiguration GetDiagnostics \
        GetInstalledCertificateIds GetLocalListVersion GetLog Heartbeat InstallCertificate LogStatusNotification \
        MeterValues RemoteStartTransaction RemoteStopTransaction ReserveNow Reset SecurityEventNotification \
        SendLocalList SetChargingProfile SignCertificate SignedFirmwareStatusNotification SignedUpdateFirmware \
        StartTransaction StatusNotification StopTransaction TriggerMessage UnlockConnector UpdateFirmware";

    /// The names of the JSON schemas of requests.
    const SCHEMAS_201: &str = "Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ClearCache \
        ClearChargingProfile ClearDisplayMessage ClearVariableMonitoring ClearedChargingLimit CostUpdated \
        CustomerInformation DataTransfer DeleteCertificate FirmwareStatusNotification Get15118EVCertificate \
        GetBaseReport GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDisplayMessages \
        GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport GetReport GetTransactionStatus \
        GetVariables Heartbeat InstallCertificate LogStatusNotification MeterValues NotifyChargingLimit \
        NotifyCustomerInformation NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule \
        NotifyEvent NotifyMonitoringReport NotifyReport PublishFirmware PublishFirmwareStatusNotification \
        ReportChargingProfiles RequestStartTransaction RequestStopTransaction ReservationStatusUpdate ReserveNow \
        Reset SecurityEventNotification SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase \
        SetMonitoringLevel SetNetworkProfile SetVariableMonitoring SetVariables SignCertificate \
        StatusNotification TransactionEvent TriggerMessage UnlockConnector UnpublishFirmware UpdateFirmware";

    /// The names of the JSON schemas of requests.
    const SCHEMAS_21: &str = "AFRRSignal AdjustPeriodicEventStream Authorize BatterySwap BootNotification CancelReservation \
        CertificateSigned ChangeAvailability ChangeTransactionTariff ClearCache ClearChargingProfile \
        ClearDERControl ClearDisplayMessage ClearTariffs ClearVariableMonitoring ClearedChargingLimit \
        ClosePeriodicEventStream CostUpdated CustomerInformation DataTransfer DeleteCertificate \
        FirmwareStatusNotification Get15118EVCertificate GetBaseReport GetCertificateChainStatus \
        GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDERControl GetDisplayMessages \
        GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport GetPeriodicEventStream \
        GetReport GetTariffs GetTransactionStatus GetVariables Heartbeat InstallCertificate LogStatusNotification \
        MeterValues NotifyAllowedEnergyTransfer NotifyChargingLimit NotifyCustomerInformation NotifyDERAlarm \
        NotifyDERStartStop NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent \
        NotifyMonitoringReport NotifyPeriodicEventStream NotifyPriorityCharging NotifyReport NotifySettlement \
        NotifyWebPaymentStarted OpenPeriodicEventStream PublishFirmware PublishFirmwareStatusNotification \
        PullDynamicScheduleUpdate ReportChargingProfiles ReportDERControl RequestBatterySwap \
        RequestStartTransaction RequestStopTransaction ReservationStatusUpdate ReserveNow Reset \
        SecurityEventNotification SendLocalList SetChargingProfile SetDERControl SetDefaultTariff \
        SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile SetVariableMonitoring \
        SetVariables SignCertificate StatusNotification TransactionEvent TriggerMessage UnlockConnector \
        UnpublishFirmware UpdateDynamicSchedule UpdateFirmware UsePriorityCharging VatNumberValidation";
}

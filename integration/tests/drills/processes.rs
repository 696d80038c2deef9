//! Faults of our own processes and of the store.

use std::process::Command;

use crate::stack::Stack;

pub(crate) fn table_suspended(stack: &Stack) {
    stack.store().sql("ALTER TABLE settings SUSPEND WAL");
    stack.fires("StoreTableSuspended", &[]);
    stack.store().sql("ALTER TABLE settings RESUME WAL");
    stack.ends("StoreTableSuspended", &[]);
}

/// Gateway, exporter and anomaly service miss the same store: one page, and none for what follows.
pub(crate) fn store_down(stack: &Stack) {
    stack.store().kill();
    stack.fires("StoreDown", &[("job", "ampwarden-gateway")]);
    let station = {
        // What it says is journaled, and cannot be stored.
        let gateway = stack.gateway();
        crate::station::Station::boot(&gateway, &integration::unique("CP"))
    };
    stack.store().start_again();
    stack.ends("StoreDown", &[("job", "ampwarden-gateway")]);
    for (name, job) in [
        ("StoreDown", "ampwarden-exporter"),
        ("StoreDown", "ampwarden-anomaly"),
        ("EventsNotStored", "ampwarden-gateway"),
        ("DataLate", "ampwarden-gateway"),
        ("ExporterSnapshotOld", "ampwarden-exporter"),
        ("ScrapeFailing", "questdb"),
    ] {
        stack.silent(name, &[("job", job)]);
    }
    stack.retire(station);
}

pub(crate) fn exporter_down(stack: &Stack) {
    let start_again = stack.kill("exporter");
    stack.fires("ExporterDown", &[]);
    start_again();
    stack.ends("ExporterDown", &[]);
}

pub(crate) fn anomaly_down(stack: &Stack) {
    let start_again = stack.kill("anomaly");
    stack.fires("AnomalyServiceDown", &[]);
    start_again();
    stack.ends("AnomalyServiceDown", &[]);
}

/// One page for the gateway, and none for the stations that lost it.
pub(crate) fn gateway_down(stack: &Stack) {
    let station = stack.station("lost");
    stack.gateway().kill();
    stack.fires("GatewayDown", &[]);
    stack.gateway().start_again();
    let id = station.id.clone();
    drop(station);
    let station = crate::station::Station::boot(&stack.gateway(), &id);
    stack.ends("GatewayDown", &[]);
    stack.silent("StationOffline", &[("station", &id)]);
    stack.silent("NothingArrives", &[]);
    stack.retire(station);
}

pub(crate) fn certificate_expiring(stack: &Stack) {
    let (certificate, key) = (stack.file("server.pem"), stack.file("server.key"));
    let restart_with = |days: &str| {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-subj", "/CN=gateway.example", "-days", days]);
        let output = command.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut gateway = stack.gateway();
        gateway.set("AMPWARDEN__GATEWAY__OCPP__TLS__CERTIFICATE", certificate.display());
        gateway.set("AMPWARDEN__GATEWAY__OCPP__TLS__KEY", key.display());
        gateway.set(
            "AMPWARDEN__GATEWAY__OCPP__TLS_LISTEN",
            format!("127.0.0.1:{}", integration::servers::free_port()),
        );
        gateway.stop();
        gateway.start_again();
    };
    restart_with("5");
    stack.fires("CertificateExpiring", &[("endpoint", "ocpp")]);
    restart_with("365");
    stack.ends("CertificateExpiring", &[("endpoint", "ocpp")]);
}

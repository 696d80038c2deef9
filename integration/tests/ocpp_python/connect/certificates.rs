//! The server's certificate changes on disk while stations are connected.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Authority, KEY, Stations, gateway, hex, tls};

const DEADLINE: Duration = Duration::from_secs(60);

const EXPIRY: &str = "ampwarden_certificate_not_after_timestamp_seconds{endpoint=\"ocpp\"}";
const TAKEN: &str = "ampwarden_tls_reloads_total{listener=\"ocpp\",outcome=\"taken\"}";
const FAILED: &str = "ampwarden_tls_reloads_total{listener=\"ocpp\",outcome=\"failed\"}";

#[test]
fn new_connections_see_the_new_certificate_and_old_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (keys, wss) = tls(&authority, &authority.sign_server(2040));
    let mut gateway = gateway(&format!("security_profiles = [1, 2, 3], {keys}"));
    let mut stations = Stations::start();
    let set = json!({ "key": KEY });
    gateway.ask(gateway.token(), ("PUT", "/v1/stations/CP/key"), &[], Some(&set)).unwrap();
    gateway.ask(gateway.token(), ("PUT", "/v1/stations/OLD/key"), &[], Some(&set)).unwrap();
    let ca = authority.file();
    let connect = |stations: &mut Stations, station: &str| -> Value {
        let told =
            json!({ "as": station, "url": wss, "station": station, "ca": ca, "password_hex": hex(KEY) });
        let answer = stations.tell(&told);
        assert_eq!(answer["status"], 101, "{answer}");
        answer["certificate"].clone()
    };
    let wait = |series: &str, enough: &dyn Fn(f64) -> bool| {
        integration::eventually_blocking(DEADLINE, || {
            let value = gateway.metric(series)?;
            if value.is_some_and(enough) { Ok(()) } else { Err(format!("{series} is {value:?}")) }
        });
    };
    let first = connect(&mut stations, "OLD");
    assert_eq!(stations.call("OLD", "boot"), "Accepted");
    wait(EXPIRY, &|value| value == 2_208_988_800.0);

    // Broken: what was in force stays so.
    std::fs::write(folder.path().join("server.key"), "no key").unwrap();
    wait(FAILED, &|value| value >= 1.0);
    assert_eq!(connect(&mut stations, "CP"), first);
    wait(EXPIRY, &|value| value == 2_208_988_800.0);

    authority.sign_server(2041);
    wait(TAKEN, &|value| value == 1.0);
    let second = connect(&mut stations, "CP");
    assert_ne!(second, first, "a new connection sees the new certificate");
    assert_eq!(stations.call("OLD", "heartbeat"), "none", "an old one stays");
    wait(EXPIRY, &|value| value == 2_240_611_200.0);
    assert!(gateway.log().contains("the old ones stay in force"), "{}", gateway.log());
    gateway.stop();
}

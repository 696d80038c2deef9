//! Passwords and certificates, the security profiles, and what those are told who do not get in.

use serde_json::json;

use super::{Authority, KEY, Says, Stations, gateway, hex, tls};

/// 20 bytes, as OCPP 1.6's AuthorizationKey: in hexadecimal digits, and as the bytes that they stand for.
const DIGITS: &str = "0001020304050607FFFFFFFFFFFFFFFFFFFFFF3a";

#[test]
fn every_way_in_and_every_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let stranger = Authority::new(folder.path(), "stranger");
    let (keys, wss) = tls(&authority, &authority.sign_server(2040));
    let mut gateway = gateway(&format!("security_profiles = [1, 2, 3], {keys}"));
    let mut stations = Stations::start();

    // Passwords over ws: profile 1.
    let odd = b"\xff\xfe no: UTF-8 \x80\x00 and a colon";
    let path = folder.path().join("odd-key");
    std::fs::write(&path, odd).unwrap();
    let _ = gateway.command(&["stations", "key", "ODD", "--file", path.to_str().unwrap()]);
    std::fs::write(&path, format!("{DIGITS}\n")).unwrap();
    let _ = gateway.command(&["stations", "key", "HEX", "--file", path.to_str().unwrap()]);
    let made = gateway.command(&["stations", "key", "NEW", "--new"]);
    let made = made.lines().next().unwrap();
    let bytes: Vec<u8> = (0..8).chain([255; 11]).chain([0x3a]).collect();
    for (station, password, status) in [
        ("ODD", Some(&odd[..]), 101),
        ("HEX", Some(DIGITS.as_bytes()), 101),
        ("HEX", Some(DIGITS.to_lowercase().as_bytes()), 101),
        ("HEX", Some(&bytes), 101),
        ("NEW", Some(made.as_bytes()), 101),
        ("ODD", Some(&odd[1..]), 401),
        ("ODD", Some(b""), 401),
        ("ODD", Some(made.as_bytes()), 401),
        ("ODD", None, 401),
        ("NOKEY", Some(made.as_bytes()), 401),
        ("NOKEY", None, 401),
    ] {
        assert_eq!(stations.connect(&gateway, station, password), status, "{station} {password:?}");
    }
    for station in ["ODD", "HEX", "NEW"] {
        assert_eq!(stations.call(station, "boot"), "Accepted", "{station}");
    }
    let told = json!({ "as": "x", "url": gateway.ocpp(), "station": "NEW", "user": "ODD", "password_hex": hex(made) });
    let refused = stations.tell(&told);
    assert_eq!(
        (&refused["status"], &refused["asks"]),
        (&401.into(), &"Basic realm=\"OCPP\"".into()),
        "{refused}"
    );

    // Over wss: passwords (profile 2), certificates (profile 3).
    let ca = authority.file();
    let told = |station: &str| json!({ "as": station, "url": wss, "station": station, "ca": ca });
    let mut with = told("NEW");
    with["password_hex"] = hex(made).into();
    assert_eq!(stations.tell(&with)["status"], 101);
    assert_eq!(stations.tell(&told("NEW"))["status"], 401);
    let says = |common, names, until| Says { common, names, until };
    let shows = |name: &str, by: &Authority, says: &Says<'_>, station: &str| {
        let (certificate, key) = by.sign(name, says);
        let mut told = told(station);
        told["certificate"] = certificate.into();
        told["key"] = key.into();
        told
    };
    for (name, by, says, station, status) in [
        ("common", &authority, says("CERT-1", &[], 2040), "CERT-1", Some(101)),
        ("alternative", &authority, says("Acme", &["cert-2"], 2040), "cert-2", Some(101)),
        ("other", &authority, says("CERT-1", &["cert-2"], 2040), "CERT-3", Some(403)),
        ("expired", &authority, says("CERT-1", &[], 2024), "CERT-1", None),
        ("unknown", &stranger, says("CERT-1", &[], 2040), "CERT-1", None),
    ] {
        let told = shows(name, by, &says, station);
        let answer = stations.tell(&told);
        assert_eq!(answer["status"].as_u64(), status, "{name}: {answer}");
        if status == Some(101) {
            assert_eq!(stations.call(station, "boot"), "Accepted", "{name}");
        }
    }

    // Profiles that are not allowed; keys outlive a restart.
    for (profiles, ws, basic, certificate) in
        [("[2, 3]", 403, Some(101), Some(101)), ("[3]", 403, None, Some(101)), ("[1]", 101, None, None)]
    {
        gateway.stop();
        gateway.set("AMPWARDEN__GATEWAY__OCPP__SECURITY_PROFILES", profiles);
        gateway.start_again();
        assert_eq!(stations.connect(&gateway, "NEW", Some(made.as_bytes())), ws, "{profiles}: ws");
        assert_eq!(stations.tell(&with)["status"].as_u64(), basic, "{profiles}: wss");
        let told = shows("common", &authority, &says("CERT-1", &[], 2040), "CERT-1");
        let answer = stations.tell(&told);
        // Where certificates prove nothing, one is as good as none.
        assert_eq!(
            answer["status"].as_u64().filter(|status| *status == 101),
            certificate,
            "{profiles}: {answer}"
        );
    }
    let refused = |reason: &str| gateway.metric(&format!("ampwarden_refused_total{{reason=\"{reason}\"}}"));
    assert_eq!(refused("security_profile"), Ok(Some(1.0)), "since it was started last");
    let log = gateway.log();
    for secret in [made, DIGITS, &hex(odd), KEY] {
        assert!(!log.contains(secret), "a key is in the log");
    }
}

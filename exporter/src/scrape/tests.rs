use prometheus_client::registry::Registry;

use super::*;
use crate::Config;
use crate::places::{Ended, OpenSession};
use crate::snapshot::{Connector, Gateway, Scores, Site};

const NOW: f64 = 1_700_000_000.0;

fn station(id: &str) -> Station {
    Station {
        station: id.into(),
        site: Some("oslo".into()),
        connection: ConnectionState::Connected,
        row_connected: true,
        last_seen_at: Some(NOW - 4.0),
        state: "charging".into(),
        protocol: Some("ocpp1.6".into()),
        vendor: Some("Volta".into()),
        model: Some("V2".into()),
        firmware: None,
        active_sessions: 1,
        power_w: 7360.5,
        maintenance: false,
    }
}

fn connector(station: &str) -> Connector {
    Connector {
        station: station.into(),
        evse: 1,
        connector: 2,
        status: "charging",
        since: Some(NOW - 60.0),
        error: Some(("HighTemperature".into(), "E7".into())),
    }
}

fn snapshot(stations: Vec<Station>) -> Snapshot {
    Snapshot {
        taken_at: NOW - 2.0,
        connectors: stations.iter().map(|station| connector(&station.station)).collect(),
        stations,
        sites: vec![Site {
            site: "oslo".into(),
            name: Some("Oslo \"Aker\"".into()),
            time_zone: Some("Europe/Oslo".into()),
            currency: Some("NOK".into()),
            grid_limit_w: Some(150_000.0),
            maintenance: false,
        }],
        gateways: vec![Gateway { gateway: "gw-1".into(), life: Life::Alive, heartbeat_at: NOW - 3.0 }],
        scores: vec![Scores { site: Some("oslo".into()), severity: "warning".into(), sessions: 3 }],
        places: Places {
            sessions: vec![OpenSession {
                place: place(),
                site: Some("oslo".into()),
                started_at: NOW - 50.0,
                heard_at: NOW - 5.0,
            }],
            temperatures: [(place(), 41.5)].into(),
            strays: [(place(), 1200.0)].into(),
            ended: vec![Ended { site: Some("oslo".into()), outcome: "failed", sessions: 2 }],
        },
    }
}

fn place() -> Place {
    Place { station: "CP-1".into(), evse: 1, connector: 2 }
}

fn scrape_of(config: &Config, clock: fn() -> f64, seen: impl FnOnce(&mut Seen)) -> String {
    let scrape = Scrape::new(config.limits(), clock);
    scrape.update(seen);
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
    text
}

fn scrape(config: &Config, clock: fn() -> f64, snapshot: Snapshot) -> String {
    scrape_of(config, clock, |seen| {
        seen.snapshot = Some(Arc::new(snapshot));
        seen.store_up = true;
        seen.takes_writes = true;
    })
}

/// The value of a sample, by its name and labels as written.
fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn every_metric_is_as_declared_and_none_is_missing() {
    let text = scrape(&Config::default(), || NOW, snapshot(vec![station("CP-1")]));
    assert_eq!(service::metrics::check_scrape(m::METRICS, &text), Vec::<String>::new());
    for (sample, expected) in [
        (r#"ampwarden_stations{site="oslo",state="charging"}"#, 1.0),
        (r#"ampwarden_stations{site="oslo",state="offline"}"#, 0.0),
        (r#"ampwarden_connectors{site="oslo",status="charging"}"#, 1.0),
        (r#"ampwarden_active_sessions{site="oslo"}"#, 1.0),
        (r#"ampwarden_power_watts{site="oslo"}"#, 7360.5),
        (r#"ampwarden_site_grid_limit_watts{site="oslo"}"#, 150_000.0),
        (r#"ampwarden_scored_sessions{site="oslo",severity="warning"}"#, 3.0),
        (r#"ampwarden_gateway_alive{gateway="gw-1"}"#, 1.0),
        (r#"ampwarden_station_connected{station="CP-1",site="oslo"}"#, 1.0),
        (r#"ampwarden_station_connection_state_known{station="CP-1",site="oslo"}"#, 1.0),
        (r#"ampwarden_station_last_seen_timestamp_seconds{station="CP-1",site="oslo"}"#, NOW - 4.0),
        (r#"ampwarden_station_power_watts{station="CP-1",site="oslo"}"#, 7360.5),
        (
            r#"ampwarden_station_info{station="CP-1",site="oslo",protocol="ocpp1.6",vendor="Volta",model="V2",firmware=""}"#,
            1.0,
        ),
        (
            r#"ampwarden_connector_status{station="CP-1",site="oslo",evse="1",connector="2",status="charging"}"#,
            1.0,
        ),
        (
            r#"ampwarden_site_info{site="oslo",name="Oslo \"Aker\"",time_zone="Europe/Oslo",currency="NOK"}"#,
            1.0,
        ),
        (
            r#"ampwarden_connector_error_info{station="CP-1",site="oslo",evse="1",connector="2",error_code="HighTemperature",vendor_error_code="E7"}"#,
            1.0,
        ),
        (r#"ampwarden_ended_sessions{site="oslo",outcome="failed"}"#, 2.0),
        (
            r#"ampwarden_connector_session_start_timestamp_seconds{station="CP-1",site="oslo",evse="1",connector="2"}"#,
            NOW - 50.0,
        ),
        (
            r#"ampwarden_connector_session_last_heard_timestamp_seconds{station="CP-1",site="oslo",evse="1",connector="2"}"#,
            NOW - 5.0,
        ),
        (
            r#"ampwarden_connector_temperature_celsius{station="CP-1",site="oslo",evse="1",connector="2"}"#,
            41.5,
        ),
        (
            r#"ampwarden_connector_power_without_session_watts{station="CP-1",site="oslo",evse="1",connector="2"}"#,
            1200.0,
        ),
        ("ampwarden_exporter_snapshot_age_seconds", 2.0),
        ("ampwarden_exporter_store_up", 1.0),
        ("ampwarden_series_dropped", 0.0),
    ] {
        assert_eq!(value(&text, sample), Some(expected), "{sample}\n{text}");
    }
}

/// One odd id must not cost all the others their metrics: the scrape stays one sample a line, with quotes in pairs.
#[test]
fn odd_station_ids_do_not_break_the_scrape() {
    let odd = ["a\"b", "a\\b", "two\nlines", "Säule 7 ⚡", "{x=\"y\"} 1", "tab\there", "\\"];
    let mut stations: Vec<Station> = odd.map(station).into();
    stations.push(station("plain"));
    let text = scrape(&Config::default(), || NOW, snapshot(stations));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let plain = line.replace(r"\\", "").replace("\\\"", "");
        assert_eq!(plain.matches('"').count() % 2, 0, "{line}");
        let last = line.rsplit(' ').next().expect("a value");
        assert!(last.parse::<f64>().is_ok(), "{line}");
        assert!(line.starts_with("ampwarden_"), "{line}");
    }
    assert_eq!(text.matches("ampwarden_station_connected{").count(), odd.len() + 1);
    assert!(text.contains(r#"{station="a\"b",site="oslo"}"#), "{text}");
    assert!(text.contains(r#"{station="two\nlines",site="oslo"}"#), "{text}");
    assert!(text.contains(r#"{station="Säule 7 ⚡",site="oslo"}"#), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_old_snapshot_is_no_longer_shown_but_its_age_is() {
    let config = Config::default();
    let text = scrape(&config, || NOW + 100.0, snapshot(vec![station("CP-1")]));
    assert!(text.contains("ampwarden_station_connected{"), "102 s old, 120 s are allowed");
    let text = scrape_of(
        &config,
        || NOW + 200.0,
        |seen| seen.snapshot = Some(Arc::new(snapshot(vec![station("CP-1")]))),
    );
    assert!(!text.contains("ampwarden_station"), "{text}");
    assert_eq!(value(&text, "ampwarden_exporter_snapshot_age_seconds"), Some(202.0));
    assert_eq!(value(&text, "ampwarden_exporter_store_up"), Some(0.0));
}

#[test]
fn before_the_first_read_there_is_an_age_and_nothing_else() {
    let text = scrape_of(&Config::default(), || NOW, |_| {});
    assert_eq!(value(&text, "ampwarden_exporter_snapshot_age_seconds"), Some(0.0));
    assert_eq!(value(&text, "ampwarden_exporter_store_up"), Some(0.0));
    assert!(!text.contains("snapshot_timestamp"));
}

#[test]
fn gone_is_told_apart_from_unknown() {
    let gone = Station { connection: ConnectionState::Disconnected, ..station("gone") };
    let unknown = Station { connection: ConnectionState::Unknown, ..station("unknown") };
    let states = |text: &str, id: &str| {
        ["connected", "connection_state_known"]
            .map(|name| value(text, &format!("ampwarden_station_{name}{{station=\"{id}\",site=\"oslo\"}}")))
    };
    let stations = vec![station("here"), gone, unknown];
    let text = scrape(&Config::default(), || NOW, snapshot(stations.clone()));
    assert_eq!(states(&text, "here"), [Some(1.0), Some(1.0)]);
    assert_eq!(states(&text, "gone"), [Some(0.0), Some(1.0)]);
    assert_eq!(states(&text, "unknown"), [Some(1.0), Some(0.0)]);

    // The store stops answering: what was known last is still shown, and that nothing is known any more.
    let text =
        scrape_of(&Config::default(), || NOW, |seen| seen.snapshot = Some(Arc::new(snapshot(stations))));
    assert_eq!(states(&text, "here"), [Some(1.0), Some(0.0)]);
    assert_eq!(states(&text, "gone"), [Some(0.0), Some(0.0)]);
}

#[test]
fn the_cap_and_the_shards_bound_series_but_not_sums() {
    let stations = || -> Vec<Station> { (0..100).map(|n| station(&format!("CP-{n:03}"))).collect() };
    let config = Config { stations_max: 30, ..Config::default() };
    let text = scrape(&config, || NOW, snapshot(stations()));
    assert_eq!(text.matches("ampwarden_station_connected{").count(), 30);
    assert_eq!(value(&text, "ampwarden_series_dropped"), Some(70.0));
    assert_eq!(value(&text, r#"ampwarden_stations{site="oslo",state="charging"}"#), Some(100.0));

    let mut shown = 0;
    for shard in 0..3 {
        let config = Config { shard, shards: 3, ..Config::default() };
        let text = scrape(&config, || NOW, snapshot(stations()));
        shown += text.matches("ampwarden_station_connected{").count();
        assert_eq!(text.contains("ampwarden_stations{"), shard == 0, "sums come from shard 0 alone");
    }
    assert_eq!(shown, 100);
}

#[test]
fn power_that_was_said_long_ago_is_not_shown() {
    let silent = Station { last_seen_at: Some(NOW - 5000.0), ..station("silent") };
    let text = scrape(&Config::default(), || NOW, snapshot(vec![silent]));
    assert!(!text.contains("ampwarden_station_power_watts{"));
    assert_eq!(value(&text, r#"ampwarden_power_watts{site="oslo"}"#), Some(0.0));
}

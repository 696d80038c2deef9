//! Settings as they are written, and what is in force.

use integration::servers::QuestDb;
use integration::unique;
use serde_json::{Value, json};
use station::fact::{Fact, Key};
use station::setting::{
    Limit, Setting, SettingChange, Site, StationSetting, Tariff, TokenSetting, TokenStatus, ValueSetting,
};
use station::time::Timestamp;

use crate::sample::{EPOCH, assert_row, key, rows, send, time};

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_a_history_and_what_is_in_force() {
    let server = QuestDb::shared().await;
    let name = unique("setting");
    let settings = [
        Setting::Site(Site {
            site: name.clone(),
            name: Some("Depot".into()),
            latitude_deg: Some(52.5),
            longitude_deg: Some(13.4),
            time_zone: Some("Europe/Berlin".into()),
            currency: Some("EUR".into()),
            maintenance: true,
        }),
        Setting::Station(StationSetting {
            station: name.clone(),
            site: Some("site 1".into()),
            name: Some("left".into()),
            latitude_deg: Some(1.0),
            longitude_deg: Some(2.0),
            rated_power_w: Some(22_000.0),
            charger_type: Some("Level 2".into()),
            retired: true,
            ocpp_version: Some(station::ocpp::Version::V201),
            ping_interval_s: Some(0),
            strictness: Some(station::setting::Strictness::Strict),
            ..StationSetting::default()
        }),
        Setting::Tariff(Tariff {
            tariff: name.clone(),
            site: Some("site 1".into()),
            currency: "EUR".into(),
            per_kwh: "0.39".parse().expect("decimal"),
            per_minute: "0.01".parse().expect("decimal"),
            per_session: "1".parse().expect("decimal"),
            per_idle_minute: "0.1".parse().expect("decimal"),
            valid_from: Some(Timestamp(1_800_000_000_000_000)),
        }),
        Setting::Token(TokenSetting {
            token_hash: name.clone(),
            sealed: "SEALED".into(),
            label: Some("card 1".into()),
            group_hash: Some("group".into()),
            status: TokenStatus::Blocked,
            valid_until: Some(Timestamp(1_800_000_000_000_000)),
            ..TokenSetting::default()
        }),
        Setting::Limit(Limit { site: name.clone(), grid_limit_w: 50_000.0 }),
        Setting::Value(ValueSetting { key: name.clone(), value: json!({"on": true}) }),
    ];
    let keys: Vec<Key> = settings.iter().map(|_| key("(gateway)")).collect();
    send(server, |batch| {
        for (key, setting) in keys.iter().zip(&settings) {
            let change = SettingChange { author: "ops".into(), revision: 4, setting: setting.clone() };
            batch.push_fact(1, &Fact::Setting(key.clone(), Box::new(change)));
        }
    });
    let until = "2027-01-15T08:00:00.000000Z";
    let keyed =
        |at: usize| json!({"ts": time(keys[at].ts), "event_id": keys[at].event_id.to_string(), "n": 2});
    let with = |at: usize, more: Value| {
        let mut row = keyed(at);
        row.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        row
    };
    assert_row(
        server,
        "sites",
        &format!("site = '{name}'"),
        json!({"ts": EPOCH, "site": name, "name": "Depot", "latitude_deg": 52.5, "longitude_deg": 13.4,
            "time_zone": "Europe/Berlin", "currency": "EUR", "maintenance": true, "revision": 4,
            "updated_at": time(keys[0].received_at)}),
    )
    .await;
    assert_row(
        server,
        "stations",
        &format!("station = '{name}'"),
        json!({"ts": EPOCH, "station": name, "site": "site 1", "name": "left", "latitude_deg": 1.0,
            "longitude_deg": 2.0, "rated_power_w": 22_000.0, "charger_type": "Level 2", "maintenance": false,
            "retired": true, "revision": 4, "updated_at": time(keys[1].received_at)}),
    )
    .await;
    assert_row(
        server,
        "tariffs",
        &format!("tariff = '{name}'"),
        with(
            2,
            json!({"tariff": name, "site": "site 1", "currency": "EUR", "per_kwh": 0.39, "per_minute": 0.01,
            "per_session": 1.0, "per_idle_minute": 0.1, "valid_from": until, "revision": 4, "author": "ops"}),
        ),
    )
    .await;
    assert_row(
        server,
        "tokens",
        &format!("token_hash = '{name}'"),
        with(
            3,
            json!({"token_hash": name, "label": "card 1", "group_hash": "group", "status": "blocked",
            "valid_until": until, "revision": 4, "author": "ops"}),
        ),
    )
    .await;
    assert_row(
        server,
        "limits",
        &format!("site = '{name}'"),
        with(4, json!({"site": name, "grid_limit_w": 50_000.0, "revision": 4, "author": "ops"})),
    )
    .await;
    let history =
        rows(server, &format!("SELECT * FROM settings WHERE key = '{name}' ORDER BY scope"), 6).await;
    let scopes: Vec<_> = history.iter().map(|row| row["scope"].as_str().expect("scope")).collect();
    assert_eq!(scopes, ["limits", "settings", "sites", "stations", "tariffs", "tokens"]);
    assert!(!format!("{history:?}").contains("SEALED"), "{history:?}");
    let value: Value = serde_json::from_str(history[1]["value"].as_str().expect("value")).expect("JSON");
    assert_eq!(value, json!({"key": name, "value": {"on": true}}));

    // The reader puts a site and its limit together.
    let sites = store::read::Reader::new(&server.config()).sites().await.expect("sites");
    let site = sites.iter().find(|site| site.site == name).expect("site");
    assert_eq!((site.grid_limit_w, site.maintenance), (Some(50_000.0), true));
}

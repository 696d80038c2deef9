//! What operators set: a history for each collection, and for sites and stations also what is in force.

use rust_decimal::prelude::ToPrimitive;
use station::fact::Key;
use station::setting::{Limit, SettingChange, Site, StationSetting, Tariff, TokenSetting, TokenStatus};

use super::current::CONSTANT_TS;
use crate::schema::table;

table! {
    SITES, site: "sites", "places with stations, as they are now.",
    (key: &Key, change: &SettingChange, row: &Site) at CONSTANT_TS,
    symbols {
        site: row.site.as_str(),
        currency: row.currency.as_deref(),
    }
    columns {
        name: text(row.name.as_deref()),
        latitude_deg: double(row.latitude_deg),
        longitude_deg: double(row.longitude_deg),
        time_zone: text(row.time_zone.as_deref()),
        maintenance: bool(row.maintenance),
        revision: long(revision(change)),
        updated_at: time(key.received_at),
    }
}

table! {
    STATIONS, station: "stations", "what operators say of stations, as it is now.",
    (key: &Key, change: &SettingChange, row: &StationSetting) at CONSTANT_TS,
    symbols {
        station: row.station.as_str(),
        site: row.site.as_deref(),
        charger_type: row.charger_type.as_deref(),
    }
    columns {
        name: text(row.name.as_deref()),
        latitude_deg: double(row.latitude_deg),
        longitude_deg: double(row.longitude_deg),
        rated_power_w: double(row.rated_power_w),
        maintenance: bool(row.maintenance),
        retired: bool(row.retired),
        revision: long(revision(change)),
        updated_at: time(key.received_at),
    }
}

table! {
    TARIFFS, tariff: "tariffs", "what charging cost, change by change.",
    (key: &Key, change: &SettingChange, row: &Tariff) at key.ts,
    symbols {
        tariff: row.tariff.as_str(),
        site: row.site.as_deref(),
        currency: row.currency.as_str(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        per_kwh: double(row.per_kwh.to_f64()),
        per_minute: double(row.per_minute.to_f64()),
        per_session: double(row.per_session.to_f64()),
        per_idle_minute: double(row.per_idle_minute.to_f64()),
        valid_from: time(row.valid_from),
        revision: long(revision(change)),
        author: text(change.author.as_str()),
    }
}

table! {
    TOKENS, token: "tokens", "who might charge, change by change. The sealed id stays in the gateway.",
    (key: &Key, change: &SettingChange, row: &TokenSetting) at key.ts,
    symbols {
        token_hash: row.token_hash.as_str(),
        group_hash: row.group_hash.as_deref(),
        status: token_status(row.status),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        label: text(row.label.as_deref()),
        valid_until: time(row.valid_until),
        revision: long(revision(change)),
        author: text(change.author.as_str()),
    }
}

table! {
    LIMITS, limit: "limits", "what sites might draw, change by change.",
    (key: &Key, change: &SettingChange, row: &Limit) at key.ts,
    symbols {
        site: row.site.as_str(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        grid_limit_w: double(row.grid_limit_w),
        revision: long(revision(change)),
        author: text(change.author.as_str()),
    }
}

table! {
    SETTINGS, setting: "settings", "every change of every setting, whole, as JSON.",
    (key: &Key, change: &SettingChange) at key.ts,
    symbols {
        scope: change.setting.collection().label(),
    }
    columns {
        event_id: uuid(key.event_id.0),
        n: int(key.n),
        key: text(change.setting.key()),
        value: text(change.setting.to_json().to_string().as_str()),
        revision: long(revision(change)),
        author: text(change.author.as_str()),
    }
}

fn revision(change: &SettingChange) -> i64 {
    i64::try_from(change.revision).unwrap_or(i64::MAX)
}

fn token_status(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Accepted => "accepted",
        TokenStatus::Blocked => "blocked",
    }
}

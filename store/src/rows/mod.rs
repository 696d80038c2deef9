//! How what the fold finds becomes rows: one file a group of tables, each column named once.

pub(crate) mod current;
pub(crate) mod facts;
pub(crate) mod forecast;
pub(crate) mod own;
pub(crate) mod settings;

pub use forecast::{ForecastRow, HourRow};
pub use own::{GatewayRow, ModelRow, ProfileRow, ScoreRow};

use station::fact::Fact;
use station::setting::Setting;

use crate::ilp::line::{Line, LineError};
use crate::schema::Table;

/// All tables that rows are written to.
pub const TABLES: [&Table; 24] = [
    &settings::SITES,
    &settings::STATIONS,
    &settings::TARIFFS,
    &settings::TOKENS,
    &settings::LIMITS,
    &settings::SETTINGS,
    &facts::STATION_REPORTS,
    &facts::CONNECTIONS,
    &facts::CONNECTOR_STATUS,
    &facts::METER_VALUES,
    &facts::METER_VALUES_OTHER,
    &facts::SESSIONS,
    &facts::EVENTS,
    &facts::REJECTED,
    &current::STATION_NOW,
    &current::CONNECTOR_NOW,
    &current::SESSION_NOW,
    &own::GATEWAYS,
    &own::SESSION_SCORES,
    &own::MODELS,
    &own::PROFILES,
    &facts::COMMANDS,
    &forecast::FORECASTS,
    &forecast::HOURLY_LOAD,
];

/// Writes one row.
type Encode<'e> = &'e dyn Fn(&mut Line<'_>) -> Result<(), LineError>;

/// Gives each row that a fact makes: its table, and what writes it. A setting makes a row in `settings` and one in its
/// collection's own table.
pub(crate) fn of_fact(fact: &Fact, row: &mut dyn FnMut(&'static Table, Encode<'_>)) {
    match fact {
        Fact::StationReport(key, report) => {
            row(&facts::STATION_REPORTS, &|line| facts::station_report(line, key, report));
        }
        Fact::Connection(key, change) => {
            row(&facts::CONNECTIONS, &|line| facts::connection(line, key, change));
        }
        Fact::ConnectorStatus(key, status) => {
            row(&facts::CONNECTOR_STATUS, &|line| facts::connector_status(line, key, status));
        }
        Fact::MeterValue(key, value) => {
            row(&facts::METER_VALUES, &|line| facts::meter_value(line, key, value));
        }
        Fact::MeterValueOther(key, value) => {
            row(&facts::METER_VALUES_OTHER, &|line| facts::meter_value_other(line, key, value));
        }
        Fact::Session(session) => row(&facts::SESSIONS, &|line| facts::session(line, session)),
        Fact::Event(key, entry) => row(&facts::EVENTS, &|line| facts::event(line, key, entry)),
        Fact::Command(key, step) => row(&facts::COMMANDS, &|line| facts::command(line, key, step)),
        Fact::Rejected(key, letter) => row(&facts::REJECTED, &|line| facts::rejected(line, key, letter)),
        Fact::Setting(key, change) => {
            match &change.setting {
                Setting::Tariff(tariff) => {
                    row(&settings::TARIFFS, &|line| settings::tariff(line, key, change, tariff));
                }
                Setting::Token(token) => {
                    row(&settings::TOKENS, &|line| settings::token(line, key, change, token));
                }
                Setting::Site(site) => row(&settings::SITES, &|line| settings::site(line, key, change, site)),
                Setting::Station(station) => {
                    row(&settings::STATIONS, &|line| settings::station(line, key, change, station));
                }
                Setting::Limit(limit) => {
                    row(&settings::LIMITS, &|line| settings::limit(line, key, change, limit));
                }
                Setting::Value(_) => {}
            }
            row(&settings::SETTINGS, &|line| settings::setting(line, key, change));
        }
    }
}

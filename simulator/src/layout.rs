//! The 20-column layout for whole sessions, and the lists of stations and sites.

use serde::{Deserialize, Serialize};

/// One session in the 20-column layout. The fields are in the layout's order.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionRow {
    /// The card.
    #[serde(rename = "User ID")]
    pub user_id: String,
    /// Maker and model.
    #[serde(rename = "Vehicle Model")]
    pub vehicle_model: String,
    /// What the battery holds.
    #[serde(rename = "Battery Capacity (kWh)")]
    pub battery_kwh: f64,
    /// Where.
    #[serde(rename = "Charging Station ID")]
    pub station_id: String,
    /// The site's id.
    #[serde(rename = "Charging Station Location")]
    pub location: String,
    /// RFC 3339, UTC.
    #[serde(rename = "Charging Start Time")]
    pub start: String,
    /// RFC 3339, UTC.
    #[serde(rename = "Charging End Time")]
    pub end: String,
    /// Wh exactly, as kWh.
    #[serde(rename = "Energy Consumed (kWh)")]
    pub energy_kwh: f64,
    /// How long energy flowed.
    #[serde(rename = "Charging Duration (hours)")]
    pub duration_h: f64,
    /// Mean while energy flowed.
    #[serde(rename = "Charging Rate (kW)")]
    pub rate_kw: f64,
    /// Left empty: the tariff in force knows, and the sites have three currencies.
    #[serde(rename = "Charging Cost (USD)")]
    pub cost_usd: Option<f64>,
    /// Morning, Afternoon, Evening or Night at the site.
    #[serde(rename = "Time of Day")]
    pub time_of_day: String,
    /// At the site.
    #[serde(rename = "Day of Week")]
    pub day_of_week: String,
    /// At arrival.
    #[serde(rename = "State of Charge (Start %)")]
    pub soc_start_percent: f64,
    /// At the end.
    #[serde(rename = "State of Charge (End %)")]
    pub soc_end_percent: f64,
    /// Since the last charge.
    #[serde(rename = "Distance Driven (since last charge) (km)")]
    pub distance_km: f64,
    /// Outside.
    #[serde(rename = "Temperature (°C)")]
    pub temperature_c: f64,
    /// Of the vehicle.
    #[serde(rename = "Vehicle Age (years)")]
    pub vehicle_age_years: f64,
    /// `Level 2` or `DC Fast Charger`.
    #[serde(rename = "Charger Type")]
    pub charger_type: String,
    /// `Commuter`, `Casual Driver` or `Long-Distance Traveler`.
    #[serde(rename = "User Type")]
    pub user_type: String,
}

/// One station of the list of stations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StationRow {
    /// As it calls itself.
    pub station_id: String,
    /// For people.
    pub name: String,
    /// The site's id.
    pub site: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// kW that each connector gives.
    pub rated_kw: f64,
    /// `Level 2` or `DC Fast Charger`.
    pub charger_type: String,
}

/// One site of the list of sites.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SiteRow {
    /// The id.
    pub site: String,
    /// For people.
    pub name: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA.
    pub time_zone: String,
    /// ISO 4217.
    pub currency: String,
    /// What the grid gives.
    pub grid_limit_kw: f64,
}

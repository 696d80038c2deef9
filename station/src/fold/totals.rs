//! Totals that only grow: energy and money are counters of the fold, not sums over the store, where corrections and
//! retention would look like resets.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::session::Session;

/// Sites with totals of their own: they are metric labels, and whole-session records may name any place.
const SITES_MAX: usize = 1_000;
const OTHER_SITES: &str = "(other)";

/// Totals by site; stations without a site stand under "".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// By site.
    pub sites: BTreeMap<String, SiteTotals>,
}

/// Totals of one site, of live sessions (imports are history).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteTotals {
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// Energy, Wh.
    pub energy_wh: f64,
    /// Money by currency.
    pub revenue: BTreeMap<String, Decimal>,
}

impl Totals {
    fn of(&mut self, site: Option<&str>) -> &mut SiteTotals {
        let site = site.unwrap_or_default();
        let known = self.sites.len() < SITES_MAX || self.sites.contains_key(site);
        self.sites.entry(if known { site } else { OTHER_SITES }.to_owned()).or_default()
    }

    /// Counts the energy that is new since the session was last counted. Returns it, Wh.
    pub(super) fn energy(&mut self, session: &mut Session) -> f64 {
        let new_wh = session.energy_wh().unwrap_or(0.0) - session.total_wh;
        if new_wh > 0.0 {
            session.total_wh += new_wh;
            self.of(session.site.as_deref()).energy_wh += new_wh;
            return new_wh;
        }
        0.0
    }

    /// Counts an ended session's money, or what a correction adds to it.
    pub(super) fn money(&mut self, session: &mut Session) {
        let (Some(cost), Some(applied)) = (session.cost(), &session.tariff) else { return };
        let currency = applied.tariff.currency.clone();
        let new = cost - session.total_cost;
        if new > Decimal::ZERO {
            session.total_cost = cost;
            *self.of(session.site.as_deref()).revenue.entry(currency).or_default() += new;
        }
    }

    /// Counts a whole-session record.
    pub(super) fn recorded(&mut self, row: &crate::fact::SessionRow) {
        let site = self.of(row.site.as_deref());
        site.sessions_ended += 1;
        site.energy_wh += row.energy_wh.unwrap_or(0.0).max(0.0);
        if let (Some(cost), Some(currency)) = (row.cost.and_then(Decimal::from_f64_retain), &row.currency) {
            let cost = cost.round_dp(super::minor_units(currency)).max(Decimal::ZERO);
            *site.revenue.entry(currency.clone()).or_default() += cost;
        }
    }

    /// Counts an ended session, once.
    pub(super) fn ended(&mut self, session: &Session) {
        self.of(session.site.as_deref()).sessions_ended += 1;
    }
}

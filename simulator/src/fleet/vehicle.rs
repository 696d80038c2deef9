//! Vehicles: what they hold, and what they take at which state of charge.

/// A kind of vehicle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Vehicle {
    /// Maker and model.
    pub model: &'static str,
    /// Wh that the battery can hold.
    pub battery_wh: f64,
    /// W, most that its AC charger takes.
    pub ac_limit_w: f64,
    /// Phases that its AC charger uses.
    pub ac_phases: u8,
    /// W, most that it takes as DC; 0 if it cannot.
    pub dc_limit_w: f64,
    /// State of charge (0–1) from which it takes less and less DC.
    pub dc_knee: f64,
}

const fn vehicle(
    model: &'static str,
    kwh: f64,
    ac_kw: f64,
    ac_phases: u8,
    dc_kw: f64,
    dc_knee: f64,
) -> Vehicle {
    Vehicle {
        model,
        battery_wh: kwh * 1e3,
        ac_limit_w: ac_kw * 1e3,
        ac_phases,
        dc_limit_w: dc_kw * 1e3,
        dc_knee,
    }
}

/// The vehicles of the simulated world, by their makers' figures, with how often each is seen.
pub const VEHICLES: [(Vehicle, f64); 12] = [
    (vehicle("Tesla Model 3", 75.0, 11.0, 3, 170.0, 0.45), 3.0),
    (vehicle("Nissan Leaf", 39.0, 6.6, 1, 46.0, 0.60), 2.0),
    (vehicle("BMW i3", 37.9, 11.0, 3, 49.0, 0.80), 1.0),
    (vehicle("Hyundai Kona", 64.0, 11.0, 3, 77.0, 0.50), 2.0),
    (vehicle("Chevy Bolt", 65.0, 7.2, 1, 55.0, 0.50), 1.5),
    (vehicle("Volkswagen ID.4", 77.0, 11.0, 3, 135.0, 0.35), 2.0),
    (vehicle("Renault Zoe", 52.0, 22.0, 3, 46.0, 0.50), 1.0),
    (vehicle("Hyundai Ioniq 5", 72.6, 11.0, 3, 220.0, 0.50), 2.0),
    (vehicle("Polestar 2", 78.0, 11.0, 3, 150.0, 0.40), 1.0),
    (vehicle("MG4", 61.7, 11.0, 3, 135.0, 0.40), 1.0),
    (vehicle("Wuling Air EV", 26.7, 6.6, 1, 0.0, 1.0), 1.5),
    (vehicle("Ford F-150 Lightning", 98.0, 11.3, 1, 150.0, 0.45), 0.7),
];

impl Vehicle {
    /// W that it takes at the state of charge `soc`, from a station that offers `offered_w`. Constant current first;
    /// then the voltage is constant and the current falls towards a twentieth: AC in the last twentieth of the
    /// battery, DC from the vehicle's knee on.
    #[must_use]
    pub fn takes_w(&self, soc: f64, offered_w: f64, dc: bool) -> f64 {
        let (limit, knee, floor) =
            if dc { (self.dc_limit_w, self.dc_knee, 0.08) } else { (self.ac_limit_w, 0.95, 0.15) };
        if soc >= 1.0 {
            return 0.0;
        }
        let rest = if soc <= knee { 1.0 } else { ((1.0 - soc) / (1.0 - knee)).powf(0.9).max(floor) };
        (limit * rest).min(offered_w)
    }

    /// Share of the metered energy that reaches the battery.
    #[must_use]
    pub fn efficiency(dc: bool) -> f64 {
        if dc { 0.95 } else { 0.90 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_is_constant_and_then_falls() {
        for (vehicle, _) in VEHICLES {
            let dc = vehicle.dc_limit_w > 0.0;
            let curve: Vec<f64> =
                (0..=100).map(|percent| vehicle.takes_w(f64::from(percent) / 100.0, 1e6, dc)).collect();
            assert!(
                curve.windows(2).all(|pair| pair[1] <= pair[0]),
                "{} never takes more again",
                vehicle.model
            );
            assert!(curve[0] > 0.0 && curve[100] <= 0.0, "{} stops when full", vehicle.model);
            assert!(vehicle.takes_w(0.2, 3_700.0, dc) <= 3_700.0, "{} takes what is offered", vehicle.model);
        }
    }
}

//! What flows during one visit: power by the vehicle's curve, the register that counts it, heat, voltage, current.
//! The register is the integral of the power, unless a label says otherwise.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use station::time::{SECOND, Timestamp};

use super::chance::normal;
use super::label::Label;
use super::vehicle::Vehicle;
use super::{Current, Site, Station};

/// Longest step of the integration. The curves bend over minutes, so 15 s is fine enough (below 0.1 % of the energy).
const STEP_US: i64 = 15 * SECOND;
/// When a labelled fault of the meter begins.
const FAULT_AFTER_S: i64 = 8 * 60;
/// How fast the plug warms up and cools down, seconds.
const HEAT_TIME_S: f64 = 600.0;

/// What a meter says at one moment, rounded as meters do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// W.
    pub power_w: f64,
    /// Wh, the meter's register, whole numbers.
    pub register_wh: f64,
    /// A, on each phase in use (DC: the first).
    pub current_a: f64,
    /// V, of each phase in use to neutral (DC: the first holds the battery's voltage).
    pub voltage_v: [f64; 3],
    /// 0 for DC.
    pub phases: u8,
    /// State of charge in percent, where the station learns it (DC).
    pub soc_percent: Option<f64>,
    /// °C, of the plug.
    pub temperature_c: f64,
}

/// One visit's flow of energy.
#[derive(Clone, Debug)]
pub struct Charge {
    vehicle: Vehicle,
    offered_w: f64,
    rated_w: f64,
    dc: bool,
    phases: u8,
    phase_voltage: f64,
    outside_c: f64,
    wants_soc: f64,
    label: Option<Label>,
    rng: ChaCha8Rng,
    begun: Timestamp,
    at: Timestamp,
    soc: f64,
    register_wh: f64,
    power_w: f64,
    max_power_w: f64,
    wander: f64,
    grid: f64,
    temperature_c: f64,
    full_at: Option<Timestamp>,
    frozen: Option<Reading>,
    was_reset: bool,
}

/// How a vehicle comes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// What comes.
    pub vehicle: Vehicle,
    /// State of charge (0–1).
    pub soc: f64,
    /// State of charge (0–1) at which it stops taking.
    pub wants_soc: f64,
    /// °C outside.
    pub outside_c: f64,
}

impl Charge {
    /// Energy begins to flow at `at`, with the register at `register_wh`.
    #[must_use]
    pub fn begin(
        at: Timestamp,
        register_wh: f64,
        arrival: Arrival,
        station: &Station,
        site: &Site,
        label: Option<Label>,
        mut rng: ChaCha8Rng,
    ) -> Self {
        let vehicle = arrival.vehicle;
        let (dc, phases, share) = match station.current {
            Current::Dc => (true, 0, 1.0),
            Current::Ac { phases } => {
                let used = phases.min(if site.single_phase { 1 } else { vehicle.ac_phases });
                (false, used, f64::from(used) / f64::from(phases))
            }
        };
        let excess = match label {
            Some(Label::ZeroEnergy) => 0.0,
            Some(Label::PowerOverRating) => 1.6,
            _ => 1.0,
        };
        let grid = normal(&mut rng, 1.0, 0.008);
        Self {
            vehicle,
            // Stations give a little less than they are rated for, each a little differently.
            offered_w: station.rated_w * share * excess * rng.random_range(0.95..0.995),
            rated_w: station.rated_w,
            dc,
            phases,
            phase_voltage: site.phase_voltage,
            outside_c: arrival.outside_c,
            wants_soc: arrival.wants_soc,
            label,
            rng,
            begun: at,
            at,
            soc: arrival.soc,
            register_wh,
            power_w: 0.0,
            max_power_w: 0.0,
            wander: 0.0,
            grid,
            temperature_c: arrival.outside_c + 2.0,
            full_at: (arrival.soc >= arrival.wants_soc).then_some(at),
            frozen: None,
            was_reset: false,
        }
    }

    /// Lets energy flow until `to`.
    pub fn advance(&mut self, to: Timestamp) {
        while self.at < to {
            let step = STEP_US.min(to.0 - self.at.0);
            self.step(step);
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn step(&mut self, step_us: i64) {
        let seconds = step_us as f64 / SECOND as f64;
        let hours = seconds / 3600.0;
        // A slow wander of half a percent or so: neither vehicles nor grids hold still.
        self.wander = self.wander.mul_add(0.97, normal(&mut self.rng, 0.0, 0.0015));
        let power = if self.full_at.is_some() {
            0.0
        } else if self.label == Some(Label::PowerOverRating) {
            self.offered_w
        } else {
            (self.vehicle.takes_w(self.soc, self.offered_w, self.dc) * (1.0 + self.wander))
                .min(self.offered_w)
        };
        self.power_w = power;
        self.max_power_w = self.max_power_w.max(power);
        self.soc += power * hours * Vehicle::efficiency(self.dc) / self.vehicle.battery_wh;
        let faulty = self.at.0 - self.begun.0 >= FAULT_AFTER_S * SECOND;
        match self.label {
            Some(Label::EnergyContradictsPower) => self.register_wh += power * hours * 1.8,
            Some(Label::StuckMeter) if faulty => {}
            Some(Label::RegisterReset) if faulty && !self.was_reset => {
                self.was_reset = true;
                self.register_wh = 0.0;
            }
            _ => self.register_wh += power * hours,
        }
        let excess = if self.label == Some(Label::Overheating) { 70.0 } else { 0.0 };
        let towards = self.outside_c + 2.0 + (22.0 + excess) * (power / self.rated_w).powi(2);
        self.temperature_c += (towards - self.temperature_c) * (seconds / HEAT_TIME_S).min(1.0);
        self.at = Timestamp(self.at.0 + step_us);
        if self.full_at.is_none() && (self.soc >= self.wants_soc || self.soc >= 1.0) {
            self.full_at = Some(self.at);
            self.power_w = 0.0;
        }
    }

    /// What the meter says now.
    pub fn read(&mut self) -> Reading {
        let faulty = self.at.0 - self.begun.0 >= FAULT_AFTER_S * SECOND;
        if self.label == Some(Label::StuckMeter)
            && faulty
            && let Some(frozen) = self.frozen
        {
            return Reading { at: self.at, ..frozen };
        }
        let noise = normal(&mut self.rng, 1.0, 0.002);
        let power_w = (self.power_w * noise).max(0.0);
        let (voltage_v, current_a, soc_percent) = if self.dc {
            let voltage = 330.0 + 75.0 * self.soc;
            ([voltage, 0.0, 0.0], power_w / voltage, Some(round(self.soc * 100.0, 0.1)))
        } else {
            let phases: [f64; 3] =
                std::array::from_fn(|_| self.phase_voltage * self.grid + normal(&mut self.rng, 0.0, 0.4));
            let sum: f64 = phases.iter().take(usize::from(self.phases)).sum();
            (phases, power_w / sum, None)
        };
        let reading = Reading {
            at: self.at,
            power_w: round(power_w, 0.1),
            register_wh: self.register_wh.floor(),
            current_a: round(current_a, 0.01),
            voltage_v: voltage_v.map(|v| round(v, 0.1)),
            phases: self.phases,
            soc_percent,
            temperature_c: round(self.temperature_c, 0.1),
        };
        self.frozen = Some(reading);
        reading
    }

    /// When the vehicle had what it wanted.
    #[must_use]
    pub fn full_at(&self) -> Option<Timestamp> {
        self.full_at
    }

    /// Until when energy has flowed.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The register, Wh.
    #[must_use]
    pub fn register_wh(&self) -> f64 {
        self.register_wh
    }

    /// State of charge, 0–1.
    #[must_use]
    pub fn soc(&self) -> f64 {
        self.soc
    }

    /// W, most that flowed.
    #[must_use]
    pub fn max_power_w(&self) -> f64 {
        self.max_power_w
    }
}

/// Rounds to a multiple of `unit`, without leaving tails like 0.30000000000000004.
fn round(value: f64, unit: f64) -> f64 {
    let per_one = (1.0 / unit).round();
    (value * per_one).round() / per_one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::chance::stream;
    use crate::fleet::vehicle::VEHICLES;
    use crate::fleet::{Fleet, FleetPlan};

    fn charge(dc: bool, vehicle: usize, label: Option<Label>) -> Charge {
        let fleet = Fleet::new(FleetPlan { ocpp16: 300, ..FleetPlan::default() });
        let station = fleet
            .stations
            .iter()
            .find(|station| station.is_dc() == dc && station.rated_w >= 11e3)
            .expect("both kinds are there");
        let arrival = Arrival { vehicle: VEHICLES[vehicle].0, soc: 0.2, wants_soc: 0.9, outside_c: 15.0 };
        let at = Timestamp(1_700_000_000 * SECOND);
        Charge::begin(at, 5000.0, arrival, station, fleet.site_of(station), label, stream(7, "test", 0, 0))
    }

    #[test]
    fn the_register_is_the_integral_of_the_power() {
        for dc in [false, true] {
            for vehicle in [0, 1, 2, 5] {
                let mut charge = charge(dc, vehicle, None);
                let (mut integral, mut last) = (0.0, charge.read());
                let first = last;
                for second in (10..7200).step_by(10) {
                    charge.advance(first.at.plus_seconds(second));
                    let reading = charge.read();
                    integral += reading.power_w * reading.at.seconds_since(last.at) / 3600.0;
                    last = reading;
                }
                let metered = last.register_wh - first.register_wh;
                assert!(metered > 1000.0, "something flowed: {metered}");
                assert!(
                    (integral / metered - 1.0).abs() < 0.005,
                    "{integral} Wh by power, {metered} by the register"
                );
                let stored = (charge.soc() - 0.2) * VEHICLES[vehicle].0.battery_wh;
                assert!(
                    (stored / metered - Vehicle::efficiency(dc)).abs() < 0.01,
                    "{stored} of {metered} stored"
                );
            }
        }
    }

    #[test]
    fn power_is_voltage_times_current() {
        for dc in [false, true] {
            let mut charge = charge(dc, 0, None);
            charge.advance(Timestamp(charge.at().0 + 600 * SECOND));
            let reading = charge.read();
            let phases = usize::from(reading.phases.max(1));
            let product: f64 = reading.voltage_v.iter().take(phases).map(|v| v * reading.current_a).sum();
            assert!((product / reading.power_w - 1.0).abs() < 0.01, "{product} {reading:?}");
            assert_eq!(reading.soc_percent.is_some(), dc, "only DC stations learn the state of charge");
        }
    }

    #[test]
    fn labels_do_what_they_say() {
        let after = |label, minutes: i64| {
            let mut charge = charge(true, 0, Some(label));
            charge.read();
            let mut readings = Vec::new();
            for minute in 1..=minutes {
                charge.advance(Timestamp(1_700_000_000 * SECOND).plus_seconds(minute * 60));
                readings.push(charge.read());
            }
            readings
        };
        let last = |label| *after(label, 20).last().expect("readings");
        assert_eq!(last(Label::ZeroEnergy).register_wh, 5000.0);
        assert!(last(Label::Overheating).temperature_c > 60.0);
        let reset = after(Label::RegisterReset, 20);
        assert!(reset.windows(2).any(|pair| pair[1].register_wh < pair[0].register_wh));
        let stuck = after(Label::StuckMeter, 20);
        assert_eq!(stuck[19].register_wh, stuck[12].register_wh);
        assert_eq!(stuck[19].power_w, stuck[12].power_w);
        assert!(stuck[12].power_w > 1000.0);
        assert!(last(Label::PowerOverRating).power_w > 1.4 * 50e3);
    }
}

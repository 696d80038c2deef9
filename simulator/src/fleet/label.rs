//! What can be wrong with a session: labelled, so that whoever looks for anomalies can be judged.

use rand_chacha::ChaCha8Rng;

use super::chance::weighted;

/// A fault that was put in on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Label {
    /// The register counts nearly twice what the power says.
    EnergyContradictsPower,
    /// The plug gets far too hot.
    Overheating,
    /// After a while the meter says the same for ever.
    StuckMeter,
    /// Plugged in for hours, and no energy flows.
    ZeroEnergy,
    /// More power than the station is rated for.
    PowerOverRating,
    /// The vehicle stays for hours after it is full.
    LongIdle,
    /// The register begins again at 0 in the middle of the session.
    RegisterReset,
    /// The station loses its power in the middle of the session and never says that it ended.
    NoStop,
}

impl Label {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::EnergyContradictsPower,
        Self::Overheating,
        Self::StuckMeter,
        Self::ZeroEnergy,
        Self::PowerOverRating,
        Self::LongIdle,
        Self::RegisterReset,
        Self::NoStop,
    ];

    /// The name in ledgers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EnergyContradictsPower => "energy_contradicts_power",
            Self::Overheating => "overheating",
            Self::StuckMeter => "stuck_meter",
            Self::ZeroEnergy => "zero_energy",
            Self::PowerOverRating => "power_over_rating",
            Self::LongIdle => "long_idle",
            Self::RegisterReset => "register_reset",
            Self::NoStop => "no_stop",
        }
    }

    /// One of all, each as often as the others.
    pub fn any(rng: &mut ChaCha8Rng) -> Self {
        *weighted(rng, &Self::ALL.map(|label| (label, 1.0)))
    }
}

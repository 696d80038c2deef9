//! People and their cards.

use rand::Rng;

use super::chance::{normal, stream, weighted};
use super::vehicle::{VEHICLES, Vehicle};

/// Somebody with a card and a vehicle. Follows from the seed, the site and the number alone, so none is stored.
#[derive(Clone, PartialEq, Debug)]
pub struct User {
    /// The card: 14 hexadecimal digits, the UID of an RFID card with 7 bytes (OCPP 1.6 takes at most 20 characters).
    pub token: String,
    /// What they drive.
    pub vehicle: Vehicle,
    /// Years.
    pub vehicle_age_years: f64,
    /// What they are.
    pub kind: UserKind,
    /// State of charge (0–1) that they want.
    pub wants_soc: f64,
    /// State of charge (0–1) with which they come, on the whole.
    pub comes_with_soc: f64,
}

/// What a user is, in the words of the 20-column layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserKind {
    /// Every working day the same.
    Commuter,
    /// Now and then.
    Casual,
    /// Comes nearly empty.
    LongDistance,
}

impl UserKind {
    /// The layout's word.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Commuter => "Commuter",
            Self::Casual => "Casual Driver",
            Self::LongDistance => "Long-Distance Traveler",
        }
    }
}

/// The user with this number at a site. `fast` tells whether the vehicle must be able to take DC.
#[must_use]
pub fn user(seed: u64, site: usize, number: u64, fast: bool) -> User {
    let mut rng = stream(seed, if fast { "user dc" } else { "user ac" }, site as u64, number);
    let token = format!("04{:012X}", rng.random::<u64>() >> 16);
    let vehicle = loop {
        let vehicle = *weighted(&mut rng, &VEHICLES);
        if !fast || vehicle.dc_limit_w > 0.0 {
            break vehicle;
        }
    };
    let kind = *weighted(
        &mut rng,
        &[
            (UserKind::Commuter, if fast { 0.2 } else { 0.6 }),
            (UserKind::Casual, 0.3),
            (UserKind::LongDistance, if fast { 0.5 } else { 0.1 }),
        ],
    );
    let comes_with_soc = match kind {
        UserKind::Commuter => 0.5,
        UserKind::Casual => 0.4,
        UserKind::LongDistance => 0.22,
    };
    User {
        token,
        vehicle,
        vehicle_age_years: f64::from(rng.random_range(0..8_u32)),
        kind,
        wants_soc: if fast { 0.8 } else { *weighted(&mut rng, &[(0.8, 2.0), (0.9, 1.0), (1.0, 1.5)]) },
        comes_with_soc: normal(&mut rng, comes_with_soc, 0.08).clamp(0.08, 0.7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_themselves() {
        assert_eq!(user(7, 1, 3, false), user(7, 1, 3, false));
        assert_ne!(user(7, 1, 3, false).token, user(8, 1, 3, false).token);
        for number in 0..200 {
            let user = user(7, 2, number, true);
            assert!(user.vehicle.dc_limit_w > 0.0);
            assert_eq!(user.token.len(), 14);
        }
    }
}

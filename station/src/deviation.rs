//! Odd but usable input: it is taken, flagged on the row and counted by kind.

use serde::{Deserialize, Serialize};

macro_rules! deviations {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal => $label:literal,)*) => {
        /// One kind of tolerated deviation from the protocol.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Deviation { $($(#[doc = $doc])* $name = $bit,)* }

        impl Deviation {
            /// All kinds, in the order of their bits.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in rows (`flags`) and metric labels (`kind`).
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

deviations! {
    /// The station's time lies outside the window around `received_at`; `ts` is `received_at`.
    Clock = 0 => "clock",
    /// A timestamp without a zone, taken as UTC.
    TimestampWithoutZone = 1 => "timestamp_without_zone",
    /// A timestamp that is not RFC 3339 but readable.
    TimestampFormat = 2 => "timestamp_format",
    /// A timestamp that is missing or unreadable; the time of receipt stands in.
    TimestampMissing = 3 => "timestamp_missing",
    /// A unit that does not belong to the measurand ("Wh" for power); the measurand's own unit is assumed.
    UnitMismatch = 4 => "unit_mismatch",
    /// A unit that nobody knows; the value is kept raw in `meter_values_other`.
    UnitUnknown = 5 => "unit_unknown",
    /// A number where the schema says text, or text where it says a number.
    TypeMismatch = 6 => "type_mismatch",
    /// A word that the enumeration does not hold.
    VendorWord = 7 => "vendor_word",
    /// A measurand that no OCPP version knows.
    MeasurandUnknown = 8 => "measurand_unknown",
    /// A sampled value that is not a number; kept as text.
    ValueNotANumber = 9 => "value_not_a_number",
    /// A transaction id of −1, 0, or one that was never given.
    TransactionIdUnknown = 10 => "transaction_id_unknown",
    /// A required field is missing; a sensible value stands in.
    FieldMissing = 11 => "field_missing",
    /// Fields that the schema does not know (kept in the payload only).
    FieldUnknown = 12 => "field_unknown",
    /// A message before BootNotification was answered.
    BeforeBoot = 13 => "before_boot",
    /// A text longer than the schema allows, kept whole.
    TextTooLong = 14 => "text_too_long",
    /// The connection came without a subprotocol; the configured version is assumed.
    NoSubprotocol = 15 => "no_subprotocol",
    /// A stop for a session whose start was never seen.
    StopWithoutStart = 16 => "stop_without_start",
    /// The meter reading fell within a session.
    MeterBackwards = 17 => "meter_backwards",
    /// A start was sent again with a changed timestamp.
    StartRetried = 18 => "start_retried",
    /// The energy is the integral of power, because the station sent no energy register.
    EnergyFromPower = 19 => "energy_from_power",
    /// A record says a duration that its begin and end contradict; begin and end count.
    DurationContradiction = 20 => "duration_contradiction",
    /// A session went on or ended by a card that neither began it nor is of its group.
    ForeignCard = 21 => "foreign_card",
}

/// A set of [`Deviation`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deviations(pub u32);

impl Deviations {
    /// Adds one.
    pub fn add(&mut self, deviation: Deviation) {
        self.0 |= 1 << deviation as u8;
    }

    /// Whether it is in the set.
    #[must_use]
    pub fn has(self, deviation: Deviation) -> bool {
        self.0 & (1 << deviation as u8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The kinds in the set, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL.iter().copied().filter(move |d| self.has(*d))
    }

    /// Comma-separated labels, as stored in `flags`; `None` for the empty set.
    #[must_use]
    pub fn to_flags(self) -> Option<String> {
        (!self.is_empty()).then(|| self.iter().map(Deviation::label).collect::<Vec<_>>().join(","))
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(iter: I) -> Self {
        let mut set = Self::default();
        for deviation in iter {
            set.add(deviation);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_labels_in_order() {
        let set = Deviations::from_iter([Deviation::UnitMismatch, Deviation::Clock]);
        assert_eq!(set.to_flags().as_deref(), Some("clock,unit_mismatch"));
        assert_eq!(Deviations::default().to_flags(), None);
    }
}

//! Where at a station: OCPP 1.6 numbers connectors; 2.x numbers EVSEs, each with its connectors from 1.

use super::CommandError;
use super::request::Rendering;

/// As a command names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) evse: Option<i32>,
    pub(super) connector: Option<i32>,
}

impl Place {
    /// The connector of an OCPP 1.6 station: an EVSE's number stands for the connector.
    pub(super) fn v16(self, rendering: &Rendering<'_>) -> Result<Option<i32>, CommandError> {
        match (self.evse, self.connector) {
            (Some(evse), Some(connector)) if evse != connector => rendering
                .wrong("evse and connector: an ocpp1.6 station has connectors only; say `connector` alone"),
            (evse, connector) => self.checked(rendering, connector.or(evse)),
        }
    }

    /// The EVSE of an OCPP 2.x station: a connector's number alone stands for the EVSE.
    pub(super) fn evse(self, rendering: &Rendering<'_>) -> Result<Option<i32>, CommandError> {
        self.checked(rendering, self.evse.or(self.connector))
    }

    /// The connector within the EVSE, where both are named.
    pub(super) fn within_evse(self) -> Option<i32> {
        self.evse.and(self.connector)
    }

    fn checked(self, rendering: &Rendering<'_>, number: Option<i32>) -> Result<Option<i32>, CommandError> {
        if [number, self.connector].into_iter().flatten().any(|n| n < 0) {
            return rendering.wrong("evse and connector are numbered from 0");
        }
        Ok(number)
    }
}

/// A number that is not negative, as OCPP 1.6's types have it.
pub(super) fn unsigned(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

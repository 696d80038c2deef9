//! Give a kept connector free.

use rust_ocpp::v1_6::messages::cancel_reservation as v16;
use rust_ocpp::v2_0_1::messages::cancel_reservation as v201;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "cancel_reservation",
    v16: Some("CancelReservation"),
    v2: Some("CancelReservation"),
    parameters: "`reservation`: its number",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    reservation: i32,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { reservation } = rendering.read()?;
    if rendering.is_16() {
        let request = v16::CancelReservationRequest { reservation_id: reservation };
        return rendering.message("CancelReservation", &request);
    }
    rendering.message("CancelReservation", &v201::CancelReservationRequest { reservation_id: reservation })
}

#[cfg(test)]
mod tests {
    use super::super::testing::rendered;
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn by_its_number() {
        for version in [V16, V201] {
            assert_eq!(
                rendered(version, "cancel_reservation", r#"{"reservation":3}"#),
                ("CancelReservation", r#"{"reservationId":3}"#.into())
            );
        }
    }
}

//! ReservationStatusUpdate: a reservation ended without being used (H04, 1.53).

use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { reservation: Raw<'a> = "reservationId", status: Raw<'a> = "reservationUpdateStatus" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.reservation, request.status]);
    message.keep(&[]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::{V21, V201};
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn the_end_of_a_reservation_is_kept() {
        for version in [V201, V21] {
            let good = r#"{"reservationId":1,"reservationUpdateStatus":"Expired"}"#;
            let event = kept(version, "ReservationStatusUpdate", good);
            assert_eq!(flags(event.deviations), "");
            let event = kept(version, "ReservationStatusUpdate", r#"{"vendorThing":1}"#);
            assert_eq!(flags(event.deviations), "field_missing,field_unknown");
            assert_eq!(answered_to(version, "ReservationStatusUpdate", good), "{}");
        }
    }
}

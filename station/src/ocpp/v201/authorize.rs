//! Authorize: may this card charge? (C01, 1.6)

use rust_ocpp::v2_0_1::messages::authorize::AuthorizeResponse;

use super::id_token;
use crate::event::EventKind;
use crate::ocpp::answer::{Answering, Payload, TokenVerdict, id_token_info, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { id_token: Raw<'a> = "idToken" }
    known ["certificate", "iso15118CertificateHashData"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let token = id_token::read(request.id_token, message)?.ok_or_else(|| DecodeError::missing("idToken"))?;
    let payload = message.payload_for_log("certificate");
    message.emit(EventKind::Authorized { token }).payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    let verdict = answering.verdict().unwrap_or(TokenVerdict::INVALID);
    written(&AuthorizeResponse { certificate_status: None, id_token_info: id_token_info(verdict) })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::fold::{Authorization, Outcome};
    use crate::ocpp::Version::V201;
    use crate::ocpp::testing::{answered, flags, key, one, refused};

    #[test]
    fn cards_by_the_book_and_beside_it() {
        for (payload, plain, odd) in [
            (r#"{"idToken":{"idToken":"04A1B2","type":"ISO14443"}}"#, "04A1B2", ""),
            (r#"{"idToken":"04A1B2"}"#, "04A1B2", "type_mismatch"),
            (r#"{"idToken":{"idToken":4711,"type":"Fob"}}"#, "4711", "type_mismatch,vendor_word"),
            (r#"{"idToken":{"idToken":"A"}}"#, "A", "field_missing"),
        ] {
            let event = one(V201, "Authorize", payload);
            assert_eq!(event.kind, EventKind::Authorized { token: key().token(plain) }, "{payload}");
            assert_eq!(flags(event.deviations), odd, "{payload}");
            assert!(event.payload.is_some_and(|payload| !payload.contains(plain) || plain == "A"));
        }
        for (payload, code) in [
            ("{}", "OccurrenceConstraintViolation"),
            (r#"{"idToken":{"type":"ISO14443"}}"#, "OccurrenceConstraintViolation"),
            (r#"{"idToken":["a"]}"#, "TypeConstraintViolation"),
        ] {
            assert_eq!(refused(V201, "Authorize", payload).0, code, "{payload}");
        }
    }

    #[test]
    fn the_fold_decides() {
        let outcome = Outcome { authorization: Some(Authorization::Expired), ..Outcome::default() };
        assert_eq!(answered(V201, "Authorize", &[outcome]), r#"{"idTokenInfo":{"status":"Expired"}}"#);
        assert_eq!(answered(V201, "Authorize", &[]), r#"{"idTokenInfo":{"status":"Invalid"}}"#);
    }
}

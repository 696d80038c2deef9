//! Authorize: may this card charge? (4.1, 6.1)

use rust_ocpp::v1_6::messages::authorize::AuthorizeResponse;

use crate::event::EventKind;
use crate::ocpp::answer::{Answering, Payload, TokenVerdict, id_tag_info, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! { Request { id_tag: Raw<'a> = "idTag" } }

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    let id_tag = request.id_tag.token("idTag", super::ID_TAG_CHARS, &mut message.odd)?;
    let token =
        id_tag.and_then(|id_tag| message.token(&id_tag)).ok_or_else(|| DecodeError::missing("idTag"))?;
    let payload = message.payload_for_log("");
    message.emit(EventKind::Authorized { token }).payload = payload;
    Ok(())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    let verdict = answering.verdict().unwrap_or(TokenVerdict::INVALID);
    written(&AuthorizeResponse { id_tag_info: id_tag_info(verdict) })
}

#[cfg(test)]
mod tests {
    use crate::event::EventKind;
    use crate::fold::{Authorization, Outcome};
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered, flags, key, one, refused};

    #[test]
    fn cards_are_hashed_and_sealed() {
        for (payload, plain, odd) in [
            (r#"{"idTag":"04A1B2"}"#, "04A1B2", ""),
            (r#"{"idTag":4711}"#, "4711", "type_mismatch"),
            (r#"{"idTag":"0123456789012345678901234"}"#, "0123456789012345678901234", "text_too_long"),
        ] {
            let event = one(V16, "Authorize", payload);
            assert_eq!(event.kind, EventKind::Authorized { token: key().token(plain) });
            assert_eq!(flags(event.deviations), odd, "{payload}");
            assert!(event.payload.is_some_and(|payload| !payload.contains(plain)));
        }
    }

    #[test]
    fn without_a_card_there_is_nothing_to_ask() {
        for (payload, code, text) in [
            ("{}", "OccurenceConstraintViolation", "idTag: required, but missing"),
            (r#"{"idTag":" "}"#, "OccurenceConstraintViolation", "idTag: required, but missing"),
            (r#"{"idTag":["a"]}"#, "TypeConstraintViolation", "idTag: expected text, found a list"),
        ] {
            assert_eq!(refused(V16, "Authorize", payload), (code, text.to_owned()));
        }
    }

    #[test]
    fn the_fold_decides() {
        for (authorization, word) in [
            (Some(Authorization::Accepted), "Accepted"),
            (Some(Authorization::ConcurrentTx), "ConcurrentTx"),
            (None, "Invalid"),
        ] {
            let outcome = Outcome { authorization, ..Outcome::default() };
            let expected = format!(r#"{{"idTagInfo":{{"status":"{word}"}}}}"#);
            assert_eq!(answered(V16, "Authorize", &[outcome]), expected);
        }
    }
}

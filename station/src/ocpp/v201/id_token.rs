//! IdTokenType (2.28): who charges.

use crate::deviation::Deviation;
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Object, Raw, define};
use crate::ocpp::message::Message;
use crate::ocpp::version::Version;
use crate::secret::Token;

define! {
    IdToken { id_token: Raw<'a> = "idToken", kind: Raw<'a> = "type" }
    known ["additionalInfo"]
}

/// Longest idToken by the book: 36 characters in 2.0.1, 255 in 2.1.
const CHARS: usize = 255;

/// IdTokenEnumType, and what 2.1 adds (there any word may stand).
const KINDS: [&str; 11] = [
    "Central",
    "DirectPayment",
    "eMAID",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
    "VIN",
];

/// The token of a message; none where there is no authorisation (its text is then empty). Stations that were upgraded
/// from 1.6 write the bare text.
///
/// # Errors
/// When it is neither an object nor a text.
pub(super) fn read<'a>(raw: Raw<'a>, message: &mut Message<'a>) -> Result<Option<Token>, DecodeError> {
    if raw.is_none() {
        return Ok(None);
    }
    let is_open = message.version == Version::V21;
    let odd = &mut message.odd;
    let plain = if raw.is_object() {
        let token: IdToken<'_> = raw.object("idToken")?;
        token.flag_unknown(odd);
        match token.kind.text(odd) {
            None => odd.add(Deviation::FieldMissing),
            Some(kind) if !is_open && !KINDS.contains(&&*kind) => odd.add(Deviation::VendorWord),
            Some(_) => {}
        }
        token.id_token.token("idToken.idToken", CHARS, odd)?
    } else {
        odd.add(Deviation::TypeMismatch);
        raw.token("idToken", CHARS, odd)?
    };
    Ok(plain.and_then(|plain| message.token(&plain)))
}

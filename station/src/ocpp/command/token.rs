//! Tokens in messages to stations.

use rust_ocpp::v2_0_1::datatypes::id_token_type::IdTokenType;
use rust_ocpp::v2_0_1::enumerations::id_token_enum_type::IdTokenEnumType;

use super::CommandError;
use super::request::Rendering;

/// OCPP 1.6: CiString20Type.
const V16_CHARS: usize = 20;
/// OCPP 2.x: identifierString.
const V2_CHARS: usize = 36;

/// The idTag of OCPP 1.6.
pub(super) fn v16(rendering: &Rendering<'_>, parameter: &str, token: String) -> Result<String, CommandError> {
    rendering.text(parameter, token, V16_CHARS)
}

/// The idToken of OCPP 2.x; a card (`ISO14443`) if nothing else is said.
pub(super) fn v2(
    rendering: &Rendering<'_>,
    parameter: &str,
    token: String,
    kind: Option<&str>,
) -> Result<IdTokenType, CommandError> {
    let kind = match kind {
        None => IdTokenEnumType::ISO14443,
        Some(word) => rendering.word("token_type", word)?,
    };
    Ok(IdTokenType { id_token: rendering.text(parameter, token, V2_CHARS)?, kind, additional_info: None })
}

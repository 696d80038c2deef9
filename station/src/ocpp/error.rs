//! What is answered when a call cannot be taken: error codes, each with every version's spelling.

use super::version::Version;
use crate::event::RejectReason;

/// OCPP's error codes (OCPP-J 1.6, table 7; OCPP 2.0.1 part 4, 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// The action is not known.
    NotImplemented,
    /// The action is known, but not supported.
    NotSupported,
    /// Something went wrong here.
    InternalError,
    /// The payload is incomplete.
    ProtocolError,
    /// Not now, or not you.
    SecurityError,
    /// The payload is not what the action's syntax says.
    FormatViolation,
    /// A field has a value that is not allowed.
    PropertyConstraintViolation,
    /// A required field is missing, or there is one too many.
    OccurrenceConstraintViolation,
    /// A field has another type.
    TypeConstraintViolation,
    /// Anything else.
    GenericError,
    /// 2.x: a message type that does not exist.
    MessageTypeNotSupported,
    /// 2.x: not a call at all.
    RpcFrameworkError,
}

impl ErrorCode {
    /// The code as `version` spells it. OCPP 1.6 has its own spelling of two and lacks the last two.
    #[must_use]
    pub fn spelling(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::NotImplemented, _) => "NotImplemented",
            (Self::NotSupported, _) => "NotSupported",
            (Self::InternalError, _) => "InternalError",
            (Self::ProtocolError, _) => "ProtocolError",
            (Self::SecurityError, _) => "SecurityError",
            (Self::FormatViolation | Self::RpcFrameworkError, Version::V16) => "FormationViolation",
            (Self::FormatViolation, _) => "FormatViolation",
            (Self::RpcFrameworkError, _) => "RpcFrameworkError",
            (Self::PropertyConstraintViolation, _) => "PropertyConstraintViolation",
            (Self::OccurrenceConstraintViolation, Version::V16) => "OccurenceConstraintViolation",
            (Self::OccurrenceConstraintViolation, _) => "OccurrenceConstraintViolation",
            (Self::TypeConstraintViolation, _) => "TypeConstraintViolation",
            (Self::GenericError, _) | (Self::MessageTypeNotSupported, Version::V16) => "GenericError",
            (Self::MessageTypeNotSupported, _) => "MessageTypeNotSupported",
        }
    }
}

/// Why a call was not taken: what was wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{detail}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct DecodeError {
    /// What the station is answered.
    pub code: ErrorCode,
    /// What is written beside it in `rejected`.
    pub reason: RejectReason,
    /// Path of the field, as in `meterValue[0].sampledValue`; empty for the message as a whole.
    pub field: String,
    /// What was wrong and what was expected. Never holds a token.
    pub detail: String,
}

impl DecodeError {
    /// A required field that is not there.
    pub(super) fn missing(field: &str) -> Self {
        Self {
            code: ErrorCode::OccurrenceConstraintViolation,
            reason: RejectReason::Invalid,
            field: field.to_owned(),
            detail: "required, but missing".to_owned(),
        }
    }

    /// A field of another type.
    pub(super) fn wrong_type(field: &str, expected: &str, found: &str) -> Self {
        Self {
            code: ErrorCode::TypeConstraintViolation,
            reason: RejectReason::Invalid,
            field: field.to_owned(),
            detail: format!("expected {expected}, found {found}"),
        }
    }

    /// A field with a value that cannot be used.
    pub(super) fn wrong_value(field: &str, detail: String) -> Self {
        Self {
            code: ErrorCode::PropertyConstraintViolation,
            reason: RejectReason::Invalid,
            field: field.to_owned(),
            detail,
        }
    }

    /// An action that is not taken.
    pub(super) fn action(code: ErrorCode, action: &str, version: Version) -> Self {
        let why = if code == ErrorCode::NotSupported { "is not supported here" } else { "is not known" };
        let shown: String = action.chars().take(64).collect();
        Self {
            code,
            reason: RejectReason::UnknownAction,
            field: String::new(),
            detail: format!("action {shown:?} {why} ({})", version.subprotocol()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_spelling() {
        for (code, v16, v201) in [
            (ErrorCode::FormatViolation, "FormationViolation", "FormatViolation"),
            (
                ErrorCode::OccurrenceConstraintViolation,
                "OccurenceConstraintViolation",
                "OccurrenceConstraintViolation",
            ),
            (ErrorCode::RpcFrameworkError, "FormationViolation", "RpcFrameworkError"),
            (ErrorCode::MessageTypeNotSupported, "GenericError", "MessageTypeNotSupported"),
            (ErrorCode::TypeConstraintViolation, "TypeConstraintViolation", "TypeConstraintViolation"),
        ] {
            assert_eq!(code.spelling(Version::V16), v16);
            assert_eq!(code.spelling(Version::V201), v201);
            assert_eq!(code.spelling(Version::V21), v201);
        }
    }

    #[test]
    fn errors_say_what_and_where() {
        assert_eq!(DecodeError::missing("idTag").to_string(), "idTag: required, but missing");
        assert_eq!(
            DecodeError::action(ErrorCode::NotImplemented, "Sing", Version::V16).to_string(),
            "action \"Sing\" is not known (ocpp1.6)"
        );
    }
}

//! Strict: where an operator wants it, a message with a deviation that is otherwise taken and flagged is answered with the
//! error that its version has for it (OCPP-J 1.6, table 7; OCPP 2.0.1 part 4, 4.3).

use super::error::{DecodeError, ErrorCode};
use super::frame::Call;
use super::version::Version;
use crate::deviation::{Deviation, Deviations};
use crate::event::{RejectReason, StationEvent};

/// In which order deviations are looked for: what says most of the message first.
const ORDER: [Deviation; 14] = [
    Deviation::BeforeBoot,
    Deviation::FieldMissing,
    Deviation::TypeMismatch,
    Deviation::FieldUnknown,
    Deviation::TextTooLong,
    Deviation::TimestampMissing,
    Deviation::TimestampWithoutZone,
    Deviation::TimestampFormat,
    Deviation::VendorWord,
    Deviation::MeasurandUnknown,
    Deviation::UnitMismatch,
    Deviation::UnitUnknown,
    Deviation::ValueNotANumber,
    Deviation::DurationContradiction,
];

/// Why a message that could be read is not taken where nothing is tolerated; none, where it is by the book. What only
/// contradicts what was said before (transactions, meters, clocks) violates no message's syntax: it is taken and flagged
/// as ever, since no error would make the station say it better.
#[must_use]
pub fn violation(version: Version, call: &Call<'_>, events: &[StationEvent]) -> Option<DecodeError> {
    if !call.deviations.is_empty() {
        return Some(envelope(call));
    }
    let odd = events.iter().fold(Deviations::default(), |odd, event| odd.union(event.said_odd()));
    let mut odd = odd;
    if events.is_empty() {
        // A list without items.
        odd.add(Deviation::FieldMissing);
    }
    let deviation = ORDER.into_iter().filter(|deviation| odd.has(*deviation));
    deviation.filter_map(|deviation| Some((deviation, code(deviation, version)?))).next().map(
        |(deviation, code)| DecodeError {
            code,
            reason: RejectReason::Invalid,
            field: String::new(),
            detail: format!(
                "{} ({}); this station is taken by the letter",
                words(deviation),
                deviation.label()
            ),
        },
    )
}

/// The envelope is not as the book wants it.
fn envelope(call: &Call<'_>) -> DecodeError {
    let (code, what) = if call.payload_is_odd {
        (ErrorCode::FormatViolation, "element 3, the payload, is not an object")
    } else if call.deviations.has(Deviation::FieldUnknown) {
        (ErrorCode::RpcFrameworkError, "there are more than four elements")
    } else if call.deviations.has(Deviation::TextTooLong) {
        (ErrorCode::RpcFrameworkError, "element 1, the message id, is longer than 36 characters")
    } else {
        (ErrorCode::RpcFrameworkError, "the message type is not a number, or the message id not a text")
    };
    DecodeError {
        code,
        reason: RejectReason::Malformed,
        field: String::new(),
        detail: format!("{what}; this station is taken by the letter"),
    }
}

/// What a deviation is answered with; none where it is taken even so.
fn code(deviation: Deviation, version: Version) -> Option<ErrorCode> {
    Some(match deviation {
        // OCPP 2.0.1, B02.FR.09; B03.FR.07.
        Deviation::BeforeBoot => ErrorCode::SecurityError,
        Deviation::FieldMissing => ErrorCode::OccurrenceConstraintViolation,
        // A length is part of the type (CiString20Type, string[0..20]).
        Deviation::TypeMismatch | Deviation::TextTooLong => ErrorCode::TypeConstraintViolation,
        // "Not conform the PDU structure": FormationViolation in 1.6, ProtocolError in 2.x.
        Deviation::FieldUnknown if version == Version::V16 => ErrorCode::FormatViolation,
        Deviation::FieldUnknown => ErrorCode::ProtocolError,
        // 2.x: "otherwise a custom unit might be used" (UnitOfMeasureType).
        Deviation::UnitUnknown if version.is_2x() => return None,
        Deviation::TimestampMissing
        | Deviation::TimestampWithoutZone
        | Deviation::TimestampFormat
        | Deviation::VendorWord
        | Deviation::MeasurandUnknown
        | Deviation::UnitMismatch
        | Deviation::UnitUnknown
        | Deviation::ValueNotANumber
        | Deviation::DurationContradiction => ErrorCode::PropertyConstraintViolation,
        Deviation::Clock
        | Deviation::TransactionIdUnknown
        // Such a connection is closed before its first message.
        | Deviation::NoSubprotocol
        | Deviation::StopWithoutStart
        | Deviation::MeterBackwards
        | Deviation::StartRetried
        | Deviation::EnergyFromPower
        | Deviation::ForeignCard => return None,
    })
}

/// What was wrong, for the station's log.
fn words(deviation: Deviation) -> &'static str {
    match deviation {
        Deviation::BeforeBoot => "no BootNotification was accepted yet",
        Deviation::FieldMissing => "a required field is missing",
        Deviation::TypeMismatch => "a field has another type",
        Deviation::FieldUnknown => "there is a field that the message does not have",
        Deviation::TextTooLong => "a text is too long",
        Deviation::TimestampMissing => "a time cannot be read",
        Deviation::TimestampWithoutZone => "a time has no zone",
        Deviation::TimestampFormat => "a time is not written as in RFC 3339",
        Deviation::VendorWord => "a word is not one of its enumeration",
        Deviation::MeasurandUnknown => "the measurand does not exist",
        Deviation::UnitMismatch => "the unit does not belong to the measurand",
        Deviation::UnitUnknown => "the unit does not exist",
        Deviation::ValueNotANumber => "a value is not a number",
        _ => "what it says contradicts itself",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocpp::testing::page_holds;

    #[test]
    fn the_page_says_what_each_deviation_is_answered_with() {
        let mut table = String::from("| flag | OCPP 1.6 | OCPP 2.x |\n|---|---|---|\n");
        for deviation in Deviation::ALL {
            let of = |version| {
                code(*deviation, version).map_or("taken".to_owned(), |c| format!("`{}`", c.spelling(version)))
            };
            let row = match deviation {
                Deviation::NoSubprotocol => ["closed (1002)".to_owned(), "closed (1002)".to_owned()],
                _ => [of(Version::V16), of(Version::V201)],
            };
            table.push_str(&format!("| `{}` | {} | {} |\n", deviation.label(), row[0], row[1]));
        }
        page_holds("strict", &table);
    }

    #[test]
    fn what_is_answered_is_looked_for() {
        for deviation in Deviation::ALL {
            let is_answered = Version::ALL.into_iter().any(|version| code(*deviation, version).is_some());
            assert_eq!(is_answered, ORDER.contains(deviation), "{deviation:?}");
        }
    }
}

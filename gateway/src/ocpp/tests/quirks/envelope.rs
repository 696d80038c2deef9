//! The envelope: what is no message, what is nearly one, and what needs no answer.

use super::{Quirk, V16, V21, V201, quirk};

const FRAMING: &str = "OCPP-J 1.6, 4.2";
const FRAMING_2X: &str = "OCPP 2.0.1 part 4, 4.2";
const IDS: &str = "OCPP-J 1.6, 4.1.4";
const TYPES: &str = "OCPP-J 1.6, 4.1.3";
const ERRORS: &str = "OCPP-J 1.6, 4.2.3";
const ERRORS_2X: &str = "OCPP 2.0.1 part 4, 4.2.3 and 4.3";
const SENDS: &str = "OCPP 2.1 part 4, 4.2.5";
const RFC: &str = "RFC 8259";
const NO_ROW: (&str, &str) = ("", "");

pub(super) const QUIRKS: &[Quirk] = &[
    // Taken.
    quirk(
        ("null for an empty payload", "OCPP-J 1.6, 4.2.1: null and {} are the same", V16),
        r#"[2,"1","Heartbeat",null]"#,
        Some(r#"[3,"1",{"currentTime":""#),
        NO_ROW,
    ),
    quirk(
        (
            "an empty list for an empty payload",
            "seen: languages that do not tell an empty map from an empty list",
            V16,
        ),
        r#"[2,"1","DataTransfer",[]]"#,
        Some(r#"[3,"1",{"status":"UnknownVendorId"}]"#),
        ("events data_transferred", "type_mismatch,field_missing"),
    )
    .strict("FormationViolation"),
    quirk(
        ("no payload at all", "seen: Heartbeats of three elements", V16),
        r#"[2,"1","DataTransfer"]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred", "field_missing"),
    )
    .strict("FormationViolation"),
    quirk(
        ("a fifth element", FRAMING, V16),
        r#"[2,"1","StatusNotification",{"connectorId":1,"status":"Available","errorCode":"NoError"},{"seq":4}]"#,
        Some(r#"[3,"1",{}]"#),
        ("connector_status 1 available", "field_unknown"),
    )
    .strict("FormationViolation"),
    quirk(
        ("a number as message id", "OCPP-J 1.6, 4.1.4: the id is a string; it is echoed as it came", V16),
        r#"[2,17,"DataTransfer",{"vendorId":"x"}]"#,
        Some("[3,17,{"),
        ("events data_transferred", "type_mismatch"),
    )
    .strict("FormationViolation"),
    quirk(
        ("the message type as text", TYPES, V16),
        r#"["2","1","DataTransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred", "type_mismatch"),
    )
    .strict("FormationViolation"),
    quirk(
        ("white space between everything", RFC, V16),
        "\r\n [ 2 , \"1\"\t, \"DataTransfer\" , { \"vendorId\" : \"x\" } ] \n",
        Some(r#"[3,"1",{"#),
        ("events data_transferred: Data of x", ""),
    ),
    quirk(
        ("an id with escapes", "RFC 8259, 7: the id is echoed as it was written", V16),
        r#"[2,"a\"\\\u00e4","DataTransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"a\"\\\u00e4",{"#),
        ("events data_transferred", ""),
    ),
    quirk(
        ("an id beyond ASCII", IDS, V16),
        r#"[2,"ä€😀","DataTransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"ä€😀",{"#),
        ("events data_transferred", ""),
    ),
    quirk(
        ("an id longer than a UUID", "OCPP-J 1.6, 4.1.4: at most 36 characters", V16),
        r#"[2,"{now}-of-a-station-that-counts-on-and-on","DataTransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"{now}-of-a-station-that-counts-on-and-on",{"#),
        ("events data_transferred", "text_too_long"),
    )
    .strict("FormationViolation"),
    quirk(
        ("a field twice", "RFC 8259, 4: names should be unique; the last counts", V16),
        r#"[2,"1","DataTransfer",{"vendorId":"x","vendorId":"y"}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred: Data of y", ""),
    ),
    quirk(
        ("half a surrogate pair in a text", "RFC 8259, 8.2", V16),
        r#"[2,"1","DataTransfer",{"vendorId":"x\ud83d"}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred", "type_mismatch"),
    )
    .strict("TypeConstraintViolation"),
    quirk(
        ("a NUL in a text", "RFC 8259, 7: it may be escaped", V16),
        r#"[2,"1","DataTransfer",{"vendorId":"x\u0000"}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred", ""),
    ),
    quirk(
        ("the action with an escape", RFC, V16),
        r#"[2,"1","Data\u0054ransfer",{"vendorId":"x"}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred: Data of x", ""),
    ),
    quirk(
        (
            "a payload that is deep",
            "RFC 8259, 9: a parser may limit depth; what is not read need not be parsed",
            V16,
        ),
        r#"[2,"1","DataTransfer",{"vendorId":"x","deep":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]"#,
        Some(r#"[3,"1",{"#),
        ("events data_transferred", "field_unknown"),
    )
    .strict("FormationViolation"),
    // Not JSON.
    quirk(
        ("no JSON", ERRORS, V16),
        "hello",
        Some(r#"[4,"-1","FormationViolation","not JSON"#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("no JSON, in 2.x", ERRORS_2X, V201),
        "hello",
        Some(r#"[4,"-1","RpcFrameworkError","not JSON"#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("nothing in a frame", ERRORS, V16),
        "",
        Some(r#"[4,"-1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("a frame that was cut off", "seen: modems that lose the end of long frames", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timest"#,
        Some(r#"[4,"1","FormationViolation","not JSON"#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("NaN as a number", "seen: C's printf of a meter that does not answer; RFC 8259, 6", V16),
        r#"[2,"1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"{now}","sampledValue":[{"value":NaN}]}]}]"#,
        Some(r#"[4,"1","FormationViolation","not JSON"#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("a comma after the last element", RFC, V16),
        r#"[2,"1","Heartbeat",{},]"#,
        Some(r#"[4,"1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("apostrophes for quotes", "RFC 8259, 7", V16),
        r"[2,'1','Heartbeat',{}]",
        Some(r#"[4,"-1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("a line break in a text", "RFC 8259, 7: control characters are escaped", V16),
        "[2,\"1\",\"DataTransfer\",{\"vendorId\":\"a\nb\"}]",
        Some(r#"[4,"1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("a byte order mark", "RFC 8259, 8.1: must not be added", V16),
        "\u{feff}[2,\"1\",\"Heartbeat\",{}]",
        Some(r#"[4,"-1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    quirk(
        ("two messages in a frame", "OCPP-J 1.6, 4.1: one message a frame", V16),
        r#"[2,"1","Heartbeat",{}][2,"2","Heartbeat",{}]"#,
        Some(r#"[4,"1","FormationViolation""#),
        ("rejected malformed: not JSON", ""),
    ),
    // JSON, but no message.
    quirk(
        ("an object for the list", FRAMING, V16),
        r#"{"action":"Heartbeat"}"#,
        Some(r#"[4,"-1","FormationViolation","not a list"#),
        ("rejected malformed: not a list", ""),
    ),
    quirk(
        ("a list of nothing", FRAMING, V16),
        "[]",
        Some(r#"[4,"-1","FormationViolation","element 0"#),
        ("rejected malformed: element 0, the message type", ""),
    ),
    quirk(
        ("a type and nothing else", FRAMING_2X, V201),
        "[2]",
        Some(r#"[4,"-1","RpcFrameworkError","element 1"#),
        ("rejected malformed: element 1, the message id", ""),
    ),
    quirk(
        ("an empty id", FRAMING_2X, V201),
        r#"[2,"","Heartbeat",{}]"#,
        Some(r#"[4,"-1","RpcFrameworkError","element 1"#),
        ("rejected malformed: element 1", ""),
    ),
    quirk(
        ("an object as id", IDS, V16),
        r#"[2,{"id":1},"Heartbeat",{}]"#,
        Some(r#"[4,"-1","FormationViolation","element 1"#),
        ("rejected malformed: element 1", ""),
    ),
    quirk(
        ("an id beyond all measure", IDS, V16),
        r#"[2,"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789","Heartbeat",{}]"#,
        Some(r#"[4,"-1","FormationViolation","element 1"#),
        ("rejected malformed: element 1", ""),
    ),
    quirk(
        ("a message type with a fraction", TYPES, V16),
        r#"[2.0,"1","Heartbeat",{}]"#,
        Some(r#"[4,"1","FormationViolation","element 0"#),
        ("rejected malformed: element 0", ""),
    ),
    quirk(
        ("no action", FRAMING, V16),
        r#"[2,"1"]"#,
        Some(r#"[4,"1","FormationViolation","element 2"#),
        ("rejected malformed: element 2, the action", ""),
    ),
    quirk(
        ("a number as action", FRAMING, V16),
        r#"[2,"1",7,{}]"#,
        Some(r#"[4,"1","FormationViolation","element 2"#),
        ("rejected malformed: element 2, the action", ""),
    ),
    quirk(
        ("a text as payload", ERRORS, V16),
        r#"[2,"1","Heartbeat","x"]"#,
        Some(r#"[4,"1","FormationViolation","element 3"#),
        ("rejected malformed: element 3, the payload", ""),
    ),
    quirk(
        ("a text as payload, in 2.x", ERRORS_2X, V201),
        r#"[2,"1","Heartbeat","x"]"#,
        Some(r#"[4,"1","FormatViolation","element 3"#),
        ("rejected malformed: element 3, the payload", ""),
    ),
    quirk(
        ("a list with the payload in it", ERRORS, V16),
        r#"[2,"1","DataTransfer",[{"vendorId":"x"}]]"#,
        Some(r#"[4,"1","FormationViolation","element 3"#),
        ("rejected malformed: element 3, the payload", ""),
    ),
    // Message types.
    quirk(
        ("a message type that nobody knows", "OCPP-J 1.6, 4.1.3: it is ignored", V16),
        r#"[9,"1","X",{}]"#,
        None,
        ("rejected malformed: message type 9", ""),
    ),
    quirk(
        ("a message type that nobody knows, in 2.x", ERRORS_2X, V201),
        r#"[9,"1","X",{}]"#,
        Some(r#"[4,"1","MessageTypeNotSupported","message type 9"#),
        ("rejected malformed: message type 9", ""),
    ),
    quirk(
        ("SEND before 2.1", SENDS, V201),
        r#"[6,"1","NotifyPeriodicEventStream",{}]"#,
        Some(r#"[4,"1","MessageTypeNotSupported","message type 6"#),
        ("rejected malformed: message type 6", ""),
    ),
    quirk(
        ("SEND of a stream", SENDS, V21),
        r#"[6,"1","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"{now}","data":[{"t":1.5,"v":"7"}]}]"#,
        None,
        ("events data_transferred: Data of OCPP: NotifyPeriodicEventStream", ""),
    ),
    quirk(
        ("SEND of what is usually asked", SENDS, V21),
        r#"[6,"1","DataTransfer",{"vendorId":"x"}]"#,
        None,
        ("events data_transferred: Data of x", ""),
    ),
    quirk(
        (
            "SEND whose payload is none",
            "OCPP 2.1 part 4, 4.2.5: it is never answered, not even with an error",
            V21,
        ),
        r#"[6,"1","NotifyPeriodicEventStream","x"]"#,
        None,
        ("rejected malformed: element 3", ""),
    ),
    quirk(
        ("SEND of an action that nobody knows", SENDS, V21),
        r#"[6,"1","Sing",{}]"#,
        None,
        ("rejected unknown_action: action \"Sing\"", ""),
    ),
    quirk(
        ("an answer to nothing", "seen: late answers after a reconnect; OCPP-J 1.6, 4.2.2", V16),
        r#"[3,"1",{}]"#,
        None,
        ("rejected malformed: an answer to a call that was not sent", ""),
    ),
    quirk(
        ("an error to nothing", ERRORS, V16),
        r#"[4,"1","GenericError","",{}]"#,
        None,
        ("rejected malformed: an answer to a call that was not sent", ""),
    ),
    quirk(
        ("an answer without an id", "OCPP-J 1.6, 4.2.2: answers are not answered", V16),
        "[3]",
        None,
        ("rejected malformed: element 1", ""),
    ),
    quirk(
        ("CALLRESULTERROR: our answer was of no use", "OCPP 2.1 part 4, 4.2.4", V21),
        r#"[5,"boot","TypeConstraintViolation","interval is a text",{}]"#,
        None,
        (
            "rejected malformed: the station could not use our answer: TypeConstraintViolation: interval is a text",
            "",
        ),
    ),
    quirk(
        ("CALLRESULTERROR before 2.1", "OCPP 2.1 part 4, 4.2.4", V201),
        r#"[5,"boot","TypeConstraintViolation","interval is a text",{}]"#,
        Some(r#"[4,"boot","MessageTypeNotSupported","message type 5"#),
        ("rejected malformed: message type 5", ""),
    ),
    // Actions.
    quirk(
        ("an action that nobody knows", "OCPP-J 1.6, table 7: NotImplemented", V16),
        r#"[2,"1","Sing",{}]"#,
        Some(r#"[4,"1","NotImplemented","action \"Sing\" is not known"#),
        ("rejected unknown_action: action \"Sing\" is not known", ""),
    ),
    quirk(
        ("an action in small letters", "seen: home-made stations; the action is case-sensitive", V16),
        r#"[2,"1","heartbeat",{}]"#,
        Some(r#"[4,"1","NotImplemented""#),
        ("rejected unknown_action: action \"heartbeat\"", ""),
    ),
    quirk(
        ("an action of another version", "seen: firmware that speaks 2.0.1 under ocpp1.6", V16),
        r#"[2,"1","TransactionEvent",{"eventType":"Started"}]"#,
        Some(r#"[4,"1","NotImplemented""#),
        ("rejected unknown_action: action \"TransactionEvent\"", ""),
    ),
    quirk(
        (
            "an action that only a central system sends",
            "OCPP-J 1.6, table 7: NotSupported is recognised, but not supported",
            V16,
        ),
        r#"[2,"1","Reset",{"type":"Hard"}]"#,
        Some(r#"[4,"1","NotSupported","action \"Reset\" is not supported"#),
        ("rejected unknown_action: action \"Reset\"", ""),
    ),
];

//! OCPP-J: framing, and decoding of what stations send.

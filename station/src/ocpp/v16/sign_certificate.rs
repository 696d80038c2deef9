//! SignCertificate: the station wants a certificate (security whitepaper, 5.8). No certificate authority is configured
//! here.

use std::borrow::Cow;

use crate::ocpp::answer::{Answering, Payload};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { csr: Raw<'a> = "csr" }
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    message.require(&[request.csr]);
    message.keep(&[]);
    Ok(())
}

/// `rust-ocpp` has no types for the security whitepaper.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn answer(_: &Answering<'_>) -> Payload {
    Ok(Cow::Borrowed(r#"{"status":"Rejected"}"#))
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V16;
    use crate::ocpp::testing::{answered_to, flags, kept};

    #[test]
    fn requests_for_certificates_are_kept_and_rejected() {
        let version = V16;
        let good = r#"{"csr":"-----BEGIN"}"#;
        let event = kept(version, "SignCertificate", good);
        assert_eq!(flags(event.deviations), "");
        let event = kept(version, "SignCertificate", r#"{"vendorThing":1}"#);
        assert_eq!(flags(event.deviations), "field_missing,field_unknown");
        assert_eq!(answered_to(version, "SignCertificate", good), r#"{"status":"Rejected"}"#);
    }
}

//! GetCertificateChainStatus: are these certificates still good? (M06) Nobody is asked here.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::ocpp::answer::{Answering, Payload, rfc3339, written};
use crate::ocpp::error::DecodeError;
use crate::ocpp::lenient::{Many, Raw, define};
use crate::ocpp::message::Message;

define! {
    Request { requests: Many<Asked<'a>> = "certificateStatusRequests" }
}

define! {
    /// CertificateStatusRequestInfoType.
    Asked { source: Raw<'a> = "source", certificate: Raw<'a> = "certificateHashData" }
    known ["urls"]
}

pub(super) fn decode(message: &mut Message<'_>) -> Result<(), DecodeError> {
    let request: Request<'_> = message.read()?;
    // What is not named cannot be answered.
    let is_whole = |asked: &Asked<'_>| !asked.source.is_none() && !asked.certificate.is_none();
    if request.requests.items.is_empty() || !request.requests.items.iter().all(is_whole) {
        return Err(DecodeError::missing("certificateStatusRequests"));
    }
    message.keep(&[]);
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    certificate_status: Vec<Status<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    source: &'a RawValue,
    certificate_hash_data: &'a RawValue,
    status: &'static str,
    next_update: String,
}

fn raw(field: Raw<'_>) -> Option<&RawValue> {
    field.json().and_then(|json| serde_json::from_str(json).ok())
}

pub(super) fn answer(answering: &Answering<'_>) -> Payload {
    let request: Request<'_> = answering.request()?;
    let next_update = rfc3339(answering.time());
    let certificate_status = request.requests.items.iter().filter_map(|asked| {
        Some(Status {
            source: raw(asked.source)?,
            certificate_hash_data: raw(asked.certificate)?,
            status: "Failed",
            // It may ask again at any time.
            next_update: next_update.clone(),
        })
    });
    written(&Response { certificate_status: certificate_status.collect() })
}

#[cfg(test)]
mod tests {
    use crate::ocpp::Version::V21;
    use crate::ocpp::testing::{answered_to, flags, kept, refused};

    #[test]
    fn each_certificate_gets_an_answer() {
        let version = V21;
        let good = r#"{"certificateStatusRequests":[{"source":"OCSP","urls":["http://a"],"certificateHashData":{"serialNumber":"1"}}]}"#;
        let event = kept(version, "GetCertificateChainStatus", good);
        assert_eq!(flags(event.deviations), "");
        for payload in [
            "{}",
            r#"{"certificateStatusRequests":[]}"#,
            r#"{"certificateStatusRequests":[{"source":"CRL"}]}"#,
        ] {
            assert_eq!(
                refused(version, "GetCertificateChainStatus", payload).0,
                "OccurrenceConstraintViolation"
            );
        }
        assert_eq!(
            answered_to(version, "GetCertificateChainStatus", good),
            r#"{"certificateStatus":[{"source":"OCSP","certificateHashData":{"serialNumber":"1"},"status":"Failed","nextUpdate":"2023-11-14T22:13:20.123Z"}]}"#
        );
    }
}

//! Errors as the Google API conventions have them: a code, a sentence, and details for programs.

use std::time::Duration;

use proto::anomaly::v1 as api;
use store::read::ReadError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// A session takes some moments from its stop to the store.
const STORED_SOON: Duration = Duration::from_secs(2);
/// A store that is away is asked again later.
const STORE_AWAY: Duration = Duration::from_secs(5);

/// Collects what is wrong with a request, field by field.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<(String, String)>);

impl Violations {
    pub(crate) fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.0.push((field.into(), what.into()));
    }

    /// `INVALID_ARGUMENT` if anything is wrong; the message names the first field, the details all.
    #[allow(clippy::result_large_err)]
    pub(crate) fn result(self) -> Result<(), Status> {
        let Some((field, what)) = self.0.first() else { return Ok(()) };
        let message = format!("{field}: {what}");
        let mut details = ErrorDetails::new();
        for (field, what) in &self.0 {
            details.add_bad_request_violation(field.clone(), what.clone());
        }
        Err(Status::with_error_details(Code::InvalidArgument, message, details))
    }
}

/// `INVALID_ARGUMENT` for one field.
pub(crate) fn invalid(field: &str, what: impl Into<String>) -> Status {
    let what = what.into();
    let details = ErrorDetails::with_bad_request_violation(field, what.clone());
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {what}"), details)
}

/// `NOT_FOUND` for something that may be there soon.
pub(crate) fn not_stored_yet(kind: &str, name: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(STORED_SOON));
    details.set_resource_info(kind, name, "", "not stored, or not stored yet");
    let message =
        format!("{name} is not stored; if it has just ended, ask again in {} s", STORED_SOON.as_secs());
    Status::with_error_details(Code::NotFound, message, details)
}

/// `NOT_FOUND` for something that will not come by itself.
pub(crate) fn not_found(kind: &str, name: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_resource_info(kind, name, "", "");
    Status::with_error_details(Code::NotFound, format!("there is no {name}"), details)
}

/// `UNAVAILABLE` for a stream that the service's end cuts.
pub(crate) fn stopping() -> Status {
    let details = ErrorDetails::with_retry_info(Some(STORE_AWAY));
    Status::with_error_details(Code::Unavailable, "the service stops; go on when it is back", details)
}

/// A status as it stands within a stream.
pub(crate) fn to_request_error(status: &Status) -> api::RequestError {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    let retry_delay = details.retry_info().and_then(|info| info.retry_delay);
    api::RequestError {
        code: i32::from(status.code()),
        message: status.message().to_owned(),
        field_violations: violations
            .iter()
            .map(|violation| api::request_error::FieldViolation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect(),
        retry_delay_s: retry_delay.map(|delay| delay.as_secs_f64()),
    }
}

/// What the store's error means to a caller.
pub(crate) fn of_store(error: &ReadError) -> Status {
    match error {
        ReadError::Unavailable { .. } => {
            let details = ErrorDetails::with_retry_info(Some(STORE_AWAY));
            Status::with_error_details(Code::Unavailable, error.to_string(), details)
        }
        ReadError::Timeout { .. } => Status::deadline_exceeded("the store did not answer in time"),
        ReadError::Refused { .. } | ReadError::Column { .. } => {
            tracing::error!(%error, "the store refuses a query of the API");
            Status::internal("the store refuses the query; the service's log says why")
        }
    }
}

//! Who may call what.

use ::service::auth::{ApiTokens, AuthError, Scope};
use tonic::{Request, Status};

/// Who may call.
#[derive(Debug)]
pub(crate) enum Access {
    /// Everybody: there are no tokens, and only this machine reaches the port.
    Open,
    /// Who has a token with the scope.
    Tokens(ApiTokens),
}

impl Access {
    /// Lets a call pass or says why not.
    #[allow(clippy::result_large_err)]
    pub(crate) fn check<T>(&self, request: &Request<T>, need: Scope) -> Result<(), Status> {
        let Self::Tokens(tokens) = self else { return Ok(()) };
        let header = request.metadata().get("authorization");
        let header = header
            .map(|value| {
                value.to_str().map_err(|_| Status::unauthenticated(AuthError::Malformed.to_string()))
            })
            .transpose()?;
        match tokens.authenticate(header, need) {
            Ok(_) => Ok(()),
            Err(error @ AuthError::Forbidden { .. }) => Err(Status::permission_denied(error.to_string())),
            Err(error) => Err(Status::unauthenticated(error.to_string())),
        }
    }
}

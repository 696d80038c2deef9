//! Binding ports, with errors that say which setting to change.

use std::io;

use tokio::net::TcpListener;

use crate::config::variable_for;

/// A port that could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("{address} ({setting}) is taken by another process; set {setting} or {variable}")]
    Taken {
        /// The address.
        address: String,
        /// The setting that holds it.
        setting: String,
        /// The variable that sets it.
        variable: String,
    },
    /// It is no address, or may not be bound.
    #[error("{address} ({setting}) cannot be listened on: {source}; set {setting} or {variable}")]
    Other {
        /// The address.
        address: String,
        /// The setting that holds it.
        setting: String,
        /// The variable that sets it.
        variable: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Binds `address` ("127.0.0.1:8887"; port 0 takes a free one), which the setting `setting` holds.
///
/// # Errors
/// When it is taken, no address of this machine, or not allowed.
pub async fn bind(address: &str, setting: &str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| {
        let (address, setting, variable) = (address.to_owned(), setting.to_owned(), variable_for(setting));
        if source.kind() == io::ErrorKind::AddrInUse {
            BindError::Taken { address, setting, variable }
        } else {
            BindError::Other { address, setting, variable, source }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_setting() {
        let first = bind("127.0.0.1:0", "gateway.ocpp.listen").await.expect("free");
        let address = first.local_addr().expect("address").to_string();
        let error = bind(&address, "gateway.ocpp.listen").await.expect_err("taken");
        assert_eq!(
            error.to_string(),
            format!(
                "{address} (gateway.ocpp.listen) is taken by another process; set gateway.ocpp.listen or \
                 AMPWARDEN__GATEWAY__OCPP__LISTEN"
            )
        );
        let error = bind("nonsense", "exporter.admin.listen").await.expect_err("no address");
        assert!(
            error.to_string().starts_with("nonsense (exporter.admin.listen) cannot be listened on: "),
            "{error}"
        );
    }
}

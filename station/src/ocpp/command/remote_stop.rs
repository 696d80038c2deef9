//! End a session from afar.

use rust_ocpp::v1_6::messages::remote_stop_transaction::RemoteStopTransactionRequest;
use rust_ocpp::v2_0_1::messages::request_stop_transaction::RequestStopTransactionRequest;
use serde::Deserialize;

use super::request::Rendering;
use super::{CommandError, Kind, Message};

pub(super) const KIND: Kind = Kind {
    name: "remote_stop",
    v16: Some("RemoteStopTransaction"),
    v2: Some("RequestStopTransaction"),
    parameters: "`transaction`: the id as `session_now.transaction_id` shows it",
    render,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    transaction: String,
}

fn render(rendering: &Rendering<'_>) -> Result<Message, CommandError> {
    let Parameters { transaction } = rendering.read()?;
    if rendering.is_16() {
        let Ok(transaction_id) = transaction.trim().parse() else {
            return rendering
                .wrong(format!("transaction: \"{transaction}\" is no number, and ocpp1.6 wants one"));
        };
        return rendering.message("RemoteStopTransaction", &RemoteStopTransactionRequest { transaction_id });
    }
    let transaction_id = rendering.text("transaction", transaction, 36)?;
    rendering.message("RequestStopTransaction", &RequestStopTransactionRequest { transaction_id })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, rendered};
    use crate::ocpp::Version::{V16, V201};

    #[test]
    fn a_transaction_is_a_number_in_one_and_a_text_in_the_other() {
        let asked = r#"{"transaction":"17"}"#;
        assert_eq!(
            rendered(V16, "remote_stop", asked),
            ("RemoteStopTransaction", r#"{"transactionId":17}"#.into())
        );
        assert_eq!(
            rendered(V201, "remote_stop", asked),
            ("RequestStopTransaction", r#"{"transactionId":"17"}"#.into())
        );
        assert!(refused(V16, "remote_stop", r#"{"transaction":"a-b"}"#).contains("is no number"));
    }
}

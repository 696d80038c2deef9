//! Odd and wrong input while the fleet lives: tolerated or refused with an answer, counted, and nothing is lost by it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use integration::Gateway;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// What is said, and how the answer begins.
const SAID: &[(&str, &str)] = &[
    (r#"[2,"b1","BootNotification",{"chargePointVendor":"Odd","chargePointModel":7}]"#, r#"[3,"b1",{"#),
    (r#"[2,"n1","Nonsense",{}]"#, r#"[4,"n1","NotImplemented""#),
    (r#"[2,"s1","StatusNotification",{"connectorId":"one"}]"#, r#"[4,"s1","#),
    (
        r#"[2,"m1","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"1970-01-01T00:00:07","sampledValue":[{"value":7400,"measurand":"Power.Active.Import","unit":"Wh"}]}]}]"#,
        r#"[3,"m1",{}"#,
    ),
];

/// Says it all over OCPP 1.6, and checks each answer.
pub(crate) async fn say(gateway: &Gateway) {
    let mut request = format!("{}/ODD-1", gateway.ocpp()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "ocpp1.6".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    for (said, expected) in SAID {
        socket.send(Message::text(*said)).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => break text.to_string(),
                    Some(Ok(_)) => {}
                    other => panic!("{said}: {other:?}"),
                }
            }
        })
        .await
        .unwrap();
        assert!(answer.replace(", ", ",").starts_with(expected), "{said}: {answer}");
    }
}

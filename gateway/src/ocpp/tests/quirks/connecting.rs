//! How stations connect: what they put into the URL and into the header.

use std::time::Duration;

use futures_util::StreamExt;
use service::config::HumanDuration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::support::{DEADLINE, Endpoint, upgrade};
use crate::ocpp::Config;

struct Way {
    /// What they do.
    name: &'static str,
    /// Where that is known from.
    source: &'static str,
    path: &'static str,
    /// `Sec-WebSocket-Protocol`.
    offered: Option<&'static str>,
    /// What is agreed, as it is echoed.
    agreed: Option<&'static str>,
    /// The station that it is, how it came, and its flags.
    row: (&'static str, &'static str, &'static str),
}

const NEGOTIATION: &str = "OCPP-J 1.6, 3.1.2";
const URLS: &str = "OCPP-J 1.6, 3.1.1";

const fn way(
    (name, source): (&'static str, &'static str),
    path: &'static str,
    (offered, agreed): (Option<&'static str>, Option<&'static str>),
    row: (&'static str, &'static str, &'static str),
) -> Way {
    Way { name, source, path, offered, agreed, row }
}

const WAYS: &[Way] = &[
    way(("no subprotocol", "seen: old firmware"), "/W-1", (None, None), ("W-1", "ocpp1.6", "no_subprotocol")),
    way(
        ("the subprotocol in capitals", "seen; RFC 6455, 4.2.2: echoed as it was offered"),
        "/W-2",
        (Some("OCPP1.6"), Some("OCPP1.6")),
        ("W-2", "ocpp1.6", ""),
    ),
    way(
        ("an older version first", "OCPP-J 1.6, 3.1.2: the station's order counts"),
        "/W-3",
        (Some("ocpp1.6, ocpp2.0.1"), Some("ocpp1.6")),
        ("W-3", "ocpp1.6", ""),
    ),
    way(
        ("versions that are not spoken before one that is", NEGOTIATION),
        "/W-4",
        (Some("ocpp1.2, ocpp2.0, ocpp2.1"), Some("ocpp2.1")),
        ("W-4", "ocpp2.1", ""),
    ),
    way(
        ("a list without spaces", "RFC 7230, 7: white space is optional"),
        "/W-5",
        (Some("soap,ocpp2.0.1,ocpp1.6"), Some("ocpp2.0.1")),
        ("W-5", "ocpp2.0.1", ""),
    ),
    way(
        ("a version in the URL that contradicts", "seen: endpoints that were copied from another system"),
        "/ocpp2.0.1/W-6",
        (Some("ocpp1.6"), Some("ocpp1.6")),
        ("W-6", "ocpp1.6", ""),
    ),
    way(
        ("an id with a percent sign in the URL", URLS),
        "/S%C3%A4ule%20W-7",
        (Some("ocpp1.6"), Some("ocpp1.6")),
        ("Säule W-7", "ocpp1.6", ""),
    ),
    way(
        ("a path before the id", URLS),
        "/steve/websocket/CentralSystemService/W-8",
        (Some("ocpp1.6"), Some("ocpp1.6")),
        ("W-8", "ocpp1.6", ""),
    ),
    way(
        ("a query behind the id", "seen: tokens of proxies"),
        "/W-9?site=7&token=x",
        (Some("ocpp1.6"), Some("ocpp1.6")),
        ("W-9", "ocpp1.6", ""),
    ),
    way(
        (
            "two slashes before the id",
            "seen: an endpoint that ends with a slash, and a station that adds one",
        ),
        "/ocpp//W-10",
        (Some("ocpp1.6"), Some("ocpp1.6")),
        ("W-10", "ocpp1.6", ""),
    ),
];

#[tokio::test]
async fn each_way_to_connect_is_taken() {
    let endpoint = Endpoint::start(Config::default()).await;
    for way in WAYS {
        assert!(!way.source.is_empty(), "{}", way.name);
        let (mut client, agreed) = endpoint.try_connect(way.path, way.offered).await.expect(way.name);
        assert_eq!(agreed.as_deref(), way.agreed, "{}", way.name);
        let answer = client.call(r#"[2,"1","Heartbeat",{}]"#).await;
        assert!(answer.starts_with(r#"[3,"1","#), "{}: {answer}", way.name);
        let events = endpoint.events.lock().expect("no panic");
        let (station, source, flags) = way.row;
        let connected = events.iter().find(|event| event.station.as_str() == station).expect(way.name);
        assert_eq!(connected.source.label(), source, "{}", way.name);
        assert_eq!(connected.deviations.to_flags().unwrap_or_default(), flags, "{}", way.name);
    }
}

#[tokio::test]
async fn a_station_without_a_subprotocol_speaks_its_own_version_or_is_closed_by_the_letter() {
    let endpoint = Endpoint::start(Config::default()).await;
    for (station, flags) in [("old", "no_subprotocol"), ("strict-old", "no_subprotocol")] {
        let (mut client, agreed) = endpoint.try_connect(&format!("/{station}"), None).await.expect(station);
        assert_eq!(agreed, None, "nothing was offered, nothing is answered");
        let answer = client
            .call(r#"[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"X"}}]"#)
            .await;
        assert!(answer.contains("Accepted"), "{station}: {answer}");
        let events = endpoint.events.lock().expect("no panic");
        let connected = events.iter().find(|event| event.station.as_str() == station).expect(station);
        assert_eq!(connected.source.label(), "ocpp2.0.1", "{station}");
        assert_eq!(connected.deviations.to_flags().unwrap_or_default(), flags, "{station}");
    }
    // What it offers counts before what is set.
    let (_client, agreed) = endpoint.try_connect("/very-old", Some("ocpp1.6")).await.expect("connects");
    assert_eq!(agreed.as_deref(), Some("ocpp1.6"));
    let (mut client, agreed) =
        endpoint.try_connect("/strict", None).await.expect("the handshake is finished");
    assert_eq!(agreed, None);
    assert_eq!(client.closed().await, CloseCode::Protocol);
    assert!(endpoint.labels("strict").is_empty(), "it was never connected");
}

#[tokio::test]
async fn pings_can_be_set_for_a_station() {
    let often = HumanDuration(Duration::from_millis(50));
    let endpoint = Endpoint::start(Config { ping_interval: often, ..Config::default() }).await;
    let mut pinged = endpoint.connect("pinged", super::V16).await;
    let mut unpinged = endpoint.connect("unpinged", super::V16).await;
    for _ in 0..3 {
        let frame = timeout(DEADLINE, pinged.ws.next()).await.expect("in time");
        assert!(matches!(frame, Some(Ok(Message::Ping(_)))), "{frame:?}");
    }
    // The first thing that it hears is the answer to what it asks now.
    unpinged.send(r#"[2,"1","Heartbeat",{}]"#).await;
    let frame = timeout(DEADLINE, unpinged.ws.next()).await.expect("in time");
    assert!(matches!(frame, Some(Ok(Message::Text(_)))), "{frame:?}");
}

/// permessage-deflate is not spoken: who offers it is answered without it, and sends plain frames then (RFC 7692, 5.1).
#[tokio::test]
async fn compression_is_declined_by_not_being_answered() {
    let endpoint = Endpoint::start(Config::default()).await;
    let request = String::from_utf8(upgrade("/deflate", Some(super::V16))).expect("text").replace(
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Version",
    );
    let (_stream, answer) = endpoint.raw(request.as_bytes(), "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(!answer.to_lowercase().contains("sec-websocket-extensions"), "{answer}");
}

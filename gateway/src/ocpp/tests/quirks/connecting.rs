//! How stations connect: what they put into the URL and into the header.

use super::super::support::Endpoint;
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

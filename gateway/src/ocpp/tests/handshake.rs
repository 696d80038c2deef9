//! Who gets in, and what those are told who do not.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use service::tls::{ClientCertificates, ClientTlsConfig, ReloadingTls, TlsConfig, client_config};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::support::{Endpoint, Station, upgrade};
use crate::ocpp::{Config, DefaultVersion};

#[tokio::test]
async fn versions_are_negotiated_and_never_taken_from_the_url() {
    let endpoint = Endpoint::start(Config::default()).await;
    for (path, offered, agreed, source) in [
        ("/A1", "ocpp1.6", "ocpp1.6", "ocpp1.6"),
        ("/ocpp/2.0.1/A2", "ocpp1.6", "ocpp1.6", "ocpp1.6"),
        ("/ocpp16/A3", "ocpp2.0.1", "ocpp2.0.1", "ocpp2.0.1"),
        ("/A4", "ocpp2.1, ocpp2.0.1, ocpp1.6", "ocpp2.1", "ocpp2.1"),
        ("/A5", "ocpp1.2, ocpp1.6, ocpp2.0.1", "ocpp1.6", "ocpp1.6"),
    ] {
        let (mut client, found) = endpoint.try_connect(path, Some(offered)).await.expect("connects");
        assert_eq!(found.as_deref(), Some(agreed), "{path}");
        client.call(r#"[2,"1","Heartbeat",{}]"#).await;
        let station = path.rsplit('/').next().expect("a part");
        let events = endpoint.events.lock().expect("no panic");
        let event = events.iter().find(|event| event.station.as_str() == station).expect("connected");
        assert_eq!(event.source.label(), source, "{path}");
    }
}

#[tokio::test]
async fn ids_are_percent_decoded() {
    let endpoint = Endpoint::start(Config::default()).await;
    let (mut client, _) =
        endpoint.try_connect("/any/where/S%C3%A4ule%207", Some("ocpp1.6")).await.expect("connects");
    client.call(r#"[2,"1","Heartbeat",{}]"#).await;
    assert_eq!(endpoint.labels("Säule 7").len(), 2);
}

#[tokio::test]
async fn without_a_subprotocol_the_default_is_taken_and_flagged() {
    let endpoint = Endpoint::start(Config::default()).await;
    let (mut client, agreed) = endpoint.try_connect("/bare", None).await.expect("connects");
    assert_eq!(agreed, None);
    client.boot().await;
    assert_eq!(endpoint.labels("bare"), ["connected:no_subprotocol", "booted"]);
}

#[tokio::test]
async fn without_a_common_subprotocol_the_handshake_is_finished_and_the_connection_closed() {
    let strict = Config { default_version: DefaultVersion::None, ..Config::default() };
    let endpoint = Endpoint::start(strict).await;
    for subprotocol in [None, Some("ocpp1.5"), Some("mqtt, soap")] {
        let (_stream, answer) = endpoint.raw(&upgrade("/CP-1", subprotocol), "spoken here").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("sec-websocket-protocol"), "{answer}");
        assert!(answer.contains("no common subprotocol"), "{answer}");
    }
    let (mut client, _) = endpoint.try_connect("/CP-1", None).await.expect("connects");
    assert_eq!(client.closed().await, CloseCode::Protocol);
    assert!(endpoint.labels("CP-1").is_empty(), "it was never a connection of a station");
}

#[tokio::test]
async fn who_is_turned_away_is_told_why() {
    let endpoint = Endpoint::start(Config::default()).await;
    let text = |request: &str| request.replace('\n', "\r\n").into_bytes();
    for (request, status, says) in [
        (upgrade("/unknown-7", Some("ocpp1.6")), "404", "not registered"),
        (upgrade("/", Some("ocpp1.6")), "404", "the station id is empty"),
        (upgrade("/a%2Fb", Some("ocpp1.6")), "404", "slash"),
        (text("GET /CP-1 HTTP/1.1\nHost: x\n\n"), "426", "OCPP over websocket"),
        (text("POST /CP-1 HTTP/1.1\nHost: x\nContent-Length: 0\n\n"), "405", "GET"),
        (text("nonsense\n\n"), "400", ""),
    ] {
        let (_stream, answer) = endpoint.raw(&request, "\u{0}").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(says), "{answer}");
    }
    assert!(endpoint.events.lock().expect("no panic").is_empty());
    let scrape = endpoint.scrape();
    assert!(scrape.contains(r#"ampwarden_refused_total{reason="unknown_station"} 1"#), "{scrape}");
}

#[tokio::test]
async fn too_many_are_told_to_come_again() {
    let limited = Config { max_connections: 2, ..Config::default() };
    let endpoint = Endpoint::start(limited).await;
    let mut open: Vec<Station> = Vec::new();
    for station in ["A", "B"] {
        open.push(endpoint.connect(station, "ocpp1.6").await);
    }
    let (_stream, answer) = endpoint.raw(&upgrade("/C", Some("ocpp1.6")), "\u{0}").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");

    let slow = Config { max_handshakes_per_second: 1, ..Config::default() };
    let endpoint = Endpoint::start(slow).await;
    let mut statuses = Vec::new();
    for station in ["A", "B", "C", "D"] {
        let (stream, answer) =
            endpoint.raw(&upgrade(&format!("/{station}"), Some("ocpp1.6")), "\r\n\r\n").await;
        drop(stream);
        statuses.push(answer["HTTP/1.1 ".len()..][..3].to_owned());
    }
    assert_eq!(statuses[0], "101");
    assert!(statuses.contains(&"503".to_owned()), "{statuses:?}");
}

#[tokio::test]
async fn stations_connect_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(&certificate, pair.cert.pem()).expect("written");
    std::fs::write(&key, pair.signing_key.serialize_pem()).expect("written");
    let tls = TlsConfig { certificate: certificate.clone(), key, client_ca: None };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("address");
    let tls =
        Some((listener, ReloadingTls::load(&tls, ClientCertificates::Required).expect("a certificate")));
    let _endpoint = Endpoint::start_with(Config::default(), tls).await;

    let trusting = ClientTlsConfig { ca: Some(certificate), ..ClientTlsConfig::default() };
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(&client_config(&trusting).expect("trusts")));
    let stream = TcpStream::connect(address).await.expect("connects");
    let stream = connector.connect("localhost".try_into().expect("a name"), stream).await.expect("TLS");
    let (mut ws, _) = tokio_tungstenite::client_async(format!("ws://{address}/CP-TLS"), stream)
        .await
        .expect("websocket over TLS");
    ws.send(Message::text(r#"[2,"1","Heartbeat",{}]"#)).await.expect("is sent");
    let answer = ws.next().await.expect("open").expect("a frame");
    assert!(answer.to_text().expect("text").starts_with(r#"[3,"1","#));
}

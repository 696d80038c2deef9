use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls").join(name)
}

fn server(client_ca: Option<&str>) -> TlsConfig {
    TlsConfig { certificate: file("server.pem"), key: file("server.key"), client_ca: client_ca.map(file) }
}

fn client(certificate: Option<&str>) -> ClientTlsConfig {
    ClientTlsConfig {
        ca: Some(file("ca.pem")),
        certificate: certificate.map(|name| file(&format!("{name}.pem"))),
        key: certificate.map(|name| file(&format!("{name}.key"))),
    }
}

/// Sends one word over TLS and gives it back as the server read it.
fn talk(server: &TlsConfig, client: &ClientTlsConfig) -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free");
    let address = listener.local_addr().expect("address");
    let server = server_config(server).expect("server");
    let answering = std::thread::spawn(move || -> std::io::Result<String> {
        let (socket, _) = listener.accept()?;
        let connection = rustls::ServerConnection::new(server).map_err(std::io::Error::other)?;
        let mut stream = rustls::StreamOwned::new(connection, socket);
        let mut word = [0; 5];
        stream.read_exact(&mut word)?;
        Ok(String::from_utf8_lossy(&word).into_owned())
    });
    let name = rustls_pki_types::ServerName::try_from("localhost").expect("name");
    let connection =
        rustls::ClientConnection::new(client_config(client).expect("client"), name).expect("connection");
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address).expect("listens"));
    // What the server says of it counts: with TLS 1.3 a refusal reaches the client after its first write.
    let _ = stream.write_all(b"hello").and_then(|()| stream.flush());
    answering.join().expect("no panic").map_err(|error| error.to_string())
}

#[test]
fn a_client_that_trusts_the_authority_is_served() {
    assert_eq!(talk(&server(None), &client(None)), Ok("hello".into()));
}

#[test]
fn a_station_shows_its_certificate_when_asked() {
    assert_eq!(talk(&server(Some("ca.pem")), &client(Some("client"))), Ok("hello".into()));
    let error = talk(&server(Some("ca.pem")), &client(None)).expect_err("no certificate");
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn files_that_will_not_do_are_named() {
    let (dir, there) = (file("").display().to_string(), file("server.pem").display().to_string());
    for (certificate, key, expected) in [
        ("nowhere.pem", "server.key", format!("{dir}nowhere.pem (certificate) cannot be read as PEM: ")),
        ("server.pem", "nowhere.key", format!("{dir}nowhere.key (private key) cannot be read as PEM: ")),
        ("server.key", "server.key", format!("{dir}server.key holds no certificate")),
        ("server.pem", "server.pem", format!("{dir}server.pem holds no private key")),
        (
            "server.pem",
            "client.key",
            format!("the certificate {there} cannot be used with the key {dir}client.key: "),
        ),
    ] {
        let config = TlsConfig { certificate: file(certificate), key: file(key), client_ca: None };
        let error = server_config(&config).map(|_| ()).expect_err(key).to_string();
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
    let half = ClientTlsConfig { certificate: Some(file("client.pem")), ..client(None) };
    assert!(matches!(client_config(&half), Err(TlsError::HalfClientCertificate)));
}

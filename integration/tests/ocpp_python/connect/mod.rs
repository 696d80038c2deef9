//! Who may connect: every way in, every refusal, stations that nobody registered, keys and certificates that change.
//! None of it waits for the store: it is down.

mod certificates;
mod keys;
mod storm;
mod unknown;
mod ways;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use integration::servers::free_port;
use integration::{Gateway, python};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

/// A key as text, and as it is told.
const KEY: &str = "a long and random key: 7f3";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stations in Python; ended with the test.
struct Stations {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Stations {
    fn start() -> Self {
        let mut child = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/connecting.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let (stdin, stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, stdin, stdout: BufReader::new(stdout) }
    }

    /// Tells them what to do, and gives what came of it.
    fn tell(&mut self, what: &Value) -> Value {
        writeln!(self.stdin, "{what}").expect("they live");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("they answer");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{what}: {error}: {line}"))
    }

    /// Connects a station over ws; gives the status.
    fn connect(&mut self, gateway: &Gateway, station: &str, password: Option<&[u8]>) -> Value {
        let mut told = json!({ "as": station, "url": gateway.ocpp(), "station": station });
        if let Some(password) = password {
            told["password_hex"] = hex(password).into();
        }
        self.tell(&told)["status"].clone()
    }

    /// What a connected station's call is answered: a word, or an error's code.
    fn call(&mut self, station: &str, what: &str) -> String {
        let told = self.tell(&json!({ "of": station, "call": what }));
        told["answer"].as_str().or(told["error"].as_str()).expect("one of them").to_owned()
    }
}

impl Drop for Stations {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A gateway with these keys of `[gateway.ocpp]`, its store down.
fn gateway(ocpp: &str) -> Gateway {
    let more = format!(
        "ocpp = {{ listen = \"127.0.0.1:{{ocpp}}\", max_handshakes_per_station = 1000, {ocpp} }}\n\
         mqtt = {{ listen = \"127.0.0.1:{{mqtt}}\" }}"
    );
    let mut gateway = Gateway::prepare("http://127.0.0.1:1", 1, &more);
    gateway.start_again();
    gateway
}

/// An authority, and files of certificates that it signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    name: &'static str,
}

/// What a certificate says.
struct Says<'a> {
    /// Its common name.
    common: &'a str,
    /// Its alternative names.
    names: &'a [&'a str],
    /// The year in which it ends.
    until: i32,
}

impl Authority {
    fn new(folder: &Path, name: &'static str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        std::fs::write(folder.join(format!("{name}.pem")), issuer.pem()).expect("written");
        Self { issuer, folder: folder.to_owned(), name }
    }

    fn file(&self) -> String {
        self.path(self.name, "pem")
    }

    fn path(&self, name: &str, kind: &str) -> String {
        self.folder.join(format!("{name}.{kind}")).display().to_string()
    }

    /// Writes `NAME.pem` and `NAME.key`; gives their paths.
    fn sign(&self, name: &str, says: &Says<'_>) -> (String, String) {
        let names: Vec<String> = says.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, says.common);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(says.until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (pem, secret) = (self.path(name, "pem"), self.path(name, "key"));
        for (path, text) in [(&secret, key.serialize_pem()), (&pem, certificate.pem())] {
            // As tools do it: what is half written never stands under the name.
            std::fs::write(format!("{path}.new"), text).expect("written");
            std::fs::rename(format!("{path}.new"), path).expect("renamed");
        }
        (pem, secret)
    }

    /// The server's, for this machine.
    fn sign_server(&self, until: i32) -> (String, String) {
        self.sign("server", &Says { common: "gateway", names: &["localhost"], until })
    }
}

/// The keys of `[gateway.ocpp]` for TLS on a free port, and its URL.
fn tls(authority: &Authority, (certificate, key): &(String, String)) -> (String, String) {
    let port = free_port();
    let client_ca = authority.file();
    let keys = format!(
        "tls_listen = \"127.0.0.1:{port}\", tls = {{ certificate = \"{certificate}\", key = \"{key}\", client_ca = \
         \"{client_ca}\" }}"
    );
    (keys, format!("wss://localhost:{port}"))
}

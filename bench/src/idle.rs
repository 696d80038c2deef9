//! What 15,000 connected stations that say nothing cost: memory a connection, after a boot and one meter value each,
//! beside a server that only parses and answers; by ws and by wss.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use integration::servers::free_port;
use rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;

use crate::machine::{self, memory_kib};
use crate::{calls, stations};

/// After the last call the allocator's and the kernel's bookkeeping settles.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) fn run() -> anyhow::Result<()> {
    let connections = usize::try_from(machine::number("BENCH_CONNECTIONS", 15_000))?;
    println!("{connections} idle OCPP connections, after a boot and one MeterValues each; the store away");
    println!("{:<28} {:>12} {:>12} {:>18}  load", "server", "before MiB", "after MiB", "KiB a connection");
    let floor = calls::floor();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(stations::wait_for(floor.port))?;
    runtime.block_on(one(
        "parses and answers",
        &format!("ws://127.0.0.1:{}", floor.port),
        None,
        floor.process.pid(),
        connections,
    ))?;
    drop(floor);
    let mut gateway = stations::gateway("http://127.0.0.1:1", 1);
    gateway.start_again();
    let pid = gateway.process().pid();
    runtime.block_on(one("gateway", &gateway.ocpp(), None, pid, connections))?;
    drop(gateway);

    let folder = tempfile::tempdir()?;
    let trust = certificate(folder.path())?;
    let mut gateway = stations::gateway("http://127.0.0.1:1", 1);
    let port = free_port();
    gateway.set("AMPWARDEN__GATEWAY__OCPP__TLS_LISTEN", format!("127.0.0.1:{port}"));
    for (part, file) in [("CERTIFICATE", "server.pem"), ("KEY", "server.key")] {
        let path = folder.path().join(file).display().to_string();
        gateway.set(&format!("AMPWARDEN__GATEWAY__OCPP__TLS__{part}"), path);
    }
    gateway.start_again();
    let (pid, server) = (gateway.process().pid(), format!("wss://localhost:{port}"));
    runtime.block_on(one("gateway, TLS", &server, Some(trust), pid, connections))?;
    println!("goal: at most 12 KiB a connection by ws");
    Ok(())
}

/// Writes a server's certificate and key; gives stations that trust it.
fn certificate(folder: &Path) -> anyhow::Result<Connector> {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(folder.join("server.pem"), signed.cert.pem())?;
    std::fs::write(folder.join("server.key"), signed.signing_key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

#[allow(clippy::cast_precision_loss)]
async fn one(
    name: &str,
    server: &str,
    tls: Option<Connector>,
    pid: u32,
    connections: usize,
) -> anyhow::Result<()> {
    let (before, _) = memory_kib(pid)?;
    let mut idle = tokio::task::JoinSet::new();
    for mut station in stations::begin(server, tls, connections).await? {
        station.meter_values().await?;
        idle.spawn(station.idle());
    }
    tokio::time::sleep(SETTLE).await;
    let (after, _) = memory_kib(pid)?;
    println!(
        "{name:<28} {:>12} {:>12} {:>18.1}  {}",
        before / 1024,
        after / 1024,
        after.saturating_sub(before) as f64 / connections as f64,
        machine::load()
    );
    Ok(())
}

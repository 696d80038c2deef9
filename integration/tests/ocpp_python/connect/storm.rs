//! Thousands come back within 10 s while their keys are changed: all that present a right key get in, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use integration::Gateway;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::gateway;

const STATIONS: usize = 5_000;
/// Over this time they come back.
const RETURN_OVER: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(120);

/// What a station does, by its number.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// Its key stays.
    Same,
    /// Its key is changed before it comes, and it knows the new one; then somebody tries the old one.
    New,
    /// Its key is changed before it comes, and it does not know yet.
    Old,
    /// Somebody else under its name.
    Stranger,
}

impl Kind {
    fn of(number: usize) -> Self {
        [Self::Same, Self::New, Self::Old, Self::Stranger][number % 4]
    }
}

fn key(number: usize, generation: u8) -> String {
    format!("{generation:02x}{number:038x}")
}

/// Sends a handshake; gives the status, and the connection where it was taken.
async fn shake_hands(address: &str, number: usize, key: &str) -> std::io::Result<(u16, TcpStream)> {
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("S-{number}:{key}"));
    let request = format!(
        "GET /S-{number} HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {pair}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = String::from_utf8_lossy(&answer).get(9..12).and_then(|status| status.parse().ok());
    Ok((status.unwrap_or(0), stream))
}

/// Handshakes until the gateway has time for it.
async fn connect(address: &str, number: usize, key: &str, again: &AtomicUsize) -> (u16, TcpStream) {
    integration::eventually(DEADLINE, || async {
        match shake_hands(address, number, key).await {
            Ok((503, _)) => {
                again.fetch_add(1, Ordering::Relaxed);
                Err("503".to_owned())
            }
            Ok(answer) => Ok(answer),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

/// Sets keys over the API, some at a time.
async fn set_keys(gateway: &Arc<Gateway>, numbers: Vec<usize>, generation: u8) {
    let at_once = Arc::new(Semaphore::new(16));
    let mut setting = tokio::task::JoinSet::new();
    for number in numbers {
        let permit = Arc::clone(&at_once).acquire_owned().await.unwrap();
        let gateway = Arc::clone(gateway);
        setting.spawn_blocking(move || {
            let path = format!("/v1/stations/S-{number}/key");
            let body = json!({ "key": key(number, generation) });
            let (status, answer) = gateway.ask(gateway.token(), ("PUT", &path), &[], Some(&body)).unwrap();
            assert_eq!(status, 200, "{answer}");
            drop(permit);
        });
    }
    while let Some(set) = setting.join_next().await {
        set.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_come_back_while_their_keys_are_changed() {
    let gateway = Arc::new(gateway("security_profiles = [1], max_handshakes_per_second = 2000"));
    let address = gateway.ocpp().trim_start_matches("ws://").to_owned();
    let numbers = |kinds: &[Kind]| -> Vec<usize> {
        (0..STATIONS).filter(|number| kinds.contains(&Kind::of(*number))).collect()
    };
    let began = Instant::now();
    set_keys(&gateway, (0..STATIONS).collect(), 1).await;
    println!("storm: {STATIONS} keys set in {:.1} s", began.elapsed().as_secs_f64());
    // Those that come with a new key must have been told of it; the others' are changed meanwhile.
    set_keys(&gateway, numbers(&[Kind::New]), 2).await;
    let began = Instant::now();
    let changing = tokio::spawn({
        let (gateway, numbers) = (Arc::clone(&gateway), numbers(&[Kind::Old]));
        async move { set_keys(&gateway, numbers, 2).await }
    });
    let again = Arc::new(AtomicUsize::new(0));
    let mut coming = tokio::task::JoinSet::new();
    let mut pace = tokio::time::interval(RETURN_OVER / u32::try_from(STATIONS).unwrap());
    for number in 0..STATIONS {
        pace.tick().await;
        let (address, again) = (address.clone(), Arc::clone(&again));
        coming.spawn(async move {
            let presented = match Kind::of(number) {
                Kind::Same | Kind::Old => key(number, 1),
                Kind::New => key(number, 2),
                Kind::Stranger => key(number, 9),
            };
            let (status, stream) = connect(&address, number, &presented, &again).await;
            let expected = if Kind::of(number) == Kind::Stranger { 401 } else { 101 };
            assert_eq!(status, expected, "S-{number} {:?}", Kind::of(number));
            if Kind::of(number) == Kind::New {
                // The connection is taken before it is journaled that the key was used.
                integration::eventually(DEADLINE, || async {
                    match shake_hands(&address, number, &key(number, 1)).await {
                        Ok((401, _)) => Ok(()),
                        other => Err(format!("S-{number}: the old key after the new one: {other:?}")),
                    }
                })
                .await;
            }
            stream
        });
    }
    let mut streams = Vec::new();
    while let Some(stream) = coming.join_next().await {
        streams.push(stream.unwrap());
    }
    let took = began.elapsed();
    timeout(DEADLINE, changing).await.unwrap().unwrap();
    let strangers = numbers(&[Kind::Stranger]).len();
    println!(
        "storm: {} let in and {strangers} refused in {:.1} s, {} handshakes answered 503 and tried again",
        STATIONS - strangers,
        took.as_secs_f64(),
        again.load(Ordering::Relaxed)
    );
    let profile = gateway.metric("ampwarden_profile_connects_total{profile=\"1\"}").unwrap().unwrap();
    assert!(profile >= (STATIONS - strangers) as f64, "{profile}");
    let wrong = gateway.metric("ampwarden_refused_total{reason=\"wrong_password\"}").unwrap().unwrap();
    assert!(wrong >= strangers as f64, "{wrong}");
    drop(streams);
}

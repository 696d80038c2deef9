//! Who looks at a station's raw frames (`ampwarden trace`). While nobody looks, a frame costs one look at a counter.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use station::id::StationId;
use station::ocpp::shown::shown;
use station::secret::SecretKey;
use station::time::Timestamp;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::call::now;

/// Frames that wait for one who looks. Who is slower loses the next ones, and is told how many.
const QUEUE: usize = 256;
/// Longest text that is shown, in bytes; the rest of a frame is left out. With [`QUEUE`] it bounds the memory of one who
/// looks.
const TEXT_BYTES: usize = 16 * 1024;
/// So many look at once, at most.
const LOOKERS_MAX: usize = 16;

/// What was seen on a station's connection.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Frames before this one that were left out, because who looks was too slow.
    pub left_out: u64,
    /// What it was: "text", "binary", "ping", "pong", "close", "connected", "disconnected", "error".
    pub kind: &'static str,
    /// "in" from the station, "out" to it; none for what is no frame.
    pub direction: Option<&'static str>,
    /// Bytes of the frame's payload.
    pub bytes: usize,
    /// Its text, tokens and secrets sealed, cut where it is very long.
    pub text: String,
}

impl Seen {
    fn new(kind: &'static str, direction: Option<&'static str>, bytes: usize, text: String) -> Self {
        Self { at: now(), left_out: 0, kind, direction, bytes, text }
    }

    /// What is no frame.
    pub(super) fn note(kind: &'static str, text: impl Into<String>) -> Self {
        Self::new(kind, None, 0, text.into())
    }

    /// A frame.
    pub(super) fn frame(direction: &'static str, message: &Message, key: &SecretKey) -> Self {
        let (kind, text) = match message {
            Message::Text(text) => ("text", cut(shown(text, key))),
            Message::Binary(_) => ("binary", String::new()),
            Message::Ping(_) => ("ping", String::new()),
            Message::Pong(_) => ("pong", String::new()),
            Message::Close(frame) => {
                let said = frame.as_ref().map(|frame| format!("{} {}", u16::from(frame.code), frame.reason));
                ("close", said.unwrap_or_default())
            }
            Message::Frame(_) => ("frame", String::new()),
        };
        Self::new(kind, Some(direction), message.len(), text)
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let end = (0..=TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let more = text.len() - end;
        text.truncate(end);
        text.push_str(&format!(" … and {more} bytes more"));
    }
    text
}

#[derive(Debug)]
struct Tap {
    queue: mpsc::Sender<Seen>,
    left_out: AtomicU64,
}

/// All who look.
#[derive(Debug, Default)]
pub struct Taps {
    lookers: AtomicUsize,
    taps: Mutex<HashMap<StationId, Vec<Arc<Tap>>>>,
}

impl Taps {
    fn taps(&self) -> MutexGuard<'_, HashMap<StationId, Vec<Arc<Tap>>>> {
        self.taps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a station from now on; none if too many look already.
    #[must_use]
    pub fn look(self: &Arc<Self>, station: &StationId) -> Option<Look> {
        let mut taps = self.taps();
        if self.lookers.load(Ordering::Relaxed) >= LOOKERS_MAX {
            return None;
        }
        let (queue, seen) = mpsc::channel(QUEUE);
        let tap = Arc::new(Tap { queue, left_out: AtomicU64::new(0) });
        taps.entry(station.clone()).or_default().push(tap.clone());
        self.lookers.fetch_add(1, Ordering::Relaxed);
        Some(Look { taps: Arc::clone(self), station: station.clone(), tap, seen })
    }

    /// Shows what was seen to all who look at the station; it is only made if there are any.
    pub(super) fn saw(&self, station: &StationId, what: impl FnOnce() -> Seen) {
        if self.lookers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let lookers = self.taps().get(station).cloned();
        let Some(lookers) = lookers else { return };
        let seen = what();
        for tap in lookers {
            match tap.queue.try_reserve() {
                Ok(place) => {
                    let left_out = tap.left_out.swap(0, Ordering::Relaxed);
                    place.send(Seen { left_out, ..seen.clone() });
                }
                Err(_) => drop(tap.left_out.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }
}

/// One who looks; ends when dropped.
#[derive(Debug)]
pub struct Look {
    taps: Arc<Taps>,
    station: StationId,
    tap: Arc<Tap>,
    seen: mpsc::Receiver<Seen>,
}

impl Look {
    /// What is seen next.
    pub async fn next(&mut self) -> Option<Seen> {
        self.seen.recv().await
    }

    /// Frames that were left out since what was seen last.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.tap.left_out.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let mut taps = self.taps.taps();
        if let Some(of_station) = taps.get_mut(&self.station) {
            of_station.retain(|tap| !Arc::ptr_eq(tap, &self.tap));
            if of_station.is_empty() {
                taps.remove(&self.station);
            }
        }
        self.taps.lookers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(name: &str) -> StationId {
        StationId::new(name).expect("valid")
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_how_many_frames_were_left_out() {
        let taps = Arc::new(Taps::default());
        let show = |taps: &Taps, name: &str| taps.saw(&station(name), || Seen::note("text", name));
        taps.saw(&station("CP-1"), || panic!("nobody looks: nothing is made"));
        let mut look = taps.look(&station("CP-1")).expect("there is room");
        taps.saw(&station("CP-2"), || panic!("nobody looks at this one"));
        for _ in 0..QUEUE + 3 {
            show(&taps, "CP-1");
        }
        for _ in 0..QUEUE {
            assert_eq!(look.next().await.expect("seen").left_out, 0);
        }
        show(&taps, "CP-1");
        assert_eq!(look.next().await.expect("seen").left_out, 3);
        assert_eq!(look.left_out(), 0);
        drop(look);
        assert!(taps.taps().is_empty(), "nothing is left behind");
        taps.saw(&station("CP-1"), || panic!("nobody looks any more"));
    }

    #[test]
    fn so_many_look_and_frames_are_cut() {
        let taps = Arc::new(Taps::default());
        let looks: Vec<_> = (0..LOOKERS_MAX).map(|_| taps.look(&station("CP-1")).expect("room")).collect();
        assert!(taps.look(&station("CP-1")).is_none());
        drop(looks);
        assert!(taps.look(&station("CP-1")).is_some());
        let long = format!("[2,\"1\",\"X\",\"{}\"]", "ä".repeat(TEXT_BYTES));
        let seen = Seen::frame("in", &Message::text(long.clone()), &SecretKey::new(b"k"));
        assert!(seen.text.len() < TEXT_BYTES + 64 && seen.text.ends_with("bytes more"));
        assert_eq!(seen.bytes, long.len());
    }
}

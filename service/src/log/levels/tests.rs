use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

/// `tracing` remembers for the whole process which call sites are of interest, and asks the subscriber of whatever
/// thread changes something: tests with subscribers of their own take turns.
pub(crate) fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was written.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_station_is_looked_at_closer_while_running() {
    let _turn = my_turn();
    let levels = LevelFilter::new("info").expect("level");
    let written = Written::default();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(written.clone()).with_filter(levels.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let say = |round: &str| {
            tracing::info!("{round} general");
            tracing::debug!("{round} nobody's");
            tracing::debug!(station = "CP-1", "{round} one by field");
            tracing::debug!(station = %"CP-2", "{round} two by field");
            tracing::trace!(station = "CP-1", "{round} one too deep");
            tracing::info_span!("connection", station = "CP-1").in_scope(|| {
                tracing::debug_span!("call").in_scope(|| tracing::debug!("{round} one by span"));
            });
            tracing::info_span!("connection", station = "CP-2")
                .in_scope(|| tracing::debug!("{round} two by span"));
        };
        say("first");
        levels.set_station("CP-1", Some("debug")).expect("level");
        say("second");
        levels.set_station("CP-1", None).expect("level");
        say("third");
        levels.set_general("debug").expect("level");
        say("fourth");
    });
    let text = written.text();
    for (line, there) in [
        ("first general", true),
        ("first one by field", false),
        ("first one by span", false),
        ("second one by field", true),
        ("second one by span", true),
        ("second two by field", false),
        ("second two by span", false),
        ("second nobody's", false),
        ("second one too deep", false),
        ("third general", true),
        ("third one by field", false),
        ("fourth nobody's", true),
        ("fourth two by span", true),
    ] {
        assert_eq!(text.contains(line), there, "{line}:\n{text}");
    }
}

#[test]
fn what_is_no_level_is_said() {
    let _turn = my_turn();
    for text in ["loud", "info,gateway=loud", "gateway", ""] {
        assert_eq!(LevelFilter::new(text).map(|_| ()).expect_err(text), LevelError::NoLevel(text.into()));
    }
    let levels = LevelFilter::new("info,gateway::ocpp=trace").expect("level");
    assert_eq!(levels.general(), "info,gateway::ocpp=trace");
    assert!(levels.set_station("CP-1", Some("loud")).is_err());
    levels.set_station("CP-1", Some("trace")).expect("level");
    assert_eq!(levels.stations(), [("CP-1".to_owned(), "trace".to_owned())]);
    for n in 1..MOST_STATIONS {
        levels.set_station(&format!("X-{n}"), Some("trace")).expect("room");
    }
    assert_eq!(levels.set_station("Y", Some("trace")), Err(LevelError::TooManyStations));
}

//! Storms of equal messages: 100,000 stations that reconnect must not write 100,000 equal lines. Equal means the same
//! place in the code and the same text; fields (such as the station) may differ.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter as Max;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::levels::LevelFilter;

/// How many different messages are remembered. When that many come within one window, further ones are counted by
/// their place in the code alone, whatever their text.
const MOST_MESSAGES: usize = 4_096;

/// The target of the summaries, which are never held back themselves.
const SUMMARIES: &str = "service::log";

/// Counts messages.
#[derive(Debug)]
pub(super) struct Storm {
    repeats: u64,
    window: Duration,
    messages: Mutex<HashMap<Key, Message>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    place: Identifier,
    text: u64,
}

#[derive(Debug)]
struct Message {
    since: Instant,
    seen: u64,
    level: Level,
    text: String,
}

/// How many equal messages were held back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Summary {
    level: Level,
    held_back: u64,
    text: String,
}

impl Storm {
    pub(super) fn new(repeats: u32, window: Duration) -> Self {
        Self { repeats: u64::from(repeats.max(1)), window, messages: Mutex::default() }
    }

    /// Whether this one is still written.
    fn admit(
        &self,
        metadata: &'static Metadata<'static>,
        text: &dyn Fn() -> String,
        hash: u64,
        now: Instant,
    ) -> bool {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Key { place: metadata.callsite(), text: hash };
        if messages.len() >= MOST_MESSAGES && !messages.contains_key(&key) {
            key.text = 0;
        }
        let message = messages.entry(key).or_insert_with(|| Message {
            since: now,
            seen: 0,
            level: *metadata.level(),
            text: text(),
        });
        message.seen += 1;
        message.seen <= self.repeats
    }

    /// Forgets the messages whose window is over, and tells what was held back of them.
    pub(super) fn sweep(&self, now: Instant) -> Vec<Summary> {
        self.forget(|message| now.saturating_duration_since(message.since) >= self.window)
    }

    /// Forgets all.
    pub(super) fn drain(&self) -> Vec<Summary> {
        self.forget(|_| true)
    }

    fn forget(&self, over: impl Fn(&Message) -> bool) -> Vec<Summary> {
        let mut summaries = Vec::new();
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, message| {
            let over = over(message);
            if over && message.seen > self.repeats {
                summaries.push(Summary {
                    level: message.level,
                    held_back: message.seen - self.repeats,
                    text: std::mem::take(&mut message.text),
                });
            }
            !over
        });
        summaries
    }
}

impl Summary {
    /// Writes it at its messages' own level.
    pub(super) fn write(&self) {
        match self.level {
            Level::ERROR => tracing::error!(target: SUMMARIES, "{self}"),
            Level::WARN => tracing::warn!(target: SUMMARIES, "{self}"),
            _ => tracing::info!(target: SUMMARIES, "{self}"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "… {} more like this: {}", self.held_back, self.text)
    }
}

/// The levels' filter with storms held back. Events below info are not counted (who sets debug wants them all), nor
/// are those that show only because their station has a level of its own.
pub(super) struct Filtered {
    levels: LevelFilter,
    storm: Arc<Storm>,
}

impl Filtered {
    pub(super) fn new(levels: LevelFilter, storm: Arc<Storm>) -> Self {
        Self { levels, storm }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for Filtered {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        self.levels.enabled(metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = Filter::<S>::callsite_enabled(&self.levels, metadata);
        // "Always" would mean that no event is held back.
        if interest.is_always() && metadata.is_event() { Interest::sometimes() } else { interest }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        if !self.levels.event_enabled(event, context) {
            return false;
        }
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO
            || metadata.target() == SUMMARIES
            || self.levels.only_for_station(metadata)
        {
            return true;
        }
        let mut hash = MessageHash(DefaultHasher::new());
        event.record(&mut hash);
        let text = || {
            let mut text = MessageText::default();
            event.record(&mut text);
            text.0
        };
        self.storm.admit(metadata, &text, hash.0.finish(), Instant::now())
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        self.levels.on_new_span(attributes, id, context);
    }

    fn max_level_hint(&self) -> Option<Max> {
        Filter::<S>::max_level_hint(&self.levels)
    }
}

/// Hashes the message as it is formatted, without keeping it.
struct MessageHash(DefaultHasher);

impl Write for MessageHash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.as_bytes().hash(&mut self.0);
        Ok(())
    }
}

impl Visit for MessageHash {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Hashing cannot fail.
            let _ = write!(self, "{value:?}");
        }
    }
}

#[derive(Default)]
struct MessageText(String);

impl Visit for MessageText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::levels::tests::{Written, my_turn};
    use super::*;

    #[test]
    fn a_storm_is_summed_up() {
        let _turn = my_turn();
        let levels = LevelFilter::new("info").expect("level");
        let storm = Arc::new(Storm::new(3, Duration::from_secs(10)));
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(
            tracing_subscriber::fmt::layer()
                .with_writer(written.clone())
                .with_ansi(false)
                .with_filter(Filtered::new(levels, Arc::clone(&storm))),
        );
        let start = Instant::now();
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..515 {
                tracing::warn!(station = n, "the handshake was refused");
                if n < 4 {
                    tracing::warn!("another {n}");
                }
            }
            assert_eq!(storm.sweep(start), [], "the window is not over");
            let summaries = storm.sweep(start + Duration::from_secs(60));
            assert_eq!(summaries.len(), 1);
            summaries.iter().for_each(Summary::write);
            tracing::warn!("the handshake was refused");
        });
        let text = written.text();
        assert_eq!(
            text.matches("WARN service::log::storm::tests: the handshake was refused").count(),
            4,
            "{text}"
        );
        assert_eq!(text.matches("… 512 more like this: the handshake was refused").count(), 1, "{text}");
        assert_eq!(text.matches("another").count(), 4, "other texts are other messages: {text}");
    }

    #[test]
    fn the_memory_of_messages_is_bounded() {
        let _turn = my_turn();
        let storm = Arc::new(Storm::new(1, Duration::from_secs(10)));
        let levels = LevelFilter::new("info").expect("level");
        let subscriber = tracing_subscriber::registry().with(
            tracing_subscriber::fmt::layer()
                .with_writer(Written::default())
                .with_filter(Filtered::new(levels, Arc::clone(&storm))),
        );
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..MOST_MESSAGES + 100 {
                tracing::warn!("message {n}");
            }
        });
        let summaries = storm.drain();
        assert_eq!(summaries.len(), 1);
        assert_eq!(summaries[0].held_back, 99);
    }
}

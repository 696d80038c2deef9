//! Which events are written: by a general level, and by levels of single stations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter as Level;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// Somebody who wants to look at more stations than these wants the general level.
const MOST_STATIONS: usize = 1_000;

/// A level that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LevelError {
    /// Not understood.
    #[error(
        "\"{0}\" is no level: write error, warn, info, debug, trace or off, or by module such as \"info,gateway=debug\""
    )]
    NoLevel(String),
    /// Too many.
    #[error(
        "{MOST_STATIONS} stations have levels of their own already: take some back, or set the general level"
    )]
    TooManyStations,
}

/// Shared by all clones; changed while the process runs.
#[derive(Clone)]
pub(super) struct LevelFilter(Arc<ArcSwap<Levels>>);

#[derive(Clone)]
struct Levels {
    text: String,
    general: Targets,
    stations: BTreeMap<String, Level>,
    /// The most talkative of the stations' levels.
    most: Level,
}

impl LevelFilter {
    pub(super) fn new(general: &str) -> Result<Self, LevelError> {
        let levels = Levels {
            text: general.to_owned(),
            general: parse(general)?,
            stations: BTreeMap::new(),
            most: Level::OFF,
        };
        Ok(Self(Arc::new(ArcSwap::from_pointee(levels))))
    }

    pub(super) fn set_general(&self, text: &str) -> Result<(), LevelError> {
        let general = parse(text)?;
        self.change(|levels| {
            levels.text = text.to_owned();
            levels.general = general.clone();
            Ok(())
        })
    }

    pub(super) fn set_station(&self, station: &str, level: Option<&str>) -> Result<(), LevelError> {
        let level: Option<Level> =
            level.map(|text| text.parse().map_err(|_| LevelError::NoLevel(text.to_owned()))).transpose()?;
        self.change(|levels| {
            match level {
                Some(level) => {
                    if !levels.stations.contains_key(station) && levels.stations.len() >= MOST_STATIONS {
                        return Err(LevelError::TooManyStations);
                    }
                    levels.stations.insert(station.to_owned(), level);
                }
                None => {
                    levels.stations.remove(station);
                }
            }
            levels.most = levels.stations.values().copied().max().unwrap_or(Level::OFF);
            Ok(())
        })
    }

    pub(super) fn general(&self) -> String {
        self.0.load().text.clone()
    }

    pub(super) fn stations(&self) -> Vec<(String, String)> {
        self.0.load().stations.iter().map(|(station, level)| (station.clone(), level.to_string())).collect()
    }

    fn change(&self, change: impl Fn(&mut Levels) -> Result<(), LevelError>) -> Result<(), LevelError> {
        let mut outcome = Ok(());
        self.0.rcu(|levels| {
            let mut levels = Levels::clone(levels);
            outcome = change(&mut levels);
            levels
        });
        // Disabled call sites are remembered as such: let them ask again.
        tracing::callsite::rebuild_interest_cache();
        outcome
    }

    /// Whether an event is let through only because its station has a level of its own.
    pub(super) fn only_for_station(&self, metadata: &Metadata<'_>) -> bool {
        !self.0.load().general_lets(metadata)
    }
}

fn parse(text: &str) -> Result<Targets, LevelError> {
    let wrong = || LevelError::NoLevel(text.to_owned());
    // A lone word that is no level would be taken for a module's name, and silently mean "trace for that module".
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if level.trim().is_empty() || level.trim().parse::<Level>().is_err() {
            return Err(wrong());
        }
    }
    text.parse().map_err(|_| wrong())
}

impl Levels {
    fn general_lets(&self, metadata: &Metadata<'_>) -> bool {
        self.general.would_enable(metadata.target(), metadata.level())
    }

    fn station_lets(&self, station: &str, metadata: &Metadata<'_>) -> bool {
        self.stations.get(station).is_some_and(|level| metadata.level() <= level)
    }
}

/// The station of a span, kept with it.
struct StationOf(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for LevelFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        let levels = self.0.load();
        levels.general_lets(metadata) || metadata.level() <= &levels.most
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let levels = self.0.load();
        if levels.general_lets(metadata) {
            Interest::always()
        } else if metadata.level() <= &levels.most {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn event_enabled(&self, event: &Event<'_>, context: &Context<'_, S>) -> bool {
        let levels = self.0.load();
        if levels.general_lets(event.metadata()) {
            return true;
        }
        let mut station = StationField::default();
        event.record(&mut station);
        if let Some(station) = station.0 {
            return levels.station_lets(&station, event.metadata());
        }
        context.event_scope(event).into_iter().flatten().any(|span| {
            span.extensions()
                .get::<StationOf>()
                .is_some_and(|station| levels.station_lets(&station.0, event.metadata()))
        })
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut station = StationField::default();
        attributes.record(&mut station);
        if let (Some(station), Some(span)) = (station.0, context.span(id)) {
            span.extensions_mut().replace(StationOf(station));
        }
    }

    fn max_level_hint(&self) -> Option<Level> {
        let levels = self.0.load();
        let general = Filter::<S>::max_level_hint(&levels.general).unwrap_or(Level::TRACE);
        Some(general.max(levels.most))
    }
}

/// Picks the field `station`.
#[derive(Default)]
struct StationField(Option<String>);

impl Visit for StationField {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "station" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "station" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

impl fmt::Debug for LevelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = self.0.load();
        f.debug_struct("LevelFilter")
            .field("general", &levels.text)
            .field("stations", &levels.stations)
            .finish()
    }
}

#[cfg(test)]
pub(super) mod tests;

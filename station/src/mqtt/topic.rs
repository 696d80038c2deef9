//! Topics: which station a message is from and what it is, or which mapping reads it.

use super::record::{Mapping, MappingError};
use crate::id::{StationId, StationIdError};

/// How topics are read.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    /// Levels before `{station}/{kind}`.
    prefix: String,
    /// Filters of topics with whole sessions, tried in their order, before the prefix.
    records: Vec<(String, Mapping)>,
}

/// What a topic means.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Route<'a> {
    /// One of our kinds, of a station.
    Station { station: StationId, kind: &'a str },
    /// Whole sessions.
    Records(&'a Mapping),
    /// The station's name cannot be one.
    BadStation(StationIdError),
    /// Nothing that is taken here.
    Unknown,
}

impl Default for Rules {
    fn default() -> Self {
        Self { prefix: "stations".to_owned(), records: Vec::new() }
    }
}

impl Rules {
    /// Topics `{prefix}/{station}/{kind}`, and those that match a filter (`+` and `#` as in MQTT) as whole sessions.
    ///
    /// # Errors
    /// When a mapping cannot be one of sessions.
    pub fn new(prefix: &str, records: Vec<(String, Mapping)>) -> Result<Self, MappingError> {
        for (_, mapping) in &records {
            mapping.check_sessions()?;
        }
        Ok(Self { prefix: prefix.trim_matches('/').to_owned(), records })
    }

    /// What a broker is to be asked for, so that everything comes that can be read.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        let own = if self.prefix.is_empty() { "+/+".to_owned() } else { format!("{}/+/+", self.prefix) };
        std::iter::once(own).chain(self.records.iter().map(|(filter, _)| filter.clone())).collect()
    }

    /// The station that a topic names, if it names one.
    #[must_use]
    pub fn station(&self, topic: &str) -> Option<StationId> {
        match self.route(topic) {
            Route::Station { station, .. } => Some(station),
            _ => None,
        }
    }

    /// The name of a topic's messages in metric labels: one of our kinds, `record`, or `other`.
    #[must_use]
    pub fn action(&self, topic: &str) -> &'static str {
        match self.route(topic) {
            Route::Records(_) => "record",
            Route::Station { kind, .. } => {
                super::json::KINDS.into_iter().find(|known| *known == kind).unwrap_or("other")
            }
            _ => "other",
        }
    }

    pub(super) fn route<'a>(&'a self, topic: &'a str) -> Route<'a> {
        if let Some((_, mapping)) = self.records.iter().find(|(filter, _)| matches(filter, topic)) {
            return Route::Records(mapping);
        }
        let rest = match self.prefix.as_str() {
            "" => Some(topic),
            prefix => topic.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some((station, kind)) = rest.and_then(|rest| rest.split_once('/')) else { return Route::Unknown };
        if kind.is_empty() || kind.contains('/') {
            return Route::Unknown;
        }
        match StationId::new(station) {
            Ok(station) => Route::Station { station, kind },
            Err(error) => Route::BadStation(error),
        }
    }
}

/// Whether a topic matches a filter (MQTT 3.1.1, 4.7).
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    // Wildcards do not stand for the broker's own topics.
    if topic.starts_with('$') && !filter.starts_with('$') {
        return false;
    }
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        match (level, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(name)) if level == name => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_in_mqtt() {
        for (filter, topic, expected) in [
            ("idc/fc01", "idc/fc01", true),
            ("idc/+", "idc/fc01", true),
            ("idc/+", "idc", false),
            ("idc/+", "idc/fc01/x", false),
            ("idc/#", "idc", true),
            ("idc/#", "idc/a/b", true),
            ("#", "$SYS/x", false),
            ("+/+", "/a", true),
            ("a", "a/", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn topics_name_station_and_kind() {
        let mapping = Mapping::preset("columns20").expect("a preset");
        let rules = Rules::new("ev/stations/", vec![("idc/fc01".to_owned(), mapping)]).expect("valid");
        assert_eq!(rules.filters(), ["ev/stations/+/+", "idc/fc01"]);
        let station = StationId::new("CP 1").expect("valid");
        assert_eq!(rules.route("ev/stations/CP 1/boot"), Route::Station { station, kind: "boot" });
        assert!(matches!(rules.route("idc/fc01"), Route::Records(_)));
        assert!(matches!(rules.route("ev/stations//boot"), Route::BadStation(StationIdError::Empty)));
        for topic in
            ["ev/stations/CP1", "ev/stations/CP1/boot/x", "ev/stationsX/CP1/boot", "x", "ev/stations/CP1/"]
        {
            assert_eq!(rules.route(topic), Route::Unknown, "{topic}");
        }
        assert_eq!(rules.action("ev/stations/CP1/boot"), "boot");
        assert_eq!((rules.action("ev/stations/CP1/sing"), rules.action("idc/fc01")), ("other", "record"));
        let bare = Rules::new("", Vec::new()).expect("valid");
        assert!(matches!(bare.route("CP1/meter"), Route::Station { kind: "meter", .. }));
    }

    #[test]
    fn lists_are_no_sessions() {
        let stations = Mapping::preset("stations").expect("a preset");
        assert!(Rules::new("s", vec![("t".to_owned(), stations)]).is_err());
    }
}

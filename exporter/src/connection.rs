//! Whether a station is connected: what its row says, held against the life of the gateway that wrote it.
//!
//! A gateway that dies cannot write that its stations are gone. So each gateway run (an epoch) writes a heartbeat
//! every 10 s, and a connection counts for as long as its epoch lives. Silence means the epoch's end only while the
//! store is known to take writes; otherwise nobody can tell, and the state is unknown, not offline.

use std::collections::HashMap;

use station::event::Source;
use uuid::Uuid;

/// Whether a station is connected, as far as can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ConnectionState {
    /// Its connection is open on a gateway that lives.
    Connected,
    /// It has none.
    Disconnected,
    /// Nobody can tell.
    Unknown,
}

/// How a station's events come, which says what its silence means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Over a connection of its own, which a gateway sees begin and end.
    Own,
    /// Through a broker, which holds the connection: the station is there while it is heard of.
    Broker,
    /// As records of what has been (imports, whole sessions): they say nothing about its being there.
    Records,
}

impl Way {
    /// By what `station_now` says. A station behind a broker that has never reported a connector only sends records.
    pub(crate) fn of(protocol: Option<&str>, connectors: i32) -> Self {
        let is = |source: Source| protocol == Some(source.label());
        if is(Source::Import) || is(Source::Api) || (is(Source::MqttBroker) && connectors == 0) {
            Self::Records
        } else if is(Source::MqttBroker) {
            Self::Broker
        } else {
            Self::Own
        }
    }
}

/// What a station's row says of its connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionRow<'r> {
    pub(crate) connected: bool,
    pub(crate) gateway: Option<&'r str>,
    pub(crate) epoch: Option<Uuid>,
    pub(crate) way: Way,
    /// Unix seconds.
    pub(crate) last_seen_at: f64,
}

/// How long silence may last, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// Of a gateway.
    pub(crate) gateway_s: f64,
    /// Of a station behind a broker.
    pub(crate) broker_s: f64,
}

/// The newest row of a gateway in `gateways`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) gateway: String,
    pub(crate) epoch: Option<Uuid>,
    /// The gateway said that this run ends.
    pub(crate) closed: bool,
    /// Unix seconds by the gateway's clock.
    pub(crate) at: f64,
}

/// How a gateway's newest run is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    /// Heard of lately.
    Alive,
    /// Silent or closed.
    Over,
    /// Silent, but the store may not have taken its heartbeats.
    Unknown,
}

/// What is known of gateways over several polls.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    known: HashMap<String, Known>,
    /// Since when every poll found the store taking writes, Unix seconds.
    steady_since: Option<f64>,
}

#[derive(Debug)]
struct Known {
    epoch: Option<Uuid>,
    closed: bool,
    at: f64,
    /// When the exporter last learned something new of it, by the exporter's clock.
    heard_at: f64,
}

impl Gateways {
    /// Takes what a poll at `now` found. `takes_writes`: the store applied all that it was given.
    pub(crate) fn observe(&mut self, now: f64, takes_writes: bool, heartbeats: &[Heartbeat]) {
        if takes_writes {
            self.steady_since.get_or_insert(now);
        } else {
            self.steady_since = None;
        }
        for beat in heartbeats {
            // A first sight may be old, and says so; later sights count from when they were seen, so that a gateway
            // whose clock is wrong does not look dead.
            let heard_at = match self.known.get(&beat.gateway) {
                Some(before) if before.at == beat.at && before.epoch == beat.epoch => before.heard_at,
                Some(_) => now,
                None => beat.at.min(now),
            };
            let known = Known { epoch: beat.epoch, closed: beat.closed, at: beat.at, heard_at };
            self.known.insert(beat.gateway.clone(), known);
        }
        self.known.retain(|gateway, _| heartbeats.iter().any(|beat| beat.gateway == *gateway));
    }

    /// The store could not be asked: whatever silence there was may have been its own.
    pub(crate) fn store_lost(&mut self) {
        self.steady_since = None;
    }

    /// The life of `gateway`'s newest run at `now`. `timeout_s`: how long silence may last.
    pub(crate) fn life(&self, gateway: &str, now: f64, timeout_s: f64) -> Life {
        let known = self.known.get(gateway);
        if known.is_some_and(|known| known.closed) {
            return Life::Over;
        }
        if known.is_some_and(|known| now - known.heard_at <= timeout_s) {
            return Life::Alive;
        }
        match self.steady_since {
            Some(since) if now - since > timeout_s => Life::Over,
            _ => Life::Unknown,
        }
    }

    /// The state of a station.
    pub(crate) fn state(&self, row: &ConnectionRow<'_>, now: f64, limits: &Silence) -> ConnectionState {
        if self.steady_since.is_none() {
            return ConnectionState::Unknown;
        }
        let life = match (row.gateway, row.way) {
            (Some(gateway), _) if row.connected => {
                let newest = self.known.get(gateway).and_then(|known| known.epoch);
                if newest.is_some() && row.epoch.is_some() && newest != row.epoch {
                    return ConnectionState::Disconnected;
                }
                self.life(gateway, now, limits.gateway_s)
            }
            (_, Way::Own) => return ConnectionState::Disconnected,
            (_, Way::Broker) if now - row.last_seen_at > limits.broker_s => {
                return ConnectionState::Disconnected;
            }
            // Behind a broker no single gateway holds the connection: any that lives vouches for it.
            (_, Way::Broker) => self.any_life(now, limits.gateway_s),
            (_, Way::Records) => return ConnectionState::Unknown,
        };
        match life {
            Life::Alive => ConnectionState::Connected,
            Life::Over => ConnectionState::Disconnected,
            Life::Unknown => ConnectionState::Unknown,
        }
    }

    fn any_life(&self, now: f64, timeout_s: f64) -> Life {
        let lives: Vec<Life> = self.known.keys().map(|gateway| self.life(gateway, now, timeout_s)).collect();
        if lives.contains(&Life::Alive) {
            Life::Alive
        } else if lives.is_empty() || lives.contains(&Life::Unknown) {
            Life::Unknown
        } else {
            Life::Over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);

    fn beat(epoch: Uuid, at: f64) -> Heartbeat {
        Heartbeat { gateway: "g".into(), epoch: Some(epoch), closed: false, at }
    }

    const SILENCE: Silence = Silence { gateway_s: 45.0, broker_s: 900.0 };

    fn row(connected: bool, epoch: Uuid) -> ConnectionRow<'static> {
        ConnectionRow { connected, gateway: Some("g"), epoch: Some(epoch), way: Way::Own, last_seen_at: 0.0 }
    }

    fn state(gateways: &Gateways, epoch: Uuid, now: f64) -> ConnectionState {
        gateways.state(&row(true, epoch), now, &SILENCE)
    }

    #[test]
    fn a_living_epoch_vouches_for_its_connections_only() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 995.0)]);
        assert_eq!(state(&gateways, NEW, 1000.0), ConnectionState::Connected);
        assert_eq!(state(&gateways, OLD, 1000.0), ConnectionState::Disconnected);
        assert_eq!(gateways.state(&row(false, NEW), 1000.0, &SILENCE), ConnectionState::Disconnected);
    }

    #[test]
    fn silence_is_the_end_only_while_the_store_takes_writes() {
        let mut gateways = Gateways::default();
        for second in 0..10 {
            gateways.observe(1000.0 + f64::from(second) * 5.0, true, &[beat(NEW, 1000.0)]);
        }
        assert_eq!(state(&gateways, NEW, 1045.0), ConnectionState::Connected);
        gateways.observe(1046.0, true, &[beat(NEW, 1000.0)]);
        assert_eq!(state(&gateways, NEW, 1046.0), ConnectionState::Disconnected);

        // The store stops taking writes: unknown at once; and after it is back the gateway gets its time again.
        gateways.observe(1050.0, false, &[beat(NEW, 1000.0)]);
        assert_eq!(state(&gateways, NEW, 1050.0), ConnectionState::Unknown);
        gateways.observe(1060.0, true, &[beat(NEW, 1000.0)]);
        assert_eq!(state(&gateways, NEW, 1060.0), ConnectionState::Unknown);
        gateways.observe(1106.0, true, &[beat(NEW, 1000.0)]);
        assert_eq!(state(&gateways, NEW, 1106.0), ConnectionState::Disconnected);
        gateways.observe(1110.0, true, &[beat(NEW, 1109.0)]);
        assert_eq!(state(&gateways, NEW, 1110.0), ConnectionState::Connected);
        gateways.store_lost();
        assert_eq!(state(&gateways, NEW, 1111.0), ConnectionState::Unknown);
    }

    #[test]
    fn an_exporter_that_has_just_started_does_not_declare_anything_dead() {
        let mut gateways = Gateways::default();
        gateways.observe(5000.0, true, &[beat(NEW, 1000.0)]);
        assert_eq!(state(&gateways, NEW, 5000.0), ConnectionState::Unknown);
    }

    #[test]
    fn a_closing_row_ends_an_epoch_at_once() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[Heartbeat { closed: true, ..beat(NEW, 999.0) }]);
        assert_eq!(state(&gateways, NEW, 1000.0), ConnectionState::Disconnected);
    }

    #[test]
    fn a_gateway_with_a_slow_clock_is_heard_when_its_rows_change() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 400.0)]);
        gateways.observe(1010.0, true, &[beat(NEW, 410.0)]);
        assert_eq!(state(&gateways, NEW, 1050.0), ConnectionState::Connected);
    }

    #[test]
    fn behind_a_broker_a_station_is_there_while_it_is_heard_of() {
        let behind = |last_seen_at| ConnectionRow {
            connected: false,
            gateway: None,
            epoch: None,
            way: Way::of(Some("mqtt_broker"), 2),
            last_seen_at,
        };
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 999.0)]);
        assert_eq!(gateways.state(&behind(900.0), 1000.0, &SILENCE), ConnectionState::Connected);
        assert_eq!(gateways.state(&behind(50.0), 1000.0, &SILENCE), ConnectionState::Disconnected);
        // No gateway listens to the broker any more.
        gateways.observe(1100.0, true, &[beat(NEW, 999.0)]);
        assert_eq!(gateways.state(&behind(1000.0), 1100.0, &SILENCE), ConnectionState::Disconnected);
    }

    #[test]
    fn records_of_the_past_say_nothing_about_a_station_being_there() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 999.0)]);
        for (protocol, connectors) in [("import", 0), ("api", 2), ("mqtt_broker", 0)] {
            let row = ConnectionRow {
                connected: false,
                gateway: None,
                epoch: None,
                way: Way::of(Some(protocol), connectors),
                last_seen_at: 1000.0,
            };
            assert_eq!(gateways.state(&row, 1000.0, &SILENCE), ConnectionState::Unknown, "{protocol}");
        }
        let live = ConnectionRow { way: Way::Records, ..row(true, NEW) };
        assert_eq!(
            gateways.state(&live, 1000.0, &SILENCE),
            ConnectionState::Connected,
            "records of a live one"
        );
    }
}

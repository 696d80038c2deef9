//! Whether a station is connected: what its row says, held against the life of the gateway that wrote it.
//!
//! A gateway that dies cannot write that its stations are gone. So each gateway run (an epoch) writes a heartbeat
//! every 10 s, and a connection counts for as long as its epoch lives. Silence means the epoch's end only while the
//! store is known to take writes; otherwise nobody can tell, and the state is unknown, not offline.

use std::collections::HashMap;

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

    /// The state of a station whose row says `connected` on `gateway` in `epoch`.
    pub(crate) fn state(
        &self,
        connected: bool,
        gateway: Option<&str>,
        epoch: Option<Uuid>,
        now: f64,
        timeout_s: f64,
    ) -> ConnectionState {
        if self.steady_since.is_none() {
            return ConnectionState::Unknown;
        }
        if !connected {
            return ConnectionState::Disconnected;
        }
        let life = match gateway {
            Some(gateway) => {
                let newest = self.known.get(gateway).and_then(|known| known.epoch);
                if newest.is_some() && epoch.is_some() && newest != epoch {
                    return ConnectionState::Disconnected;
                }
                self.life(gateway, now, timeout_s)
            }
            // Behind a broker no single gateway holds the connection: any that lives vouches for it.
            None => self.any_life(now, timeout_s),
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

    fn state(gateways: &Gateways, epoch: Uuid, now: f64) -> ConnectionState {
        gateways.state(true, Some("g"), Some(epoch), now, 45.0)
    }

    #[test]
    fn a_living_epoch_vouches_for_its_connections_only() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 995.0)]);
        assert_eq!(state(&gateways, NEW, 1000.0), ConnectionState::Connected);
        assert_eq!(state(&gateways, OLD, 1000.0), ConnectionState::Disconnected);
        assert_eq!(gateways.state(false, Some("g"), Some(NEW), 1000.0, 45.0), ConnectionState::Disconnected);
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
    fn behind_a_broker_any_living_gateway_vouches() {
        let mut gateways = Gateways::default();
        gateways.observe(1000.0, true, &[beat(NEW, 999.0)]);
        assert_eq!(gateways.state(true, None, None, 1000.0, 45.0), ConnectionState::Connected);
        for second in 1..60 {
            gateways.observe(1000.0 + f64::from(second), true, &[beat(NEW, 999.0)]);
        }
        assert_eq!(gateways.state(true, None, None, 1059.0, 45.0), ConnectionState::Disconnected);
    }
}

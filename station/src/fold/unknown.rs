//! Cards that were shown and that nobody registered: kept for a while, hashed and sealed, so that an operator can enrol one
//! without its number.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::StationEvent;
use crate::id::StationId;
use crate::secret::Token;
use crate::time::Timestamp;

/// Unknown cards that are kept; the one that was not seen for longest goes.
const KEPT_MAX: usize = 512;
/// Unknown cards of one station that are kept: one that invents cards drives out its own.
const KEPT_OF_STATION_MAX: usize = 32;

/// A card that nobody registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownToken {
    /// Its hash and its sealed text.
    pub token: Token,
    /// Where it was last shown.
    pub station: StationId,
    /// At which connector, if the station said so.
    pub connector: Option<i32>,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
    /// How often.
    pub times: u64,
}

/// Unknown cards, the one that was seen last at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownTokens(VecDeque<UnknownToken>);

impl UnknownTokens {
    /// All that are kept, the one that was seen last first.
    pub fn iter(&self) -> impl Iterator<Item = &UnknownToken> {
        self.0.iter().rev()
    }

    /// The one with this hash.
    #[must_use]
    pub fn find(&self, hash: &str) -> Option<&UnknownToken> {
        self.0.iter().find(|known| known.token.hash == hash)
    }

    pub(super) fn seen(&mut self, token: &Token, event: &StationEvent) {
        let known = self.take(&token.hash);
        self.0.push_back(UnknownToken {
            token: token.clone(),
            station: event.station.clone(),
            connector: event.connector.or(event.evse).filter(|connector| *connector > 0),
            first_seen_at: known.as_ref().map_or(event.received_at, |known| known.first_seen_at),
            last_seen_at: event.received_at,
            times: known.map_or(0, |known| known.times) + 1,
        });
        let of_station = |known: &UnknownToken| known.station == event.station;
        if self.0.iter().filter(|known| of_station(known)).count() > KEPT_OF_STATION_MAX {
            self.0.iter().position(of_station).and_then(|at| self.0.remove(at));
        }
        if self.0.len() > KEPT_MAX {
            self.0.pop_front();
        }
    }

    /// It is known now.
    pub(super) fn take(&mut self, hash: &str) -> Option<UnknownToken> {
        let at = self.0.iter().position(|known| known.token.hash == hash)?;
        self.0.remove(at)
    }
}

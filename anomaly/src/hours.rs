//! At which hours of the day sessions begin: by user, with little history drawn towards the station and the fleet.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::features::local_hour_and_weekday;
use crate::session::Session;
use crate::usual::SHRINKAGE_SESSIONS;

const HOURS: usize = 24;

/// How a session counts for the hours around its own: habits are not kept to the minute.
const AROUND: [(usize, f64); 5] = [(22, 0.1), (23, 0.2), (0, 0.4), (1, 0.2), (2, 0.1)];

type Counts = [f64; HOURS];

/// How many sessions began at each hour.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Hours {
    fleet: Counts,
    stations: HashMap<String, Counts>,
    users: HashMap<String, Counts>,
}

fn hour(session: &Session) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let hour = local_hour_and_weekday(session.started_us, session.time_zone.as_deref()).0 as usize;
    hour % HOURS
}

/// The share of each hour, drawn towards a wider one's.
fn shares(counts: &Counts, wider: &Counts) -> Counts {
    let all: f64 = counts.iter().sum::<f64>().max(0.0);
    std::array::from_fn(|at| {
        (counts[at].max(0.0) + SHRINKAGE_SESSIONS * wider[at]) / (all + SHRINKAGE_SESSIONS)
    })
}

impl Hours {
    pub(crate) fn learn(history: &[Session]) -> Self {
        let mut hours = Self::default();
        for session in history {
            let at = hour(session);
            let count = |counts: &mut Counts| {
                AROUND.iter().for_each(|(step, weight)| counts[(at + step) % HOURS] += weight);
            };
            count(&mut hours.fleet);
            count(hours.stations.entry(session.station.clone()).or_default());
            if let Some(user) = &session.user {
                count(hours.users.entry(user.clone()).or_default());
            }
        }
        hours
    }

    /// The share of the user's sessions that begin around each hour; `own` leaves this session out.
    fn of_user(&self, session: &Session, own: bool) -> Option<Counts> {
        let without = |counts: Option<&Counts>| {
            let mut counts = counts.copied().unwrap_or_default();
            if own {
                let at = hour(session);
                AROUND.iter().for_each(|(step, weight)| counts[(at + step) % HOURS] -= weight);
            }
            counts
        };
        let user = session.user.as_ref()?;
        let fleet = shares(&without(Some(&self.fleet)), &[1.0 / HOURS as f64; HOURS]);
        let station = shares(&without(self.stations.get(&session.station)), &fleet);
        Some(shares(&without(self.users.get(user)), &station))
    }

    /// How rare this user begins at such an hour, in nats: −ln of the share of sessions at hours that are at most as
    /// usual. NaN without a user.
    pub(crate) fn surprise(&self, session: &Session, own: bool) -> f64 {
        let Some(shares) = self.of_user(session, own) else { return f64::NAN };
        let here = shares[hour(session)];
        let rarer: f64 = shares.iter().filter(|share| **share <= here).sum();
        -rarer.clamp(1e-6, 1.0).ln()
    }

    /// The shortest span of hours in which four of five of the user's sessions begin: from, to (it may pass midnight),
    /// and how many sessions are known.
    pub(crate) fn usual(&self, session: &Session) -> Option<(f64, f64, u32)> {
        let shares = self.of_user(session, false)?;
        let known: f64 = self.users.get(session.user.as_ref()?).map_or(0.0, |counts| counts.iter().sum());
        (1..HOURS)
            .find_map(|length| {
                let within = |from: usize| (from..from + length).map(|at| shares[at % HOURS]).sum::<f64>();
                let (from, share) =
                    (0..HOURS).map(|from| (from, within(from))).max_by(|a, b| a.1.total_cmp(&b.1))?;
                (share >= 0.8).then_some((from, length))
            })
            .map(|(from, length)| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let known = known.round() as u32;
                (from as f64, ((from + length) % HOURS) as f64, known)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(user: &str, hour: i64) -> Session {
        Session {
            station: "CP".into(),
            user: Some(user.into()),
            started_us: hour * 3_600_000_000,
            ..Session::default()
        }
    }

    #[test]
    fn habits_have_hours() {
        let mut history: Vec<Session> = (0..100).map(|n| at("early", 7 + n % 2)).collect();
        history.extend((0..100).map(|n| at("late", 22 + n % 3)));
        let hours = Hours::learn(&history);
        assert!(hours.surprise(&at("early", 7), false) < 1.0);
        assert!(hours.surprise(&at("early", 23), false) > 2.5);
        assert!(hours.surprise(&at("late", 23), false) < 1.0);
        assert!(hours.surprise(&at("late", 8), false) > 2.5);
        let (from, to, known) = hours.usual(&at("early", 0)).expect("known");
        assert!((5.0..=7.0).contains(&from) && (9.0..=10.0).contains(&to), "{from} to {to}");
        assert_eq!(known, 100);
        let (from, to, _) = hours.usual(&at("late", 0)).expect("known");
        assert!(from > to, "past midnight: {from} to {to}");
        assert!(hours.surprise(&Session::default(), false).is_nan(), "no user, no habit");
    }

    #[test]
    fn a_session_does_not_excuse_itself() {
        let mut history: Vec<Session> = (0..30).map(|_| at("early", 7)).collect();
        history.push(at("early", 19));
        let hours = Hours::learn(&history);
        assert!(hours.surprise(&at("early", 19), true) > hours.surprise(&at("early", 19), false));
    }
}

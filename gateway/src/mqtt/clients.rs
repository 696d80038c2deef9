//! Who is connected: one connection a client id, and the connection that speaks for a station.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use station::id::StationId;
use tokio_util::sync::CancellationToken;

use super::auth::Client;

/// How long a new connection waits until the one that it replaces has gone.
const REPLACE_WAIT: Duration = Duration::from_secs(5);

/// All connections of the endpoint.
#[derive(Debug, Default)]
pub(super) struct Clients {
    held: Mutex<HashMap<Client, Held>>,
    /// The connection that last spoke for a station.
    speakers: Mutex<HashMap<StationId, u64>>,
    last_number: AtomicU64,
}

#[derive(Debug, Clone)]
struct Held {
    number: u64,
    replaced: CancellationToken,
    gone: CancellationToken,
}

/// A connection's place among the clients; given back when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    clients: &'a Clients,
    client: Client,
    held: Held,
}

impl Clients {
    /// Takes the client's place. A connection that has it already is told to go, and waited for, so that its last words
    /// are journaled before the first of the new one.
    pub(super) async fn enter(&self, client: Client) -> Place<'_> {
        let held = Held {
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
            replaced: CancellationToken::new(),
            gone: CancellationToken::new(),
        };
        let before = lock(&self.held).insert(client.clone(), held.clone());
        let place = Place { clients: self, client, held };
        if let Some(before) = before {
            before.replaced.cancel();
            let _ = tokio::time::timeout(REPLACE_WAIT, before.gone.cancelled()).await;
        }
        place
    }
}

impl Place<'_> {
    /// Who has it.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Resolves when a newer connection has the same client id.
    pub(super) async fn replaced(&self) {
        self.held.replaced.cancelled().await;
    }

    /// From now on this connection speaks for the station.
    pub(super) fn speaks_for(&self, station: &StationId) {
        lock(&self.clients.speakers).insert(station.clone(), self.held.number);
    }

    /// This connection speaks for the station no longer. False if another one does by now.
    pub(super) fn spoke_for(&self, station: &StationId) -> bool {
        let mut speakers = lock(&self.clients.speakers);
        let is_last = speakers.get(station) == Some(&self.held.number);
        if is_last {
            speakers.remove(station);
        }
        is_last
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.held.gone.cancel();
        let mut held = lock(&self.clients.held);
        if held.get(&self.client).is_some_and(|held| held.number == self.held.number) {
            held.remove(&self.client);
        }
    }
}

/// No code that holds the lock can leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_connection_has_the_place() {
        let clients = Clients::default();
        let client = Client { user: None, client_id: "c".to_owned() };
        let station = StationId::new("S").expect("valid");
        let first = clients.enter(client.clone()).await;
        first.speaks_for(&station);
        let (second, ()) = tokio::join!(clients.enter(client.clone()), async {
            first.replaced().await;
            assert!(first.spoke_for(&station));
            drop(first);
        });
        second.speaks_for(&station);
        assert_eq!(lock(&clients.held).len(), 1);
        let other = clients.enter(Client { user: Some("u".to_owned()), ..client }).await;
        other.speaks_for(&station);
        assert!(!second.spoke_for(&station), "the other one speaks for it");
        drop(second);
        drop(other);
        assert!(lock(&clients.held).is_empty());
    }
}

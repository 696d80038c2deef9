//! Fleets that behave like real ones, over the real protocols: for the demo, for tests, for load.
//!
//! The core is pure: a [`fleet`] and what its stations live through ([`life`]) follow from a seed and from the time
//! that is handed in. Around it are thin clients ([`client`]) that say it over OCPP and MQTT and write down what was
//! acknowledged ([`ledger`]).

pub mod args;
pub mod client;
pub mod clock;
pub mod error;
pub mod fleet;
pub mod hand;
pub mod history;
pub mod layout;
pub mod ledger;
pub mod life;
pub mod live;
pub mod load;
pub mod replay;
pub mod tally;
pub mod wire;

pub use args::Args;
pub use error::Error;
use tokio_util::sync::CancellationToken;

/// Does what the command line says, until it is done or `shutdown`.
///
/// # Errors
/// When an argument is wrong, or a file cannot be read or written.
pub async fn run(args: &Args, shutdown: CancellationToken) -> Result<(), Error> {
    match &args.command {
        Some(args::Command::Station(station)) => hand::run(station, shutdown).await.map(drop),
        Some(args::Command::Load(load)) => load::run(load, shutdown).await.map(drop),
        None if args.replay.replay.is_some() => {
            replay::run(&args.replay, &args.network, args.fleet.seed, shutdown).await.map(drop)
        }
        None => {
            let history = &args.history;
            let writes =
                history.history.is_some() || history.stations_out.is_some() || history.sites_out.is_some();
            if writes {
                history::run(&args.fleet, history, args.network.ledger.as_deref())?;
            }
            if writes && args.network.ocpp.is_none() && args.network.mqtt.is_none() {
                return Ok(());
            }
            live::run(&args.fleet, &args.live, &args.network, shutdown).await.map(drop)
        }
    }
}

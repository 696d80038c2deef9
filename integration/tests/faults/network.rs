//! Networks between the gateway and its store, and between it and the MQTT broker: slow, swallowing, cut.

use std::time::{Duration, Instant};

use integration::servers::{CommitMode, Link, Mosquitto, QuestDb, QuestDbOptions, Toxiproxy};
use integration::{Gateway, eventually_blocking, unique};

use crate::fleet::{Fleet, compare};
use crate::store::{wait_until_down, wait_until_up};

#[tokio::test(flavor = "multi_thread")]
async fn slow_half_open_and_cut_networks_lose_nothing() {
    let rounds = if crate::long() { 5 } else { 1 };
    let mut store =
        QuestDb::start_migrated(&QuestDbOptions { commit_mode: CommitMode::NoSync, ..Default::default() })
            .await;
    // All that waits for a client that is away is kept; by default the 1,001st message is thrown away.
    let broker = Mosquitto::start("max_queued_messages 0\nautosave_on_changes true\nautosave_interval 1");
    let proxy = Toxiproxy::start();
    let http = proxy.link("http", port_of(&store.http()));
    let pg = proxy.link("pg", store.pg_port());
    let mqtt = proxy.link("mqtt", broker.port());

    let mut gateway = Gateway::prepare_with(
        &format!(
            "http = \"http://127.0.0.1:{}\"\nconnect_timeout = \"1s\"\nrequest_timeout = \"2s\"\n\
             pg = {{ port = {}, statement_timeout = \"2s\" }}",
            http.port(),
            pg.port()
        ),
        &format!(
            "journal.segment_bytes = \"256KiB\"\nwriter = {{ snapshot_every = \"1s\", drain = \"1s\", late_after = \"30d\" }}\n\
             [gateway.mqtt]\nlisten = \"127.0.0.1:{{mqtt}}\"\n[gateway.mqtt.broker]\nport = {}\nclient_id = \"{}\"\nkeep_alive = \"2s\"\n",
            mqtt.port(),
            unique("gateway")
        ),
    );
    gateway.start_again();
    // A fleet that has caught up with the clock goes on no faster than it: the rounds of the long form would find it quiet.
    let start = crate::days_ago(10);
    let (simulated, since): (_, &[&str]) =
        if crate::long() { ("72h", &["--start", &start]) } else { ("4h", &[]) };
    let fleet = Fleet::start_with_mqtt(&gateway, broker.port(), "240", simulated, since);
    fleet.wait_for(200);
    wait_until_up(&gateway);

    for _ in 0..rounds {
        // The store's answers get lost, then everything; connections stay.
        for (what, harm) in [
            ("answers of the store", Link::swallow_answers as fn(&Link)),
            ("everything to the store", Link::swallow),
            // What is given up arrives after what came after it.
            ("late requests", |link| link.late(6_000)),
            ("a store that was cut off", Link::cut),
        ] {
            harmed(what, &http, harm, || {
                wait_until_down(&gateway);
                fleet.wait_for(100);
            });
            wait_until_up(&gateway);
        }
        harmed("looks at the store", &pg, Link::swallow, || fleet.wait_for(300));
        more_than_a_request_can_carry(&gateway, &fleet, &http);

        harmed("everything to the broker", &mqtt, Link::swallow, || broker_is(&gateway, "0"));
        broker_is(&gateway, "1");
        harmed("a slow broker", &mqtt, |link| link.slow(20, 200), || fleet.wait_for(200));
        harmed("a broker that was cut off", &mqtt, Link::cut, || broker_is(&gateway, "0"));
        broker_is(&gateway, "1");

        falls_back_unreachably(&mut store, &mut gateway, &fleet, &http);
        wait_until_up(&gateway);
    }

    let ledger = if crate::long() { fleet.finish() } else { fleet.ledger() };
    assert!(ledger.messages.len() > 2_000, "too little traffic: {} messages", ledger.messages.len());
    compare(&gateway, &store, &ledger, "slow, half-open and cut networks").await;
}

/// Does the harm, waits for what it should do, and takes it away.
fn harmed(what: &str, link: &Link, harm: impl FnOnce(&Link), until: impl FnOnce()) {
    let began = Instant::now();
    harm(link);
    until();
    link.heal();
    println!("{what}: {:.1} s", began.elapsed().as_secs_f64());
}

/// Less than what waits goes through in the time that a request may take: it must go in smaller ones.
fn more_than_a_request_can_carry(gateway: &Gateway, fleet: &Fleet, http: &Link) {
    let slow = |link: &Link| {
        // Faster than the fleet talks, or it would fall behind for ever.
        link.slow(200, 100);
        link.cut();
        fleet.wait_for(600);
        link.join();
    };
    harmed("a slow store", http, slow, || {
        let before = written(gateway);
        eventually_blocking(Duration::from_secs(90), || {
            let (position, books) = (written(gateway), gateway.books()?);
            if position >= before + 300 || books["in_journal"] == 0 {
                Ok(())
            } else {
                Err(format!("{position} written, {before} before: {books}"))
            }
        });
    });
}

/// The store falls back to an older copy, which the gateway can see but not mend, and then it ends: the next run must
/// still know.
fn falls_back_unreachably(store: &mut QuestDb, gateway: &mut Gateway, fleet: &Fleet, http: &Link) {
    let copy = store.copy();
    fleet.wait_for(300);
    wait_until_up(gateway);
    http.cut();
    wait_until_down(gateway);
    let seen = |gateway: &Gateway| gateway.log().matches("has restarted or lost transactions").count();
    let before = seen(gateway);
    store.kill();
    store.put_back(&copy);
    store.start_again();
    eventually_blocking(Duration::from_secs(120), || {
        if seen(gateway) > before { Ok(()) } else { Err("the gateway has not seen it") }
    });
    gateway.stop();
    gateway.start_again();
    http.heal();
}

/// The position: how many events the store has taken.
fn written(gateway: &Gateway) -> u64 {
    let books = gateway.books().unwrap();
    books["received"].as_u64().unwrap() - books["in_journal"].as_u64().unwrap()
}

fn broker_is(gateway: &Gateway, up: &str) {
    eventually_blocking(Duration::from_secs(90), || {
        let page = integration::servers::get(&gateway.admin("/metrics"))?;
        let line = page.lines().find(|line| line.starts_with("ampwarden_mqtt_broker_up")).unwrap_or_default();
        if line.ends_with(&format!(" {up}")) { Ok(()) } else { Err(format!("not {up}: {line}")) }
    });
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap()
}

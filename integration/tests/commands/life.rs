//! The life of a command when something is in its way: stations that answer late, wrongly, never, or are not there;
//! gateways that die.

use integration::{Gateway, LOOKER, eventually_blocking, unique};
use serde_json::{Value, json};

use crate::station::{DEADLINE, Station, ask, look, send, wait};

/// A gateway whose store is away: commands do not wait for it.
fn gateway(commands: &str) -> Gateway {
    let mut gateway = Gateway::prepare(
        "http://127.0.0.1:1",
        1,
        &format!("commands = {{ {commands} }}\nmqtt = {{ listen = \"127.0.0.1:{{mqtt}}\" }}"),
    );
    gateway.start_again();
    gateway
}

fn command(name: &str) -> Value {
    json!({ "command": name })
}

fn path_of(station: &str) -> String {
    format!("/v1/stations/{station}/commands")
}

/// Waits until a metric has this value.
fn metric(gateway: &Gateway, series: &str, expected: f64) {
    eventually_blocking(DEADLINE, || {
        let found = gateway.metric(series)?;
        if found == Some(expected) { Ok(()) } else { Err(format!("{series} is {found:?}, not {expected}")) }
    });
}

#[test]
fn stations_that_answer_late_wrongly_or_never() {
    let mut gateway = gateway("call_timeout = \"1s\"");
    for (protocol, violation) in [("ocpp1.6", "FormationViolation"), ("ocpp2.0.1", "FormatViolation")] {
        let name = unique("late");
        let mut station = Station::booted(&gateway, &name, protocol);
        for (action, how) in [
            ("ClearCache", "never"),
            ("Reset", "late"),
            ("UnlockConnector", "error"),
            ("GetLocalListVersion", "odd"),
        ] {
            station.tell(&format!("answer {action} {how}"));
            station.wait_for("did");
        }
        // All at once: each waits for the one before it.
        let unlock = json!({"command": "unlock_connector", "parameters": {"connector": 1}});
        let bodies = [command("clear_cache"), command("reset"), unlock, command("get_local_list_version")];
        let issued: Vec<Value> = bodies.iter().map(|body| send(&gateway, &name, body)).collect();
        assert_eq!(station.wait_for("received")["id"], issued[0]["id"]);
        station.tell("heartbeat");
        station.wait_for("heartbeat");
        let second = look(&gateway, &issued[1]);
        if look(&gateway, &issued[0])["state"] == "sent" {
            assert_eq!(second["state"], "queued", "one at a time: {second}");
        }
        for command in &issued[1..] {
            assert_eq!(station.wait_for("received")["id"], command["id"], "in their order");
        }
        let never = wait(&gateway, &issued[0], "unknown");
        assert_eq!(never["detail"], "no answer came within 1 s", "{never}");
        let failed = wait(&gateway, &issued[2], "failed");
        assert_eq!((&failed["status"], &failed["detail"]), (&"InternalError".into(), &"out of order".into()));
        let odd = wait(&gateway, &issued[3], "failed");
        assert_eq!(odd["status"], violation, "{odd}");

        let late = wait(&gateway, &issued[1], "unknown");
        assert_eq!(late["late"], false, "{late}");
        station.tell("release");
        let late = wait(&gateway, &issued[1], "accepted");
        assert_eq!(
            (&late["late"], &late["answer"]),
            (&true.into(), &json!({"status": "Accepted"})),
            "{late}"
        );

        // An answer that comes again is counted, and harms nothing.
        wait(
            &gateway,
            &send(
                &gateway,
                &name,
                &json!({"command": "cancel_reservation", "parameters": {"reservation": 1}}),
            ),
            "accepted",
        );
        station.tell("twice");
        metric(&gateway, &format!("ampwarden_unexpected_answers_total{{protocol=\"{protocol}\"}}"), 1.0);
        station.tell("heartbeat");
        station.wait_for("heartbeat");
    }
    for (command, outcome, count) in [
        ("clear_cache", "unknown", 2.0),
        ("reset", "unknown", 2.0),
        ("reset", "late", 2.0),
        ("unlock_connector", "failed", 2.0),
        ("cancel_reservation", "accepted", 2.0),
    ] {
        let series = format!("ampwarden_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}");
        metric(&gateway, &series, count);
    }
    gateway.stop();
}

#[test]
fn stations_that_are_not_there() {
    let mut gateway = gateway("max_open = 3");
    let name = unique("away");
    let (status, problem) = ask(&gateway, ("POST", &path_of(&name)), Some(&command("reset")));
    assert_eq!(status, 404, "nobody knows it: {problem}");
    let _ = gateway.command(&["stations", "set", &name]);

    assert!(
        gateway.command(&["stations", "history", &name]).contains(&name),
        "its other paths are still there"
    );

    let reset = send(&gateway, &name, &command("reset"));
    let short = send(&gateway, &name, &json!({"command": "clear_cache", "expires_in": "1s"}));
    let newer = send(&gateway, &name, &json!({"command": "reset", "parameters": {"type": "on_idle"}}));
    let (status, problem) = ask(&gateway, ("POST", &path_of(&name)), Some(&command("reset")));
    assert_eq!(status, 429, "{problem}");
    assert!(
        problem["detail"].as_str().is_some_and(|text| text.contains("gateway.commands.max_open")),
        "{problem}"
    );
    metric(&gateway, "ampwarden_commands_open{state=\"sent\"}", 0.0);
    let expired = wait(&gateway, &short, "expired");
    assert_eq!(expired["sent_at"], Value::Null, "{expired}");
    let back = send(&gateway, &name, &command("get_local_list_version"));
    let shown: Value =
        serde_json::from_str(&gateway.command(&["command", "list", &name, "--open", "--json"]))
            .expect("JSON");
    assert_eq!(shown.as_array().map(Vec::len), Some(3), "{shown}");
    let _ = gateway.command(&["command", "cancel", back["id"].as_str().expect("an id")]);
    let path = format!("/v1/commands/{}", back["id"].as_str().expect("an id"));
    let (status, problem) = ask(&gateway, ("DELETE", &path), None);
    assert_eq!(status, 409, "{problem}");
    assert_eq!(look(&gateway, &back)["detail"], "taken back by test");

    // What waits outlives the gateway.
    gateway.kill();
    gateway.start_again();
    for command in [&reset, &newer] {
        assert_eq!(look(&gateway, command)["state"], "queued");
    }
    assert_eq!(look(&gateway, &short)["state"], "expired");
    metric(&gateway, "ampwarden_commands_open{state=\"queued\"}", 2.0);

    // A station that has never booted is sent nothing before it does.
    let mut station = Station::connect(&gateway, &name, "ocpp1.6");
    station.tell("heartbeat");
    station.wait_for("heartbeat");
    assert_eq!(look(&gateway, &reset)["state"], "queued");
    station.tell("boot");
    let received = station.wait_for("received");
    assert_eq!(received["id"], reset["id"], "{received}");
    wait(&gateway, &reset, "accepted");
    let failed = wait(&gateway, &newer, "failed");
    assert!(
        failed["detail"].as_str().is_some_and(|why| why.contains("does not exist in ocpp1.6")),
        "{failed}"
    );
    assert!(station.received().is_empty(), "neither what has expired nor what was taken back");
    gateway.stop();
}

#[test]
fn a_gateway_that_dies_sends_nothing_twice() {
    let mut gateway = gateway("");
    let name = unique("killed");
    let mut station = Station::booted(&gateway, &name, "ocpp2.0.1");
    station.tell("answer ClearCache never");
    station.wait_for("did");
    let sent = send(&gateway, &name, &command("clear_cache"));
    let waiting = send(&gateway, &name, &command("reset"));
    assert_eq!(station.wait_for("received")["id"], sent["id"]);
    gateway.kill();
    gateway.start_again();
    let unknown = wait(&gateway, &sent, "unknown");
    assert_eq!(unknown["detail"], "the gateway ended before an answer came", "{unknown}");
    // It booted before: it is known, and need not boot again.
    let station = Station::connect(&gateway, &name, "ocpp2.0.1");
    let received = station.wait_for("received");
    assert_eq!(received["id"], waiting["id"], "what was sent is not sent again: {received}");
    wait(&gateway, &waiting, "accepted");

    // A connection that ends takes its answer with it.
    let mut station = station;
    station.tell("answer ClearCache never");
    station.wait_for("did");
    let sent = send(&gateway, &name, &command("clear_cache"));
    assert_eq!(station.wait_for("received")["id"], sent["id"]);
    drop(station);
    let unknown = wait(&gateway, &sent, "unknown");
    assert!(unknown["detail"].as_str().is_some_and(|why| why.contains("the connection ended")), "{unknown}");
    gateway.stop();
}

#[test]
fn who_may_ask_and_what_is_refused() {
    let mut gateway = gateway("");
    let name = unique("asked");
    let _ = gateway.command(&["stations", "set", &name]);
    let post = |token: &str, headers: &[(&str, &str)], body: &Value| {
        gateway.ask(token, ("POST", &path_of(&name)), headers, Some(body)).expect("it answers")
    };
    let (status, problem) = post(LOOKER, &[], &command("reset"));
    assert_eq!(status, 403, "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|why| why.contains("\"operate\"")), "{problem}");
    let (status, _) = post("nobody", &[], &command("reset"));
    assert_eq!(status, 401);
    for (body, why) in [
        (json!({}), "either `command`"),
        (json!({"command": "reset", "action": "Reset"}), "either `command`"),
        (json!({"command": "sing"}), "no command \"sing\""),
        (json!({"command": "reset", "parameters": {"type": "slow"}}), "unknown variant `slow`"),
        (json!({"command": "reset", "expires_in": "8d"}), "gateway.commands.max_expires_in"),
        (json!({"command": "reset", "expires": 5}), "unknown field `expires`"),
        (json!({"action": "Get It"}), "is no name of a message"),
    ] {
        let (status, problem) = post(gateway.token(), &[], &body);
        assert_eq!(status, 400, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(why)), "{body}: {problem}");
    }

    let key = [("Idempotency-Key", "order-66")];
    let (status, first) = post(gateway.token(), &key, &command("reset"));
    assert_eq!(status, 202, "{first}");
    let (status, again) = post(gateway.token(), &key, &command("reset"));
    assert_eq!((status, &again), (200, &first), "the same command");
    let (status, problem) = post(gateway.token(), &key, &command("clear_cache"));
    assert_eq!(status, 409, "{problem}");
    let (status, page) = ask(&gateway, ("GET", &format!("/v1/commands?station={name}&open=true")), None);
    assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(1)), "{page}");
    let id = first["id"].as_str().expect("an id");
    let (status, _) =
        gateway.ask(LOOKER, ("DELETE", &format!("/v1/commands/{id}")), &[], None).expect("it answers");
    assert_eq!(status, 403);
    let (status, seen) =
        gateway.ask(LOOKER, ("GET", &format!("/v1/commands/{id}")), &[], None).expect("it answers");
    assert_eq!((status, &seen["state"]), (200, &"queued".into()), "who may read sees it");

    // The command line waits for what becomes of it.
    let station = Station::booted(&gateway, &name, "ocpp1.6");
    wait(&gateway, &first, "accepted");
    let told = gateway.command(&["command", "send", &name, "unlock_connector", "connector:=1", "--wait"]);
    assert!(told.contains("accepted (Unlocked)"), "{told}");
    let told =
        gateway.command(&["command", "send", &name, "--action", "GetConfiguration", "--wait", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["command"], &told["message"]), (&"raw".into(), &"GetConfiguration".into()));
    assert!(told["answer"].to_string().contains("sealed:") && !told.to_string().contains("S3CRET"), "{told}");
    for action in ["Reset", "UnlockConnector", "GetConfiguration"] {
        assert_eq!(station.wait_for("received")["received"], action);
    }
    drop(station);
    gateway.stop();
}

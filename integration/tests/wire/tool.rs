//! npm `ocpp-ws-cli`, a tester that is not ours: its `fuzz` for a minute, and its `test --suite all` beside it.
//!
//! The tool ends with status 0 whatever it finds, and some of its checks contradict OCPP-J, so its report is read: each
//! finding must stand in [`EXPLAINED`] with the words of the standard that explain it. Beside it a station goes on being
//! answered, and afterwards the gateway is as it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use integration::servers::{Process, QuestDb, get};
use integration::station::{DEADLINE, STORE_FILES, Station, metric, open_files, resident_mib};
use integration::{Gateway, eventually, unique};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

/// How long it fuzzes.
const FUZZ: Duration = Duration::from_secs(60);
/// What the gateway may have kept of it all: the last messages' answers, names of stations, counters.
const GROWTH_MIB: u64 = 64;

/// Who tests: the subprotocol, and whether the station is taken by the letter.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Run {
    protocol: &'static str,
    strict: bool,
}

const LENIENT_16: Run = Run { protocol: "ocpp1.6", strict: false };
const LENIENT_201: Run = Run { protocol: "ocpp2.0.1", strict: false };
const STRICT_16: Run = Run { protocol: "ocpp1.6", strict: true };
const STRICT_201: Run = Run { protocol: "ocpp2.0.1", strict: true };
const RUNS: &[Run] = &[LENIENT_16, LENIENT_201, STRICT_16, STRICT_201];

/// A finding, what it says, in which runs it stands, and why it is none.
struct Explained {
    finding: &'static str,
    issue: &'static str,
    runs: &'static [Run],
    why: &'static str,
}

const EXPLAINED: &[Explained] = &[
    Explained {
        finding: "Server requires subprotocol",
        issue: "accepted connection with no OCPP subprotocol",
        runs: RUNS,
        why: "OCPP-J 1.6, 3.2 (2.0.1 part 4, 3.2): without an agreed subprotocol the server MUST complete the handshake \
              without the header and then close; the tool takes the handshake for an acceptance. A lenient gateway goes on \
              with `default_version`, a strict one closes (1002)",
    },
    Explained {
        finding: "Server rejects oversized frames (>128KB)",
        issue: "did not close connection after oversized payload",
        runs: RUNS,
        why: "OCPP-J limits no message, and RFC 6455, 10.4 leaves the limit to the receiver: ours is \
              `gateway.ocpp.max_frame_bytes`, 1 MiB",
    },
    Explained {
        finding: "Server enforces MessageId is a string",
        issue: "got: [3,12345,",
        runs: &[LENIENT_16, LENIENT_201],
        why: "OCPP-J 1.6, 4.1.4 wants a text of at most 36 characters. Lenient, a number is echoed as it came, so that the \
              station finds its answer, and flagged `type_mismatch`",
    },
    Explained {
        finding: "Server enforces MessageId is a string",
        issue: "got: [4,12345,\"FormationViolation\"",
        runs: &[STRICT_16],
        why: "OCPP-J 1.6, table 7 spells the code FormationViolation; the tool knows 2.x's spelling only",
    },
    Explained {
        finding: "Server enforces MessageId is a string",
        issue: "got: [4,12345,\"RpcFrameworkError\"",
        runs: &[STRICT_201],
        why: "OCPP 2.0.1 part 4, 4.3: RpcFrameworkError is \"content of the call is not a valid RPC request\"; FormatViolation \
              is of the payload",
    },
    Explained {
        finding: "Server rejects missing payload in CALL",
        issue: "got: [3,",
        runs: &[LENIENT_16, LENIENT_201],
        why: "OCPP-J 1.6, 4.2.1: no arguments may be written as null or {}. Lenient, nothing at all counts as {} too, and is \
              flagged `field_missing`",
    },
    Explained {
        finding: "Server rejects missing payload in CALL",
        issue: "\"FormationViolation\"",
        runs: &[STRICT_16],
        why: "OCPP-J 1.6, table 7 spells the code FormationViolation; the tool knows 2.x's spelling only",
    },
    Explained {
        finding: "Server rejects non-object payload in CALL",
        issue: "\"FormationViolation\"",
        runs: &[LENIENT_16, STRICT_16],
        why: "OCPP-J 1.6, table 7 spells the code FormationViolation; the tool knows 2.x's spelling only",
    },
];

/// What the tool finds when the machine is busy: it ends its connection 100 ms after it has sent its ping, and then waits
/// for the pong.
const PING: (&str, &str) = ("WebSocket ping/pong", "No pong received within 5s");

/// The tool's program; none where it was not fetched.
fn program() -> Option<PathBuf> {
    let path: PathBuf =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/ocpp-ws-cli/node_modules/.bin/ocpp").into();
    path.exists().then_some(path)
}

/// Starts the tool with a report in `folder`.
fn start(program: &Path, gateway: &Gateway, folder: &Path, arguments: &[&str]) -> Process {
    let endpoint = gateway.ocpp();
    let report = folder.display().to_string();
    let mut all = vec![arguments[0], "--endpoint", &endpoint, "--report", "json", "--report-dir", &report];
    all.extend(&arguments[1..]);
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    Process::start(&program.display().to_string(), &all, &folder.join("log"))
}

/// Waits until it has ended; gives its report.
async fn report(process: &Process, folder: &Path) -> Value {
    eventually(3 * DEADLINE, || async {
        if process.is_running() { Err("the tool still runs") } else { Ok(()) }
    })
    .await;
    let mut reports = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path = reports.find(|path| path.extension().is_some_and(|e| e == "json"));
    let path = path.unwrap_or_else(|| panic!("no report\n{}", process.log()));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs all suites; gives what it found that nothing explains.
async fn test(program: &Path, gateway: &Gateway, run: Run) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let station = unique("TESTED");
    if run.strict {
        let _ = gateway.command(&["stations", "set", &station, "--strictness", "strict"]);
    }
    let arguments = ["test", "--identity", &station, "--protocol", run.protocol, "--suite", "all"];
    let process = start(program, gateway, folder.path(), &arguments);
    let report = report(&process, folder.path()).await;
    let results = report["testResults"].as_array().unwrap();
    assert!(results.len() >= 21, "{run:?}: only {} checks\n{}", results.len(), process.log());
    println!("{run:?}: {}", report["metrics"]);
    let mut findings: Vec<(&str, &str)> = results
        .iter()
        .filter(|result| result["passed"] != true)
        .map(|result| (result["name"].as_str().unwrap(), result["issue"].as_str().unwrap_or_default()))
        .filter(|finding| *finding != PING)
        .collect();
    let explained = EXPLAINED.iter().filter(|explained| explained.runs.contains(&run));
    let mut wrong = Vec::new();
    for known in explained {
        assert!(!known.why.is_empty());
        match findings.iter().position(|(name, issue)| *name == known.finding && issue.contains(known.issue))
        {
            Some(at) => drop(findings.remove(at)),
            None => wrong.push(format!("{run:?}: explained, but not found: {}", known.finding)),
        }
    }
    wrong.extend(findings.iter().map(|(name, issue)| format!("{run:?}: {name}: {issue}")));
    wrong
}

/// Fuzzes; gives the tool's own counts.
async fn fuzz(program: &Path, gateway: &Gateway) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let end = Instant::now() + FUZZ;
    let process = start(program, gateway, folder.path(), &["fuzz", "--workers", "5", "--flood"]);
    sleep_until(end).await;
    assert!(process.is_running(), "the tool gave up\n{}", process.log());
    process.signal("INT");
    report(&process, folder.path()).await["metrics"].clone()
}

/// A station that charges beside it all; ends when it is told, and gives how often it was answered.
async fn beside(gateway: &Gateway, mut until: tokio::sync::oneshot::Receiver<()>) -> usize {
    let mut station = Station::connect(gateway, &unique("BESIDE")).await;
    station.boot(false).await;
    let mut answered = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    while until.try_recv().is_err() {
        pace.tick().await;
        station.call(&answered.to_string(), "Heartbeat", &json!({})).await;
        answered += 1;
    }
    answered
}

/// How connections ended, by reason.
fn ends(gateway: &Gateway) -> Vec<(String, f64)> {
    let page = get(&gateway.admin("/metrics")).unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix("ampwarden_disconnects_total{reason=\"")?.split_once("\"} "))
        .map(|(reason, count)| (reason.to_owned(), count.trim().parse().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tester_that_is_not_ours_finds_nothing_that_the_standard_does_not_want() {
    let Some(program) = program() else {
        println!("left out: npm's ocpp-ws-cli is not there; `make setup` fetches it, where there is npm");
        return;
    };
    let store = QuestDb::shared().await;
    // The tool connects 50 times at once as one station; the limit of that is tested with the fault suite.
    let mut gateway = Gateway::start(
        store,
        r#"mqtt = { listen = "127.0.0.1:{mqtt}" }
ocpp = { listen = "127.0.0.1:{ocpp}", max_handshakes_per_station = 200 }"#,
    );
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (files, memory) = (open_files(&gateway), resident_mib(&gateway));
    let tests = async {
        let found = futures_util::future::join_all(RUNS.iter().map(|run| test(&program, &gateway, *run)));
        let (found, counts) = tokio::join!(found, fuzz(&program, &gateway));
        stop.send(()).unwrap();
        (found.concat(), counts)
    };
    let ((wrong, counts), answered) = tokio::join!(tests, beside(&gateway, stopped));
    println!("fuzz: {counts}; the station beside it was answered {answered} times");
    assert!(wrong.is_empty(), "unexplained:\n{}", wrong.join("\n"));

    let count = |name: &str| counts[name].as_u64().unwrap();
    assert!(count("anomaliesSent") > 1_000, "{counts}");
    assert!(count("serverErrors") > 0 && count("serverTolerated") > 0, "{counts}");
    assert_eq!(count("serverDrops"), 0, "what it sends is text, and no reason to close: {counts}");
    // It closes and cuts its connections itself, and replaces its own.
    for (reason, times) in ends(&gateway) {
        let expected = matches!(reason.as_str(), "closed" | "lost" | "replaced");
        assert!(expected || times == 0.0, "{times} connections ended by {reason}");
    }
    eventually(DEADLINE, || async {
        let open = metric(&gateway, "ampwarden_connections{protocol=\"ocpp1.6\"}");
        let now = open_files(&gateway);
        if open == 0.0 && now <= files + STORE_FILES {
            return Ok(());
        }
        Err(format!("{open} connections are open, {now} files; {files} were"))
    })
    .await;
    let grown = resident_mib(&gateway).saturating_sub(memory);
    assert!(grown <= GROWTH_MIB, "it holds {grown} MiB more than before");
    get(&gateway.admin("/livez")).unwrap();
    get(&gateway.admin("/readyz")).unwrap();
    let log = gateway.process().log();
    assert!(!log.contains("panicked"), "{log}");
    println!(
        "memory {memory} MiB before, {grown} MiB more after; books {}",
        gateway.settled_books(3 * DEADLINE)
    );
    gateway.stop();
}

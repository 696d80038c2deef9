"""Our own processes: built, configured, started, and brought their settings and history."""

import hashlib
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from processes import Part, Parts, run
from screen import Step
from servers import secret
from settings import ROOT, Settings, Stop
from web import wait_for

# What charging costs at the simulator's three sites, in their own money; in force before the history begins.
TARIFFS = {
    "oslo": ["--currency=NOK", "--per-kwh=3.49", "--per-idle-minute=0.50"],
    "denver": ["--currency=USD", "--per-kwh=0.31", "--per-session=1.00", "--per-idle-minute=0.10"],
    "jakarta": ["--currency=IDR", "--per-kwh=2466", "--per-minute=25"],
}


def build() -> Path:
    """Builds the binary; cargo shows its own progress. The development profile: minutes sooner than a release."""
    if given := os.environ.get("AMPWARDEN_BIN"):
        if not os.access(given, os.X_OK):
            raise Stop(f"AMPWARDEN_BIN={given} is no program: unset it to have one built here")
        return Path(given).resolve()
    print("building Ampwarden (minutes at the first time) …", flush=True)
    done = subprocess.run(["cargo", "build", "--locked", "--package", "ampwarden"], cwd=ROOT, check=False)
    if done.returncode != 0:
        raise Stop("the build failed; cargo's words are above, and docs/troubleshooting.md knows some of them")
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "ampwarden"


def configuration(settings: Settings) -> Path:
    """Writes the configuration of this run, and returns its path."""
    token = secret(settings, "api-token")
    secrets = settings.folder / "secrets"
    for name in ("secret-key", "questdb-password"):
        secret(settings, name)

    def listen(port: str) -> str:
        return f'"127.0.0.1:{settings.ports[port]}"'

    path = settings.folder / "ampwarden.toml"
    path.touch(mode=0o600)
    path.write_text(
        f"""# Written by make demo at each start.
[secrets]
key = {{ file = "{secrets / 'secret-key'}" }}

[[api.tokens]]
name = "demo"
scopes = ["read", "write", "operate", "ingest"]
hash = "{hashlib.sha256(token.encode()).hexdigest()}"

[store]
http = "{settings.url("questdb")}"

[store.pg]
port = {settings.ports["questdb_pg"]}
user = "ampwarden"
password = {{ file = "{secrets / 'questdb-password'}" }}

[gateway]
name = "demo"
api_listen = {listen("api")}
admin.listen = {listen("gateway_metrics")}
journal.folder = "{settings.folder / 'journal'}"
# Everybody here is on this machine: stations need no password.
ocpp = {{ listen = {listen("ocpp")}, security_profiles = [0, 1] }}
mqtt = {{ listen = {listen("mqtt")}, anonymous = true }}

[exporter]
admin.listen = {listen("exporter_metrics")}

[anomaly]
grpc.listen = {listen("grpc")}
admin.listen = {listen("anomaly_metrics")}
training.folder = "{settings.folder / 'models'}"
"""
    )
    return path


def migrate(settings: Settings, binary: Path) -> None:
    """Brings the tables to this version's schema."""
    run("migrate", [binary, "migrate", "--config", configuration(settings)], settings)


def start(settings: Settings, parts: Parts, binary: Path, name: str, metrics_port: str) -> Part:
    """Starts one of our processes, and waits until it says that it is ready."""
    part = parts.start(name, [binary, name, "--config", configuration(settings)])
    wait_for(settings.url(metrics_port, "/readyz"), part, 60)
    return part


def command(settings: Settings, binary: Path, *words: str | Path) -> str:
    """Runs a command against the gateway's API, with the demo's token."""
    env = {"AMPWARDEN_API": settings.url("api"), "AMPWARDEN_API_TOKEN": secret(settings, "api-token")}
    return run("commands", [binary, *words], settings, env)


def bring_history(settings: Settings, binary: Path) -> None:
    """Sites, stations, tariffs and past sessions, the first time: later starts go on with what is there."""
    done = settings.folder / "history-is-in"
    if done.exists():
        return
    folder = settings.folder / "history"
    folder.mkdir(exist_ok=True)
    sites, stations, sessions = folder / "sites.csv", folder / "stations.csv", folder / "sessions.csv"
    with Step(f"{settings.history_days} days of three sites, simulated") as step:
        words = ["simulate", *_fleet(settings), f"--history={settings.history_days}", f"--out={sessions}"]
        printed = run("simulate-history", [binary, *words, f"--stations-out={stations}", f"--sites-out={sites}"], settings)
        step.note(printed.strip().rsplit(": ", 1)[-1])
    with Step("sites, stations, tariffs"):
        command(settings, binary, "import", "sites", sites)
        command(settings, binary, "import", "stations", stations)
        begin = datetime.now(timezone.utc) - timedelta(days=settings.history_days + 2)
        for site, prices in TARIFFS.items():
            force = f"--valid-from={begin:%Y-%m-%dT00:00:00Z}"
            command(settings, binary, "tariffs", "set", f"{site}-standard", f"--site={site}", force, *prices)
        # The fleet's drivers are not registered; the demo is not about turning them away.
        command(settings, binary, "settings", "set", "unknown_tokens", "accept")
    with Step("history imported through the gateway") as step:
        step.note(command(settings, binary, "import", "sessions", sessions).strip().splitlines()[-1])
    done.touch()


def start_fleet(settings: Settings, parts: Parts, binary: Path) -> Part:
    """Lets the fleet live, in real time."""
    where = [f"--ocpp=ws://127.0.0.1:{settings.ports['ocpp']}", f"--mqtt=127.0.0.1:{settings.ports['mqtt']}"]
    return parts.start("fleet", [binary, "simulate", *_fleet(settings), *where])


def _fleet(settings: Settings) -> list[str]:
    fleet = settings.fleet
    counts = [f"--ocpp16={fleet['ocpp16']}", f"--ocpp201={fleet['ocpp201']}", f"--mqtt-stations={fleet['mqtt']}"]
    # Some sessions have something wrong on purpose, so that there is something to find.
    return [f"--seed={settings.seed}", *counts, "--faults=0.03"]

"""`make demo`: Ampwarden with a living fleet on real servers, on this machine.

Everything is kept in .local/demo and goes on from there at the next start. Ctrl-C stops what was started here, and
nothing else. With DURATION it ends by itself, with status 0 if, and only if, live sessions were stored, scored and
exported.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

if sys.version_info < (3, 10):
    sys.exit(f"demo: needs Python 3.10 or newer, and this is {sys.version.split()[0]}")

import ampwarden
import ports
import servers
import settings as demo_settings
import verdict
from processes import Parts
from screen import Step, Summary
from settings import PORTS, Settings, Stop
from summary import Live

REFRESH_S = 2.0


def main() -> int:
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    try:
        settings = demo_settings.from_environment()
        return run(settings)
    except Stop as stop:
        print(f"\ndemo: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; everything that it started has been stopped")
        return 130


def run(settings: Settings) -> int:
    """One demo, from the check of its ports to the end of its processes."""
    settings.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(settings.folder):
        grafana = servers.grafana_program()
        ports.check(settings, [name for name in PORTS if name != "grafana" or grafana])
        binary = ampwarden.build()
        parts = Parts(settings)
        try:
            prepare(settings, parts, binary, grafana)
            return live(settings, parts, binary, grafana)
        finally:
            with Step("stopping what was started here"):
                parts.stop()


def prepare(settings: Settings, parts: Parts, binary: Path, grafana: Path | None) -> None:
    """Starts the servers, brings them the settings and, the first time, a history."""
    with Step("QuestDB"):
        servers.start_questdb(settings, parts)
    with Step("schema"):
        ampwarden.migrate(settings, binary)
    with Step("gateway"):
        ampwarden.start(settings, parts, binary, "gateway", "gateway_metrics")
    ampwarden.bring_history(settings, binary)
    with Step("exporter and anomaly service"):
        ampwarden.start(settings, parts, binary, "exporter", "exporter_metrics")
        ampwarden.start(settings, parts, binary, "anomaly", "anomaly_metrics")
    with Step("Prometheus and Alertmanager"):
        servers.start_prometheus(settings, parts)
        servers.start_alertmanager(settings, parts)
    if grafana:
        with Step("Grafana"):
            servers.start_grafana(settings, parts, grafana)


def live(settings: Settings, parts: Parts, binary: Path, grafana: Path | None) -> int:
    """Lets the fleet live, and shows it; returns the exit status."""
    started = time.time()
    ampwarden.start_fleet(settings, parts, binary)
    print(f"\n{_where(settings, grafana)}\n")
    state, screen = Live(settings, started), Summary()
    while settings.duration_s is None or time.time() - started < settings.duration_s:
        parts.check_alive()
        screen.show(state.rows())
        time.sleep(REFRESH_S)
    return verdict.give(settings, parts, started)


def _where(settings: Settings, grafana: Path | None) -> str:
    boards = settings.url("grafana") if grafana else "no Grafana here; deploy/compose brings it, see its first lines"
    rows = [
        ("boards", boards),
        ("Prometheus", settings.url("prometheus", "/alerts")),
        ("Alertmanager", settings.url("alertmanager")),
        ("QuestDB", settings.url("questdb")),
        ("API", f"{settings.url('api')}   token: {settings.folder / 'secrets' / 'api-token'}"),
        ("gRPC", f"127.0.0.1:{settings.ports['grpc']}"),
        ("OCPP", f"ws://127.0.0.1:{settings.ports['ocpp']}/STATION"),
        ("MQTT", f"127.0.0.1:{settings.ports['mqtt']}"),
        ("logs", str(settings.logs)),
    ]
    end = "Ctrl-C stops it." if settings.duration_s is None else f"It ends after {settings.duration_s:.0f} s."
    return "\n".join(f"  {name:<14}{value}" for name, value in rows) + f"\n\n  {end}"


class _only_one:
    """Two demos on one folder would spoil each other's data."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(
                f"another demo uses {self._path.parent}: stop it, or give this one a folder of its own with DEMO_DIR=…"
            ) from None

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # The lock is not inherited by the processes that are started here; and what they print goes to their logs.
    os.umask(0o077)
    sys.exit(main())

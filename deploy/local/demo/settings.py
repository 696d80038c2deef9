"""What the demo can be told, by environment variables (`make demo DURATION=60 DEMO_API_PORT=8081`), and where it keeps things."""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# What listens where unless told otherwise: the ports of docs/operations.md.
PORTS = {
    "ocpp": (8887, "OCPP, for stations"),
    "mqtt": (1883, "the gateway's own MQTT endpoint"),
    "api": (8080, "the gateway's HTTP API"),
    "grpc": (50051, "the anomaly service's gRPC"),
    "gateway_metrics": (9464, "the gateway's metrics and probes"),
    "exporter_metrics": (9465, "the exporter's metrics and probes"),
    "anomaly_metrics": (9466, "the anomaly service's metrics and probes"),
    "questdb": (9000, "QuestDB's console, SQL and writes over HTTP"),
    "questdb_pg": (8812, "QuestDB's PostgreSQL wire"),
    "questdb_metrics": (9003, "QuestDB's metrics"),
    "prometheus": (9090, "Prometheus"),
    "alertmanager": (9093, "Alertmanager"),
    "grafana": (3000, "Grafana, where there is one"),
}


class Stop(Exception):
    """The demo cannot go on; the message says why and what to do."""


def variable(port: str) -> str:
    """The environment variable that moves a port."""
    return f"DEMO_{port.upper()}_PORT"


@dataclass(frozen=True)
class Settings:
    """One run's settings."""

    folder: Path  # data, configuration, secrets and logs of the demo
    duration_s: float | None  # None: until Ctrl-C
    ports: dict[str, int]
    fleet: dict[str, int] = field(default_factory=dict)  # stations by protocol
    history_days: int = 90
    seed: int = 1

    def url(self, port: str, path: str = "") -> str:
        """The address of one of the HTTP ports, on this machine."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.folder / "logs"


def from_environment() -> Settings:
    """Reads the settings; a value that makes no sense is an error that names its variable."""
    return Settings(
        folder=Path(os.environ.get("DEMO_DIR", ROOT / ".local" / "demo")).resolve(),
        duration_s=_duration(os.environ.get("DURATION", "")),
        ports={name: _number(variable(name), default, 1, 65535) for name, (default, _) in PORTS.items()},
        fleet={
            "ocpp16": _number("DEMO_OCPP16_STATIONS", 30, 0, 10_000),
            "ocpp201": _number("DEMO_OCPP201_STATIONS", 10, 0, 10_000),
            "mqtt": _number("DEMO_MQTT_STATIONS", 20, 0, 10_000),
        },
        history_days=_number("DEMO_HISTORY_DAYS", 90, 1, 1000),
        seed=_number("DEMO_SEED", 1, 0, 2**32),
    )


def _number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise Stop(f"{name}={text} is not a number from {low} to {high}")
    return int(text)


def _duration(text: str) -> float | None:
    if not text:
        return None
    match = re.fullmatch(r"(\d+)(s|m|h)?", text)
    if not match or int(match[1]) == 0:
        raise Stop(f'DURATION={text} is not a time: write 60 (seconds), 5m or 1h, or leave it out to run until Ctrl-C')
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def python_is_recent() -> bool:
    """The demo's own code needs it."""
    return sys.version_info >= (3, 10)

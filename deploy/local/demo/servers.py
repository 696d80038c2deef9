"""The servers that are not ours: QuestDB, Prometheus, Alertmanager, and Grafana where there is one."""

import re
import secrets
import shutil
from pathlib import Path

from processes import Part, Parts
from settings import ROOT, PORTS, Settings, Stop
from web import wait_for


def secret(settings: Settings, name: str) -> str:
    """A password or key of this demo: made once, readable by its owner only."""
    path = settings.folder / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip()


def start_questdb(settings: Settings, parts: Parts) -> Part:
    """A QuestDB that only this machine reaches. `nosync`: the demo's data need not survive a power cut."""
    folder = settings.folder / "questdb"
    configuration = folder / "conf" / "server.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    _write_secretly(
        configuration,
        f"""# Written by make demo at each start.
http.bind.to=127.0.0.1:{settings.ports["questdb"]}
http.min.enabled=true
http.min.net.bind.to=127.0.0.1:{settings.ports["questdb_metrics"]}
metrics.enabled=true
pg.net.bind.to=127.0.0.1:{settings.ports["questdb_pg"]}
pg.user=ampwarden
pg.password={secret(settings, "questdb-password")}
pg.readonly.user.enabled=true
pg.readonly.user=boards
pg.readonly.password={secret(settings, "questdb-boards-password")}
line.tcp.enabled=false
line.udp.enabled=false
line.auto.create.new.tables=false
line.auto.create.new.columns=false
cairo.commit.mode=nosync
cairo.default.sequencer.part.txn.count=0
telemetry.enabled=false
""",
    )
    jars = sorted((ROOT / ".local" / "questdb").glob("questdb-*.jar"))
    if not jars:
        raise Stop("there is no QuestDB in .local/questdb: run deploy/local/setup.sh demo")
    java = ["java", "-Xmx1g", "-XX:+UseParallelGC", "-p", jars[-1], "-m", "io.questdb/io.questdb.ServerMain"]
    # It would log each query, and the boards ask several a second.
    part = parts.start("questdb", [*java, "-d", folder], env={"QDB_LOG_W_STDOUT_LEVEL": "CRITICAL,ERROR"})
    wait_for(settings.url("questdb", "/exec?query=select%201"), part, 60)
    return part


def start_prometheus(settings: Settings, parts: Parts) -> Part:
    """Prometheus with our own rules and scrape configuration, its ports set to this run's."""
    configuration = settings.folder / "prometheus.yml"
    text = (ROOT / "prometheus" / "prometheus.yml").read_text()
    text = text.replace("rules/*.yml", str(ROOT / "prometheus" / "rules" / "*.yml"))
    configuration.write_text(_with_ports(text, settings))
    command = [
        _program("prometheus", "prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={settings.folder / 'prometheus'}",
        "--storage.tsdb.retention.time=30d",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address=127.0.0.1:{settings.ports['prometheus']}",
        f"--web.external-url={settings.url('prometheus')}",
    ]
    part = parts.start("prometheus", command)
    wait_for(settings.url("prometheus", "/-/ready"), part, 60)
    return part


def start_alertmanager(settings: Settings, parts: Parts) -> Part:
    """Alertmanager with our routes; it notifies nobody, the summary and its own page show what fires."""
    command = [
        _program("alertmanager", "alertmanager", "prometheus-alertmanager"),
        f"--config.file={ROOT / 'prometheus' / 'alertmanager.yml'}",
        f"--storage.path={settings.folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{settings.ports['alertmanager']}",
        f"--web.external-url={settings.url('alertmanager')}",
        "--cluster.listen-address=",
    ]
    part = parts.start("alertmanager", command)
    wait_for(settings.url("alertmanager", "/-/ready"), part, 60)
    return part


def grafana_program() -> Path | None:
    """Where Grafana is on this machine, if it is."""
    found = shutil.which("grafana") or shutil.which("grafana-server") or shutil.which("grafana", path="/usr/share/grafana/bin")
    return Path(found) if found else None


def start_grafana(settings: Settings, parts: Parts, program: Path) -> Part:
    """Grafana with our provisioned data sources and boards; whoever is on this machine may look, without a password."""
    home = next((p for p in (Path("/usr/share/grafana"), program.resolve().parents[1]) if (p / "conf").is_dir()), None)
    if home is None:
        raise Stop(f"{program} has no home folder with conf/ beside it: set GF_PATHS_HOME, or take Grafana off the PATH")
    data = settings.folder / "grafana"
    env = {
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_LOGS": str(settings.logs),
        "GF_PATHS_PROVISIONING": str(ROOT / "grafana" / "provisioning"),
        "GF_PLUGINS_PREINSTALL": "questdb-questdb-datasource",
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(settings.ports["grafana"]),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_SECURITY_ADMIN_PASSWORD": secret(settings, "grafana-password"),
        **grafana_sources(settings),
    }
    words = ["server"] if program.name == "grafana" else []
    part = parts.start("grafana", [program, *words, "--homepath", home], env=env)
    wait_for(settings.url("grafana", "/api/health"), part, 120)
    return part


def grafana_sources(settings: Settings) -> dict[str, str]:
    """What grafana/provisioning reads from the environment."""
    return {
        "AMPWARDEN_BOARDS": str(ROOT / "grafana" / "dashboards"),
        "AMPWARDEN_PROMETHEUS_URL": settings.url("prometheus"),
        "AMPWARDEN_QUESTDB_HOST": "127.0.0.1",
        "AMPWARDEN_QUESTDB_PORT": str(settings.ports["questdb_pg"]),
        "AMPWARDEN_QUESTDB_USER": "boards",
        "AMPWARDEN_QUESTDB_PASSWORD": secret(settings, "questdb-boards-password"),
    }


def _with_ports(text: str, settings: Settings) -> str:
    # All at once: one by one, a port set to another's default would be replaced twice.
    moved = {default: settings.ports[name] for name, (default, _) in PORTS.items()}
    return re.sub(
        r"\b(127\.0\.0\.1|localhost):(\d+)",
        lambda match: f"{match[1]}:{moved.get(int(match[2]), int(match[2]))}",
        text,
    )


def _program(name: str, *spellings: str) -> str:
    for spelling in spellings:
        if found := shutil.which(spelling):
            return found
    raise Stop(f"{name} is not installed: run deploy/local/setup.sh demo")


def _write_secretly(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)

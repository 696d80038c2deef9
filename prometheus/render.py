#!/usr/bin/env python3
"""Renders the rules, their tests and the table of alerts from prometheus/source and docs/runbooks.

    render.py                             writes prometheus/rules, prometheus/tests and the table in docs/alerts.md
    render.py --check                     fails when what is committed is not what would be written
    render.py --divide 60 --out FOLDER    rules and alertmanager.yml with every duration divided, for drills

In the source a duration is written ${5m}, or ${5m:s} where its seconds are meant; `window` of a rule gives ${window}.
What must not be divided (the days of a certificate) is written as a plain number.
"""

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import quote_plus

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DOCS = "https://github.com/ampwarden/ampwarden/blob/main/docs/runbooks"
BOARDS = ROOT / "grafana" / "dashboards"
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

# Which variables the board of an alert takes from its labels.
LINKS = {
    "fleet": [],
    "site": ["site"],
    "station": ["site", "station"],
    "gateway": [],
    "store": [],
    "slo": [],
    "anomalies": ["site"],
    "anomaly": [],
}
ALERT_KEYS = {"alert", "severity", "board", "for", "keep_firing_for", "expr", "summary", "description"}
RECORD_KEYS = {"record", "window", "labels", "expr"}


class Wrong(Exception):
    """The source is wrong; the text says where and how."""


def seconds(text: str) -> float:
    """A duration of Prometheus ("5m") in seconds."""
    found = re.fullmatch(r"(\d+)(ms|[smhdw])", text)
    if not found:
        raise Wrong(f'"{text}" is no duration')
    return int(found[1]) * UNITS[found[2]]


def duration(number: float) -> str:
    """Seconds as the shortest duration of Prometheus."""
    for unit, size in sorted(UNITS.items(), key=lambda pair: -pair[1]):
        if number >= size and abs(number / size - round(number / size)) < 1e-9:
            return f"{round(number / size)}{unit}"
    return f"{max(1, round(number * 1000))}ms"


def put(text: str, divide: float, window: str | None = None) -> str:
    """The text with its durations divided and written out."""

    def one(found: re.Match) -> str:
        name = window if found[1] == "window" else found[1]
        if name is None:
            raise Wrong("${window} in a rule without a window")
        length = seconds(name) / divide
        if found[2]:
            return f"{length:g}"
        # As it was written, as long as nothing is divided.
        return name if divide == 1 else duration(length)

    return re.sub(r"\$\{(\w+)(:s)?\}", one, text)


def link(board: str, value) -> str:
    """The path of an alert's board; `value` gives the text for a label."""
    query = "&".join(f"var-{name}={value(name)}" for name in LINKS[board])
    return f"/d/ampwarden-{board}" + (f"?{query}" if query else "")


def alert_rule(rule: dict, divide: float) -> dict:
    """An alert as Prometheus reads it."""
    name = rule["alert"]
    if wrong := rule.keys() ^ ALERT_KEYS:
        optional = {"for", "keep_firing_for"}
        if wrong - optional:
            raise Wrong(f"{name}: {', '.join(sorted(wrong - optional))} is missing or unknown")
    if rule["board"] not in LINKS or not (BOARDS / f"ampwarden-{rule['board']}.json").exists():
        raise Wrong(f"{name}: there is no board {rule['board']}")
    rendered = {"alert": name, "expr": put(rule["expr"], divide)}
    for key in ("for", "keep_firing_for"):
        if key in rule:
            rendered[key] = put(rule[key], divide)
    path = link(rule["board"], lambda label: f"{{{{ $labels.{label} | urlquery }}}}")
    rendered["labels"] = {"severity": rule["severity"]}
    rendered["annotations"] = {
        "summary": rule["summary"],
        "description": rule["description"],
        "runbook_url": f"{DOCS}/{name}.md",
        "dashboard_url": "{{ $externalLabels.grafana }}" + path,
    }
    return rendered


def record_rule(rule: dict, divide: float) -> dict:
    """A recording rule as Prometheus reads it."""
    if wrong := rule.keys() - RECORD_KEYS:
        raise Wrong(f"{rule['record']}: {', '.join(sorted(wrong))} is unknown")
    rendered = {"record": rule["record"], "expr": put(rule["expr"], divide, rule.get("window"))}
    if "labels" in rule:
        rendered["labels"] = rule["labels"]
    return rendered


def sources() -> dict[str, list]:
    """The groups of each source file, by its name."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted((HERE / "source").glob("*.yml"))}


def alerts() -> dict[str, dict]:
    """Every alert of the source, by its name."""
    rules = (rule for groups in sources().values() for group in groups for rule in group["rules"])
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def rule_files(divide: float = 1) -> dict[str, str]:
    """The rule files, by name."""
    files = {}
    for name, groups in sources().items():
        rendered = []
        for group in groups:
            one = {"name": group["group"]}
            if "interval" in group:
                one["interval"] = put(group["interval"], min(divide, 30))
            one["rules"] = [
                alert_rule(rule, divide) if "alert" in rule else record_rule(rule, divide) for rule in group["rules"]
            ]
            rendered.append(one)
        files[name] = written(f"prometheus/source/{name}", {"groups": rendered})
    return files


def test_files() -> dict[str, str]:
    """The tests of the rules: runbook and board are put to each expected alert."""
    known = alerts()
    files = {}
    for path in sorted((HERE / "source" / "tests").glob("*.yml")):
        tests = yaml.safe_load(path.read_text())
        tests["group_eval_order"] = evaluation_order(tests["rule_files"])
        for test in tests["tests"]:
            grafana = test.get("external_labels", {}).get("grafana", "")
            for check in test.get("alert_rule_test", []):
                name = check["alertname"]
                if name not in known:
                    raise Wrong(f"{path.name}: there is no alert {name}")
                for expected in check["exp_alerts"]:
                    labels = expected["exp_labels"]
                    path_of = link(known[name]["board"], lambda label, labels=labels: quote_plus(labels.get(label, "")))
                    expected["exp_annotations"] |= {"runbook_url": f"{DOCS}/{name}.md", "dashboard_url": grafana + path_of}
        files[path.name] = written(f"prometheus/source/tests/{path.name}", tests)
    return files


def evaluation_order(files: list[str]) -> list[str]:
    """The groups of these files, those that record first: promtool takes any order, and another one each time."""
    rendered = rule_files()
    groups = [group for file in files for group in yaml.safe_load(rendered[Path(file).name])["groups"]]
    groups.sort(key=lambda group: any("record" in rule for rule in group["rules"]), reverse=True)
    return [group["name"] for group in groups]


def written(source: str, content: dict) -> str:
    """YAML for people: texts of several lines as such, in the order of the source."""
    text = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return f"# Rendered from {source} by prometheus/render.py. Do not edit.\n{text}"


class Dumper(yaml.SafeDumper):
    """Without anchors, and with `|` for several lines."""

    def ignore_aliases(self, data) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str):
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _text)


def meaning(name: str) -> str:
    """What an alert means, in the words of its runbook."""
    path = ROOT / "docs" / "runbooks" / f"{name}.md"
    found = re.search(r"^\*\*Meaning\.\*\* (.+?)\n\n", path.read_text() if path.exists() else "", re.S | re.M)
    return " ".join(found[1].split()) if found else ""


def alert_page() -> str:
    """docs/alerts.md with its table."""
    rows = ["| alert | severity | after | what it means |", "|---|---|---|---|"]
    for name, rule in alerts().items():
        after = put(rule.get("for", "at once"), 1)
        rows.append(f"| [{name}](runbooks/{name}.md) | {rule['severity']} | {after} | {meaning(name)} |")
    page = (ROOT / "docs" / "alerts.md").read_text()
    begin, end = "<!-- alerts: rendered by prometheus/render.py -->\n", "<!-- end of alerts -->"
    head, rest = page.split(begin)
    return head + begin + "\n".join(rows) + "\n" + end + rest.split(end)[1]


def alertmanager(divide: float) -> str:
    """alertmanager.yml with the times of its routes divided."""
    text = (HERE / "alertmanager.yml").read_text()
    times = r"^( *(?:group_wait|group_interval|repeat_interval|resolve_timeout): )(\S+)"
    return re.sub(times, lambda found: found[1] + duration(seconds(found[2]) / divide), text, flags=re.M)


def main() -> int:
    """Does what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--divide", type=float, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.out:
        files = {given.out / name: text for name, text in rule_files(given.divide).items()}
        files[given.out / "alertmanager.yml"] = alertmanager(given.divide)
    else:
        files = {HERE / "rules" / name: text for name, text in rule_files().items()}
        files |= {HERE / "tests" / name: text for name, text in test_files().items()}
        files[ROOT / "docs" / "alerts.md"] = alert_page()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for folder in (HERE / "rules", HERE / "tests"):
        if not given.out:
            stale += [path for path in folder.glob("*.yml") if path not in files]
    if given.check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what its source says: run make rules", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as problem:
        sys.exit(f"prometheus/source: {problem}")

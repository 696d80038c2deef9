#!/usr/bin/env python3
"""What promtool and amtool do not check.

Every alert: severity, value in its description and in no label, a runbook with its four parts, a board, a test in which it
fires and one in which it is silent. Every metric, column and command that a rule or runbook names exists. Inhibition names
alerts that exist, and a cause that pages fires no later than what it explains.
"""

import re
import sys
from pathlib import Path

import yaml

from render import HERE, ROOT, Wrong, alerts, seconds

PARTS = ["**Meaning.** ", "**Impact.** ", "## How to look\n", "## How to mend\n"]
# Metrics of other programs.
OTHERS = re.compile(r"up|scrape_duration_seconds|(prometheus|alertmanager)_\w+")
# What PromQL and SQL have that is no metric and no column.
FUNCTIONS = {"count", "dateadd", "now", "avg", "datediff", "sum", "max", "min", "wal_tables"}
KEYWORDS = set("select from where and or order by group desc asc limit as is not null in like true false suspended".split())


def problems() -> list[str]:
    """Everything that is wrong."""
    known = alerts()
    found = []
    for name, rule in known.items():
        found += [f"{name}: {problem}" for problem in of_alert(name, rule)]
    for path in (ROOT / "docs" / "runbooks").glob("*.md"):
        if path.stem not in known:
            found.append(f"docs/runbooks/{path.name}: there is no such alert")
        found += [f"docs/runbooks/{path.name}: {problem}" for problem in of_runbook(path.read_text())]
    return found + of_tests(known) + of_inhibition(known) + of_durations()


def of_alert(name: str, rule: dict) -> list[str]:
    """What is wrong with one alert."""
    found = []
    if rule["severity"] not in ("critical", "warning", "info"):
        found.append("the severity must be critical, warning or info")
    if "$value" not in rule["description"]:
        found.append("no description with its value")
    if "$value" in rule["summary"]:
        found.append("the summary is a title: values belong into the description")
    path = ROOT / "docs" / "runbooks" / f"{name}.md"
    runbook = path.read_text() if path.exists() else ""
    if not runbook.startswith(f"# {name}\n"):
        found.append(f"docs/runbooks/{name}.md is missing, or does not begin with its name")
    found += [f'its runbook has no "{part.strip()}"' for part in PARTS if part not in runbook]
    return found


def metrics() -> set[str]:
    """What docs/metrics.md lists."""
    return set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.M))


def unknown_metrics(text: str) -> list[str]:
    """Names like those of metrics that are none."""
    known, recorded = metrics(), set()
    for path in (HERE / "rules").glob("*.yml"):
        recorded |= set(re.findall(r"^ *- record: (\S+)$", path.read_text(), re.M))
    found = []
    for name in re.findall(r"(?<![\w/-])(?:[a-z]+:)?(?:ampwarden|process|prometheus|alertmanager)_\w+(?::\w+)?", text):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if ":" in name:
            if name not in recorded:
                found.append(f"nothing records {name}")
        elif name not in known and base not in known and not OTHERS.fullmatch(name):
            found.append(f"there is no metric {name}")
    return found


def columns() -> dict[str, set[str]]:
    """The store's tables with their columns, from its migrations."""
    tables: dict[str, set[str]] = {"wal_tables()": {"name", "writertxn", "sequencertxn", "errortag", "errormessage", "suspended"}}
    for path in sorted((ROOT / "store" / "migrations").glob("*.sql")):
        text = re.sub(r"--.*", "", path.read_text())
        for table, body in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\) TIMESTAMP", text, re.S):
            tables[table] = {column.split()[0] for column in body.split(",")}
        for table, column in re.findall(r"ALTER TABLE (\w+) ADD COLUMN (?:IF NOT EXISTS )?(\w+)", text):
            tables[table].add(column)
    return tables


def of_runbook(text: str) -> list[str]:
    """Metrics, columns and commands of a runbook that do not exist."""
    found = unknown_metrics(text)
    tables = columns()
    for sql in re.findall(r"`(SELECT [^`]*)`", text):
        table = re.search(r"FROM (\w+(?:\(\))?)", sql)
        if not table or table[1] not in tables:
            found.append(f"no such table: {sql}")
            continue
        bare = re.sub(r"'[^']*'", "", sql.replace(table[1], ""))
        named = set(re.findall(r"AS (\w+)", bare))
        words = {word.lower() for word in re.findall(r"[A-Za-z_]\w*", bare)} - KEYWORDS - FUNCTIONS - {n.lower() for n in named}
        found += [f"{table[1]} has no column {word}: {sql}" for word in sorted(words - tables[table[1]])]
    commands = set(re.findall(r"^## `(ampwarden[^`]*)`", (ROOT / "docs" / "cli.md").read_text(), re.M))
    kinds = {path.stem for path in (ROOT / "station" / "src" / "ocpp" / "command").glob("*.rs")}
    for line in re.findall(r"`(ampwarden [^`]*)`", text):
        words = line.split()
        if " ".join(words[:3]) not in commands and " ".join(words[:2]) not in commands:
            found.append(f"there is no command {line}")
        sent = re.match(r"ampwarden command send '[^']*' (\w+)", line)
        if sent and sent[1] not in kinds:
            found.append(f"stations are sent no {sent[1]}: {line}")
    for target in re.findall(r"\]\(([^)]*)\)", text):
        if not (ROOT / "docs" / "runbooks" / target).exists():
            found.append(f"there is no {target}")
    return found


def of_tests(known: dict) -> list[str]:
    """Alerts without a test that they fire, or that they are silent."""
    fires, silent = set(), set()
    for path in (HERE / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test.get("alert_rule_test", []):
                (fires if check["exp_alerts"] else silent).add(check["alertname"])
    # It is never silent.
    silent.add("DeadMansSwitch")
    found = [f"{name}: no test that it fires" for name in known if name not in fires]
    return found + [f"{name}: no test that it is silent" for name in known if name not in silent]


def of_inhibition(known: dict) -> list[str]:
    """Inhibition of or by alerts that do not exist, or that comes too late."""
    found = []

    def named(matchers: list[str]) -> list[str]:
        texts = [m.split("=", 1)[1].strip('~"') for m in matchers if m.startswith("alertname=")]
        return [name for text in texts for name in text.split("|")]

    for rule in yaml.safe_load((HERE / "alertmanager.yml").read_text())["inhibit_rules"]:
        causes, effects = named(rule["source_matchers"]), named(rule["target_matchers"])
        found += [f"alertmanager.yml: there is no alert {name}" for name in causes + effects if name not in known]
        for cause in (known[name] for name in causes if name in known):
            for effect in (known[name] for name in effects if name in known):
                if cause["severity"] == "critical" and after(cause) > after(effect):
                    found.append(f"alertmanager.yml: {cause['alert']} explains {effect['alert']} and fires after it")
    return found


def after(rule: dict) -> float:
    """For how many seconds an alert waits."""
    return seconds(rule["for"].strip("${}")) if "for" in rule else 0


def of_durations() -> list[str]:
    """Durations that a drill could not divide, metrics that do not exist."""
    found = []
    for path in (HERE / "source").glob("*.yml"):
        text = path.read_text()
        found += [f"{path.name}: {problem}" for problem in unknown_metrics(text)]
        for line in re.findall(r".*(?:\[\d+[a-z]+\]|offset \d|(?:for|interval): \d).*", text):
            found.append(f"{path.name}: write the duration as ${{…}}: {line.strip()}")
    return found


if __name__ == "__main__":
    try:
        wrong = problems()
    except Wrong as problem:
        wrong = [f"prometheus/source: {problem}"]
    for problem in wrong:
        print(problem, file=sys.stderr)
    print(f"{len(alerts())} alerts checked")
    sys.exit(1 if wrong else 0)

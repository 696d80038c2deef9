#!/usr/bin/env bash
# Checks that rules, tests and docs/alerts.md are what their source says; rules, their tests, Alertmanager's configuration
# with the examples of receivers, where alerts go; and what promtool does not know (lint.py).
# Needs promtool, amtool, and Python with PyYAML.
set -euo pipefail
cd "$(dirname "$0")"

python3 render.py --check
promtool check config prometheus.yml >/dev/null
promtool check rules rules/*.yml >/dev/null

amtool check-config alertmanager.yml >/dev/null
examples=$(mktemp)
trap 'rm -f "$examples"' EXIT
{ sed '/^receivers:/,/^$/d' alertmanager.yml; cat receivers.example.yml; } >"$examples"
amtool check-config "$examples" >/dev/null
goes_to() {
  local receiver=$1 found
  shift
  found=$(amtool config routes test --config.file=alertmanager.yml "$@" 2>/dev/null)
  [ "$found" = "$receiver" ] || { echo "alertmanager.yml: $* goes to $found, not to $receiver" >&2; exit 1; }
}
goes_to pager severity=critical alertname=GatewayDown
goes_to tickets severity=warning alertname=ConnectorStuck
goes_to log severity=info alertname=ExporterSeriesDropped
goes_to heartbeat severity=info alertname=DeadMansSwitch

python3 lint.py
promtool test rules tests/*.yml

#!/usr/bin/env bash
# Checks rules, their tests, Alertmanager's configuration, and that every alert is complete: severity, summary,
# description with a value, a runbook that exists, a board; never a value in a label; tests that fire and stay silent.
# Needs promtool and amtool.
set -euo pipefail
cd "$(dirname "$0")"

promtool check config prometheus.yml >/dev/null
promtool check rules rules/*.yml >/dev/null
amtool check-config alertmanager.yml >/dev/null
promtool test rules tests/*.yml

bad=0
complain() { echo "$1: $2" >&2; bad=1; }
# One alert a line: name, then its text up to the next rule.
alerts=$(awk '/^ *- (alert|record):/ { if (name) print name "\t" text; name = ""; text = "" }
              /^ *- alert:/ { name = $3 } name { text = text " " $0 }
              END { if (name) print name "\t" text }' rules/*.yml)
while IFS=$'\t' read -r name text; do
  [[ $text =~ severity:\ (critical|warning|info)( |$) ]] || complain "$name" "no severity (critical, warning or info)"
  [[ $text == *"summary: "* ]] || complain "$name" "no summary"
  # shellcheck disable=SC2016 # Prometheus' own variable
  [[ $text == *"description: "*'$value'* ]] || complain "$name" "no description with its value"
  [[ $text == *"docs/runbooks/$name.md"* ]] || complain "$name" "runbook_url does not end in docs/runbooks/$name.md"
  [[ $text == *"dashboard_url: "*"/d/ampwarden-"* ]] || complain "$name" "no board in dashboard_url"
  labels=${text#*labels:}
  # shellcheck disable=SC2016 # Prometheus' own variable
  [[ ${labels%%annotations:*} != *'$value'* ]] || complain "$name" "a value in a label makes a new alert at each change"
  for part in "**Meaning.**" "**Impact.**" "## How to look" "## How to mend"; do
    grep -qsF "$part" "../docs/runbooks/$name.md" || complain "$name" "docs/runbooks/$name.md has no \"$part\""
  done
  grep -q "alertname: $name$" tests/*.yml || complain "$name" "no test that it fires"
  grep -q "^| \[$name\]" ../docs/alerts.md || complain "$name" "not in docs/alerts.md"
done <<<"$alerts"

for runbook in ../docs/runbooks/*.md; do
  name=$(basename "$runbook" .md)
  cut -f1 <<<"$alerts" | grep -qx "$name" || complain "$runbook" "there is no such alert"
done
echo "$(wc -l <<<"$alerts") alerts checked"
exit $bad

#!/usr/bin/env bash
# Makes what `docker compose up` needs, each once: .env, and passwords and keys of this machine's own in secrets/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

[ -e .env ] || { cp .env.example .env; echo "made .env"; }

# Nobody else may enter the folder; inside a container its files are read by that container's own user.
mkdir -p secrets
chmod 700 secrets
for name in secret-key questdb-password questdb-boards-password grafana-password; do
    [ -s "secrets/$name" ] && continue
    od -An -tx1 -N32 /dev/urandom | tr -d ' \n' > "secrets/$name"
    chmod 644 "secrets/$name"
    echo "made secrets/$name"
done

cat <<'NEXT'
Now:
  docker compose up --detach --build
  Grafana: http://localhost:3000, user admin, password in secrets/grafana-password
  A token for the API:  docker compose run --rm gateway token new operations --scope read --scope write
    (it prints an entry for ampwarden.toml; then: docker compose restart gateway)
NEXT

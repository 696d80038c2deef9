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

# Who may use the API: the token itself, and what the processes know of it.
if [ ! -s secrets/api-token ]; then
    printf 'awt_%s' "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')" > secrets/api-token
    chmod 600 secrets/api-token
    hash=$(sha256sum < secrets/api-token | cut -d' ' -f1)
    printf 'AMPWARDEN__API__TOKENS=[{ name = "admin", scopes = ["read", "write", "operate", "ingest"], hash = "%s" }]\n' "$hash" \
        > secrets/api-tokens.env
    echo "made secrets/api-token"
fi

cat <<'NEXT'
Now:
  docker compose up --detach --build
  Grafana: http://localhost:3000, user admin, password in secrets/grafana-password
  The API: http://localhost:8080, token in secrets/api-token
NEXT

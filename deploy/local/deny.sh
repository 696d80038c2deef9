#!/usr/bin/env bash
# Runs cargo-deny with the given checks; builds it into .local/cargo when the machine has none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=$PWD/.local/cargo/bin:$PATH
if ! command -v cargo-deny > /dev/null; then
    echo "deny: building cargo-deny into .local/cargo (some minutes, once)"
    cargo install --quiet --locked --root .local/cargo --target-dir .local/cargo/target cargo-deny
    rm -rf .local/cargo/target
fi
exec cargo deny --workspace --locked check "$@"

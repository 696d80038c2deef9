#!/usr/bin/env bash
# Everything that must hold before a change lands, in one run: called by `make test` and by CI.
#
# Every step runs even when one before it failed (but for the set-up), so that one run shows all there is to mend.
# At the end: the minutes of each step. Status 0 only when all passed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# A build folder that is used once gains nothing from incremental state; a developer's does.
if [ "${CI:-}" = true ]; then export CARGO_INCREMENTAL=0; fi
export CARGO_TERM_PROGRESS_WHEN=never
# The binary that cargo builds beside the tests: tests that start it need not ask cargo for another.
export AMPWARDEN_BIN=${CARGO_TARGET_DIR:-$PWD/target}/debug/ampwarden

names=() results=() seconds=()
passed=0 failed=0

# step NAME COMMAND…
step() {
    local name=$1 started=$SECONDS result=ok
    shift
    printf '\n==> %s\n' "$name"
    if "$@"; then
        passed=$((passed + 1))
    else
        result=FAILED failed=$((failed + 1))
        printf '==> %s: FAILED (%s)\n' "$name" "$*" >&2
    fi
    names+=("$name") results+=("$result") seconds+=($((SECONDS - started)))
}

finish() {
    local i total=0
    printf '\n%-44s %8s  %s\n' "step" "minutes" "result"
    for i in "${!names[@]}"; do
        total=$((total + seconds[i]))
        printf '%-44s %8s  %s\n' "${names[i]}" "$(minutes "${seconds[i]}")" "${results[i]}"
    done
    printf '%-44s %8s\n\n' "all" "$(minutes "$total")"
    printf 'steps: %d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
    exit
}

minutes() { printf '%d.%02d' $(($1 / 60)) $(($1 % 60 * 100 / 60)); }

step "set-up" deploy/local/setup.sh test
[ "$failed" = 0 ] || finish

step "formatting" cargo fmt --all --check
step "shell scripts" make --no-print-directory lint-scripts
step "clippy, no warnings" cargo clippy --locked --workspace --all-targets -- -D warnings
step "unit and integration tests" cargo test --locked --workspace --no-fail-fast
# The build is most of it; `make fuzz` goes on for longer.
step "fuzzing of every decoder" env FUZZ_SECONDS="${FUZZ_SECONDS:-60}" fuzz/run.sh
step "boards are what their code says" make --no-print-directory check-boards
step "recording and alerting rules" make --no-print-directory check-rules
step "chart" make --no-print-directory chart
step "deployment files and documents" make --no-print-directory check-deploy
finish

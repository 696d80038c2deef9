#!/usr/bin/env bash
# Fuzzes every decoder: fuzz/run.sh [TARGET…]
#
# FUZZ_SECONDS   for each target (default 60)
# FUZZ_JOBS      targets at a time (default: one a core)
#
# First the whole corpus is replayed, then new inputs are tried. What a run finds worth keeping goes to
# .local/fuzz/corpus; what breaks a decoder to .local/fuzz/found, and its name is printed. Mend the decoder, add a unit
# test, and put the input into fuzz/corpus/TARGET.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${FUZZ_SECONDS:-60}
jobs=${FUZZ_JOBS:-$(nproc)}
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd "$root/fuzz/corpus" && printf '%s\n' *)

# Counters at every edge and at every comparison; libFuzzer reads them. With a target named, build scripts and
# procedural macros stay without.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$root/.local/fuzz/target}
cargo build --quiet --locked --release --manifest-path "$root/fuzz/Cargo.toml" --target "$host"
binary=$CARGO_TARGET_DIR/$host/release/fuzz

# Journals and snapshots are written: in memory, where a sync costs nothing.
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
found=$root/.local/fuzz/found
log=$root/.local/fuzz/log
mkdir -p "$found" "$log"

fuzz() {
    local target=$1 grown=$root/.local/fuzz/corpus/$1
    mkdir -p "$grown"
    # 20 s for one input: journals of some KiB are opened twice, on a busy machine.
    if FUZZ_TARGET=$target "$binary" "$grown" "$root/fuzz/corpus/$target" -artifact_prefix="$found/$target-" \
        -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
        -verbosity=1 >"$log/$target" 2>&1; then
        printf '%-12s %s\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$log/$target") $(
            grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log/$target" | tail -1)"
    else
        tail -n 40 "$log/$target" >&2
        echo "fuzz: $target broke; the input is in $found, the log in $log/$target" >&2
        return 1
    fi
}

failed=0 running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"

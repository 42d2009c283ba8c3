#!/usr/bin/env bash
# Runs the benchmarks whose figures stand in docs/performance.md, one after the other, and writes that page.
# `full` measures all sizes; without it the sizes that a shared machine has time for.
set -euo pipefail
cd "$(dirname "$0")/.."
results=var/bench
mkdir -p "$results"
full=()
[ "${1:-}" = full ] && full=(--full)
for name in fanout processes; do
    .venv/bin/python -m "benchmarks.$name" ${full[@]+"${full[@]}"} --json "$results/$name.json"
done
sizes=1000,100000 operations=128
[ "${1:-}" = full ] && sizes=1000,100000,1000000 operations=400
.venv/bin/python -m benchmarks.claims --handoffs "$sizes" --operations "$operations" --json "$results/claims.json"
.venv/bin/python -m benchmarks.beside_gotify --json "$results/tray.json"
.venv/bin/python -m benchmarks.growth "$results"
.venv/bin/python -m benchmarks.performance "$results"
echo "docs/performance.md and docs/scale.md are written"

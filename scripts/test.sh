#!/usr/bin/env bash
# All gates and all tests; each runs to its end even when the other fails, so one run shows everything there is to mend.
set -uo pipefail
cd "$(dirname "$0")/.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
# The gates run beside the tests and are told at the end: the tests leave a third of the machine idle, waiting for other
# processes to do something. One more worker than cores is for the same reason.
scripts/gates.sh --with-lock >"$said" 2>&1 &
gate=$!
.venv/bin/pytest -n "$(($(nproc) + 1))" --dist loadgroup "$@"
tests=$?
wait "$gate"
gates=$?
cat "$said"
[ "$gates" -eq 0 ] && exit "$tests"
exit 1

#!/usr/bin/env bash
# All gates and all tests; each runs to its end even when the other fails, so one run shows everything there is to mend.
set -uo pipefail
cd "$(dirname "$0")/.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
# The gates run beside the tests and are told at the end: the tests leave a third of the machine idle, waiting for other
# processes to do something. One more worker than cores is for the same reason.
# The tray app's rules run there too, with their coverage: all of desktop/core, or it is a failure.
{ scripts/gates.sh --with-lock && scripts/core_coverage.sh; } >"$said" 2>&1 &
gate=$!
.venv/bin/pytest -n "$(($(nproc) + 1))" --dist loadgroup --ignore=tests/unit/desktop "$@"
tests=$?
wait "$gate"
gates=$?
cat "$said"
[ "$gates" -eq 0 ] && exit "$tests"
exit 1

#!/usr/bin/env bash
# All gates and all tests; each runs to its end even when the other fails, so one run shows everything there is to mend.
set -uo pipefail
cd "$(dirname "$0")/.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
# The gates run beside the tests and are told at the end: the tests leave part of the machine idle, waiting for other
# processes to do something. Two more workers than cores are for the same reason.
# The tray app's rules run there too, with their coverage: all of desktop/core, or it is a failure.
{ scripts/gates.sh --with-lock && scripts/core_coverage.sh; } >"$said" 2>&1 &
gate=$!
.venv/bin/pytest -n "$(($(nproc) + 2))" --dist loadgroup --ignore=tests/unit/desktop "$@"
tests=$?
# Four workers and hundreds of processes share two cores: what failed beside them runs once more, alone, and counts then.
# Both runs stay in the log. Not so the fault tests: a race that shows once in many runs is what they are there to find.
if [ "$tests" -eq 1 ] && ! grep -q '"tests/faults/' .pytest_cache/v/cache/lastfailed; then
    printf '\nwhat failed runs once more, alone:\n'
    .venv/bin/pytest -n 0 --last-failed --last-failed-no-failures none "$@"
    tests=$?
fi
wait "$gate"
gates=$?
cat "$said"
[ "$gates" -eq 0 ] && exit "$tests"
exit 1

#!/usr/bin/env bash
# All gates, then all tests; the tests run even when a gate fails, so one run shows everything there is to mend.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/gates.sh --with-lock
gates=$?
# One more worker than cores: a third of the time goes into waiting for other processes to do something.
.venv/bin/pytest -n "$(($(nproc) + 1))" --dist loadgroup "$@"
tests=$?
[ "$gates" -eq 0 ] && exit "$tests"
exit 1

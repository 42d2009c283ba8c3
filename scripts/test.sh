#!/usr/bin/env bash
# All gates, then all tests; the tests run even when a gate fails, so one run shows everything there is to mend.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/gates.sh --with-lock
gates=$?
.venv/bin/pytest -n auto --dist loadgroup "$@"
tests=$?
[ "$gates" -eq 0 ] && exit "$tests"
exit 1

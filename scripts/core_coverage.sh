#!/usr/bin/env bash
# The tray app's rules, measured: every line and branch of desktop/core by its unit tests alone (pyproject.toml).
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(mktemp) && trap 'rm -f "$data"' EXIT
export COVERAGE_FILE=$data
.venv/bin/python -m coverage run -m pytest -q -p no:cacheprovider -p no:xdist tests/unit/desktop
.venv/bin/python -m coverage report

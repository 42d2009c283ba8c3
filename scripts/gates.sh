#!/usr/bin/env bash
# The gates that need no test run, side by side; each prints one line, a failing one its whole output.
# --with-lock also proves that requirements.lock is what pyproject.toml says.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

lock_is_current() { # lock, arguments of uv pip compile…
    local lock=$1 fresh="$out/${1//\//-}"
    shift
    cp "$lock" "$fresh"
    if ! timeout 90 .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        --python-version 3.11 "$@" -o "$fresh" >/dev/null 2>"$fresh.err"; then
        printf 'warning: the index could not be asked, %s was not compared\n' "$lock"
        return 0
    fi
    diff -u "$lock" "$fresh" || { printf '%s is out of date: run `make lock`\n' "$lock"; return 1; }
}
locks_are_current() {
    lock_is_current requirements.lock --group dev pyproject.toml &&
        lock_is_current scripts/bootstrap.lock -c requirements.lock scripts/bootstrap.in &&
        lock_is_current packaging/server/requirements.lock $(cat scripts/server-lock.args)
}

names=() pids=()
gate() {
    local name=$1
    shift
    "$@" >"$out/$name" 2>&1 &
    names+=("$name") pids+=("$!")
}
gate types .venv/bin/mypy
gate lint .venv/bin/ruff check --quiet
gate format .venv/bin/ruff format --check --quiet
gate imports .venv/bin/lint-imports
gate secrets .venv/bin/python -m scripts.secret_scan
[ "${1:-}" = --with-lock ] && gate lock locks_are_current

failed=0
for i in "${!names[@]}"; do
    if wait "${pids[$i]}"; then
        printf '%-8s ok\n' "${names[$i]}"
        grep '^warning:' "$out/${names[$i]}"
    else
        printf '%-8s FAILED\n' "${names[$i]}"
        cat "$out/${names[$i]}"
        failed=1
    fi
done
git ls-files -z '*.py' | xargs -0r wc -l 2>/dev/null | awk '$2 != "total" && $1 > 0 {print $1, $2}' | sort -n |
    awk '{n[NR] = $1; longest = $1 " lines in " $2} END {print "modules  median " n[int((NR + 1) / 2)] ", longest " longest}'
exit "$failed"

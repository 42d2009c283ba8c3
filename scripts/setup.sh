#!/usr/bin/env bash
# Makes the working environment: system packages (apt, only what is missing), .venv, locked dependencies, the project.
# A stamp remembers what was set up, so a second run does nothing and takes no time.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

stamp=.venv/.setup-stamp
wanted() {
    { pwd; cat requirements.lock scripts/bootstrap.lock scripts/system-packages.txt scripts/setup.sh pyproject.toml; } |
        sha256sum | cut -d' ' -f1
}
is_done() { [ -x .venv/bin/flowpilot ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ]; }

is_done && exit 0
mkdir -p var
exec 9>var/setup.lock
flock 9
is_done && exit 0 # another run did it while this one waited

system_packages() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || {
        say "no apt here: see scripts/system-packages.txt for what the tests and the desktop app need"
        return
    }
    local missing=() name state as_root=()
    while read -r name; do
        # The interpreter that runs the project may bring its own venv module.
        [ "$name" = python3-venv ] && "$python" -c 'import ensurepip' 2>/dev/null && continue
        state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
        # Debian 13 renamed some libraries; the new package says that it provides the old name.
        [ "$state" = installed ] || dpkg-query -W -f '${db:Status-Status}' "${name}t64" 2>/dev/null | grep -qx installed ||
            missing+=("$name")
    done < <(grep -vE '^(#|$)' scripts/system-packages.txt)
    [ "${#missing[@]}" -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            say "missing system packages, ask an administrator to run: apt-get install ${missing[*]}"
            return
        }
        as_root=(sudo)
    fi
    say "installing system packages: ${missing[*]}"
    apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >&2; }
    apt update || say "the package lists could not be brought up to date, going on with the old ones"
    apt install --no-install-recommends "${missing[@]}" && return
    # One name that this release does not know must not keep the others away.
    for name in "${missing[@]}"; do
        apt install --no-install-recommends "$name" || say "$name is not to be had here; what needs it will say so"
    done
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
        [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
            { command -v "$candidate"; return; }
    done
    return 1
}

python=$(find_python) || fail "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3 make setup"
system_packages

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || fail "the virtual environment could not be made: install python3-venv"
fi
pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet)
say "installing the locked dependencies"
"${pip[@]}" --require-hashes -r scripts/bootstrap.lock
# uv is quicker; it does not read pip's configuration, so where only pip knows the way, pip goes it. Both check hashes.
VIRTUAL_ENV=.venv .venv/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock ||
    "${pip[@]}" --require-hashes -r requirements.lock
.venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
wanted >"$stamp"
say "ready"

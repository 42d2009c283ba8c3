# Two commands are enough: `make demo` and `make test`. Each sets up what it needs first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench soak soak-sockets fuzz audit sbom test-packages test-windows test-upgrade test-server release fmt lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## system packages, .venv, locked dependencies; does nothing when all is there
	@scripts/setup.sh

demo: setup ## the program with a demo account on http://127.0.0.1:8000, Ctrl-C ends it
	@exec .venv/bin/flowpilot demo --data-dir var/demo

test: setup ## every gate and every test, as the build server runs them
	@exec scripts/test.sh

check: setup ## gates and the quick tests, under two minutes
	@scripts/gates.sh && exec .venv/bin/pytest -n auto --dist loadgroup -q -m "not slow" \
		--hypothesis-profile=quick --ignore=tests/e2e --ignore=tests/faults

soak: setup ## ten minutes of people at work while everything breaks, then the verdict (MINUTES=10 SEED=drawn)
	@exec .venv/bin/python -m scripts.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

audit: setup ## whether a pinned package has a known hole; proves first that it would see one
	@.venv/bin/python scripts/audit.py

sbom: setup ## what is in the program, from the lock, as CycloneDX: build/sbom.json
	@mkdir -p build && .venv/bin/cyclonedx-py requirements requirements.lock --of JSON -o build/sbom.json

fuzz: setup ## hostile input for a quarter of an hour: every operation in each role, the handoff's life, raw frames (FUZZ_EACH=20)
	@FUZZ=long FUZZ_EACH=$(or $(FUZZ_EACH),20) exec .venv/bin/pytest -n 2 --timeout 7200 -q tests/trust

soak-sockets: setup ## thousands of sockets with churn, escalations and claims: flat, complete; whole, it writes docs/performance-soak.md (MINUTES=30 SOCKETS=5000)
	@exec nice -n 15 .venv/bin/python -m benchmarks.soak_sockets --minutes $(or $(MINUTES),30) --sockets $(or $(SOCKETS),5000) \
		$(if $(MINUTES)$(SOCKETS),,--docs)

bench: setup ## measure beside the peers and write docs/performance.md; ten minutes, BENCH=full for all sizes
	@exec benchmarks/run.sh $(BENCH)

test-packages: setup ## build the Linux packages; install, use, upgrade and remove them in a clean root (needs root)
	@packages=; for one in debootstrap lintian buildah; do command -v $$one >/dev/null || packages="$$packages $$one"; done; \
		[ -z "$$packages" ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$packages
	@exec .venv/bin/pytest -n 0 -q -m packages tests/packaging

test-upgrade: setup ## old and new version side by side under load, on one database
	@exec .venv/bin/pytest -n 0 -q -m packages tests/packaging/test_rolling_upgrade.py

test-server: setup ## build the server's wheel and image; install and use the one, run the other read-only (needs root)
	@packages=; for one in debootstrap buildah; do command -v $$one >/dev/null || packages="$$packages $$one"; done; \
		[ -z "$$packages" ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$packages
	@exec .venv/bin/pytest -n 0 -q -m packages tests/packaging/test_server_wheel.py tests/packaging/test_server_image.py

test-windows: setup ## build the Windows installers; install, use, upgrade and remove them under Wine
	@packages=; for one in makensis:nsis wixl:wixl msibuild:msitools wine:wine:wine64 osslsigncode:osslsigncode \
		x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64-win32; do \
		command -v $${one%%:*} >/dev/null || packages="$$packages $$(echo $${one#*:} | tr : ' ')"; done; \
		[ -z "$$packages" ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$packages
	@exec .venv/bin/pytest -n 0 -q -m windows tests/packaging

release: setup ## build all of a release that can be built here, with SBOM and SHA256SUMS, into dist (TRIAL=1: from any tree, without its changelog)
	@exec .venv/bin/python scripts/release.py $(if $(TRIAL),--trial)

fmt: setup ## format and mend what can be mended by machine
	@.venv/bin/ruff check --fix --quiet; .venv/bin/ruff format

lock: setup ## pin the dependencies of pyproject.toml anew; pins that still fit stay
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--group dev pyproject.toml -o requirements.lock
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		-c requirements.lock scripts/bootstrap.in -o scripts/bootstrap.lock
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		$$(cat scripts/server-lock.args) -o packaging/server/requirements.lock

clean: ## remove what was made: environment, caches, demo data; dist/updates stays, it cannot be made again
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build
	@[ ! -d dist ] || find dist -mindepth 1 -maxdepth 1 ! -name updates -exec rm -rf {} +
	@rm -rf var && find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Everything a newcomer needs: `make demo` shows the product, `make test` checks it. Both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
# Slow tests wait most of their time.
SLOW_JOBS ?= 4

.PHONY: help setup demo test test-fast test-long test-cyrus crash check format docs bench bench-quick lock clean

help:              ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.done  ## make .venv with the trueup command and all tools, from pinned, hashed requirements

$(VENV)/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "trueup needs Python 3.11 or later; say PYTHON=python3.12, for example"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory debian PACKAGES=python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# Debian packages are installed where that is possible, else asked for in one line.
.PHONY: debian postgresql mariadb archivers restic sshd cyrus
debian:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; \
	else echo "please install: $(PACKAGES)"; exit 1; fi

postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || $(MAKE) --no-print-directory debian PACKAGES=postgresql

mariadb:
	@command -v mariadbd >/dev/null || ls /usr/sbin/mariadbd >/dev/null 2>&1 || $(MAKE) --no-print-directory debian PACKAGES=mariadb-server

archivers:         # an archive is read by hand in a test
	@command -v age >/dev/null && command -v zstd >/dev/null || $(MAKE) --no-print-directory debian PACKAGES="age zstd"

restic: setup      # 0.17 or later, out of a newer suite's package where only an old one is packaged; its tests say so where there is none
	@$(BIN)/python -m tests.support.restic || true

sshd:              # restic over SFTP, and a certificate for a database
	@{ ls /usr/sbin/sshd && command -v openssl; } >/dev/null 2>&1 || $(MAKE) --no-print-directory debian PACKAGES="openssh-server openssl"

cyrus:
	@ls /usr/sbin/cyrmaster /usr/lib/cyrus/bin/master >/dev/null 2>&1 || $(MAKE) --no-print-directory debian PACKAGES="cyrus-caldav cyrus-imapd sasl2-bin libsasl2-modules-db"

demo: setup        ## calendars on two real servers, a folder and a feed; backups of a live database; all on loopback
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || $(MAKE) --no-print-directory postgresql || echo "without PostgreSQL the shop is kept in SQLite"
	$(BIN)/python examples/demo.py

check: setup       ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup        ## docs/reference anew, from the code
	$(BIN)/python docs/generate.py

test: setup postgresql archivers check  ## all tests: fast ones first
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow and not cyrus and not long"
	$(BIN)/python -m pytest -q -n $(SLOW_JOBS) --dist loadgroup -m "slow and not cyrus and not long"
	$(MAKE) --no-print-directory test-airflow-quick
	$(MAKE) --no-print-directory test-prefect-quick
	$(MAKE) --no-print-directory test-temporal-quick

test-fast: setup   ## what takes seconds
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow and not cyrus and not long" -x

test-long: setup postgresql mariadb archivers restic sshd  ## what takes long: on every server there is (PostgreSQL, MariaDB, restic, S3, SFTP), killed at every moment (five minutes)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m long

test-cyrus: setup cyrus  ## the contract and end-to-end tests on a Cyrus server that mails
	$(BIN)/python -m pytest -q -m cyrus

.PHONY: test-engines test-prefect test-prefect-quick test-airflow test-airflow-quick test-temporal test-temporal-quick
test-engines: test-airflow test-prefect test-temporal  ## each orchestrator as its own server runs it: jobs, pipelines, approvals, kills, outages (long)

test-airflow: .venv-airflow/.done postgresql  ## all of Airflow: scheduler, DAG processor, triggerer and API server are started once
	.venv-airflow/bin/python -m pytest -q tests/engines/airflow

test-prefect: .venv-prefect/.done postgresql  ## all of Prefect: the real server, workers killed in every phase, approvals, schedules
	.venv-prefect/bin/python -m pytest -q tests/engines/prefect

test-prefect-quick: .venv-prefect/.done postgresql
	.venv-prefect/bin/python -m pytest -q -m "not slow" tests/engines/prefect

test-temporal: .venv-temporal/.done postgresql  ## all of Temporal: the real server, killed workers, a killed server
	.venv-temporal/bin/python -m pytest -q tests/engines/temporal

test-temporal-quick: .venv-temporal/.done
	.venv-temporal/bin/python -m pytest -q -m "not slow" tests/engines/temporal

test-airflow-quick: .venv-airflow/.done postgresql
	.venv-airflow/bin/python -m pytest -q -m "not slow" tests/engines/airflow

crash: setup postgresql mariadb restic  ## the whole campaign: a kill at every ledger write and every request (longer than a coffee)
	TRUEUP_CAMPAIGN=full $(BIN)/python -m pytest -q -n $(JOBS) tests/crash tests/property tests/backup tests/unit/contacts/test_meaning.py

bench: archivers restic postgresql .venv-bench/.done .venv-prefect/.done .venv-temporal/.done .venv-airflow/.done  ## side by side with vdirsyncer on the same servers, in one run (a quarter of an hour)
	$(BIN)/python -m benchmarks

bench-quick: .venv-bench/.done  ## a look at the same with a tenth of the events (three minutes)
	$(BIN)/python -m benchmarks --quick

.venv-prefect/.done .venv-temporal/.done .venv-airflow/.done: .venv-%/.done: requirements/%.txt pyproject.toml  # an engine and trueup, in an environment of their own
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

.venv-bench/.done: requirements/bench.txt | setup cyrus
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

lock:              ## pin the requirements anew (needs uv); names no index address
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra postgres --extra keyring --extra mariadb --extra s3 --extra notify --extra tables \
	  --group test --group lint --group build pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --group bench -o requirements/bench.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra temporal \
	  --group test --group build --group temporal-servers pyproject.toml -o requirements/temporal.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --extra prefect \
	  --group test --group build pyproject.toml -o requirements/prefect.txt
	$(PYTHON) requirements/bare.py requirements/prefect.txt sqlalchemy
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra airflow \
	  --group test --group build pyproject.toml -o requirements/airflow.txt

clean:
	rm -rf $(VENV) .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis .work

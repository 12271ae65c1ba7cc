# Yuchang 渔场. `make help` lists what can be made.
SHELL := /bin/sh
# The first Python of at least 3.11; tools/set_up.py says so clearly when there is none.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; exit; fi; done)
PY := .venv/bin/python
SUPERVISOR := $(PY) -m yuchang.supervisor
PYTEST_ARGS ?=
DEMO_ARGS ?=
RUN_ARGS ?=
BUNDLE_ARGS ?=

.PHONY: help python setup setup-dev run demo demo-check test test-fast nightly check bench doctor messages clean bundle backup drill

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

python:
	@if [ -z "$(PYTHON)" ]; then \
	echo "✕ Yuchang needs Python 3.11 or newer, and none was found."; \
	echo "  Debian, Ubuntu: apt-get install python3 python3-venv. Another place: make PYTHON=/path/to/python3.11 …"; \
	exit 1; fi

setup: python ## install what the running platform needs
	@$(PYTHON) tools/set_up.py

setup-dev: python ## install what tests and checks need, too
	@$(PYTHON) tools/set_up.py --dev

demo: setup ## set up, build a simulated county, run the loop, serve it
	@$(SUPERVISOR) up
	@$(PY) -m demo --no-serve $(DEMO_ARGS)
	@YUCHANG_SMS_DRIVER=$${YUCHANG_SMS_DRIVER:-file} $(SUPERVISOR) run

demo-check: setup ## build a small county and run the loop without serving
	@$(SUPERVISOR) up
	@$(PY) -m demo --no-serve --size village $(DEMO_ARGS); code=$$?; $(SUPERVISOR) down; exit $$code

run: setup ## serve what is there; RUN_ARGS=--tls with a certificate of its own authority
	@$(SUPERVISOR) run $(RUN_ARGS)

test: setup-dev ## run the tests
	@$(PY) tools/run_tests.py $(PYTEST_ARGS)

nightly: setup-dev ## the longer faults and sizes
	@$(PY) tools/run_tests.py -m nightly $(PYTEST_ARGS)

check: setup-dev ## ruff, mypy, import-linter, djlint, migrations and translations complete
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@.venv/bin/djlint --lint --quiet templates yuchang
	@YUCHANG_SECRET_KEY=check $(PY) manage.py makemigrations --check --dry-run
	@YUCHANG_SECRET_KEY=check $(PY) manage.py check --fail-level WARNING

bench: setup-dev ## measure against peers and print ratios
	@$(PY) tools/run_bench.py

doctor: setup ## say what is used and what is wrong
	@$(SUPERVISOR) doctor

bundle: setup ## everything in one archive for a closed network: dist/
	@$(PY) tools/make_bundle.py $(BUNDLE_ARGS)

backup: setup ## copy database, files and keys while everything runs
	@$(SUPERVISOR) backup

drill: setup ## restore this moment into a second place, compare, print RPO and RTO
	@$(SUPERVISOR) drill

messages: setup ## compile the translations
	@$(PY) tools/compile_messages.py

clean: ## remove what was installed, keep the data in var/
	rm -rf .venv node_modules

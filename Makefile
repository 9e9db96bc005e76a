# Two commands on a fresh machine: `make demo` and `make test`. Only Python 3.11 or newer and make are needed.
# The system's own Python where it will do: distributions build theirs with profile-guided optimisation.
WILL_DO := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell /usr/bin/python3 -c '$(WILL_DO)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
WORKERS ?= 3
MAKEFLAGS += --no-print-directory
# Compiled modules are kept, whatever the shell says: a demo begins eight processes, the tests hundreds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint unit bench chaos fuzz every-step contract docs man schema sbom package lock clean

help:
	@echo "make demo [ARGS=\"--contacts 20000 --csv export.csv --json\"]   see the whole job done, without any key"
	@echo "make test                                                    lint, types, import rules, all tests"
	@echo "make chaos [ROUNDS=150 SEED=1 ARGS=\"--postgresql --workers 2\"]  kill, freeze, starve the daemon, then look"
	@echo "make fuzz [EXAMPLES=5000]                                    answers, callbacks and exports made odd by chance"
	@echo "make every-step                                              die at every commit and request of a cycle, and go on"
	@echo "make contract                                                every rule of the contracts for every operation of every provider"
	@echo "make bench                                                   the figures, as JSON"
	@echo "make package                                                 wheel, source archive and list of parts in dist/"
	@echo "make docs                                                    the documents as a site, in site/"
	@echo "make man                                                     the man pages anew"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("syncd needs Python 3.11 or newer; set PYTHON=python3.12, say" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

# The lock holds a hash of every package and no index: whichever index pip is set to is used.
$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	@echo "Fetching packages into $(VENV) …" >&2
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >&2
	@$(RUN) -c 'import pathlib, site; pathlib.Path(site.getsitepackages()[0], "syncd.pth").write_text("$(CURDIR)\n")'
	@printf '#!%s\nimport sys\n\nfrom syncd.cli import main\n\nsys.exit(main())\n' "$(CURDIR)/$(RUN)" > $(VENV)/bin/syncd
	@chmod +x $(VENV)/bin/syncd
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Fetching development tools into $(VENV) …" >&2
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	@touch $@

demo: $(VENV)/.run
	@$(VENV)/bin/syncd demo $(ARGS)

# Side by side: neither keeps two cores busy all the time.
test: $(VENV)/.dev
	@$(MAKE) -j2 lint unit

lint: $(VENV)/.dev
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

unit: $(VENV)/.dev
	@$(RUN) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

bench: $(VENV)/.dev
	@$(RUN) -m bench $(ARGS)

ROUNDS ?= 150
SEED ?= 1
chaos: $(VENV)/.dev
	@$(RUN) -m tests.chaos.run --rounds $(ROUNDS) --seed $(SEED) $(ARGS)

docs: $(VENV)/.dev
	@$(RUN) -m properdocs build --strict --quiet
	@echo "site/index.html"

EXAMPLES ?= 5000
fuzz: $(VENV)/.dev
	@FUZZ_EXAMPLES=$(EXAMPLES) $(RUN) -m pytest -p no:cacheprovider --timeout 0 tests/fuzz $(ARGS)

every-step: $(VENV)/.dev
	@EVERY_STEP=1 $(RUN) -m pytest -n $(WORKERS) --timeout 0 tests/flow/test_every_step.py $(ARGS)

contract: $(VENV)/.dev
	@EVERY_ROW=1 $(RUN) -m pytest -n $(WORKERS) tests/contract $(ARGS)

man: $(VENV)/.dev
	@$(RUN) docs/manpages.py

schema: $(VENV)/.dev
	@$(RUN) -m tests.schemas $(RELEASE)

sbom: $(VENV)/bin/python
	@mkdir -p dist
	@$(RUN) docs/sbom.py > dist/syncd.cdx.json

# The same commit gives the same bytes: nothing in the archives is newer than the commit.
package: $(VENV)/.dev sbom
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)} \
	  $(RUN) -m hatchling build -d dist

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --quiet -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements-dev.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

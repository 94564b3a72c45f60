# `make` alone prints this list.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lowest versions check ecosystem worker format notebooks install-lines docs site record bench soak fuzz mutate clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet)

help:  ## Print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Containers often forbid bytecode. Without it, every worker of the tests rewrites every
# test's asserts anew, and every interpreter that they start compiles the package.
unexport PYTHONDONTWRITEBYTECODE

# Two steps, so that the demo does not wait for the test tools.
$(VENV)/.made:
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
endif
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	@$(INSTALL) -e '.[emulator]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.made
	@$(INSTALL) -e '.[emulator,cli]' --group test --group lint
	@touch $@ $(VENV)/.demo

QUESTION := "What are the three laws of thermodynamics?"
CREDENTIALS := $(CLOUDFLARE_ACCOUNT_ID)$(CLOUDFLARE_API_TOKEN)$(CF_ACCOUNT_ID)$(CF_API_TOKEN)$(CF_AI_API_TOKEN)

demo: $(VENV)/.demo  ## Send one prompt: to Cloudflare with credentials set, otherwise to the emulator
ifeq ($(CREDENTIALS),)
	@echo "No Cloudflare credentials are set, so the local emulator responds." >&2
	@$(BIN)/langchain-cf-gemini ask --emulator $(QUESTION)
else
	@$(BIN)/langchain-cf-gemini ask $(QUESTION)
endif

# A worker for each core, and one more while others wait for sockets and deadlines; each
# test has its own port. `make test ORDER=7` runs them in a random order, the same for the
# same number.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ORDER ?=
ORDERED := $(if $(ORDER),--random-order-bucket=module --random-order-seed=$(ORDER))

test: $(VENV)/.test  ## Run the whole suite, offline, without credentials
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ORDERED)

test-fast: $(VENV)/.test  ## Run what starts no other process and waits for nothing
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m 'not slow and not soak and not worker' $(ORDERED)

# The other environments are uv's; where it is absent, it is fetched into one of its own.
OTHERS := .venvs
OTHER_UV := $(or $(UV),$(OTHERS)/uv/bin/uv)
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)

$(OTHERS)/uv/bin/uv:
	@$(PYTHON) -m venv $(OTHERS)/uv
	@$(OTHERS)/uv/bin/python -m pip install --quiet uv

lowest: $(OTHER_UV)  ## Run the unit tests on the lowest versions that the package declares
	@mkdir -p $(OTHERS)
	@$(OTHER_UV) pip compile --quiet --resolution lowest-direct --no-deps --extra emulator --extra cli pyproject.toml -o $(OTHERS)/lowest.txt
	@$(OTHER_UV) venv --quiet --clear --python $(PYTHON) $(OTHERS)/lowest
	@$(OTHER_UV) pip install --quiet --python $(OTHERS)/lowest/bin/python -e '.[emulator,cli]' --group unit --constraint $(OTHERS)/lowest.txt
	@$(OTHERS)/lowest/bin/pytest -n $(WORKERS) --dist worksteal tests/unit_tests

VERSIONS := 3.12 3.13
versions: $(OTHER_UV)  ## Run the fast tests on the other versions of Python that are here
	@for version in $(VERSIONS); do \
	  python=$$(ls -d $(PYENV)/versions/$$version*/bin/python 2>/dev/null | tail -1); \
	  python=$${python:-python$$version}; \
	  $$python --version || { echo "Python $$version is not on this machine."; continue; }; \
	  $(OTHER_UV) venv --quiet --clear --python $$python $(OTHERS)/$$version && \
	  $(OTHER_UV) pip install --quiet --python $(OTHERS)/$$version/bin/python -e '.[emulator,cli]' --group test && \
	  $(OTHERS)/$$version/bin/pytest -n $(WORKERS) --dist worksteal -m 'not slow and not soak and not worker' || exit 1; \
	done

check: $(VENV)/.test  ## Formatting, lint, types and words
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.words
	@$(BIN)/pyright -p tests/typing --pythonpath $(BIN)/python

$(VENV)/.ecosystem: pyproject.toml $(VENV)/.test
	@$(INSTALL) --group ecosystem
	@touch $@

ecosystem: $(VENV)/.ecosystem  ## Run other people's tracers beside the model, and node's clients on the emulator
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/emulator_tests/node; fi
	@$(BIN)/pytest tests/ecosystem_tests tests/integration_tests/test_documents.py tests/emulator_tests/test_node.py

$(VENV)/.worker: pyproject.toml $(VENV)/.test
	@$(INSTALL) --group worker
	@touch $@

worker: $(VENV)/.worker  ## Ask through a Worker's binding, on Pyodide in node
	@$(BIN)/python -m tests.worker_tests.install
	@$(BIN)/pytest -m worker tests/worker_tests

format: $(VENV)/.test  ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

$(VENV)/.notebooks: pyproject.toml $(VENV)/.made
	@$(INSTALL) -e '.[emulator]' --group notebooks
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.made
	@$(INSTALL) -e '.[emulator]' --group docs
	@touch $@

# Plugins of the test tools warn in the pytest runs that notebook 07 shows.
notebooks: $(VENV)/.notebooks  ## Run every notebook and compare its outputs with the stored ones
	@PYTHONWARNINGS=ignore::DeprecationWarning $(BIN)/python -m tests.notebook_outputs

install-lines: $(VENV)/.notebooks  ## Run each notebook and page with what its own install lines name
	@$(BIN)/python -m tests.install_lines

docs: $(VENV)/.docs  ## Build the documentation site; a warning or a dead link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

site: docs $(VENV)/.test  ## Build the site and check it in a browser (Debian's package chromium, or CHROMIUM=path)
	@command -v $${CHROMIUM:-chromium} >/dev/null || { echo "No browser: install Debian's package chromium, or set CHROMIUM to one." >&2; exit 1; }
	@$(BIN)/pytest tests/site_tests

record: $(VENV)/.test  ## Record the cassettes again (live with the two variables set)
	@$(BIN)/python -m tests.record_cassettes

bench: $(VENV)/.test  ## Measure: the pure parts, and all of it against the peers
	@$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,iqr,rounds -q
	@$(BIN)/python -m tests.benchmarks.imports
	@if [ -x ../shared/bench/run.sh ]; then ../shared/bench/run.sh --out .bench/results.jsonl && \
	$(BIN)/python -m tests.benchmarks.chart .bench/results.jsonl docs/performance.svg; \
	else echo "The side-by-side benchmark (../shared/bench) is not here; the parts above are all."; fi

fuzz: $(VENV)/.test  ## Try many more inputs of each property, others each time
	@$(BIN)/pytest -n $(WORKERS) -m 'hypothesis and not soak and not worker' --hypothesis-profile=fuzz

soak: $(VENV)/.test  ## 20,000 calls with faults in one of ten, ten minutes of mutated answers, 400,000 mutated requests (most of an hour)
	@$(BIN)/pytest -m soak --timeout=3600 -rP tests/unit_tests/http tests/integration_tests/test_soak.py tests/integration_tests/test_connections.py tests/emulator_tests

$(VENV)/.mutation: pyproject.toml $(VENV)/.test
	@$(INSTALL) --group mutation
	@touch $@

# Everything takes a day. One module, or some of all: make mutate SAMPLE=1000 SEED=22
MODULE ?=
SAMPLE ?=
SEED ?= 1
mutate: $(VENV)/.mutation  ## Break the code: all of it, a MODULE, or a SAMPLE; list what no test notices
	@rm -rf mutants
ifeq ($(SAMPLE),)
	@$(BIN)/mutmut run --max-children 2 'langchain_cf_gemini.$(MODULE)*'
	@$(BIN)/mutmut results
else
	@$(BIN)/python -m tools.mutation_sample --size $(SAMPLE) --seed $(SEED)
endif

clean:  ## Remove the environment and every cache
	rm -rf $(VENV) .worker .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov mutants $(OTHERS)
	find . -name __pycache__ -prune -exec rm -rf {} +

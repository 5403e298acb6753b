# Two targets do everything on a fresh Debian 13 machine: make demo, make test. A machine of a centre needs make install.
# PYTHON chooses the interpreter (3.11 to 3.14); DEMO_SECONDS ends the demo by itself; QUICK has more options of pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
NODE   := $(VENV)/.node
STAMP  := $(VENV)/.with-tests
SITE   := $(VENV)/.with-site
PAGE   := $(VENV)/.with-vendor
SPEAK  := espeak-ng sox python3-venv
LAB    := mmdebstrap sip-tester coturn
TRY    := mosquitto libfaketime postgresql docker-compose etcd-server patroni python3-etcd prometheus prometheus-alertmanager \
          python3-icu chromium iproute2 haproxy orca at-spi2-core dbus xvfb openbox xdotool pulseaudio \
          speech-dispatcher speech-dispatcher-espeak-ng speech-dispatcher-audio-plugins liblouis-bin gir1.2-wnck-3.0
SOUNDS := .cache/sounds
QUICK  :=

.PHONY: all install setup speak lab packages prompts pictures vendor docs language demo test test-long lint types deb voices clean structure
all: setup prompts

# What a node needs, and the prompts it says.
speak:
	@PYTHON="$(PYTHON)" NEED="$(SPEAK)" sh lab/packages.sh

$(NODE): setup.cfg pyproject.toml
	@echo "== virtual environment in $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 14) else "Python 3.11 to 3.14 is needed; choose one with: make PYTHON=python3.13 ...")'
	@$(PYTHON) -c 'import sys; sys.exit(0)' && { test -x $(BIN)/python && $(BIN)/python -c 'import sys' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV); }
	@echo "== installing what setup.cfg names"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet $(QUICK) --editable .
	@touch $(NODE)

install: speak $(NODE)

# What the lab and its demo need besides: no browser, and nothing that only tests use.
lab:
	@PYTHON="$(PYTHON)" NEED="$(SPEAK) $(LAB)" sh lab/packages.sh

# What testing needs besides.
packages:
	@PYTHON="$(PYTHON)" NEED="$(SPEAK) $(LAB) $(TRY)" sh lab/packages.sh

$(STAMP): $(NODE)
	@echo "== installing what tests need"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

setup: packages $(NODE) $(STAMP)

prompts: install
	@$(BIN)/santral prompts build --out $(SOUNDS)

# Style, and the walls between rooms (contracts in setup.cfg).
lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache

types: setup
	@$(BIN)/mypy

# System tests mostly wait, for a voice or a bell: a test took 2 s of CPU in 14 s, so two cores carry three of them and,
# with less of a right to the cores, the tests that compute. Pages of these stand at the end, so no line is mixed.
CALLS   = 3
COMPUTE = 2
TESTS   = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
APART   = .cache/tests_without_a_lab
CALLED  = .cache/tests_with_a_lab
# A few tests that failed while others ran are run once more, alone: a machine that was too busy is told apart from a
# fault, and both results are printed. More of them are a fault at once.
AGAIN   = 5

test: setup prompts lint types
	@echo "== tests without a lab run beside those with one; their output follows at the end (now in $(APART).log)"
	@rm -rf $(APART) $(CALLED); \
	again() { \
		failed=$$(grep -c :: $$1/v/cache/lastfailed 2>/dev/null); \
		[ $$3 = 1 ] && [ $$failed -le $(AGAIN) ] || return $$3; \
		echo "== $$failed failed while others ran (above); once more, alone:"; \
		$(TESTS) -m "$$2" -v --last-failed --last-failed-no-failures none -o cache_dir=$$1; \
	}; \
	nice -n 5 $(TESTS) -m "not long and not system" -n $(COMPUTE) -o cache_dir=$(APART) > $(APART).log 2>&1 & apart=$$!; trap 'kill $$apart' INT TERM; \
	$(TESTS) -m "not long and system" -n $(CALLS) -o cache_dir=$(CALLED); calls=$$?; \
	wait $$apart; code=$$?; cat $(APART).log; \
	again $(CALLED) "not long and system" $$calls; calls=$$?; \
	again $(APART) "not long and not system" $$code; code=$$?; \
	exit $$((calls | code))

# Properties are searched with so many times the examples of `test`, and with others in each run.
EXAMPLES = 20

test-long: setup prompts $(SITE)
	@SANTRAL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest

# Tables and pictures of docs/, drawn from the code and the engine; tests fail when they are old.
pictures: setup prompts
	@$(BIN)/python -m guide.reference
	@$(BIN)/python -m guide.pictures
	@$(BIN)/santral prompts report --sounds $(SOUNDS) --out .cache/prompts.html --picture docs/pictures/prompts.png
	@rm -rf .cache/day && $(BIN)/santral lab day .cache/day --date 2026-03-02 --contacts 14000
	@$(BIN)/santral report day 2026-03-02 .cache/day --html .cache/report.html --picture docs/pictures/report.png
	@SANTRAL_PICTURES=docs/pictures $(BIN)/python -m pytest -q tests/integration/desk/pages/test_desk_pictures.py

$(PAGE): $(NODE)
	@echo "== installing Node from the Python package index"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[vendor]'
	@touch $(PAGE)

# The SIP library of the page, bundled into one file that is committed. Only this target needs Node and its registry.
vendor: $(PAGE)
	@$(BIN)/python -m guide.vendor

$(SITE): $(NODE)
	@echo "== installing what the site of docs/ needs"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $(SITE)

# The site of docs/, in English and Turkish. A dead link or an unknown reference ends the build.
docs: $(SITE)
	@for language in en tr; do $(BIN)/python -m sphinx -W --keep-going -q -b html -d .cache/site/.doctrees/$$language -D language=$$language docs .cache/site/$$language || exit 1; done
	@echo "== open .cache/site/en/index.html (English) or .cache/site/tr/index.html (Türkçe)"

# Language of names, docstrings and pages: figures with their goals. `python -m guide.language --findings` lists places.
language: $(NODE)
	@$(BIN)/python -m guide.language

# Modules of each folder and the longest functions.
structure: $(NODE)
	@$(BIN)/python -m guide.structure

# Asterisk is fetched while pip and the prompts are at work. If that fails, the demo tries again and says why. A demo
# imports a part of all modules. Python compiles these on import, which takes a third off the work of pip.
demo: lab
	@$(PYTHON) -c 'from lab.pbx.fetch import find_asterisk; find_asterisk()' </dev/null >/dev/null 2>&1 &
	@$(MAKE) --no-print-directory prompts QUICK=--no-compile
	@$(BIN)/santral lab demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

# The Debian package. `collect` needs the package index, `build` needs no network.
deb:
	@/usr/bin/python3 deploy/deb/build.py collect
	@/usr/bin/python3 deploy/deb/build.py build

voices: install
	@$(BIN)/santral prompts voices

clean:
	rm -rf $(VENV) .cache build *.egg-info

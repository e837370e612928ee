# The commands a newcomer types. Everything happens inside this folder, in .venv and runs/.
#   make run     install, execute lessons 07 and 10: train softmax loss, center loss and DACL, compare them, report
#   make test    install, run every test
#   make lab     install, open JupyterLab on the first notebook
#   make site    install, build the lessons, the ledger and the reference as static pages in build/site
#   make torture    kill, fill, damage and mislead for 20 minutes; goes on where it stopped (KINDS="kills disk": only these)
#   make study   the study of the bundled faces, 191 runs: hours, resumable (make study-smoke: a minute)
#   make course-demo    two classes hand in, of 30 and of 100: release, collect, grade, feedback, counts
#   make assignments    write the students' versions from the instructor's sources
#   make notebooks      execute the notebooks and store their outputs (NAMES="05 06": only some)
#   make audit  what is installed, against the lock; needs no network
#   make check  ruff and mypy alone, without changing anything; make lint mends what they can mend
#   make test-browser   open notebooks, explorers, report and site in a real browser
# PYTHON=python3.12 chooses the interpreter; TORCH=cpu (or a CUDA tag such as cu130) chooses the torch build.
PYTHON ?= python3
TORCH ?=
VENV := .venv
BIN := $(VENV)/bin
# Modules rather than commands: a command begins with the path of its Python, which fails where that holds a quote, or
# where the folder was moved.
RUN := $(BIN)/python -m
LOCK := requirements.lock
NEEDS := pyproject.toml $(LOCK) Makefile

.DEFAULT_GOAL := help
.PHONY: help install run check audit test torture test-browser lab site course-demo study study-smoke assignments notebooks lint lock clean

help:
	@sed -n 's/^#   //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "error: $$($(PYTHON) --version) found, but Python 3.11, 3.12 or 3.13 is needed — make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# pip reads the machine's own settings; with TORCH set, uv is used, which knows where each torch build is kept.
ifeq ($(TORCH),)
INSTALL = $(RUN) pip install --quiet --disable-pip-version-check
else
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend=$(TORCH)
endif

$(BIN)/uv: $(BIN)/python
	$(RUN) pip install --quiet --disable-pip-version-check -c $(LOCK) uv

$(VENV)/installed-run: $(NEEDS) $(BIN)/python $(if $(TORCH),$(BIN)/uv)
	@echo "Installing into $(VENV): a few minutes, about 7 GB, most of it torch"
	$(INSTALL) -c $(LOCK) -e '.[notebooks]'
	@touch $@

$(VENV)/installed-test: $(VENV)/installed-run
	$(INSTALL) -c $(LOCK) -e '.[notebooks,course,timm,pml,site,dev]'
	@bash tools/install_browser.sh
	@touch $@

install: $(VENV)/installed-run

run: install
	$(RUN) dacl_edu demo

lab: install
	$(RUN) dacl_edu lab --in-place

check: $(VENV)/installed-test
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

# Versions that differ from those tested, and requirements that contradict one another.
audit: $(VENV)/installed-test
	$(RUN) pip check --disable-pip-version-check
	$(RUN) tools.lock --check

# Two processes, one thread each: more threads than cores wait for one another.
test: check
	$(RUN) pytest -n 2 --dist loadfile -m "not browser"
	$(RUN) pytest -q --nbval --nbval-current-env -n 2 --dist loadfile notebooks studies
	$(RUN) pytest -q tests/notebooks/test_in_browser.py tests/course/test_in_browser.py -k "00_start_here or course"

# In a real browser: every notebook in JupyterLab (Run All, no error, a moved control changes its figure), the explorers in
# JupyterLab and as pages, the report, the site. About 10 minutes.
test-browser: $(VENV)/installed-test
	$(RUN) pytest -m browser tests

# Says what was tried, what survived and what was lost, kind by kind; fails where anything was lost.
torture: $(VENV)/installed-test
	$(RUN) tools.torture $(KINDS)

site: $(VENV)/installed-test
	$(BIN)/python -m tools.site_builder

$(VENV)/installed-course: $(VENV)/installed-run
	$(INSTALL) -c $(LOCK) -e '.[notebooks,course]'
	@touch $@

# 20 of the 30 are damaged or hostile. Prints who got what, and fails where that is not what was due.
course-demo: $(VENV)/installed-course
	$(BIN)/python -m tools.course_demo

# Hours, and resumable; then the small files that are kept.
study: install
	$(RUN) dacl_edu sweep studies/bundled/plan.toml --out runs/study
	$(RUN) tools.study_data runs/study-data
	$(RUN) dacl_edu sweep studies/bundled/conditions.toml --out runs/study
	$(RUN) tools.what_stops runs/study runs/what-stops
	$(RUN) tools.study runs/study

study-smoke: install
	$(RUN) dacl_edu sweep studies/bundled/smoke.toml --out runs/study-smoke
	$(RUN) dacl_edu compare runs/study-smoke

assignments: $(VENV)/installed-test
	$(RUN) tools.notebooks assignments
	$(RUN) dacl_edu course students notebooks/assignments

# Executes the notebooks and stores their outputs; make notebooks NAMES="05 06" only some.
notebooks: $(VENV)/installed-test
	$(BIN)/python -m tools.notebooks $(NAMES)

lint: $(VENV)/installed-test
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) mypy

lock: $(VENV)/installed-test
	$(BIN)/python -m tools.lock > $(LOCK)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

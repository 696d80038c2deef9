# `make` or `make help` says what there is. The work is done by cargo, and by small scripts in deploy/, grafana/, helm/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# What deploy/local/setup.sh fetched comes first; Debian's servers live in sbin.
export PATH := $(CURDIR)/.local/venv/bin:$(PATH):/usr/sbin:/sbin

.PHONY: help
help: ## say what there is
	@echo "make …"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# ---- every day

.PHONY: build
build: ## build the one binary, target/release/ampwarden
	cargo build --locked --release

.PHONY: demo
demo: ## a fleet on real servers on this machine; DURATION=60 ends by itself and checks what it did
	@deploy/local/setup.sh demo
	@python3 deploy/local/demo

.PHONY: test
test: ## all that must hold before a change lands, with the minutes of each step
	@deploy/local/test.sh

.PHONY: setup
setup: ## install what demo and tests need (deploy/local/setup.sh says how)
	@deploy/local/setup.sh demo test

.PHONY: faults
faults: ## the fault suite in its long form: kills, power cuts, full disks, broken networks, storms (make test runs a short one)
	@deploy/local/setup.sh test
	AMPWARDEN_FAULTS=long cargo test --locked --workspace --test faults -- --nocapture --test-threads=1

.PHONY: drill
drill: ## do twenty faults to a running stack: each alert comes, leads to its runbook and board, and ends (make test does three)
	@deploy/local/setup.sh test
	AMPWARDEN_DRILLS=long cargo test --locked -p integration --test drills -- --nocapture

.PHONY: bench
bench: ## measurements beside floors and peers, three runs each; ONLY=events|journal|acknowledge|calls|growth|idle|late|backlog (backlog: 10 million events, minutes)
	@deploy/local/setup.sh test
	cargo build --locked --release -p ampwarden -p bench
	AMPWARDEN_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target))/release/ampwarden $(or $(CARGO_TARGET_DIR),target)/release/bench $(ONLY)

.PHONY: quality
quality: ## how well odd sessions are found: classical sets beside scikit-learn and PyOD, real sessions with injected faults; forecasts beside gradient boosting; ONLY=adbench|injected|forecast
	@deploy/local/setup.sh quality
	cargo build --locked --workspace --bin quality
	$(or $(CARGO_TARGET_DIR),target)/debug/quality $(ONLY)

.PHONY: fuzz
fuzz: ## fuzz every decoder, FUZZ_SECONDS (60) for each target, one a core at a time; ONLY=ocpp names one
	@deploy/local/setup.sh test
	fuzz/run.sh $(ONLY)

# ---- one by one

.PHONY: fmt
fmt: ## format the Rust code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	cargo fmt --manifest-path bench/stores/Cargo.toml

.PHONY: lint
lint: lint-scripts ## clippy without warnings, shellcheck
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: lint-scripts
lint-scripts:
	@deploy/local/setup.sh checks
	shellcheck .ci/run $$(git ls-files --cached --others --exclude-standard '*.sh')

.PHONY: check-layout
check-layout: ## who may import whom, and how long a file may get
	cargo test --locked --quiet -p integration --test layout

.PHONY: boards
boards: ## render grafana/dashboards from their code
	@deploy/local/setup.sh boards
	cd grafana && npm run --silent build

.PHONY: check-boards
check-boards: ## fail when a board differs from its code or breaks a rule of ours
	@deploy/local/setup.sh boards
	cd grafana && npm run --silent check

.PHONY: rules
rules: ## render rules, their tests and the table of docs/alerts.md from prometheus/source
	@deploy/local/setup.sh checks
	python3 prometheus/render.py

.PHONY: pictures
pictures: ## draw every board from a running make demo into grafana/preview/out; BOARDS=grafana/dashboards/ampwarden-fleet.json draws one
	@deploy/local/setup.sh pictures
	node grafana/preview/preview.mjs --prom http://127.0.0.1:$(or $(DEMO_PROMETHEUS_PORT),9090) --qdb http://127.0.0.1:$(or $(DEMO_QUESTDB_PORT),9000) \
		$(PICTURES) $(or $(BOARDS),$(wildcard grafana/dashboards/*.json))

.PHONY: check-rules
check-rules: ## check and unit-test the recording and alerting rules
	@deploy/local/setup.sh checks
	prometheus/check.sh

.PHONY: chart
chart: ## lint, render and validate the Helm chart
	@deploy/local/setup.sh chart
	python3 -m unittest discover --start-directory helm/tests

.PHONY: check-deploy
check-deploy: ## parse the compose file, the units and the links of the documents
	@deploy/local/setup.sh checks
	python3 -m unittest discover --start-directory deploy/tests

.PHONY: deny
deny: ## licences, bans and sources of all dependencies (fetches cargo-deny: minutes at the first time)
	@deploy/local/deny.sh licenses bans sources

.PHONY: clean-local
clean-local: ## forget the demo's data and all that was fetched into .local
	rm -rf .local

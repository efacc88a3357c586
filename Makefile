# Everything a person does with this repository. `make help` lists it.

CONFIG ?= config/holdfast.toml
DEMO_ARGS ?=
LOAD_ARGS ?=
SOAK_SECONDS ?= 600
FUZZ_SECONDS ?= 60
KILLS ?= 30
SEED ?=

# The tests and `make test` use one build profile, so that a cold checkout is compiled once.
BINARY := $(CURDIR)/target/debug/holdfast
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)

# What the binary embeds, and everything that it is made of.
CONSOLE := console/dist/page/index.html
CONSOLE_SOURCES := $(shell find console/src console/public console/index.html console/*.json console/*.ts -type f)
NODE_MODULES := console/node_modules/.package-lock.json

# On a build machine nothing is built twice: incremental state and full debug info only cost time.
ifdef CI
export CARGO_INCREMENTAL := 0
export CARGO_PROFILE_DEV_DEBUG := line-tables-only
export CARGO_TERM_COLOR := never
export NEXTEST_PROFILE := ci
endif

.PHONY: help setup run demo build console fmt lint doc doctest rules types check-config browser nextest test bench load soak kills fuzz deny

help: ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Install what the tests need (Debian packages; as root or with sudo)
	@scripts/setup test

console: $(CONSOLE) ## Build the console, which the next build of the binary embeds

$(CONSOLE): $(CONSOLE_SOURCES) $(NODE_MODULES)
	cd console && npm run --silent check && npm run --silent build
	@touch $@

$(NODE_MODULES): console/package.json console/package-lock.json
	@scripts/setup build
	cd console && npm ci
	@touch $@

run: console ## Build and start the engine with CONFIG (config/holdfast.toml)
	@scripts/setup build
	cargo build --release --package holdfast
	exec target/release/holdfast serve --config $(CONFIG)

demo: console ## Start the engine with simulated callers and operators (DEMO_ARGS="--calls-per-hour 600")
	@scripts/setup build
	cargo build --release --package holdfast
	exec target/release/holdfast demo $(DEMO_ARGS)

build: console ## Build the release binary, target/release/holdfast
	@scripts/setup build
	cargo build --release --package holdfast

fmt: ## Check the formatting
	cargo fmt --all --check

lint: ## Clippy over everything, warnings denied
	cargo clippy --quiet --workspace --all-targets -- -D warnings

doc: ## Build the documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items

doctest: ## Run the examples in the documentation
	cargo test --quiet --workspace --doc

rules: ## Check the Prometheus rules and run their tests
	promtool check config --syntax-only config/prometheus/prometheus.yml
	promtool check rules config/prometheus/rules.yml
	promtool test rules config/prometheus/rules.test.yml

types: ## Renew the console's types after the feed's messages changed
	UPDATE_EXPECT=1 cargo test --quiet --package feed --lib the_consoles_types

check-config: console ## Let the binary check the configuration that ships
	cargo build --package holdfast
	$(BINARY) check --config $(CONFIG)

browser: console ## Test the console: units, and pages in Chromium against the real engine
	cargo build --package holdfast
	cd console && npm run --silent test
	cd console && HOLDFAST_BIN=$(BINARY) npm run --silent browser

# Unit tests, scenarios, fixtures, the benches once each, and the end-to-end tests with real peers.
nextest: console ## Run all tests of crates except the documentation's
	cargo build --package holdfast
ifeq ($(NEXTEST),yes)
	HOLDFAST_BIN=$(BINARY) cargo nextest run --workspace --all-targets
else
	HOLDFAST_BIN=$(BINARY) cargo test --workspace --all-targets --no-fail-fast
endif

# The runner with the summary comes last.
test: setup fmt console lint doc doctest rules check-config browser nextest ## Everything that must pass before a change goes in

bench: ## Run the criterion benches
	cargo bench --package benches

load: ## Measure the queue under load: engine on core 0, generator on core 1 (LOAD_ARGS="--rate 500")
	scripts/load $(LOAD_ARGS)

soak: ## 500 talking and 2,000 held callers, 20 a second coming and going, for SOAK_SECONDS (600); fails on loss, pauses and leaks
	cargo build --release --package benches --bin rtp_load
	target/release/rtp_load --talking 500 --held 2000 --churn 20 --seconds $(SOAK_SECONDS) --gap-max 60

fuzz: ## Fuzz what reads RTP, RTCP, SRTP, keys and SDP, each for FUZZ_SECONDS (60)
	scripts/fuzz $(FUZZ_SECONDS)

kills: ## Kill the engine at random moments of a busy floor, KILLS times (30); SEED=n repeats a run
	cargo build --package holdfast --package tests --bin holdfast --test recovery
	HOLDFAST_BIN=$(BINARY) HOLDFAST_SOAK_KILLS=$(KILLS) HOLDFAST_SOAK_SEED=$(SEED) \
		cargo test --package holdfast --package tests --bin holdfast --test recovery -- --ignored --nocapture --test-threads=1

deny: ## Check licences, sources and advisories of the dependencies (needs cargo-deny)
	cargo deny check

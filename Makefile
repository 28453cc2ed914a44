# make help lists the targets.
GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# By executions, not by time: at its time limit go test may report a run that it cut off itself as failed (context deadline exceeded).
FUZZTIME ?= 3000x
SEEDS   ?= 2000
SEED    ?= 0
ARGS    ?=
CHAOS   ?=

.PHONY: help build test race sim chaos clients k8s lint fuzz bench proto docs tidy demo clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build: ## build bin/amibus
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/amibus ./cmd/amibus

test: ## run all tests
	$(GO) test ./...

# One package at a time: the detector makes them slow, and those that start processes wait for them.
race: ## run all tests with the race detector (needs a C compiler)
	$(GO) test -race -p 1 ./...

sim: ## simulate clusters under faults: SEEDS (2000) runs, from SEED (0) on; and half as many of the call engine
	$(GO) test ./bus/merge -run '^TestChaos$$' -count 1 -timeout 12h -seeds $(SEEDS) -seed $(SEED)
	$(GO) test ./node/engine/internal/pbx -run '^TestNoOrder' -count 1 -timeout 12h -seeds $$(($(SEEDS) / 2)) -seed $(SEED)
	$(GO) test ./node/engine -run '^TestLoad$$' -count 1 -timeout 12h -seeds $$(($(SEEDS) / 200)) -seed $(SEED)

# CHAOS: -short for 5 kills and cuts of 3 and 25 s; go doc ./node/chaos says what is compared.
chaos: ## kill, freeze, slow down and cut off real processes in network namespaces (Linux, root); make chaos CHAOS=-short does less
	$(GO) test -tags chaos -count=1 -v -timeout 30m -run '^Test(Kill|Cut|Freeze|Slow|Chaos)' ./node/chaos $(CHAOS)

clients: ## try unmodified AMI clients of the npm registry on three nodes (needs node and npm)
	@if command -v node >/dev/null && command -v npm >/dev/null; then cd cmd/amibus/testdata/clients && npm ci --silent; \
	  else echo "no node and npm: clients SKIPPED"; fi
	$(GO) test ./cmd/amibus -count=1 -v -timeout 5m -run '^TestClients$$'

k8s: ## check the kustomizations against the API types of Kubernetes, in a module of its own
	cd deploy/k8s/test && $(GO) vet ./... && $(GO) test ./...

lint: ## gofmt, go vet, staticcheck, buf lint
	@out=$$(gofmt -l $$(git ls-files '*.go' | grep -v '\.pb\.go$$')); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags invariants ./bus/merge
	$(GO) vet -tags chaos ./node/chaos
	$(TOOL) staticcheck ./...
	$(TOOL) staticcheck -tags chaos ./node/chaos
	cd proto && $(GO) tool -modfile=../tools/go.mod buf lint

fuzz: ## run every fuzzer for FUZZTIME executions (3000x)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzzminimizetime 10x -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

proto: ## generate Go from proto/, the tables from testdata/ami, and docs; leaves the tree clean
	cd proto && $(GO) tool -modfile=../tools/go.mod buf generate
	$(GO) generate ./...

docs: ## generate docs/ami-conformance.md from the directives in the tests, docs/actions.md from the table, docs/metrics.md from a node
	$(GO) generate ./node/amiserver/internal/conformance ./node/actions
	$(GO) test ./node -count=1 -run '^TestMetrics$$' -update

tidy: ## tidy the modules
	$(GO) mod tidy
	cd tools && $(GO) mod tidy
	cd deploy/k8s/test && $(GO) mod tidy

demo: ## three nodes in one process with a live view; make demo ARGS="--for 10s" ends by itself
	$(GO) run ./cmd/amibus demo $(ARGS)

clean: ## remove what was built
	rm -rf bin

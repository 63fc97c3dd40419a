# Without a goal, make prints this list.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Some goals write what others compile.
.NOTPARALLEL:

GO ?= go
IMAGE ?= crossoverjie/k8s-combat
TAG ?= v1
PLATFORMS ?= linux/amd64,linux/arm64

# Tools are pinned here and run from the module cache: nothing is installed.
GOLANGCI_LINT := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run --config $(CURDIR)/.golangci.yml

# The race detector needs a C compiler. What talks to jsii runs without it: jsii is not made for concurrency.
RACE ?= $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),$(if $(shell command -v $$($(GO) env CC) 2>/dev/null),-race))
JSII_PACKAGES := ./infra/conformance/... ./infra/cmd/... ./infra/bench/...

# A module of its own: it links the API server.
FUZZ := infra/internal/fuzz

# Modules of their own, which link other analyzers and Istio. Compiling them takes minutes: they are not among MODULES.
PEERS := infra/internal/peers/beside
ISTIOD := infra/internal/istiod

HELM := helm.sh/helm/v4/cmd/helm@v4.3.1
BENCH_TOOLS := $(CURDIR)/.bench
BENCH_RUNS ?= 5

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: imports
imports: ## generate imports/ from the modules in go.mod
	$(GO) generate ./imports/...

.PHONY: synth
synth: ## write the manifests to dist/
	$(GO) run ./infra/cmd/combat synth

.PHONY: map
map: ## draw the picture of a traffic map for the READMEs
	$(GO) run ./infra/cmd/combat map dist/07-weights.k8s.yaml -o docs/traffic-map.svg

SCREENSHOTS ?= $(CURDIR)/.screenshots

.PHONY: screenshots
screenshots: ## take pictures of the page of the traffic map, light and dark, to SCREENSHOTS
	mkdir -p $(SCREENSHOTS)
	SCREENSHOTS=$(SCREENSHOTS) $(GO) test -count=1 -run '^TestPage' ./infra/cmd/combat/internal/trafficmap/

GENERATED := imports dist docs/traffic-map.svg

.PHONY: check-clean
check-clean: imports synth map ## expect that imports, synth and map leave the tree as committed
	@changed=$$(git status --porcelain -- $(GENERATED)) && test -z "$$changed" || { git status --short -- $(GENERATED); git --no-pager diff -- $(GENERATED); echo "make check-clean: generated files are not as committed: read the difference, and commit it" >&2; exit 1; }

# Modules of their own, which use this one as others do, or whose dependencies are not everybody's.
MODULES := $(filter-out $(ISTIOD)/,$(dir $(wildcard examples/*/go.mod infra/internal/*/go.mod)))

# Their tests measure memory, of which the race detector takes a multiple.
MEASURED := app app/internal/httpserver

.PHONY: test
test: ## run all tests
	$(GO) test $(RACE) $$($(GO) list ./... | grep -v -e /infra/conformance -e /infra/cmd -e /infra/bench -e '/infra/e2e$$' $(MEASURED:%=-e '/%$$'))
	$(GO) test $(MEASURED:%=./%)
	$(GO) test $(JSII_PACKAGES)
	set -e; for module in $(MODULES); do (cd $$module && $(GO) test ./...); done
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo "make test: SKIPPED what opens the traffic map in a browser: no program chromium is on the PATH"
	@command -v node >/dev/null || echo "make test: SKIPPED what compares with the official cdk8s tree: it needs Node.js, and no program node is on the PATH"
	@test -n "$$KUBECONFIG" || echo "make test: SKIPPED what needs a cluster: KUBECONFIG is not set; see make e2e"

# How many random trees are compared, and which: another seed gives others.
CASES ?= 21000
SEED ?= 1

.PHONY: conformance
conformance: ## compare random trees with cdk8s (CASES, SEED) and write the report
	CONFORMANCE_CASES=$(CASES) CONFORMANCE_SEED=$(SEED) CONFORMANCE_REPORT=REPORT.md $(GO) test -count=1 -timeout 60m -run '^TestRandomTrees$$' -v ./infra/conformance/

# How many random apps are made, and which: another seed gives others.
FUZZ_APPS ?= 150000

.PHONY: fuzz
fuzz: ## fill constructs with random props (FUZZ_APPS, SEED)
	cd $(FUZZ) && FUZZ_APPS=$(FUZZ_APPS) SEED=$(SEED) $(GO) test -count=1 -timeout 60m -run '^TestRandomApps$$' -v .

.PHONY: check-corpus
check-corpus: ## print how many broken sets combat check and its peers find, and their false alarms
	$(GO) test -count=1 -run '^TestCorpus$$' -v ./infra/check/ | grep -e '^corpus:' -e FAIL
	cd $(PEERS) && $(GO) test -count=1 -run '^TestCorpus$$' -v . | grep -e '^corpus:' -e FAIL

.PHONY: check-peers
check-peers: ## run the check on the testdata of other analyzers (KUBE_LINTER=SOURCE); UPDATE=1 writes what it finds there
	cd $(PEERS) && $(GO) test -count=1 -run '^Test(Istio|Kube)' -v . $(if $(UPDATE),-update)

.PHONY: fuzz-check
fuzz-check: ## check random manifests for ten minutes
	$(GO) test -run '^$$' -fuzz '^FuzzCheck$$' -fuzztime 10m -fuzzminimizetime 10x ./infra/check/

# How many random sets of routes are compared with Istio's, and which: another seed gives others.
TRAFFIC_SETS ?= 500
TRAFFIC_SEED ?= $(shell date +%s)

.PHONY: traffic
traffic: ## compare random routes with what Istio makes of them (TRAFFIC_SETS, TRAFFIC_SEED)
	cd $(ISTIOD) && TRAFFIC_SETS=$(TRAFFIC_SETS) TRAFFIC_SEED=$(TRAFFIC_SEED) $(GO) test -count=1 -timeout 120m -run '^TestAsIstio$$' -v . | grep -e TRAFFIC_SEED -e requests -e FAIL -e '^ok'

.PHONY: fuzz-traffic
fuzz-traffic: ## ask random manifests where requests go, for ten minutes
	$(GO) test -run '^$$' -fuzz '^FuzzExplain$$' -fuzztime 10m -fuzzminimizetime 10x ./infra/traffic/engine/

.PHONY: check-page
check-page: ## write the page of all rules
	$(GO) run ./infra/cmd/combat check --page >docs/check.md

.PHONY: lint
lint: ## check format, go.mod and what .golangci.yml names
	@files=$$(gofmt -l .); test -z "$$files" || { echo "make lint: not formatted, run gofmt -w: $$files" >&2; exit 1; }
	$(GO) mod tidy -diff
	$(GOLANGCI_LINT) ./...
	set -e; for module in $(MODULES); do (cd $$module && $(GO) mod tidy -diff && $(GOLANGCI_LINT) ./...); done

.PHONY: bench-tools
bench-tools: ## install what make bench compares with
	GOBIN=$(BENCH_TOOLS) $(GO) install $(HELM)
	cp infra/bench/cdk8s/package.json $(BENCH_TOOLS)/
	npm install --prefix $(BENCH_TOOLS) --no-package-lock --ignore-scripts --no-audit --no-fund

.PHONY: bench
bench: ## measure synth beside other renderers
	$(GO) run ./infra/bench -tools $(BENCH_TOOLS) -runs $(BENCH_RUNS)

.PHONY: bench-app
bench-app: ## measure the sample service beside bare servers, and PODINFO=PATH
	$(GO) run ./app/bench -podinfo "$(PODINFO)"

.PHONY: e2e
e2e: ## test on the cluster that KUBECONFIG names
	$(GO) test -count=1 -v -parallel 4 -timeout 45m ./infra/e2e/

.PHONY: run
run: ## run the sample service here
	$(GO) run ./app

.PHONY: docker
docker: ## build the image for all platforms; PUSH=1 pushes it
	docker buildx build --platform $(PLATFORMS) --tag $(IMAGE):$(TAG) $(if $(PUSH),--push) .

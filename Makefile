# What a developer and CI run. "make" lists it.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
CASES       ?= 10000

export ASTRONNX_CACHE ?= $(CURDIR)/.cache
ORT_LIB := $(ASTRONNX_CACHE)/onnxruntime/lib/libonnxruntime.so.1

# Packages where goroutines meet. "make nightly" runs the race detector over all of them.
RACE := ./runtime/... ./internal/engine/... ./internal/kernel/... ./dataset ./tools/...

SOURCES = git ls-files --cached --others --exclude-standard

.PHONY: help deps capi wheel demo test check build lint check-generate bench fuzz sanitize nightly size api generate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

deps: ## put libonnxruntime, sky maps, official cases and a reference Python into the cache
	go mod download github.com/owulveryck/onnx-go
	go run ./tools/obtain

capi: ## build the C library, its header and pkg-config file into bin/capi
	capi/build.sh bin/capi

wheel: deps ## build the Python package, the C library inside, into bin/wheel; for arm64 too where there is a cross compiler
	PYTHON=$(ASTRONNX_CACHE)/python/bin/python python/wheel.sh bin/wheel
	! command -v aarch64-linux-gnu-gcc || \
		GOARCH=arm64 CC=aarch64-linux-gnu-gcc PYTHON=$(ASTRONNX_CACHE)/python/bin/python python/wheel.sh bin/wheel

demo: ## obtain what is missing, run networks over a WMAP map and train one, into demo/
	go run ./tools/obtain onnxruntime healpy-data
	go build -o bin/ ./cmd/astronnx
	ASTRONNX_ORT_LIB=$(ORT_LIB) bin/astronnx demo --out demo

test: deps ## all tests; what is missing is a failure, not a skip
	ASTRONNX_REQUIRE=1 go test ./...
	ASTRONNX_REQUIRE=1 go test -race $(RACE)
	CGO_ENABLED=0 go test ./...
	go test -tags purego ./...

check: build lint check-generate api ## what must hold before a commit lands, tests aside; leaves a clean tree
	go test ./internal/boundary
	go mod tidy -diff
	git diff --exit-code

build: ## compile and vet everything with and without cgo, with and without assembly and C kernels
	for cgo in 0 1; do for tags in "" purego; do \
		echo "CGO_ENABLED=$$cgo -tags '$$tags'"; \
		CGO_ENABLED=$$cgo go build -tags "$$tags" ./... || exit 1; \
		CGO_ENABLED=$$cgo go vet -tags "$$tags" ./... || exit 1; \
	done; done

lint: ## gofmt and staticcheck
	@bad=$$(gofmt -l $$($(SOURCES) '*.go')); [ -z "$$bad" ] || { echo "gofmt these: $$bad"; exit 1; }
	go run $(STATICCHECK) ./...

check-generate: ## generated code is what its sources say
	$(MAKE) --no-print-directory generate
	git diff --exit-code -- internal/onnxpb

bench: deps ## side by side with peers, ratios in one run; PyTorch where it can be had
	-go run ./tools/obtain torch torch-debian
	ASTRONNX_ORT_LIB=$(ORT_LIB) go run ./bench

fuzz: deps ## each Fuzz function for FUZZTIME
	@grep -r --include='*_test.go' --exclude-dir='.?*' -o '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do \
		echo "$$file $$func"; \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" || exit 1; \
	done

sanitize: deps ## the C library and its programs with AddressSanitizer: no access to memory of others, and nothing left behind
	ASTRONNX_REQUIRE=1 ASTRONNX_SANITIZE=1 go test -count=1 -timeout 1h ./capi ./conformance -run 'TestExample|TestMisuse|TestValues|TestStress|TestFit|TestCLibrary'

nightly: deps sanitize ## CASES random cases where "make test" takes few, and the race detector everywhere
	ASTRONNX_REQUIRE=1 ASTRONNX_CASES=$(CASES) go test -count=1 -timeout 3h ./...
	ASTRONNX_REQUIRE=1 go test -race -timeout 1h ./...

size: ## hand-written lines a package, and files past 500
	@$(SOURCES) '*.go' '*.c' '*.h' ':!*_test.go' ':!*.pb.go' | xargs wc -l | awk '$$2 != "total" { \
		dir = $$2; if (!sub("/[^/]*$$", "", dir)) dir = "."; lines[dir] += $$1; all += $$1; if ($$1 > 500) long = long "\n" $$0 } \
		END { for (d in lines) printf "%7d %s\n", lines[d], d | "sort -k2"; close("sort -k2"); printf "%7d in all\n", all; \
		if (long) print "past 500 lines:" long }'

api: ## write the public API down; the diff is for a reviewer to judge
	mkdir -p runtime/testdata
	go doc -all ./runtime > runtime/testdata/api.txt

generate: bin/protoc ## generated code, with the pinned protoc
	go run ./tools/obtain python
	PATH="$(CURDIR)/bin:$$PATH" go generate ./internal/onnxpb

bin/protoc: Makefile
	@mkdir -p bin
	@printf '#!/bin/sh\nexec "%s" -m grpc_tools.protoc -I. "$$@"\n' '$(ASTRONNX_CACHE)/python/bin/python' >$@
	@chmod +x $@

clean: ## what was built; the cache stays
	rm -rf bin demo

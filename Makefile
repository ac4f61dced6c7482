# Anvil's verbs. `make deps test` is all the set-up there is.

SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT := mvdan.cc/gofumpt@v0.9.2
FUZZTIME ?= 60s
SOAKTIME ?= 30m

# Debian and Ubuntu names of what the tests use beside Go, git and make:
# gcc for the race detector, the others as oracles.
PACKAGES := gcc libc6-dev git openssh-client python3-cryptography ruby-liquid unzip vim

# The race detector needs a C compiler; without one the tests run without it and say so.
RACE := $(shell if command -v $${CC:-gcc} >/dev/null 2>&1; then echo -race; fi)

.PHONY: help demo build deps check test limits soak-short soak fuzz bench clean

help:
	@echo "make demo        a save in an editor reaches an application, shown"
	@echo "make build       bin/anvil"
	@echo "make deps        install what the tests use (Debian, Ubuntu; elsewhere: the list)"
	@echo "make check       vet, staticcheck, format, other platforms"
	@echo "make test        every test, with the race detector, and the time limits"
	@echo "make limits      the time limits alone"
	@echo "make soak-short  crash loops, soaks and model tests, short forms"
	@echo "make soak        the same, long (SOAKTIME=$(SOAKTIME))"
	@echo "make fuzz        every fuzz test for FUZZTIME=$(FUZZTIME)"
	@echo "make bench       the benchmarks"

demo:
	$(GO) run ./cmd/anvil demo

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/anvil ./cmd/anvil

deps:
	@.ci/deps $(PACKAGES)
	$(GO) mod download

check:
	$(GO) vet ./...
	$(GO) vet -tags soak,limits,bench ./...
	@out=$$($(GO) run $(GOFUMPT) -l . ) && [ -z "$$out" ] || { echo "not gofumpt-formatted:"; echo "$$out"; exit 1; }
	$(GO) run $(STATICCHECK) ./...
	@for os in darwin windows; do echo "build for $$os"; CGO_ENABLED=0 GOOS=$$os $(GO) vet ./... || exit 1; done
	@$(GO) mod verify >/dev/null && $(GO) mod tidy -diff

test:
	@[ -n "$(RACE)" ] || echo "no C compiler: testing without the race detector"
	@.ci/tests -v $(RACE) -shuffle=on ./...
	@$(MAKE) --no-print-directory limits

limits:
	@.ci/tests -v -p 1 -count=1 -run '^TestLimit' -tags limits ./...

soak-short:
	@.ci/tests -v $(RACE) -p 1 -count=1 -timeout 10m -run '^TestSoak' -tags soak ./...

soak:
	ANVIL_SOAK=$(SOAKTIME) $(GO) test $(RACE) -p 1 -count=1 -timeout 0 -run '^TestSoak' -tags soak ./...

fuzz:
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
	  done; done

bench:
	$(GO) test -count=1 -timeout 0 -v -run '^TestGitstoreTable$$' -tags bench ./bench
	$(GO) test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin anvil-demo anvil-demo.state

# The verbs of this repository; `make` alone lists them.
SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
RELEASE = .build/release/archon-backupd

help:
	@sed -n 's/^## //p' Makefile

## deps       install the Debian packages that are missing (scripts/packages.txt)
deps:
	@sh scripts/deps.sh

## build      debug build
build: deps
	$(SWIFT) build

## test       everything: builds, starts its own PostgreSQL, runs all tests
test: deps majors release
	ARCHON_BACKUPD_STATIC=$(CURDIR)/$(RELEASE) $(SWIFT) test

majors: deps
	@sh scripts/majors.sh

## check      formatting, the rules between the layers, schedule and unit file
check: deps
	sh scripts/check.sh

## bench      measure it beside its peers, half an hour, into Benchmarks/RESULTS.md; QUICK=1 tries the harness in two minutes
bench: release
	$(SWIFT) build -c release --static-swift-stdlib --product Benchmarks
	python3 Benchmarks/bench.py $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(RELEASE) .build/release/Benchmarks

## demo       five databases backed up by the daemon, one dropped and brought back, on a throwaway server
demo: deps build
	sh scripts/demo.sh .build/debug/archon-backupd

## release    the binary to install: optimised, Swift's libraries linked in
release: deps
	$(SWIFT) build -c release --static-swift-stdlib --product archon-backupd

## deb        the Debian package, into .build/deb
deb: release
	sh scripts/deb.sh $(RELEASE) .build/deb

## install    all that the package has (scripts/install.sh): PREFIX, default /usr/local, and DESTDIR; schedule.json is kept
install: release
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) sh scripts/install.sh install $(RELEASE)

## uninstall  remove what install put there; dumps, catalog and schedule.json stay
uninstall:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) sh scripts/install.sh uninstall $(RELEASE)

## clean      remove what was built
clean:
	rm -rf .build

.PHONY: help deps majors build test check bench demo release deb install uninstall clean

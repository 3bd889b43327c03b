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

## demo       five databases backed up by the daemon, one dropped and brought back, on a throwaway server
demo: deps build
	sh scripts/demo.sh .build/debug/archon-backupd

## release    the binary to install: optimised, Swift's libraries linked in
release: deps
	$(SWIFT) build -c release --static-swift-stdlib --product archon-backupd

## install    release binary, schedule.json (kept when there) and systemd unit
install: release
	install -D -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/archon-backupd
	install -d -m 0755 $(DESTDIR)/etc/archon-backupd
	[ -e $(DESTDIR)/etc/archon-backupd/schedule.json ] || \
		install -m 0644 config/schedule.json $(DESTDIR)/etc/archon-backupd/schedule.json
	install -D -m 0644 config/schedule.schema.json $(DESTDIR)/etc/archon-backupd/schedule.schema.json
	install -d -m 0755 $(DESTDIR)/etc/systemd/system $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	sed 's|/usr/bin/archon-backupd|$(PREFIX)/bin/archon-backupd|g' systemd/archon-backupd.service \
		> $(DESTDIR)/etc/systemd/system/archon-backupd.service
	if [ "$$(systemctl --version 2> /dev/null | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')" -ge 253 ] 2> /dev/null; then \
		install -D -m 0644 systemd/notify-reload.conf \
			$(DESTDIR)/etc/systemd/system/archon-backupd.service.d/notify-reload.conf; fi
	install -D -m 0644 systemd/archon-backupd.catalog \
		$(DESTDIR)$(PREFIX)/lib/systemd/catalog/archon-backupd.catalog

	install -D -m 0644 systemd/tmpfiles.d/archon-backupd.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/archon-backupd.conf
	@if [ -z "$(DESTDIR)" ]; then \
		systemd-tmpfiles --create $(PREFIX)/lib/tmpfiles.d/archon-backupd.conf; \
		[ ! -d /run/systemd/system ] || { journalctl --update-catalog; systemctl daemon-reload; }; fi

## uninstall  remove what install put there; dumps, catalog and schedule.json stay
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/archon-backupd $(DESTDIR)/etc/systemd/system/archon-backupd.service \
		$(DESTDIR)/etc/systemd/system/archon-backupd.service.d/notify-reload.conf $(DESTDIR)$(PREFIX)/lib/systemd/catalog/archon-backupd.catalog \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/archon-backupd.conf $(DESTDIR)/etc/archon-backupd/schedule.schema.json

## clean      remove what was built
clean:
	rm -rf .build

.PHONY: help deps majors build test check demo release install uninstall clean

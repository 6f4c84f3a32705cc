# SPDX-License-Identifier: LGPL-2.1-or-later
# make install DESTDIR= PREFIX=; make deb and make rpm [RELEASE=1]: nbdd, nbdc, hamon-common, hamon, hamon-witness into build/deb, build/rpm; make dist: the
# sources of the last commit as build/dist/nbdd-VERSION.tar.gz.

SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
MANDIR ?= $(PREFIX)/share/man
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
LIBEXECDIR ?= $(PREFIX)/libexec
INSTALL ?= install

DEPLOY_PROGRAMS := nbdd nbdc hamon hamon-act hamon-rescue hamonctl
DEPLOY_COMMANDS := nbdd nbdc hamonctl
DEPLOY_UNITS := $(patsubst deploy/systemd/%.in,%,$(wildcard deploy/systemd/*.in))
DEPLOY_PLAIN := sysusers.d/hamon.conf sysusers.d/nbdd.conf tmpfiles.d/nbdc.conf modules-load.d/nbdc.conf modules-load.d/nbdd.conf modules-load.d/hamon.conf modprobe.d/nbdc.conf

DEPLOY_COMPLETED := nbdd nbdc hamon-rescue hamonctl

.PHONY: install deb lintian dist rpm
install: $(addprefix $(BUILD)/,$(DEPLOY_PROGRAMS)) $(LIBNBDD)
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(UDEVDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man8
	$(INSTALL) -d -m 0770 $(DESTDIR)$(SYSCONFDIR)/hamon
	$(INSTALL) -m 0755 $(addprefix $(BUILD)/,$(filter-out hamonctl,$(DEPLOY_PROGRAMS))) $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 0755 $(BUILD)/hamonctl $(DESTDIR)$(BINDIR)
	set -e; for unit in $(DEPLOY_UNITS); do \
		sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@BINDIR@|$(BINDIR)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' \
			deploy/systemd/$$unit.in >$(DESTDIR)$(UNITDIR)/$$unit; chmod 0644 $(DESTDIR)$(UNITDIR)/$$unit; done
	set -e; for file in $(DEPLOY_PLAIN); do $(INSTALL) -D -m 0644 deploy/$$file $(DESTDIR)$(PREFIX)/lib/$$file; done
	$(INSTALL) -D -m 0755 deploy/libexec/before-removal $(DESTDIR)$(LIBEXECDIR)/hamon/before-removal
	$(INSTALL) -m 0644 deploy/udev/63-nbdd-legs.rules $(DESTDIR)$(UDEVDIR)
	$(INSTALL) -D -m 0644 deploy/mdadm.conf.d/hamon.conf $(DESTDIR)$(SYSCONFDIR)/mdadm/mdadm.conf.d/hamon.conf
	$(INSTALL) -D -m 0644 deploy/examples/hamon.conf $(DESTDIR)$(PREFIX)/share/doc/hamon-common/examples/hamon.conf
	$(INSTALL) -D -m 0644 deploy/examples/nbdd.conf $(DESTDIR)$(PREFIX)/share/doc/nbdd/examples/nbdd.conf
	$(INSTALL) -m 0755 deploy/examples/seed-demo $(DESTDIR)$(PREFIX)/share/doc/nbdd/examples/seed-demo
	$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/nbdd $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(MANDIR)/man3
	$(INSTALL) -m 0644 $(LIBNBDD) $(DESTDIR)$(LIBDIR)/libnbdd.so.0
	ln -sf libnbdd.so.0 $(DESTDIR)$(LIBDIR)/libnbdd.so
	$(INSTALL) -m 0644 nbdd/client/nbdd.h $(DESTDIR)$(INCLUDEDIR)/nbdd.h
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' nbdd/client/libnbdd.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/libnbdd.pc
	sed 's/@VERSION@/$(VERSION)/' deploy/man/libnbdd.3.in >$(DESTDIR)$(MANDIR)/man3/libnbdd.3
	$(INSTALL) -D -m 0644 deploy/examples/nbdd-list.c $(DESTDIR)$(PREFIX)/share/doc/libnbdd-dev/examples/nbdd-list.c
	$(INSTALL) -d $(DESTDIR)$(MANDIR)/man7
	deploy/make-man7 hamon-troubleshooting "what hamon's reasons mean, and what to do" $(VERSION) <docs/TROUBLESHOOTING.md \
		>$(DESTDIR)$(MANDIR)/man7/hamon-troubleshooting.7
	$(INSTALL) -m 0644 deploy/examples/nftables.conf $(DESTDIR)$(PREFIX)/share/doc/hamon-common/examples/nftables.conf
	set -e; for page in nbdd.conf hamon.conf; do sed 's/@VERSION@/$(VERSION)/' deploy/man/$$page.5.in >$(DESTDIR)$(MANDIR)/man5/$$page.5; done
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	deploy/make-catalog >$(DESTDIR)$(PREFIX)/lib/systemd/catalog/hamon.catalog
	$(INSTALL) -D -m 0644 deploy/grafana/hamon.json $(DESTDIR)$(PREFIX)/share/doc/hamon-common/examples/grafana-hamon.json
	$(INSTALL) -D -m 0644 deploy/prometheus/nbdd-alerts.yml $(DESTDIR)$(PREFIX)/share/doc/hamon-common/examples/nbdd-alerts.yml
	$(INSTALL) -D -m 0644 docs/openapi.yaml $(DESTDIR)$(PREFIX)/share/doc/hamon-common/examples/openapi.yaml
	set -e; for program in $(DEPLOY_COMMANDS); do \
		deploy/make-man $(BUILD)/$$program 1 $(VERSION) >$(DESTDIR)$(MANDIR)/man1/$$program.1; done
	set -e; for program in $(filter-out $(DEPLOY_COMMANDS),$(DEPLOY_PROGRAMS)); do \
		deploy/make-man $(BUILD)/$$program 8 $(VERSION) >$(DESTDIR)$(MANDIR)/man8/$$program.8; done
	$(INSTALL) -d $(DESTDIR)$(BASHCOMPDIR) $(DESTDIR)$(ZSHCOMPDIR)
	set -e; for program in $(DEPLOY_COMPLETED); do \
		deploy/make-completion bash $(BUILD)/$$program >$(DESTDIR)$(BASHCOMPDIR)/$$program; \
		deploy/make-completion zsh $(BUILD)/$$program >$(DESTDIR)$(ZSHCOMPDIR)/_$$program; done

deb: all
	deploy/make-deb $(BUILD) $(VERSION)

lintian: deb
	lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs $(BUILD)/deb/*.deb

dist:
	@mkdir -p $(BUILD)/dist
	git archive --format=tar --prefix=nbdd-$(VERSION)/ HEAD | gzip -n >$(BUILD)/dist/nbdd-$(VERSION).tar.gz

rpm: dist
	deploy/make-rpm $(BUILD) $(VERSION) $(or $(RELEASE),1)

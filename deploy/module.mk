# SPDX-License-Identifier: LGPL-2.1-or-later
# install: DESTDIR= PREFIX= as usual. deb: Debian packages of the programs that are built in $(BUILD), into build/deb.
SBINDIR ?= $(PREFIX)/sbin
UNITS := $(patsubst deploy/systemd/%.in,%,$(wildcard deploy/systemd/*.in))

.PHONY: install deb
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR)
	install -m 755 $(addprefix $(BUILD)/,$(PROGRAMS)) $(DESTDIR)$(SBINDIR)/
	for u in $(UNITS); do sed 's#@SBINDIR@#$(SBINDIR)#' deploy/systemd/$$u.in >$(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	install -D -m 644 deploy/sysusers/nbdd-hamon.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/nbdd-hamon.conf
	install -D -m 644 deploy/tmpfiles/nbdc.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/nbdc.conf
	install -D -m 644 deploy/modprobe/nbdd-nbdc.conf $(DESTDIR)$(PREFIX)/lib/modprobe.d/nbdd-nbdc.conf
	install -D -m 644 deploy/udev/59-nbdd-noscan.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/59-nbdd-noscan.rules
	install -D -m 644 deploy/udev/61-nbdd.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/61-nbdd.rules
	install -D -m 644 deploy/mdadm/nbdd.conf $(DESTDIR)$(SYSCONFDIR)/mdadm/mdadm.conf.d/nbdd.conf
	install -D -m 644 deploy/examples/hamon.conf $(DESTDIR)$(PREFIX)/share/doc/hamon/examples/hamon.conf

deb: all
	@BUILD=$(abspath $(BUILD)) deploy/make-deb build/deb

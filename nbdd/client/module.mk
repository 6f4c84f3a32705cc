# SPDX-License-Identifier: LGPL-2.1-or-later
# libnbdd.so.0 for others' programs; the project's own link libnbdd_client.a. What it needs of lib/ is inside and not visible.
LIBNBDD := $(BUILD)/libnbdd.so.0
LIBNBDD_ARCHIVES := $(addprefix $(BUILD)/lib,net.a wire.a base.a)
ALL_EXTRA += $(LIBNBDD)

$(LIBNBDD): $(addprefix $(BUILD)/obj/nbdd/client/,client.o answers.o) $(LIBNBDD_ARCHIVES) nbdd/client/libnbdd.map
	$(call say,LINK  $@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libnbdd.so.0 -Wl,--version-script=nbdd/client/libnbdd.map $(if $(SAN)$(TSAN),,-Wl,--no-undefined) -o $@ \
		$(filter %.o %.a,$^) $(shell pkg-config --libs libcurl jansson gnutls)

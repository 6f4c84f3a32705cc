# SPDX-License-Identifier: LGPL-2.1-or-later
# A program that uses archive base (its state files) adds gnutls to its _PKGS; one that uses net adds libmicrohttpd, libcurl, jansson.
ARCHIVES += base wire net
base_SRCS := $(wildcard lib/base/*.c)
wire_SRCS := $(wildcard lib/wire/*.c)
net_SRCS := $(wildcard lib/net/*.c)

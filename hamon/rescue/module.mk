# SPDX-License-Identifier: LGPL-2.1-or-later
# hamon-rescue: one disk of a mirror, read without hamon.
PROGRAMS += hamon-rescue
hamon-rescue_SRCS := $(addprefix hamon/rescue/,copy.c main.c window.c) hamon/act/direct_io.c
hamon-rescue_ARCHIVES := hamon_act_pure base
hamon-rescue_PKGS := gnutls jansson

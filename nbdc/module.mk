# SPDX-License-Identifier: LGPL-2.1-or-later
ARCHIVES += nbdc_client
nbdc_client_SRCS := nbdc/client.c nbdc/control_codec.c

PROGRAMS += nbdc
nbdc_SRCS := $(addprefix nbdc/,attach.c attach_kernel.c attach_link.c attach_status.c channel.c classic_greet.c classic_initiate.c classic_process.c classic_start.c control.c device.c dial.c keeper.c link.c list.c \
	main.c negotiate.c netlink.c orphan.c policy_file.c process.c queue.c show.c supervise.c tls_options.c worker.c)
nbdc_ARCHIVES := nbdc_client net wire base
nbdc_PKGS := libsystemd jansson gnutls libnl-genl-3.0 libnl-3.0

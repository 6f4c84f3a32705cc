# SPDX-License-Identifier: LGPL-2.1-or-later
ARCHIVES += nbdc_client
nbdc_client_SRCS := nbdc/client.c nbdc/control_codec.c

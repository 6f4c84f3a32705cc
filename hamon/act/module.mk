# SPDX-License-Identifier: LGPL-2.1-or-later
ARCHIVES += hamon_config
hamon_config_SRCS := hamon/config.c hamon/config_service.c hamon/config_check.c

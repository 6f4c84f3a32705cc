# SPDX-License-Identifier: LGPL-2.1-or-later
# nbdd_client is libnbdd: a program that links it adds net wire base, and libcurl jansson libmicrohttpd gnutls to its _PKGS.
ARCHIVES += nbdd_client nbdd_core
nbdd_client_SRCS := nbdd/client/client.c nbdd/client/answers.c
nbdd_core_SRCS := $(addprefix nbdd/,address_table.c allow.c backend_threads.c backend_uring.c budget.c classic.c classic_attach.c classic_initiate.c coalesce.c config.c conn.c control.c control_body.c control_exports.c \
	control_json.c disk_pool.c engine.c engine_change.c engine_configure.c engine_control.c \
	engine_files.c engine_session.c extents.c limits.c listen.c listen_word.c mapping.c pool.c reload.c reply.c request.c rules.c serve.c session.c session_options.c settings.c shared_file.c spin.c stats.c store.c target.c worker.c)
nbdd_core_SRCS += $(addprefix nbdd/,conn_tls.c security.c)

PROGRAMS += nbdd
nbdd_SRCS := nbdd/main.c nbdd/admin.c nbdd/admin_config.c nbdd/admin_stats.c
nbdd_ARCHIVES := nbdd_core nbdd_client net wire base
nbdd_PKGS := libmicrohttpd jansson libsystemd liburing libcurl gnutls

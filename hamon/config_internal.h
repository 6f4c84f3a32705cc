/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the configuration reader share (config.c, config_service.c, config_check.c); nobody else includes
 * it. */
#ifndef HAMON_CONFIG_INTERNAL_H
#define HAMON_CONFIG_INTERNAL_H

#include "hamon/config.h"

/* One reading of one file. */
struct config_reading {
        struct ini *ini;
        struct ini_errors *errors;
};

/* Reports `text` at the first value of a section, or at 1:1 when the section has none. */
void config_error_at(const struct config_reading *r, const char *section, const char *name, const char *text);

bool config_name_is_valid(const char *name);

/* An IPv4 or IPv6 address, with "/LENGTH" when `with_prefix`. False: reported. */
bool config_read_address(const struct config_reading *r, const struct ini_entry *e, bool with_prefix,
                         struct config_address *ret);

void config_read_services(struct config_reading *r, struct config *c);
void config_read_care(const struct config_reading *r, const char *name, struct config_service *s);
void config_read_api(struct config_reading *r, struct config *c);
void config_read_notify(struct config_reading *r, struct config *c);
void config_read_timers(struct config_reading *r, struct config *c);

/* What only the whole file can tell: the same thing twice, timers that contradict each other. */
void config_check(struct config_reading *r, const struct config *c);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading nbdd.conf, the first time and again. See reload.h. */
#include "nbdd/reload.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/log.h"
#include "nbdd/engine.h"
#include "nbdd/security.h"

#define DETAIL_MAX (32u << 10)

/* ---- errors as one text ---- */

struct lines {
        char *text; /* malloc'ed, NULL: none */
};

static void add_line(void *userdata, const char *message)
{
        struct lines *l = userdata;
        char *longer = NULL;

        if (l->text && strlen(l->text) > DETAIL_MAX)
                return;
        if (asprintf(&longer, "%s%s%s", l->text ? l->text : "", l->text ? "\n" : "", message) < 0)
                return;
        free(l->text);
        l->text = longer;
}

static void log_line(void *userdata, const char *message)
{
        (void)userdata;
        log_error("%s", message);
}

static void log_lines(char *text)
{
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n")))
                log_error("%s", line);
}

/* ---- listeners; under lock ---- */

static bool listens_on(const struct reload *r, const char *word)
{
        for (size_t i = 0; i < r->word_count; i++)
                if (strcmp(r->words[i], word) == 0)
                        return true;
        return false;
}

/* "" stands for the default when the file names none. */
static const char *config_word(const struct config *c, size_t i)
{
        return c->listen_count ? c->listen[i].address : "";
}

static size_t config_words(const struct config *c)
{
        return c->listen_count ? c->listen_count : 1;
}

static bool config_has_word(const struct config *c, const char *word)
{
        for (size_t i = 0; i < config_words(c); i++)
                if (strcmp(config_word(c, i), word) == 0)
                        return true;
        return false;
}

/* Binds what is new; *ret counts what was bound before an error, too. */
static int open_new(struct reload *r, const struct config *c, const struct security_state *state, struct listen_socket *sockets, size_t *ret, struct ini_errors *errors)
{
        char reason[256], line[512];

        for (size_t i = 0; i < config_words(c); i++) {
                if (listens_on(r, config_word(c, i)))
                        continue;
                int bad = r->listen(r->userdata, state, config_word(c, i), sockets, ret, reason, sizeof reason);
                if (bad == 0)
                        continue;
                (void)snprintf(line, sizeof line, "%s:%u: %s", c->path, c->listen_count ? c->listen[i].line : 1u, reason);
                errors->count++;
                errors->report(errors->userdata, line);
                return bad;
        }
        return 0;
}

static void remember_words(struct reload *r, const struct config *c)
{
        r->word_count = 0;
        for (size_t i = 0; i < config_words(c); i++)
                (void)snprintf(r->words[r->word_count++], LISTEN_WORD_SIZE, "%s", config_word(c, i));
}

static void hand_over(struct reload *r, const struct config *c, const struct listen_socket *sockets, size_t count)
{
        uint64_t one = 1;

        for (size_t i = 0; i < r->word_count; i++)
                if (!config_has_word(c, r->words[i]) && r->closed_count < CONFIG_LISTEN_MAX)
                        memcpy(r->closed[r->closed_count++], r->words[i], LISTEN_WORD_SIZE);
        for (size_t i = 0; i < count; i++) {
                if (r->opened_count < LISTEN_SOCKETS_MAX)
                        r->opened[r->opened_count++] = sockets[i];
                else
                        (void)close(sockets[i].fd);
        }
        remember_words(r, c);
        (void)!write(r->wake_fd, &one, sizeof one); /* an eventfd's counter cannot overflow here */
}

void reload_collect(struct reload *r, struct listen_socket opened[LISTEN_SOCKETS_MAX], size_t *ret_opened,
                    char closed[CONFIG_LISTEN_MAX][LISTEN_WORD_SIZE], size_t *ret_closed)
{
        uint64_t ignored;

        (void)!read(r->wake_fd, &ignored, sizeof ignored);
        (void)pthread_mutex_lock(&r->lock);
        memcpy(opened, r->opened, sizeof r->opened);
        memcpy(closed, r->closed, sizeof r->closed);
        *ret_opened = r->opened_count;
        *ret_closed = r->closed_count;
        r->opened_count = r->closed_count = 0;
        (void)pthread_mutex_unlock(&r->lock);
}

/* ---- the whole step ---- */

static void take_security(struct reload *r, struct security_state *state)
{
        static const char *const words[] = {[SESSION_TLS_NONE] = "there is no TLS", [SESSION_TLS_OFF] = "TLS is off",
                                            [SESSION_TLS_OFFERED] = "TLS is offered", [SESSION_TLS_REQUIRED] = "TLS is required"};
        enum session_tls before = security_mode(r->security, SECURITY_DEFAULT);

        security_exchange(r->security, state);
        enum session_tls now = security_mode(r->security, SECURITY_DEFAULT);
        if (now > SESSION_TLS_NONE)
                log_info("the TLS keys were read anew: they hold for connections that come now");
        if (now != before)
                log_info("%s now on listeners that do not say it themselves", words[now]);
}

static int read_keys(struct reload *r, const struct config *c, struct security_state *ret, struct ini_errors *errors)
{
        char reason[512];
        int bad = r->secure(r->userdata, c, ret, reason, sizeof reason);

        if (bad < 0) {
                errors->count++;
                errors->report(errors->userdata, reason);
        }
        return bad;
}

static int apply(struct reload *r, const struct config *c, struct ini_errors *errors)
{
        struct listen_socket sockets[LISTEN_SOCKETS_MAX];
        struct security_state state = {0};
        size_t count = 0;
        int bad = read_keys(r, c, &state, errors);

        (void)pthread_mutex_lock(&r->lock);
        if (bad == 0 && r->listen)
                bad = open_new(r, c, &state, sockets, &count, errors);
        (void)pthread_mutex_unlock(&r->lock);
#ifdef MUTANT_keys_before_the_rest
        if (bad == 0)
                take_security(r, &state);
#endif
        if (bad == 0)
                bad = engine_configure(r->engine, c, false, errors);
        (void)pthread_mutex_lock(&r->lock);
        if (bad == 0) {
                take_security(r, &state); /* before the first client of a new listener */
                if (r->listen)
                        hand_over(r, c, sockets, count);
        }
        (void)pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; bad && i < count; i++)
                (void)close(sockets[i].fd);
        security_state_release(&state);
        return bad;
}

int reload_run(void *userdata, char **ret_detail)
{
        static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
        struct reload *r = userdata;
        struct lines lines = {0};
        struct ini_errors errors = {.report = add_line, .userdata = &lines};
        struct config c;

        (void)pthread_mutex_lock(&one_at_a_time);
        int bad = config_load(r->path, r->may_miss, &errors, &c);
        if (bad == 0) {
                bad = apply(r, &c, &errors);
                if (bad == 0)
                        log_info("\"%s\" is taken over: %zu exports", r->path, c.export_count);
                config_release(&c);
        }
        (void)pthread_mutex_unlock(&one_at_a_time);
        if (bad == 0)
                free(lines.text);
        else
                *ret_detail = lines.text ? lines.text : strdup(strerror(-bad));
        return bad;
}

static void *thread_main(void *userdata)
{
        char *detail = NULL;

        if (reload_run(userdata, &detail) < 0) {
                if (detail)
                        log_lines(detail);
                log_error("the configuration is as it was: correct the file, then nbdd --reload");
        }
        free(detail);
        return NULL;
}

void reload_in_thread(struct reload *r)
{
        if (r->has_thread)
                (void)pthread_join(r->thread, NULL); /* a second SIGHUP waits for the first: both are to have an effect */
        int bad = pthread_create(&r->thread, NULL, thread_main, r);
        r->has_thread = bad == 0;
        if (bad)
                log_error("cannot start a thread to read \"%s\": %s", r->path, strerror(bad));
}

struct security_options reload_security(const struct config *config)
{
        return (struct security_options){
            .mode = config->tls[CONFIG_TLS],
            .records = config->tls[CONFIG_TLS_RECORDS],
            .files = {.psk = config->tls[CONFIG_TLS_PSK],
                      .ca = config->tls[CONFIG_TLS_CA],
                      .certificate = config->tls[CONFIG_TLS_CERT],
                      .key = config->tls[CONFIG_TLS_KEY]},
        };
}

int reload_init(struct reload *r, const char *path, reload_listen *listen, reload_secure *secure, struct security *security, void *userdata)
{
        *r = (struct reload){.path = path ? path : CONFIG_DEFAULT_PATH, .may_miss = !path,
                             .listen = listen, .secure = secure, .security = security, .userdata = userdata};
        (void)pthread_mutex_init(&r->lock, NULL);
        r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return r->wake_fd < 0 ? -errno : 0;
}

int reload_first(struct reload *r, struct config *ret)
{
        struct ini_errors errors = {.report = log_line};
        int bad = config_load(r->path, r->may_miss, &errors, ret);

        if (bad == 0 && r->listen)
                remember_words(r, ret);
        return bad;
}

void reload_release(struct reload *r)
{
        if (r->has_thread)
                (void)pthread_join(r->thread, NULL);
        for (size_t i = 0; i < r->opened_count; i++)
                (void)close(r->opened[i].fd);
        if (r->wake_fd >= 0)
                (void)close(r->wake_fd);
        (void)pthread_mutex_destroy(&r->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events for people: one line in the journal with the reason code and the time to the millisecond, and an entry in the ring. */
#include "hamon/driver/driver_state.h"

#include "base/log.h"
#include "base/text.h"
#include "hamon/driver/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum log_level level_of(enum severity s)
{
        switch (s) {
        case SEVERITY_CRITICAL:
                return LOG_LEVEL_ERR;
        case SEVERITY_WARNING:
                return LOG_LEVEL_WARNING;
        default:
                return LOG_LEVEL_INFO;
        }
}

static void copy(char *to, size_t size_bytes, const char *from)
{
        (void)snprintf(to, size_bytes, "%s", from ? from : ""); /* names fit; a sentence may be cut */
}

void driver_report_text(struct driver *d, const char *code, enum severity severity, const char *mirror, const char *node, uint64_t number,
                        const char *sentence)
{
        struct timespec wall;
        struct tm utc;
        char clock[32];
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        struct event_entry e = {
                .wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000,
                .boot_ms = driver_now_ms(),
                .severity = severity,
                .number = number,
        };
        copy(e.code, sizeof e.code, code);
        copy(e.mirror, sizeof e.mirror, mirror);
        copy(e.node, sizeof e.node, node);
        copy(e.sentence, sizeof e.sentence, sentence);
        event_log_add(d->api.events, &e);
        api_notify(&d->api);
        gmtime_r(&wall.tv_sec, &utc);
        (void)strftime(clock, sizeof clock, "%H:%M:%S", &utc); /* fits */
        char line[1024];
        (void)snprintf(line, sizeof line, "[%s] %s (at %s.%03dZ, up %llu.%03llu s)", code, sentence, clock, (int)(wall.tv_nsec / 1000000),
                       (unsigned long long)(e.boot_ms / 1000), (unsigned long long)(e.boot_ms % 1000)); /* a cut one is still a line */
        journal_event(level_of(severity), code, e.mirror, e.node, number, line);
}

enum { SAME_FAILURE_MS = 60000 };

/* Whoever asked for it hears it as the operation's end; nothing is wrong with the machine. */
static bool is_an_answer(const struct effect_result *result)
{
        return result->type == EFFECT_ARRAY_GROW && (result->error == -EAGAIN || result->error == -ENOSPC);
}

void driver_report_failure(struct driver *d, const struct effect_result *result)
{
        struct failure *last = &d->failure[result->mirror];
        uint64_t now = driver_now_ms();
        bool same = last->at_ms != 0 && now - d->failure_told_ms[result->mirror] < SAME_FAILURE_MS && last->effect == result->type &&
                    last->error == result->error && strcmp(last->detail, result->detail) == 0;
        last->at_ms = now;
        if (same)
                return;
        d->failure_told_ms[result->mirror] = now;
        *last = (struct failure){.at_ms = now, .effect = result->type, .error = result->error};
        memcpy(last->detail, result->detail, sizeof last->detail);
        if (is_an_answer(result))
                return;
        char sentence[SENTENCE_SIZE], detail[sizeof last->detail];
        (void)snprintf(sentence, sizeof sentence, "'%s' of %s failed: %s%s%s", effect_word(result->type), d->config->mirror[result->mirror].name,
                       strerrordesc_np(-result->error), *result->detail ? ": " : "", text_printable(result->detail, detail, sizeof detail));
        driver_report_text(d, "effect-error", SEVERITY_WARNING, d->config->mirror[result->mirror].name, "", 0, sentence);
}

void driver_report_hook(struct driver *d, const struct effect_result *result)
{
        char sentence[SENTENCE_SIZE], detail[sizeof result->detail];
        const char *mirror = d->config->mirror[result->mirror].name;
        (void)snprintf(sentence, sizeof sentence, "a hook of %s failed, and nothing waits for it: %s", mirror,
                       text_printable(result->detail, detail, sizeof detail));
        driver_report_text(d, "hook-failed", SEVERITY_WARNING, mirror, "", 0, sentence);
}

void driver_report(struct driver *d, enum reason reason, uint8_t mirror, uint8_t node, uint64_t number)
{
        char sentence[SENTENCE_SIZE];
        const char *m = mirror < d->config->mirrors ? d->config->mirror[mirror].name : "";
        const char *n = node < VOTERS ? d->config->voters[node].name : "";
        sentence_render(reason_sentence(reason), m, n, number, sentence, sizeof sentence);
        driver_report_text(d, reason_code(reason), reason_severity(reason), m, n, number, sentence);
}

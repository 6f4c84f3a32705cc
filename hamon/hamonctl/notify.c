/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl test notify: has hamon tell an event by every channel of [notify], and says what became of it. */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"
#include "net/http_client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 200 };

static uint64_t now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec;
}

static const json_t *test_of(const json_t *channel)
{
        return json_object_get(channel, "test");
}

/* Has it told event number `event`, or one after it? */
static bool is_over(const json_t *channel, uint64_t event)
{
        const char *number = json_string_value(json_object_get(test_of(channel), "event"));
        const char *state = json_string_value(json_object_get(test_of(channel), "state"));
        return number && state && strtoull(number, NULL, 10) >= event && strcmp(state, "running") != 0;
}

static bool all_over(const json_t *answer, uint64_t event)
{
        const json_t *channel;
        size_t i;
        json_array_foreach(json_object_get(answer, "channels"), i, channel)
                if (!is_over(channel, event))
                        return false;
        return true;
}

static int say(const struct command_line *c, const json_t *answer, uint64_t event)
{
        int status = EXIT_DONE;
        const json_t *channel;
        size_t i;
        json_array_foreach(json_object_get(answer, "channels"), i, channel)
        {
                const char *name = json_string_value(json_object_get(channel, "channel")), *to = json_string_value(json_object_get(channel, "target"));
                const char *error = json_string_value(json_object_get(test_of(channel), "error"));
                const char *outcome = !is_over(channel, event) ? "no answer yet" : error ? error : "told";
                if (!c->json)
                        printf("%-8s %s: %s\n", name ? name : "", to ? to : "", outcome);
                if (!is_over(channel, event) || error)
                        status = EXIT_REFUSED;
        }
        if (c->json)
                out_json(answer);
        return status;
}

int verb_test_notify(const struct command_line *c)
{
        struct http_answer answer;
        if (!call_change(c, "POST", "/v1/notify/test", "/v1/node", NULL, &answer))
                return EXIT_REFUSED;
        const char *number = json_string_value(json_object_get(answer.json, "event"));
        uint64_t event = number ? strtoull(number, NULL, 10) : 0;
        http_answer_release(&answer);
        progress_begin("each channel is told");
        for (uint64_t begin = now_s();;) {
                json_t *j;
                if (!call_get(c, "/v1/notify", &j))
                        return EXIT_REFUSED;
                if (all_over(j, event) || now_s() - begin >= c->timeout_s) {
                        progress_end();
                        int status = say(c, j, event);
                        json_decref(j);
                        return status;
                }
                json_decref(j);
                const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
        }
}

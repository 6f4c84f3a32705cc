/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Performs the core's actions, at once or when what they rely on is durable. */
#include "hamon/driver/driver_state.h"

#include "base/log.h"
#include "hamon/net/mirror_tags.h"

#include <errno.h>
#include <string.h>

/* A renewal of the service address that waited longer would outlive the lease by that much (R4e): it is not done at all. */
enum { ADDRESS_LATE_MS = 100 };

static void perform_send(struct driver *d, const struct message *m)
{
        if (m->to == d->options.self) {
                struct event e = {.type = EVENT_MESSAGE, .message = *m};
                driver_event(d, &e);
                return;
        }
        uint8_t payload[SEAL_PAYLOAD_MAX];
        int size = mirror_tags_encode(d->config, m, payload, sizeof payload);
        if (size < 0 || links_send(d->links, m->to, payload, (size_t)size) < 0)
                log_error("[send-failed] message %d of mirror %u cannot be encoded, continuing", (int)m->type, m->mirror);
}

static void perform_effect(struct driver *d, const struct effect *effect, uint64_t waited_ms)
{
        if (effect->type == EFFECT_ADDRESS_RENEW && waited_ms > ADDRESS_LATE_MS) {
                struct event e = {.type = EVENT_EFFECT_DONE,
                                  .result = {.type = effect->type, .mirror = effect->mirror, .ticket = effect->ticket, .error = -ETIME}};
                driver_event(d, &e);
                return;
        }
        if (!d->act)
                return;
        struct effect e = *effect;
        if (e.type == EFFECT_ADDRESS_RENEW)
                e.until_ms = driver_now_ms() + ADDRESS_LATE_MS - waited_ms; /* it may wait for a hamon-act that hangs, too */
        act_client_send(d->act, &e);
}

/* With the words of the effect that failed on the way, when that is why. */
static void perform_answer(struct driver *d, const struct action *a)
{
        struct operation op;
        const char *detail = "";
        if (a->answer.error == -ETIMEDOUT)
                detail = "the time is over, and the command was given up: nothing of it will happen any more";
        if (a->answer.error < 0 && operations_get(d->api.operations, a->answer.ticket, &op) == 0 && op.mirror < d->config->mirrors) {
                const struct failure *f = &d->failure[op.mirror];
                if (f->error == a->answer.error && f->at_ms >= op.posted_ms)
                        detail = f->detail;
        }
        driver_publish(d); /* who hears that it is over finds it in the status */
        operations_answer(d->api.operations, a->answer.ticket, a->answer.error, a->answer.reason, detail);
}

static void perform(struct driver *d, const struct action *a, uint64_t waited_ms)
{
        switch (a->type) {
        case ACTION_PERSIST:
                writer_put(d->writer, a->persist.mirror, a->persist.generation, &a->persist.state);
                return;
        case ACTION_SEND:
                perform_send(d, &a->send);
                return;
        case ACTION_EFFECT:
                perform_effect(d, &a->effect, waited_ms);
                return;
        case ACTION_REPORT:
                driver_report(d, a->report.reason, a->report.mirror, a->report.node, a->report.number);
                return;
        case ACTION_ANSWER:
                perform_answer(d, a);
                return;
        case ACTION_TYPES:
                break;
        }
        log_error("[bad-action] the core asked for action %d, which does not exist, continuing", (int)a->type);
}

void driver_perform(struct driver *d, const struct actions *actions)
{
        for (unsigned i = 0; i < actions->count; i++) {
                const struct action *a = &actions->at[i];
                if (!deferred_must_wait(&d->deferred, a, d->durable_generation))
                        perform(d, a, 0);
                else if (deferred_put(&d->deferred, a, driver_now_ms()) < 0)
                        log_error("[state-stuck] %u actions wait for the disk under '%s': one is lost, continuing", d->deferred.count,
                                  d->options.state_directory);
        }
}

void driver_perform_deferred(struct driver *d)
{
        struct deferred_action next;
        while (deferred_take(&d->deferred, d->durable_generation, &next))
                perform(d, &next.action, driver_now_ms() - next.since_ms);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/attach_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "nbdc/limits.h"
#include "nbdc/policy_file.h"

void attach_set_error(struct attach *a, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(a->last_error, sizeof a->last_error, format, args); /* a cut sentence is still one */
        va_end(args);
        /* Before the first attach the exit says it. */
        if (strcmp(a->last_error, a->logged_error) == 0 ||
            (a->supervisor.state == NBDC_CONNECTING && !a->options->wait))
                return;
        memcpy(a->logged_error, a->last_error, sizeof a->logged_error);
        log_warning("%s: %s", a->device, a->last_error);
}

void attach_notify_status(struct attach *a, bool ready)
{
        char text[512];
        snprintf(text, sizeof text, "%sSTATUS=%s %s, export 0x%" PRIx64 " of %s%s%s", ready ? "READY=1\n" : "",
                 a->device, nbdc_state_name(a->supervisor.state), a->options->name.id, a->options->hosts,
                 a->supervisor.state == NBDC_RECONNECTING && a->last_error[0] ? ": " : "",
                 a->supervisor.state == NBDC_RECONNECTING ? a->last_error : "");
        (void)sd_notify(0, text); /* nobody may be listening */
}

static void fill_status(const struct attach *a, struct nbdc_status *s)
{
        const struct attach_options *o = a->options;
        const struct supervisor *v = &a->supervisor;
        *s = (struct nbdc_status){
            .state = v->state,
            .connected = v->state == NBDC_ATTACHED,
            .refused = v->state == NBDC_RECONNECTING && v->refused,
            .port = o->port,
            .id = o->name.id,
            .has_epoch = o->name.has_session,
            .epoch = o->name.epoch,
            .policy = v->policy,
            .read_only = o->read_only,
            .tls = o->keys != NULL,
            .size_bytes = a->size_bytes,
            .reconnects = v->reconnects,
            .request_timeout_ms = a->io_timeout_ms,
            .pid = getpid(),
        };
        memcpy(s->device, a->device, sizeof s->device);
        snprintf(s->host, sizeof s->host, "%s", o->hosts);
        memcpy(s->last_error, a->last_error, sizeof s->last_error);
        if (o->name.has_session)
                uuid_format(&o->name.session, s->session);
        if (v->state == NBDC_ATTACHED && a->links.count > 0)
                link_peer(a->links.fds[0], s->address);
        if (v->state == NBDC_ATTACHED && o->classic_secrets) /* the peer of our socket is the relay */
                snprintf(s->address, sizeof s->address, "%s", dialer_address(a->dialer));
        uint64_t now = attach_now_ms(a);
        if (v->state == NBDC_CONNECTING)
                s->disconnected_ms = (int64_t)(now - a->started_ms);
        else if (v->state != NBDC_ATTACHED)
                s->disconnected_ms = (int64_t)(now - v->down_at_ms);
        s->oldest_request_ms = (int64_t)progress_oldest_ms(&a->progress, now);
}

bool attach_on_control(void *userdata, const struct control_request *request, struct control_answer *answer)
{
        struct attach *a = userdata;
        bool decided;
        switch (request->op) {
        case CONTROL_STATUS:
                fill_status(a, &answer->status);
                answer->has_status = answer->ok = true;
                return true;
        case CONTROL_POLICY:
                if (a->supervisor.policy != request->policy)
                        log_notice("%s: policy is now %s", a->device, nbdc_policy_name(request->policy));
                a->supervisor.policy = request->policy;
                answer->ok = policy_file_write(a->options->index, request->policy) == 0;
                if (!answer->ok) { /* required that would be optional after a crash of nbdc is no promise (R2g) */
                        snprintf(answer->error, sizeof answer->error,
                                 "cannot remember the policy for a restart of nbdc");
                        log_warning("%s: %s", a->device, answer->error);
                }
                return true;
        case CONTROL_TIMEOUT:
                a->io_timeout_ms = (uint32_t)request->timeout_ms;
                attach_post_queue_limits(a);
                answer->ok = true;
                return true;
        case CONTROL_DETACH:
                /* Versions begin at 1; 0 says "none". */
                decided = request->has_decided_version && request->decided_version > 0;
                if (decided)
                        log_notice("%s: detach ordered by decided record version %" PRIu64, a->device,
                                   request->decided_version);
                else
                        log_notice("%s: detach ordered", a->device);
                a->detach_deadline_ms = attach_now_ms(a) + NBDC_DETACH_MS;
                attach_feed(a, EVENT_DETACH, decided);
                return false;
        }
        return false;
}

void attach_answer_detach(struct attach *a, bool ok, bool refused, const char *sentence)
{
        struct control_answer answer = {.ok = ok, .refused = refused};
        snprintf(answer.error, sizeof answer.error, "%s", sentence);
        a->detach_deadline_ms = 0;
        control_answer_waiting(a->control, &answer);
        if (!ok)
                log_warning("%s: not detached: %s", a->device, sentence);
}

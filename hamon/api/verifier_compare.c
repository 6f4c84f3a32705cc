/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparing. What two reads that are not made at one moment say of a block under write is nothing; so a difference is believed in steps: read both
 * again, then read both while md holds writes to that block, and then look whether the peer's leg was in sync until after that: a leg that leaves is out
 * of the decided record before it misses anything, so an unchanged record, seen by a snapshot that is younger than the reads, proves it.
 */
#include "hamon/api/verifier_internal.h"

#include "hamon/api/forward.h"
#include "hamon/api/verify_link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PEER_MS = 4000, READ_AGAIN = 2, READ_AGAIN_MS = 150, SNAPSHOT_WAIT_MS = 5000, STEP_MS = 50 };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms)
{
        const struct timespec t = {.tv_nsec = (long)ms * 1000000};
        (void)nanosleep(&t, NULL); /* woken early means looked early */
}

enum verify_place verify_place(const struct snapshot *s, unsigned mirror, const char **why)
{
        const struct mirror_view *v = &s->mirror[mirror];
        const struct observation *o = &v->observed;
        uint8_t peer = (uint8_t)(1 - s->self);

        *why = "";
        if (v->record_decided && v->record.primary == peer)
                return VERIFY_MOVED;
        if (v->role != ROLE_PRIMARY)
                *why = "the mirror is not active on this node";
        else if (!s->act_ready)
                *why = "hamon-act is not connected";
        else if (!v->record.legs[0].in_sync || !v->record.legs[1].in_sync)
                *why = "only one leg is in sync";
        else if (!s->node[peer].alive)
                *why = "the other node is not heard";
        else if (!o->own_in_sync || !o->peer_in_sync || !o->leg_connected)
                *why = "a leg is not connected";
        return **why ? VERIFY_WAIT : VERIFY_HERE;
}

/* The version of the record while both legs are in sync, by a snapshot taken after `after_ms`; 0: they are not, or none came. */
static uint64_t version_after(const struct verifier *v, unsigned mirror, const struct verify_run *run, uint64_t after_ms)
{
        for (uint64_t began = now_ms(); !atomic_load(&v->stopping) && now_ms() - began < SNAPSHOT_WAIT_MS; pause_ms(STEP_MS)) {
                const struct snapshot *s = snapshot_get(v->api->snapshots);
                bool fresh = s && s->taken_ms > after_ms;
                uint64_t version = 0;
                const char *why;
                if (fresh && verify_place(s, mirror, &why) == VERIFY_HERE && uuid_equal(&s->mirror[mirror].record.legs[0].uuid, &run->leg[0]) &&
                    uuid_equal(&s->mirror[mirror].record.legs[1].uuid, &run->leg[1]))
                        version = s->mirror[mirror].record.version;
                snapshot_release(v->api->snapshots, s);
                if (fresh)
                        return version;
        }
        return 0;
}

/* ---- one question to each side ---- */

static int ask_act(struct verifier *v, const struct verify_ask *ask, struct verify_answer *ret, char *why, size_t why_size)
{
        int r = v->fd >= 0 ? 0 : verify_link_open(v->socket);
        if (r > 0 || (r == 0 && v->fd < 0))
                v->fd = r;
        r = r < 0 ? r : verify_link_ask(v->fd, ask, ret);
        if (r < 0) {
                if (v->fd >= 0)
                        close(v->fd); /* a window of ours ends with it */
                v->fd = -1;
                (void)snprintf(why, why_size, "hamon-act does not answer: %s", strerrordesc_np(-r));
                return -EAGAIN;
        }
        if (ret->error < 0)
                (void)snprintf(why, why_size, "%s: %s", v->api->config->voters[v->api->self].name, ret->detail);
        return ret->error < 0 ? -EIO : 0;
}

static int ask_peer(struct verifier *v, const struct verify_ask *ask, struct verify_answer *ret, char *why, size_t why_size)
{
        char target[256], salt[2 * sizeof v->salt + 1], leg[UUID_TEXT_SIZE], error[256];
        struct forward_answer answer;
        uint8_t peer = (uint8_t)(1 - v->api->self);
        verify_hex(v->salt, sizeof v->salt, salt);
        uuid_format(&ask->leg, leg);
        (void)snprintf(target, sizeof target, "/v1/mirrors/%s/digests?leg=%s&salt=%s&offset=%" PRIu64 "&block=%u&count=%u", ask->mirror, leg, salt,
                       ask->offset_bytes, ask->block_bytes, ask->count); /* fits: names are short */
        const struct forward_request r = {.to = peer, .method = "GET", .target = target, .access = ACCESS_OPERATOR, .who = "verify", .timeout_ms = PEER_MS};
        int e = forward_call(v->api, &r, &answer, error, sizeof error);
        char *text = e == 0 && answer.status == 200 ? json_dumps(answer.body, JSON_COMPACT) : NULL;
        bool answered = text && verify_answer_decode(ASK_DIGESTS, text, strlen(text), ret) == 0;
        const char *detail = answered ? ret->detail : json_string_value(json_object_get(answer.body, "detail"));
        e = !answered ? -EAGAIN : ret->error < 0 ? -EIO : 0;
        if (e < 0)
                (void)snprintf(why, why_size, "%s: %.120s", v->api->config->voters[peer].name, detail && *detail ? detail : error);
        free(text);
        forward_answer_release(&answer);
        return e;
}

/* Both sides' digests of the same blocks. -EAGAIN: one does not answer; -EIO: it says why not; -EBADMSG: the two arrays are not of one size. */
static int ask_both(struct verifier *v, unsigned mirror, const struct verify_run *run, uint64_t offset, uint32_t block, uint32_t count, bool paced,
                    struct verify_answer *own, struct verify_answer *other, char *why, size_t why_size)
{
        struct verify_ask ask = {.asked = ASK_DIGESTS, .leg = run->leg[v->api->self], .offset_bytes = offset, .block_bytes = block, .count = count, .paced = paced};
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", v->api->config->mirror[mirror].label); /* fits */
        int r = forward_derive(v->api, NULL, v->salt, sizeof v->salt, ask.key);
        if (r < 0) {
                (void)snprintf(why, why_size, "no key for the digests");
                return -EAGAIN;
        }
        r = ask_act(v, &ask, own, why, why_size);
        if (r < 0)
                return r;
        ask.leg = run->leg[1 - v->api->self];
        ask.paced = false; /* it goes at our pace */
        r = ask_peer(v, &ask, other, why, why_size);
        if (r == 0 && (own->size_bytes != other->size_bytes || own->count != other->count)) {
                (void)snprintf(why, why_size, "the two legs are not of one size: %" PRIu64 " and %" PRIu64 " bytes", own->size_bytes, other->size_bytes);
                return -EBADMSG;
        }
        return r;
}

/* ---- a block that differed ---- */

static int fine(struct verifier *v, unsigned mirror, const struct verify_run *run, uint64_t offset, struct verify_answer both[2], char *why, size_t why_size)
{
        return ask_both(v, mirror, run, offset, VERIFY_FINE_BYTES, VERIFY_BLOCK_BYTES / VERIFY_FINE_BYTES, false, &both[0], &both[1], why, why_size);
}

static void let_go(struct verifier *v, unsigned mirror)
{
        struct verify_ask ask = {.asked = ASK_LET_GO};
        struct verify_answer answer;
        char why[VERIFY_WHY_SIZE];
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", v->api->config->mirror[mirror].label);
        if (ask_act(v, &ask, &answer, why, sizeof why) < 0 && v->fd >= 0) { /* then by the end of the connection */
                close(v->fd);
                v->fd = -1;
        }
}

/* With writes to the block held. -EBUSY: it took longer than the window lasts; -EAGAIN: a leg was out of sync meanwhile: nothing is known. */
static int look_in_a_window(struct verifier *v, unsigned mirror, struct verify_run *run, uint64_t offset, char *why, size_t why_size)
{
        struct verify_ask ask = {.asked = ASK_HOLD, .offset_bytes = offset, .size_bytes = VERIFY_BLOCK_BYTES};
        struct verify_answer both[2], held;
        uint32_t first = 0;
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", v->api->config->mirror[mirror].label);
        uint64_t before = version_after(v, mirror, run, 0), asked_ms = now_ms();
        if (before == 0)
                return -EAGAIN;
        int r = ask_act(v, &ask, &held, why, why_size);
        if (r < 0)
                return r;
        r = fine(v, mirror, run, offset, both, why, why_size);
        uint64_t read_ms = now_ms();
        let_go(v, mirror);
        if (r < 0)
                return r;
        if (verify_compare(&both[0], &both[1], 0, &first) == 0)
                return 0; /* equal at some moment, with nobody writing */
        (void)snprintf(why, why_size, "the block at byte %" PRIu64 " could not be compared in the %d ms for which writes to it may wait", offset, VERIFY_HOLD_MS);
        if (read_ms - asked_ms >= VERIFY_HOLD_MS)
                return -EBUSY;
        if (version_after(v, mirror, run, read_ms) != before)
                return -EAGAIN;
        for (uint32_t i = first; i < both[0].count; i++)
                if (verify_compare(&both[0], &both[1], i, &first) > 0 && first == i)
                        verify_add_difference(run, offset + (uint64_t)i * VERIFY_FINE_BYTES);
        return 0;
}

static int look_again(struct verifier *v, unsigned mirror, struct verify_run *run, uint64_t offset, char *why, size_t why_size)
{
        for (unsigned i = 0; i < READ_AGAIN; i++) {
                struct verify_answer both[2];
                uint32_t first;
                pause_ms(READ_AGAIN_MS);
                int r = fine(v, mirror, run, offset, both, why, why_size);
                if (r < 0 || verify_compare(&both[0], &both[1], 0, &first) == 0)
                        return r;
        }
        return look_in_a_window(v, mirror, run, offset, why, why_size);
}

int verify_step(struct verifier *v, unsigned mirror, struct verify_run *run, unsigned failures, struct verify_answer *ret_pace, char *why, size_t why_size)
{
        struct verify_answer own, other;
        uint64_t begin = run->position_bytes;
        int r = ask_both(v, mirror, run, begin, VERIFY_BLOCK_BYTES, run->size_bytes ? DIGESTS_MAX >> failures : 0, run->size_bytes != 0, &own, &other, why, why_size);
        if (r < 0)
                return r;
        if (run->size_bytes != own.size_bytes) { /* the first question, or it has grown meanwhile */
                run->size_bytes = own.size_bytes;
                return 0;
        }
        *ret_pace = own;
        for (uint32_t i = 0, at; r == 0 && verify_compare(&own, &other, i, &at) > 0; i = at + 1) {
                run->position_bytes = begin + (uint64_t)at * VERIFY_BLOCK_BYTES;
                r = look_again(v, mirror, run, run->position_bytes, why, why_size);
        }
        if (r == 0)
                run->position_bytes = begin + (uint64_t)own.count * VERIFY_BLOCK_BYTES;
        if (run->position_bytes > run->size_bytes)
                run->position_bytes = run->size_bytes;
        return r;
}

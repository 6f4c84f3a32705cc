/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/verify/run.h"

#include <stdio.h>
#include <string.h>

static const char *const schedules[VERIFY_SCHEDULES] = {
    [VERIFY_OFF] = "off", [VERIFY_DAILY] = "daily", [VERIFY_WEEKLY] = "weekly", [VERIFY_MONTHLY] = "monthly"};
static const char *const states[VERIFY_STATES] = {
    [VERIFY_NEVER] = "never",     [VERIFY_RUNNING] = "running",     [VERIFY_PAUSED] = "paused", [VERIFY_EQUAL] = "equal",
    [VERIFY_DIFFERS] = "differs", [VERIFY_CANCELLED] = "cancelled", [VERIFY_FAILED] = "failed"};

static const char *const wishes[VERIFY_WISHES] = {[VERIFY_START] = "start", [VERIFY_PAUSE] = "pause", [VERIFY_RESUME] = "resume", [VERIFY_CANCEL] = "cancel"};

static int by_word(const char *const *words, int count, const char *word)
{
        for (int i = 0; i < count; i++)
                if (strcmp(words[i], word) == 0)
                        return i;
        return -1;
}

const char *verify_schedule_word(enum verify_schedule s)
{
        return schedules[s];
}

int verify_schedule_by_word(const char *word)
{
        return by_word(schedules, VERIFY_SCHEDULES, word);
}

const char *verify_wish_word(enum verify_wish w)
{
        return wishes[w];
}

int verify_wish_by_word(const char *word)
{
        return by_word(wishes, VERIFY_WISHES, word);
}

const char *verify_state_word(enum verify_state s)
{
        return states[s];
}

int verify_state_by_word(const char *word)
{
        return by_word(states, VERIFY_STATES, word);
}

double verify_percent(const struct verify_run *run)
{
        return run->size_bytes == 0 ? 0 : run->position_bytes >= run->size_bytes ? 100 : 100.0 * (double)run->position_bytes / (double)run->size_bytes;
}

static bool same_legs(const struct uuid a[NODES], const struct uuid b[NODES])
{
        return uuid_equal(&a[0], &b[0]) && uuid_equal(&a[1], &b[1]);
}

bool verify_memory_see(struct verify_memory *m, const struct uuid leg[NODES], uint64_t now_s)
{
        if (m->since_s && same_legs(m->leg, leg))
                return false;
        *m = (struct verify_memory){.since_s = now_s};
        memcpy(m->leg, leg, sizeof m->leg);
        return true;
}

uint64_t verify_due_s(const struct verify_memory *m, enum verify_schedule schedule)
{
        static const uint64_t every_s[VERIFY_SCHEDULES] = {[VERIFY_DAILY] = 86400, [VERIFY_WEEKLY] = 7 * 86400, [VERIFY_MONTHLY] = 30 * 86400};

        if (schedule == VERIFY_OFF || m->since_s == 0 || verify_is_under_way(m->run.state))
                return UINT64_MAX;
        uint64_t due = (m->last.ended_s ? m->last.ended_s : m->since_s) + every_s[schedule];
        bool failed_since = m->run.state != VERIFY_NEVER && m->run.ended_s > m->last.ended_s;
        uint64_t again = m->run.ended_s + VERIFY_AGAIN_S;
        return failed_since && again > due ? again : due;
}

void verify_begin(struct verify_memory *m, uint8_t node, bool scheduled, uint64_t now_s)
{
        m->run = (struct verify_run){.state = VERIFY_RUNNING, .scheduled = scheduled, .node = node, .began_s = now_s};
        memcpy(m->run.leg, m->leg, sizeof m->run.leg);
}

void verify_add_difference(struct verify_run *run, uint64_t offset_bytes)
{
        struct verify_range *last = run->ranges ? &run->range[run->ranges - 1] : NULL;

        run->differing++;
        if (last && last->offset_bytes + last->size_bytes == offset_bytes)
                last->size_bytes += VERIFY_FINE_BYTES;
        else if (run->ranges < VERIFY_RANGES_MAX)
                run->range[run->ranges++] = (struct verify_range){.offset_bytes = offset_bytes, .size_bytes = VERIFY_FINE_BYTES};
}

void verify_end(struct verify_memory *m, enum verify_state state, const char *why, uint64_t now_s)
{
        m->run.state = state;
        m->run.ended_s = now_s > m->last.ended_s ? now_s : m->last.ended_s + 1; /* the later result has the later time, whatever the clock does */
        m->run.pause_until_s = 0;
        (void)snprintf(m->run.why, sizeof m->run.why, "%s", why); /* for people: cut when longer */
        if (state == VERIFY_EQUAL || state == VERIFY_DIFFERS) {
                m->last = m->run;
                m->run = (struct verify_run){.state = VERIFY_NEVER};
        }
}

uint32_t verify_compare(const struct verify_answer *a, const struct verify_answer *b, uint32_t from, uint32_t *ret_first)
{
        uint32_t count = a->count < b->count ? a->count : b->count, differ = 0;

        for (uint32_t i = from; i < count; i++)
                if (memcmp(a->digest[i], b->digest[i], DIGEST_BYTES) != 0 && differ++ == 0)
                        *ret_first = i;
        return differ;
}

bool verify_memory_learn(struct verify_memory *m, const struct verify_run *theirs)
{
        bool over = theirs->state == VERIFY_EQUAL || theirs->state == VERIFY_DIFFERS;

        if (!over || m->since_s == 0 || !same_legs(m->leg, theirs->leg) || theirs->ended_s <= m->last.ended_s)
                return false;
        m->last = *theirs;
        return true;
}

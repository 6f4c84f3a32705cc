/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/releases/recorded.h"

#include "hamon/act/blank.h"
#include "hamon/act/debt.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/note.h"
#include "hamon/act/resync_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct uuid array = {{0xaa, 7}}, boot = {{0xb0, 1}};

enum { EVENTS_CLEARED = 4711, DEBT_SOME = 0, DEBT_NONE = 1, NOTE_CLEAR = 0, NOTE_SET = 1 };

/* ---- what is owed to the peer's leg ---- */

static int write_debt(unsigned which, const char *path)
{
        static const uint8_t bits[] = {0x05, 0, 0x80};
        struct debt d;
        if (which == DEBT_NONE)
                return debt_save_none(path);
        int r = debt_init(&d, &array, 4 << 20, 24);
        if (r < 0)
                return r;
        r = debt_add_bits(&d, bits, 24, 4 << 20);
        if (r == 0)
                r = debt_save(path, &d);
        debt_release(&d);
        return r;
}

static int rewrite_debt(unsigned which, const char *from, const char *to)
{
        struct debt d;
        int r = debt_load(from, &d);
        if (r < 0)
                return r;
        if (debt_is_none(&d) != (which == DEBT_NONE))
                r = -EPROTO;
        else
                r = which == DEBT_NONE ? debt_save_none(to) : debt_save(to, &d);
        debt_release(&d);
        return r;
}

/* ---- peer_attached ---- */

static int write_note(unsigned which, const char *path)
{
        return which == NOTE_SET ? note_set(path) : note_clear(path);
}

static int rewrite_note(unsigned which, const char *from, const char *to)
{
        (void)which;
        bool set;
        int r = note_read(from, &set);
        return r < 0 ? r : set ? note_set(to) : note_clear(to);
}

/* ---- an array that began blank ---- */

static int write_blank(unsigned which, const char *path)
{
        (void)which;
        return blank_keep(path, &array, EVENTS_CLEARED);
}

static int rewrite_blank(unsigned which, const char *from, const char *to)
{
        (void)which;
        return blank_kept(from, &array, EVENTS_CLEARED) && !blank_kept(from, &array, EVENTS_CLEARED + 1) ? blank_keep(to, &array, EVENTS_CLEARED) : -EBADMSG;
}

/* ---- what a person said about the resync ---- */

static int write_resync(unsigned which, const char *path)
{
        (void)which;
        const struct resync_said said = {.boot = boot, .paused = true, .until_ms = 123456, .ceiling_kib = 10240};
        return resync_file_write(path, &said);
}

static int rewrite_resync(unsigned which, const char *from, const char *to)
{
        (void)which;
        struct resync_said said;
        int r = resync_file_read(from, &boot, &said);
        return r < 0 ? r : resync_file_write(to, &said);
}

/* ---- the leg's header ---- */

static int put_header(const struct leg_header *h, const char *path)
{
        uint8_t bytes[LEG_HEADER_BYTES];
        int r = leg_header_encode(h, bytes);
        return r < 0 ? r : recorded_put(path, bytes, sizeof bytes);
}

static int write_header(unsigned which, const char *path)
{
        (void)which;
        const struct leg_header h = {.cluster = "demo", .mirror = "data", .uuid = {{0xa, 3}}, .sequence = 3, .epochs = 3, .epoch = {1, 2, 7}};
        return put_header(&h, path);
}

static int rewrite_header(unsigned which, const char *from, const char *to)
{
        (void)which;
        uint8_t *bytes;
        size_t size;
        struct leg_header h;
        int r = recorded_get(from, &bytes, &size);
        if (r < 0)
                return r;
        r = leg_header_decode(bytes, size, &h);
        free(bytes);
        return r < 0 ? r : put_header(&h, to);
}

const struct recorded recorded_disk[] = {
    {"debt", DEBT_SOME, write_debt, rewrite_debt},
    {"debt-none", DEBT_NONE, write_debt, rewrite_debt},
    {"note-clear", NOTE_CLEAR, write_note, rewrite_note},
    {"note-set", NOTE_SET, write_note, rewrite_note},
    {"blank", 0, write_blank, rewrite_blank},
    {"resync", 0, write_resync, rewrite_resync},
    {"leg-header", 0, write_header, rewrite_header},
    {0},
};

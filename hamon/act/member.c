/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/member.h"

#include "hamon/act/direct_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512u

int member_open(const char *device, uint64_t base_bytes, struct member *ret)
{
        int fd = direct_open(device, false);

        *ret = (struct member){.fd = fd < 0 ? -1 : fd, .base_bytes = base_bytes};
        return fd < 0 ? fd : 0;
}

void member_close(struct member *m)
{
        if (m->fd >= 0)
                close(m->fd);
        m->fd = -1;
}

int member_read_super(const struct member *m, struct md_super *ret)
{
        uint8_t bytes[MD_SUPER_BYTES];

        int r = direct_read(m->fd, m->base_bytes + MD_SUPER_OFFSET, bytes, sizeof bytes);
        return r < 0 ? r : md_super_decode(bytes, sizeof bytes, ret);
}

int member_read_bitmap(const struct member *m, const struct md_super *s, struct md_bitmap *ret, uint8_t **ret_bits)
{
        uint8_t header[MD_BITMAP_HEADER_BYTES];
        struct md_bitmap b;

        int64_t sector = (int64_t)s->super_offset_sectors + s->bitmap_offset_sectors;
        if (!(s->feature_map & MD_FEATURE_BITMAP) || sector <= 0)
                return -EBADMSG;
        uint64_t at = m->base_bytes + (uint64_t)sector * SECTOR;
        int r = direct_read(m->fd, at, header, sizeof header);
        if (r == 0)
                r = md_bitmap_decode(header, sizeof header, &b);
        if (r < 0)
                return r;
        if (!uuid_equal(&b.array, &s->array) || b.sync_size_sectors != s->size_sectors || b.chunks > DEBT_CHUNKS_MAX)
                return -EBADMSG;
        size_t size = (size_t)((b.chunks + 7) / 8);
        uint8_t *bits = malloc(size);
        if (!bits)
                return -ENOMEM;
        r = direct_read(m->fd, at + MD_BITMAP_HEADER_BYTES, bits, size);
        if (r < 0) {
                free(bits);
                return r;
        }
        *ret = b;
        *ret_bits = bits;
        return 0;
}

int member_add_debt(const struct member *m, const struct md_super *s, uint64_t fallback_chunk_bytes, struct debt *d)
{
        struct md_bitmap b;
        uint8_t *bits = NULL;

        int r = member_read_bitmap(m, s, &b, &bits);
        bool usable = r == 0 && md_bitmap_is_current(&b, s->events);
        if (r < 0 && r != -EBADMSG)
                return r;
        uint64_t chunk_bytes = r == 0 ? b.chunk_bytes : fallback_chunk_bytes;
        r = 0;
        if (!d->bits || !uuid_equal(&d->array, &s->array)) {
                uint64_t chunk_sectors = chunk_bytes / SECTOR;

                debt_release(d);
                r = debt_init(d, &s->array, chunk_bytes, (s->size_sectors + chunk_sectors - 1) / chunk_sectors);
        } else { /* kept before the mirror grew */
                uint64_t chunk_sectors = d->chunk_bytes / SECTOR;

                r = debt_grow(d, (s->size_sectors + chunk_sectors - 1) / chunk_sectors);
        }
#ifdef MUTANT_bitmap_union
        usable = true;
        if (bits)
                memset(bits, 0, (size_t)((b.chunks + 7) / 8));
#endif
        if (r == 0 && usable)
                r = debt_add_bits(d, bits, b.chunks, b.chunk_bytes);
        else if (r == 0)
                debt_set_all(d);
        free(bits);
        return r;
}

int member_load_debt(const struct member *m, const struct md_super *s, uint64_t fallback_chunk_bytes, const char *path, struct debt *ret, bool *ret_gone)
{
        *ret = (struct debt){0};
        int r = debt_load(path, ret);
        *ret_gone = r == -ENOENT;
        if (!*ret_gone)
                return r;
#ifdef MUTANT_lost_debt_is_none
        return 0;
#endif
        r = member_add_debt(m, s, fallback_chunk_bytes, ret);
        if (r == 0)
                debt_set_all(ret);
        return r;
}

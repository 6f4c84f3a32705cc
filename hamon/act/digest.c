/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/digest.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/leg.h"
#include "hamon/act/member.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTOR = 512 };

static int read_and_digest(const struct member *own, uint64_t data_bytes, const struct verify_ask *ask, struct verify_answer *ret, struct trouble *t)
{
        uint8_t *block = malloc(ask->block_bytes);
        int r = block ? 0 : -ENOMEM;

        for (uint32_t i = 0; r == 0 && i < ask->count; i++) {
                uint64_t at = ask->offset_bytes + (uint64_t)i * ask->block_bytes;
                if (at >= ret->size_bytes)
                        break;
                size_t size = ret->size_bytes - at < ask->block_bytes ? (size_t)(ret->size_bytes - at) : ask->block_bytes;
                r = direct_read(own->fd, own->base_bytes + data_bytes + at, block, size);
                if (r < 0)
                        (void)trouble_errno(t, r, "cannot read the leg at byte %" PRIu64 " of the array", at);
                else if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, ask->key, sizeof ask->key, block, size, ret->digest[i]) < 0)
                        r = trouble_say(t, -EIO, "the digest failed");
                else
                        ret->count = i + 1;
        }
        free(block);
        return r;
}

int digest_blocks(const struct digest_leg *leg, const struct verify_ask *ask, struct verify_answer *ret, struct trouble *t)
{
        struct leg_header h;
        struct member own;
        struct md_super s;

        ret->count = 0;
        int r = leg_read(leg->disk, leg->cluster, leg->mirror, &h, t);
        if (r < 0)
                return r;
        if (!uuid_equal(&h.uuid, &ask->leg))
                return trouble_say(t, -ESTALE, "disk \"%s\" is another leg than the one that is meant", leg->disk);
        r = member_open(leg->disk, LEG_MEMBER_OFFSET, &own);
        if (r == 0)
                r = member_read_super(&own, &s);
        if (r < 0) {
                member_close(&own);
                return trouble_errno(t, r, "cannot read the superblock on \"%s\"", leg->disk);
        }
        ret->size_bytes = s.size_sectors * SECTOR;
        if (ask->count > 0 && ask->offset_bytes >= ret->size_bytes)
                r = trouble_say(t, -ERANGE, "byte %" PRIu64 " is past the end of the array", ask->offset_bytes);
        else
                r = read_and_digest(&own, s.data_offset_sectors * SECTOR, ask, ret, t);
        member_close(&own);
        return r;
}

static int describe(const struct digest_leg *leg, int fd, struct verify_answer *ret, struct trouble *t)
{
        struct leg_header h;
        struct trouble why;
        bool blank;

        int r = leg_read(leg->disk, leg->cluster, leg->mirror, &h, &why);
        if (r == 0)
                (void)snprintf(ret->holds, sizeof ret->holds, "a leg of this mirror");
        else if (r == -EREMOTE)
                (void)snprintf(ret->holds, sizeof ret->holds, "a leg of mirror %s of cluster %s", h.mirror, h.cluster);
        else if (r == -EPROTO)
                (void)snprintf(ret->holds, sizeof ret->holds, "a leg of a newer version");
        else if (r != -ENODATA)
                return trouble_say(t, r, "%s", why.text);
        if (r != -ENODATA)
                return r == 0 ? 1 : 0;
        r = leg_disk_is_blank(fd, ret->disk_bytes, &blank);
        if (r < 0)
                return trouble_errno(t, r, "cannot read disk \"%s\"", leg->disk);
        (void)snprintf(ret->holds, sizeof ret->holds, blank ? "nothing" : "something else");
        return 0;
}

int digest_look_at_disk(const struct digest_leg *leg, struct verify_answer *ret, struct trouble *t)
{
        enum { GRAIN = 1 << 20 }; /* the device behind the header is whole MiB */
        struct member own;
        struct md_super s;

        int fd = direct_open(leg->disk, false);
        if (fd < 0)
                return trouble_errno(t, fd, "cannot open disk \"%s\"", leg->disk);
        int r = direct_size_bytes(fd, &ret->disk_bytes);
        if (r < 0)
                r = trouble_errno(t, r, "cannot see the size of disk \"%s\"", leg->disk);
        else
                r = describe(leg, fd, ret, t);
        close(fd);
        if (r < 0)
                return r;
        ret->room_bytes = ret->disk_bytes > LEG_MEMBER_OFFSET ? (ret->disk_bytes - LEG_MEMBER_OFFSET) / GRAIN * GRAIN : 0;
        if (r == 1 && member_open(leg->disk, LEG_MEMBER_OFFSET, &own) == 0) {
                if (member_read_super(&own, &s) == 0)
                        ret->needs_bytes = (s.data_offset_sectors + s.size_sectors) * SECTOR;
                member_close(&own);
        }
        return 0;
}

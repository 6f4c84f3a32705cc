/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/leg_header.h"

#include "base/bytes.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#define HASH_OFFSET 4064u
#define HASH_BYTES 32u
#define VERSION 1u

static const uint8_t magic[8] = {'N', 'B', 'D', 'D', 'L', 'E', 'G', '1'};

static bool text_is_whole(const char *text)
{
        return memchr(text, '\0', LEG_NAME_SIZE) != NULL;
}

int leg_header_decode(const uint8_t *bytes, size_t size_bytes, struct leg_header *ret)
{
        struct breader r = breader_of(bytes, size_bytes);
        struct leg_header h = {0};
        uint8_t found[8], hash[HASH_BYTES];

        if (size_bytes < LEG_HEADER_BYTES)
                return -EBADMSG;
        breader_copy(&r, found, sizeof found);
        uint32_t version = breader_le32(&r);
        h.epochs = breader_le32(&r);
        breader_copy(&r, h.cluster, sizeof h.cluster);
        breader_copy(&r, h.mirror, sizeof h.mirror);
        breader_copy(&r, h.uuid.bytes, sizeof h.uuid.bytes);
        h.sequence = breader_le64(&r);
        (void)breader_take(&r, 24);
        for (unsigned i = 0; i < LEG_HISTORY_MAX; i++)
                h.epoch[i] = breader_le64(&r);
        if (memcmp(found, magic, sizeof magic) != 0 ||
            gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, HASH_OFFSET, hash) < 0 ||
            memcmp(hash, bytes + HASH_OFFSET, sizeof hash) != 0)
                return -EBADMSG;
        if (version != VERSION)
                return -EPROTO;
        if (r.bad || h.epochs > LEG_HISTORY_MAX || h.sequence == 0 || !text_is_whole(h.cluster) ||
            !text_is_whole(h.mirror) || uuid_is_null(&h.uuid))
                return -EBADMSG;
        *ret = h;
        return 0;
}

int leg_header_encode(const struct leg_header *h, uint8_t *ret)
{
        struct bwriter w = bwriter_of(ret, LEG_HEADER_BYTES);

        memset(ret, 0, LEG_HEADER_BYTES);
        bwriter_copy(&w, magic, sizeof magic);
        bwriter_le32(&w, VERSION);
        bwriter_le32(&w, h->epochs);
        bwriter_copy(&w, h->cluster, sizeof h->cluster);
        bwriter_copy(&w, h->mirror, sizeof h->mirror);
        bwriter_copy(&w, h->uuid.bytes, sizeof h->uuid.bytes);
        bwriter_le64(&w, h->sequence);
        (void)bwriter_take(&w, 24);
        for (unsigned i = 0; i < LEG_HISTORY_MAX; i++)
                bwriter_le64(&w, h->epoch[i]);
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, ret, HASH_OFFSET, ret + HASH_OFFSET) < 0)
                return -EIO;
        return 0;
}

int leg_header_choose(const uint8_t *a, const uint8_t *b, struct leg_header *ret, int *ret_copy)
{
        struct leg_header h[2];
        int r[2] = {leg_header_decode(a, LEG_HEADER_BYTES, &h[0]), leg_header_decode(b, LEG_HEADER_BYTES, &h[1])};

        if (r[0] == -EPROTO || r[1] == -EPROTO)
                return -EPROTO;
        if (r[0] < 0 && r[1] < 0)
                return -EBADMSG;
        int copy = r[0] < 0 ? 1 : r[1] < 0 ? 0 : h[1].sequence > h[0].sequence;
        *ret = h[copy];
        *ret_copy = copy;
        return 0;
}

int leg_header_add_epoch(struct leg_header *h, uint64_t epoch)
{
        uint64_t last = leg_header_last_epoch(h);

        if (epoch < last)
                return -ESTALE;
        if (epoch == last)
                return 0;
        if (h->epochs == LEG_HISTORY_MAX) {
                memmove(h->epoch, h->epoch + 1, (LEG_HISTORY_MAX - 1) * sizeof h->epoch[0]);
                h->epochs--;
        }
        h->epoch[h->epochs++] = epoch;
        return 0;
}

uint64_t leg_header_last_epoch(const struct leg_header *h)
{
        return h->epochs ? h->epoch[h->epochs - 1] : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/md_super.h"

#include "base/bytes.h"

#include <errno.h>

#define MAGIC 0xa92b4efcu
#define FIXED_BYTES 256u /* before the role table */

/* Places of the fields that are written. */
enum {
        AT_FEATURE_MAP = 8,
        AT_SIZE = 80,
        AT_DATA_OFFSET = 128,
        AT_DATA_SIZE = 136,
        AT_RECOVERY_OFFSET = 152,
        AT_DEV_NUMBER = 160,
        AT_DEVICE_UUID = 168,
        AT_DEVFLAGS = 184,
        AT_BBLOG = 185, /* shift 1, size 2, offset 4: to 191 */
        AT_CHECKSUM = 216,
        AT_MAX_DEV = 220,
};

static uint32_t get32(const uint8_t *at)
{
        struct breader r = breader_of(at, 4);
        return breader_le32(&r);
}

static uint64_t get64(const uint8_t *at)
{
        struct breader r = breader_of(at, 8);
        return breader_le64(&r);
}

static uint16_t get16(const uint8_t *at)
{
        struct breader r = breader_of(at, 2);
        return breader_le16(&r);
}

static void put32(uint8_t *at, uint32_t v)
{
        struct bwriter w = bwriter_of(at, 4);
        bwriter_le32(&w, v);
}

static void put64(uint8_t *at, uint64_t v)
{
        struct bwriter w = bwriter_of(at, 8);
        bwriter_le64(&w, v);
}

static void put16(uint8_t *at, uint16_t v)
{
        struct bwriter w = bwriter_of(at, 2);
        bwriter_le16(&w, v);
}

/* The kernel's calc_sb_1_csum(): the sum of all 32-bit words with the checksum's own place taken as 0, folded once. */
static uint32_t checksum(const uint8_t *bytes, uint32_t max_dev)
{
        size_t size = FIXED_BYTES + 2u * max_dev, i;
        uint64_t sum = 0;

        for (i = 0; i + 4 <= size; i += 4)
                if (i != AT_CHECKSUM)
                        sum += get32(bytes + i);
        if (i + 2 == size)
                sum += get16(bytes + i);
        return (uint32_t)(sum & 0xffffffff) + (uint32_t)(sum >> 32);
}

static bool is_whole(const uint8_t *bytes, size_t size_bytes)
{
        if (size_bytes < FIXED_BYTES || get32(bytes) != MAGIC)
                return false;
        uint32_t max_dev = get32(bytes + AT_MAX_DEV);
        return max_dev <= MD_SUPER_DEVICES_MAX && FIXED_BYTES + 2u * max_dev <= size_bytes &&
               checksum(bytes, max_dev) == get32(bytes + AT_CHECKSUM);
}

int md_super_decode(const uint8_t *bytes, size_t size_bytes, struct md_super *ret)
{
        struct md_super s = {0};

        if (!is_whole(bytes, size_bytes))
                return -EBADMSG;
        struct breader r = breader_of(bytes, size_bytes);
        (void)breader_take(&r, 4);
        uint32_t major = breader_le32(&r);
        s.feature_map = breader_le32(&r);
        (void)breader_take(&r, 4);
        breader_copy(&r, s.array.bytes, sizeof s.array.bytes);
        (void)breader_take(&r, 32 + 8); /* set name, creation time */
        s.level = breader_le32(&r);
        (void)breader_take(&r, 4); /* layout */
        s.size_sectors = breader_le64(&r);
        (void)breader_take(&r, 4); /* chunk size */
        s.raid_disks = breader_le32(&r);
        s.bitmap_offset_sectors = (int32_t)breader_le32(&r);
        (void)breader_take(&r, 4 + 8 + 4 + 4 + 4 + 4); /* reshape */
        s.data_offset_sectors = breader_le64(&r);
        s.data_size_sectors = breader_le64(&r);
        s.super_offset_sectors = breader_le64(&r);
        s.recovery_offset_sectors = breader_le64(&r);
        s.dev_number = breader_le32(&r);
        (void)breader_take(&r, 4); /* corrected reads */
        breader_copy(&r, s.device.bytes, sizeof s.device.bytes);
        s.write_mostly = breader_u8(&r) & 1;
        (void)breader_take(&r, 1 + 2 + 4); /* bad-block log */
        s.updated_s = breader_le64(&r) & 0xffffffffffull; /* above: microseconds */
        s.events = breader_le64(&r);
        s.resync_offset_sectors = breader_le64(&r);
        (void)breader_take(&r, 4); /* checksum */
        s.max_dev = breader_le32(&r);
        if (r.bad)
                return -EBADMSG;
        if (major != 1 || s.level != 1 || s.raid_disks != 2 || s.super_offset_sectors != MD_SUPER_OFFSET / 512 ||
            (s.feature_map & (MD_FEATURE_RESHAPE_ACTIVE | MD_FEATURE_REPLACEMENT)))
                return -EPROTO;
        s.role = MD_ROLE_FAULTY;
        for (uint32_t i = 0; i < s.max_dev; i++) {
                uint16_t role = get16(bytes + FIXED_BYTES + 2 * i);
                if (role < 2)
                        s.slot_present[role] = true;
                if (i == s.dev_number)
                        s.role = role;
        }
        *ret = s;
        return 0;
}

bool md_super_is_in_sync(const struct md_super *s)
{
        return s->role < s->raid_disks && !(s->feature_map & MD_FEATURE_RECOVERY_OFFSET);
}

bool md_super_calls_peer_failed(const struct md_super *s, unsigned own_slot)
{
        return s->role == own_slot && !s->slot_present[own_slot ^ 1];
}

int md_super_make_other(uint8_t *bytes, size_t size_bytes, uint32_t dev_number, uint16_t role, const struct uuid *device,
                        uint64_t member_sectors)
{
        if (!is_whole(bytes, size_bytes))
                return -EBADMSG;
        uint32_t max_dev = get32(bytes + AT_MAX_DEV);
        uint64_t data_offset = get64(bytes + AT_DATA_OFFSET);
        if (dev_number >= max_dev || member_sectors < data_offset ||
            member_sectors - data_offset < get64(bytes + AT_SIZE))
                return -ENOSPC;
        uint8_t *roles = bytes + FIXED_BYTES;
        if (get16(roles + 2 * dev_number) < 2)
                return -ENOSPC; /* that number is a live member's */
        for (uint32_t i = 0; role != MD_ROLE_SPARE && i < max_dev; i++)
                if (get16(roles + 2 * i) == role)
                        return -EEXIST;
        put16(roles + 2 * dev_number, role);
        put32(bytes + AT_FEATURE_MAP, get32(bytes + AT_FEATURE_MAP) & MD_FEATURE_BITMAP);
        put64(bytes + AT_DATA_SIZE, member_sectors - data_offset);
        put64(bytes + AT_RECOVERY_OFFSET, 0);
        put32(bytes + AT_DEV_NUMBER, dev_number);
        memcpy(bytes + AT_DEVICE_UUID, device->bytes, sizeof device->bytes);
        bytes[AT_DEVFLAGS] = 0;
        memset(bytes + AT_BBLOG, 0, 7);
        put32(bytes + AT_CHECKSUM, checksum(bytes, max_dev));
        return 0;
}

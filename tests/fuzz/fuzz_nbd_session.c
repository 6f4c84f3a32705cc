/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole NBD session from the client's bytes: handshake, options, transmission, in pieces of any size. Whatever comes, the session takes no more
 * than it was given, makes progress, and lets only requests through that lie inside the export and were offered. Run by `make fuzz` and by
 * the unit tests. Input: byte 0 chooses the export, byte 1 the size of the pieces, the rest is the stream.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/session.h"
#include "wire/export_name.h"

#define BUFFER_BYTES (SESSION_INPUT_MIN + 4096)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nbd_export_info export_of(uint8_t choice)
{
        static const uint32_t blocks[] = {1, 512, 4096, 1};
        return (struct nbd_export_info){
            .size_bytes = choice & 4 ? UINT64_MAX & ~4095ull : 1u << 20,
            .transmission_flags = (uint16_t)(NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA |
                                             (choice & 8 ? NBD_TFLAG_READ_ONLY : NBD_TFLAG_SEND_WRITE_ZEROES) |
                                             (choice & 16 ? NBD_TFLAG_SEND_TRIM : 0) |
                                             (choice & 32 ? NBD_TFLAG_SEND_CACHE | NBD_TFLAG_SEND_FAST_ZERO : 0)),
            .block_minimum_bytes = blocks[choice & 3],
            .block_preferred_bytes = 4096,
            .block_maximum_bytes = NBD_PAYLOAD_MAX,
        };
}

static void check_request(const struct session *s, const struct nbd_request *q, const struct nbd_export_info *info)
{
        uint64_t end;
        bool changes = q->command == NBD_COMMAND_WRITE || q->command == NBD_COMMAND_TRIM || q->command == NBD_COMMAND_WRITE_ZEROES;

        assert(!__builtin_add_overflow(q->offset_bytes, q->length_bytes, &end) && end <= info->size_bytes);
        assert(((q->offset_bytes | q->length_bytes) & (info->block_minimum_bytes - 1)) == 0);
        assert(q->command <= NBD_COMMAND_BLOCK_STATUS && q->command != NBD_COMMAND_DISC);
        assert(q->command != NBD_COMMAND_BLOCK_STATUS || (s->block_status && s->structured_replies && q->length_bytes));
        assert(q->command != NBD_COMMAND_CACHE || (info->transmission_flags & NBD_TFLAG_SEND_CACHE));
        assert(!(q->flags & NBD_CMDFLAG_DF) || (s->structured_replies && q->command == NBD_COMMAND_READ));
        assert(!changes || !(info->transmission_flags & NBD_TFLAG_READ_ONLY));
        assert(q->command != NBD_COMMAND_TRIM || (info->transmission_flags & NBD_TFLAG_SEND_TRIM));
        assert((q->command != NBD_COMMAND_READ && q->command != NBD_COMMAND_WRITE) || q->length_bytes <= NBD_PAYLOAD_MAX);
}

/* Answers what the session asks. Returns false when the session is over. */
static bool perform(struct session *s, const struct session_event *event, const struct nbd_export_info *info, size_t *payload)
{
        struct export_name name;
        char reason[256];

        switch (event->type) {
        case SESSION_INFO:
        case SESSION_ATTACH:
                if (export_name_parse(event->name, event->name_bytes, &name, reason, sizeof reason) < 0)
                        session_refused(s, NBD_REP_ERR_UNKNOWN, reason);
                else if (event->type == SESSION_INFO)
                        session_described(s, info);
                else
                        session_attached(s, info);
                break;
        case SESSION_LIST:
                session_list_entry(s, "0x12345678", "a disk");
                session_list_end(s);
                break;
        case SESSION_STARTTLS:
                assert(s->tls >= SESSION_TLS_OFFERED && !s->secure);
                session_secured(s);
                assert(!s->structured_replies && !s->context_export);
                break;
        case SESSION_REQUEST:
                assert(s->secure || s->tls != SESSION_TLS_REQUIRED);
                check_request(s, &event->request, info);
                *payload = event->request.command == NBD_COMMAND_WRITE ? event->request.length_bytes : 0;
                break;
        case SESSION_REJECT:
                assert(event->error != NBD_ERROR_OK && event->reason);
                break;
        case SESSION_DISCONNECT:
                return false;
        case SESSION_DROP:
                assert(event->reason);
                return false;
        case SESSION_MORE:
                break;
        }
        return true;
}

/* Everything that the session can do with the buffer; what is left moves to its front. Returns how much that is. */
static size_t consume(struct session *s, uint8_t *buffer, size_t used, const struct nbd_export_info *info, size_t *payload, bool *alive)
{
        size_t start = 0;
        struct session_event event = {.type = SESSION_REQUEST};

        while (*alive && event.type != SESSION_MORE) {
                size_t n = *payload < used - start ? *payload : used - start;
                *payload -= n;
                start += n;
                if (*payload)
                        break;
                size_t taken = session_input(s, buffer + start, used - start, &event);
                assert(taken <= used - start);
                start += taken;
                *alive = perform(s, &event, info, payload);
        }
        memmove(buffer, buffer + start, used - start);
        return used - start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t buffer[BUFFER_BYTES];
        struct session s;
        size_t used = 0, payload = 0, at = 2;
        bool alive = true;

        if (size < 2)
                return 0;
        const struct nbd_export_info info = export_of(data[0]);
        size_t piece = data[1] ? data[1] : BUFFER_BYTES;
        session_init(&s);
        s.tls = data[1] == 0xfe ? SESSION_TLS_OFFERED : data[1] == 0xfd ? SESSION_TLS_REQUIRED : SESSION_TLS_NONE;
        while (alive && at < size) {
                size_t n = size - at;
                if (n > piece)
                        n = piece;
                if (n > BUFFER_BYTES - used)
                        n = BUFFER_BYTES - used;
                assert(n > 0); /* a full buffer always holds a whole message */
                memcpy(buffer + used, data + at, n);
                used += n;
                at += n;
                used = consume(&s, buffer, used, &info, &payload, &alive);
                size_t bytes;
                free(session_take_output(&s, &bytes));
                assert(bytes <= SESSION_OUTPUT_MAX);
                alive = alive && s.phase != SESSION_PHASE_CLOSED;
        }
        session_release(&s);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transmission side of a session and what both sides share; option haggling is in session_options.c.
 *
 * Rules that servers often miss are marked with the clause of doc/proto.md.
 */
#include "nbdd/session_internal.h"

#include <stdlib.h>
#include <string.h>

void session_init(struct session *s)
{
        uint8_t greeting[NBD_GREETING_BYTES];
        struct bwriter w = bwriter_of(greeting, sizeof greeting);

        *s = (struct session){.phase = SESSION_PHASE_CLIENT_FLAGS};
        nbd_greeting_encode(&w, NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES);
        session_write(s, greeting, sizeof greeting);
}

void session_release(struct session *s)
{
        free(s->output);
        s->output = NULL;
        s->output_bytes = s->output_size = 0;
        free(s->context_export);
        s->context_export = NULL;
}

void session_write(struct session *s, const void *data, size_t size_bytes)
{
        if (s->out_of_memory || size_bytes > SESSION_OUTPUT_MAX - s->output_bytes) {
                s->out_of_memory = true;
                return;
        }
        if (s->output_bytes + size_bytes > s->output_size) {
                size_t size = s->output_size ? s->output_size * 2 : 512;
                while (size < s->output_bytes + size_bytes)
                        size *= 2;
                uint8_t *bigger = realloc(s->output, size);
                if (!bigger) {
                        s->out_of_memory = true;
                        return;
                }
                s->output = bigger;
                s->output_size = size;
        }
        memcpy(s->output + s->output_bytes, data, size_bytes);
        s->output_bytes += size_bytes;
}

uint8_t *session_take_output(struct session *s, size_t *ret_bytes)
{
        uint8_t *output = s->output_bytes ? s->output : NULL;
        *ret_bytes = s->output_bytes;
        if (!output)
                free(s->output);
        s->output = NULL;
        s->output_bytes = s->output_size = 0;
        return output;
}

size_t session_drop(struct session *s, struct session_event *ret, const char *reason)
{
        s->phase = SESSION_PHASE_CLOSED;
        *ret = (struct session_event){.type = SESSION_DROP, .reason = reason};
        return 0;
}

/* Command flags that a request may carry: "Request types", each command's own text. */
static uint16_t flags_allowed(const struct session *s, uint16_t command)
{
        uint16_t allowed = 0;
#ifdef MUTANT_flags_not_checked
        allowed = 0xffff;
#endif
        if (s->info.transmission_flags & NBD_TFLAG_SEND_FUA)
                allowed |= NBD_CMDFLAG_FUA; /* valid for all commands once advertised, meaningful for those that change data */
        if (command == NBD_COMMAND_READ && (s->info.transmission_flags & NBD_TFLAG_SEND_DF))
                allowed |= NBD_CMDFLAG_DF;
        if (command == NBD_COMMAND_BLOCK_STATUS)
                allowed |= NBD_CMDFLAG_REQ_ONE;
        if (command == NBD_COMMAND_WRITE_ZEROES) {
                allowed |= NBD_CMDFLAG_NO_HOLE;
                if (s->info.transmission_flags & NBD_TFLAG_SEND_FAST_ZERO)
                        allowed |= NBD_CMDFLAG_FAST_ZERO;
        }
        return allowed;
}

/* The transmission flag that must have been advertised for a command; 0: none; -1: a command that was not negotiated. */
static int flag_needed(const struct session *s, uint16_t command)
{
        switch (command) {
        case NBD_COMMAND_READ:
        case NBD_COMMAND_WRITE:
                return 0;
        case NBD_COMMAND_FLUSH:
                return (int)NBD_TFLAG_SEND_FLUSH;
        case NBD_COMMAND_TRIM:
                return (int)NBD_TFLAG_SEND_TRIM;
        case NBD_COMMAND_WRITE_ZEROES:
                return (int)NBD_TFLAG_SEND_WRITE_ZEROES;
        case NBD_COMMAND_CACHE:
                return (int)NBD_TFLAG_SEND_CACHE;
        case NBD_COMMAND_BLOCK_STATUS: /* offered by no flag but by a selected context */
                return s->block_status ? 0 : -1;
        default:
                return -1;
        }
}

static bool changes_data(uint16_t command)
{
        return command == NBD_COMMAND_WRITE || command == NBD_COMMAND_TRIM || command == NBD_COMMAND_WRITE_ZEROES;
}

/* "Error values" and the text of each request type; 0 when the request may be performed. */
static uint32_t request_check(const struct session *s, const struct nbd_request *q, const char **ret_reason)
{
        const struct nbd_export_info *info = &s->info;
        int needed = flag_needed(s, q->command);

        if (changes_data(q->command) && (info->transmission_flags & NBD_TFLAG_READ_ONLY)) {
                *ret_reason = "write to a read-only export";
                return NBD_ERROR_EPERM;
        }
        if (needed < 0 || (needed && !(info->transmission_flags & needed))) {
                *ret_reason = "a command that was not offered";
                return NBD_ERROR_EINVAL;
        }
        if (q->flags & ~flags_allowed(s, q->command)) {
                *ret_reason = "a command flag that was not offered";
                return NBD_ERROR_EINVAL;
        }
        if (q->command == NBD_COMMAND_FLUSH) {
                *ret_reason = "a flush with an offset or a length";
                return q->offset_bytes || q->length_bytes ? NBD_ERROR_EINVAL : NBD_ERROR_OK;
        }
        if (q->offset_bytes > info->size_bytes || q->length_bytes > info->size_bytes - q->offset_bytes) {
                *ret_reason = "a request past the end of the export";
                return q->command == NBD_COMMAND_WRITE || q->command == NBD_COMMAND_WRITE_ZEROES ? NBD_ERROR_ENOSPC
                                                                                                : NBD_ERROR_EINVAL;
        }
        if (q->command == NBD_COMMAND_BLOCK_STATUS && q->length_bytes == 0) {
                *ret_reason = "a block status request without a length";
                return NBD_ERROR_EINVAL;
        }
        if (q->command == NBD_COMMAND_READ && q->length_bytes > NBD_PAYLOAD_MAX) {
                *ret_reason = "a read longer than the maximum block size";
                return NBD_ERROR_EINVAL;
        }
        if ((q->offset_bytes | q->length_bytes) & (info->block_minimum_bytes - 1)) {
                *ret_reason = "a request that is not aligned to the minimum block size";
                return NBD_ERROR_EINVAL;
        }
        return NBD_ERROR_OK;
}

static size_t input_request(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        struct breader r = breader_of(data, size_bytes);
        struct nbd_request q;

        if (size_bytes < NBD_REQUEST_BYTES)
                return 0;
        if (nbd_request_decode(&r, &q) < 0)
                return session_drop(s, ret, "a request without the request magic");
        if (q.command == NBD_COMMAND_DISC) {
                s->phase = SESSION_PHASE_CLOSED;
                ret->type = SESSION_DISCONNECT;
                return NBD_REQUEST_BYTES;
        }
        if (q.command == NBD_COMMAND_WRITE && q.length_bytes > NBD_PAYLOAD_MAX)
                return session_drop(s, ret, "a write longer than the maximum block size");

        ret->request = q;
        ret->error = request_check(s, &q, &ret->reason);
        if (ret->error == NBD_ERROR_OK) {
                ret->type = SESSION_REQUEST;
                ret->reason = NULL;
        } else {
                ret->type = SESSION_REJECT;
#ifndef MUTANT_refused_payload_parsed
                if (q.command == NBD_COMMAND_WRITE)
                        s->skip_bytes = q.length_bytes;
#endif
        }
        return NBD_REQUEST_BYTES;
}

size_t session_input(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        size_t taken = 0;

        *ret = (struct session_event){.type = SESSION_MORE};
        if (s->phase == SESSION_PHASE_CLOSED || s->phase == SESSION_PHASE_ATTACHING || s->phase == SESSION_PHASE_STARTTLS)
                return 0;
        if (s->skip_bytes) {
                taken = size_bytes < s->skip_bytes ? size_bytes : (size_t)s->skip_bytes;
                s->skip_bytes -= taken;
                if (s->skip_bytes)
                        return taken;
        }
        if (s->phase == SESSION_PHASE_TRANSMISSION)
                taken += input_request(s, data + taken, size_bytes - taken, ret);
        else
                taken += session_input_option(s, data + taken, size_bytes - taken, ret);
        if (s->out_of_memory)
                (void)session_drop(s, ret, "no memory for the handshake's answer");
        return taken;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/negotiate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void want(struct negotiate *n, enum negotiate_step step, size_t bytes)
{
        assert(bytes > 0 && bytes <= sizeof n->in);
        n->step = step;
        n->want_bytes = bytes;
        n->have_bytes = 0;
}

static void __attribute__((format(printf, 3, 4)))
finish(struct negotiate *n, enum negotiate_verdict verdict, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        /* A sentence that is too long is cut: vsnprintf never writes past its end. */
        (void)vsnprintf(n->error, sizeof n->error, format, args);
        va_end(args);
        n->verdict = verdict;
        n->want_bytes = n->have_bytes = 0;
}

/* Appends what `encode` wrote; the output buffer is larger than all that a handshake sends before it waits for an
 * answer. */
static void queue_option(struct negotiate *n, uint32_t option)
{
        struct bwriter w = bwriter_of(n->out + n->out_bytes, sizeof n->out - n->out_bytes);
        struct nbd_option_go go = {
            .name = n->name, .name_bytes = strlen(n->name), .infos = {NBD_INFO_BLOCK_SIZE}, .info_count = 1};
        switch (option) {
        case NBD_OPT_GO:
                nbd_option_go_encode(&w, option, &go);
                break;
        case NBD_OPT_EXPORT_NAME:
                nbd_option_encode(&w, option, n->name, strlen(n->name));
                break;
        default:
                nbd_option_encode(&w, option, NULL, 0);
                break;
        }
        assert(!w.bad);
        n->out_bytes += w.offset_bytes;
        n->option = option;
        n->reply_count = 0;
        if (option == NBD_OPT_EXPORT_NAME)
                want(n, STEP_EXPORT_NAME, NBD_EXPORT_NAME_REPLY_BYTES + (n->no_zeroes ? 0 : NBD_EXPORT_NAME_ZEROES));
        else
                want(n, STEP_REPLY_HEADER, NBD_OPTION_REPLY_BYTES);
}

void negotiate_start(struct negotiate *n, enum negotiate_mode mode, const struct export_name *name)
{
        memset(n, 0, sizeof *n);
        n->mode = mode;
        if (name)
                export_name_format(name, n->name);
        want(n, STEP_GREETING, NBD_GREETING_BYTES);
}

uint8_t *negotiate_room(struct negotiate *n, size_t *ret_bytes)
{
        *ret_bytes = n->want_bytes - n->have_bytes;
        return n->in + n->have_bytes;
}

const uint8_t *negotiate_output(const struct negotiate *n, size_t *ret_bytes)
{
        *ret_bytes = n->out_bytes - n->out_offset_bytes;
        return n->out + n->out_offset_bytes;
}

void negotiate_sent(struct negotiate *n, size_t bytes)
{
        assert(bytes <= n->out_bytes - n->out_offset_bytes);
        n->out_offset_bytes += bytes;
        if (n->out_offset_bytes == n->out_bytes)
                n->out_bytes = n->out_offset_bytes = 0;
}

static void take_greeting(struct negotiate *n)
{
        struct breader r = breader_of(n->in, n->have_bytes);
        uint16_t flags;
        if (nbd_greeting_decode(&r, &flags) < 0) {
                finish(
                    n, NEGOTIATE_BROKEN,
                    "what listens there is not an NBD server that speaks the newstyle handshake: check host and port");
                return;
        }
        if (!(flags & NBD_HANDSHAKE_FIXED_NEWSTYLE)) {
                finish(n, NEGOTIATE_BROKEN, "the server is too old: it does not offer the fixed newstyle handshake");
                return;
        }
        n->no_zeroes = flags & NBD_HANDSHAKE_NO_ZEROES;
        struct bwriter w = bwriter_of(n->out, sizeof n->out);
        nbd_client_flags_encode(&w, flags & (NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES));
        n->out_bytes = w.offset_bytes;
        if (n->tls)
                queue_option(n, NBD_OPT_STARTTLS);
        else
                queue_option(n, n->mode == NEGOTIATE_LIST ? NBD_OPT_LIST : NBD_OPT_GO);
}

void negotiate_secured(struct negotiate *n)
{
        assert(n->verdict == NEGOTIATE_SECURE);
        n->verdict = NEGOTIATE_GOING;
        queue_option(n, n->mode == NEGOTIATE_LIST ? NBD_OPT_LIST : NBD_OPT_GO);
}

static void take_error(struct negotiate *n)
{
        /* The server's own words, made safe for one line. */
        char said[NBDC_ERROR_SIZE / 2] = "", raw[NBDC_ERROR_SIZE / 2];
        size_t bytes = n->reply.length_bytes < sizeof raw - 1 ? n->reply.length_bytes : sizeof raw - 1;
        memcpy(raw, n->in, bytes);
        raw[bytes] = '\0';
        if (raw[0])
                text_printable(raw, said, sizeof said);
        const char *colon = said[0] ? ": " : "";
        char id[EXPORT_NAME_TEXT_SIZE];
        snprintf(id, sizeof id, "%.*s", (int)strcspn(n->name, "?"), n->name);

        if (n->option == NBD_OPT_STARTTLS) { /* whatever the reason: never on in the clear */
                finish(n, NEGOTIATE_REFUSED, "the server does not speak TLS%s%s; nothing was sent in the clear: give it keys, or leave --tls-... out",
                       colon, said);
                return;
        }
        switch (n->reply.type) {
        case NBD_REP_ERR_UNSUP:
                if (n->option == NBD_OPT_GO)
                        queue_option(n, NBD_OPT_EXPORT_NAME);
                else
                        finish(n, NEGOTIATE_REFUSED, "the server does not list its exports%s%s", colon, said);
                return;
        case NBD_REP_ERR_UNKNOWN:
                finish(n, NEGOTIATE_REFUSED,
                       "the server has no export '%s'%s%s; list what it has with nbdc --list HOST PORT", id, colon,
                       said);
                return;
        case NBD_REP_ERR_POLICY:
                finish(n, NEGOTIATE_REFUSED, "the server refuses export '%s'%s%s; see its log, and nbdd -l there", id,
                       colon, said[0] ? said : "");
                return;
        case NBD_REP_ERR_TLS_REQD:
                finish(n, NEGOTIATE_REFUSED,
                       "the server wants TLS: give --tls-psk FILE, or --tls-ca FILE with --tls-cert and --tls-key");
                return;
        case NBD_REP_ERR_BLOCK_SIZE_REQD:
                finish(n, NEGOTIATE_REFUSED, "the server insists on a block size for export '%s'%s%s", id, colon, said);
                return;
        case NBD_REP_ERR_SHUTDOWN:
                finish(n, NEGOTIATE_LATER, "the server is shutting down%s%s", colon, said);
                return;
        default:
                finish(n, NEGOTIATE_REFUSED, "the server answers '%s'%s%s; see its log",
                       nbd_option_error_text(n->reply.type), colon, said);
                return;
        }
}

/* What GO promised is complete and makes sense for a disk. */
static void check_export(struct negotiate *n)
{
        if (!n->info.has_export)
                finish(n, NEGOTIATE_BROKEN, "the server accepted the export without telling its size");
        else if (!(n->info.transmission_flags & NBD_TFLAG_HAS_FLAGS))
                finish(n, NEGOTIATE_BROKEN, "the server sent no transmission flags");
        else if (n->info.size_bytes == 0 || n->info.size_bytes > INT64_MAX)
                finish(n, NEGOTIATE_REFUSED, "the export has an impossible size of %llu bytes",
                       (unsigned long long)n->info.size_bytes);
        else
                finish(n, NEGOTIATE_DONE, "%s", "");
}

static void take_reply(struct negotiate *n)
{
        const char *name;
        size_t name_bytes;
        unsigned max = n->option == NBD_OPT_LIST ? NEGOTIATE_LIST_MAX : NEGOTIATE_REPLIES_MAX;
        if (++n->reply_count > max) {
                finish(n, NEGOTIATE_BROKEN, "the server sends more than %u replies to one option", max);
                return;
        }
        if (n->reply.type & NBD_REP_FLAG_ERROR) {
                take_error(n);
                return;
        }
        if (n->reply.type == NBD_REP_ACK && n->option == NBD_OPT_STARTTLS) {
                finish(n, NEGOTIATE_SECURE, "%s", "");
                return;
        }
        if (n->reply.type == NBD_REP_ACK) {
                if (n->option == NBD_OPT_LIST)
                        finish(n, NEGOTIATE_DONE, "%s", "");
                else
                        check_export(n);
                return;
        }
        if (n->option == NBD_OPT_GO && n->reply.type == NBD_REP_INFO) {
                if (nbd_info_decode(n->in, n->reply.length_bytes, &n->info) < 0) {
                        finish(n, NEGOTIATE_BROKEN, "the server describes the export in a malformed message");
                        return;
                }
        } else if (n->option == NBD_OPT_LIST && n->reply.type == NBD_REP_SERVER) {
                if (nbd_rep_server_decode(n->in, n->reply.length_bytes, &name, &name_bytes) < 0) {
                        finish(n, NEGOTIATE_BROKEN, "the server lists an export in a malformed message");
                        return;
                }
                if (n->on_export)
                        n->on_export(n->userdata, name, name_bytes);
        }
        want(n, STEP_REPLY_HEADER, NBD_OPTION_REPLY_BYTES);
}

static void take_reply_header(struct negotiate *n)
{
        struct breader r = breader_of(n->in, n->have_bytes);
        if (nbd_option_reply_header_decode(&r, &n->reply) < 0 || n->reply.option != n->option) {
                finish(n, NEGOTIATE_BROKEN, "the server answers out of turn: it does not speak the NBD handshake");
                return;
        }
        if (n->reply.length_bytes > sizeof n->in) {
                finish(n, NEGOTIATE_BROKEN, "the server sends an option reply of %u bytes; at most %zu are taken",
                       n->reply.length_bytes, sizeof n->in);
                return;
        }
        if (n->reply.length_bytes > 0)
                want(n, STEP_REPLY_DATA, n->reply.length_bytes);
        else
                take_reply(n);
}

static void take_export_name(struct negotiate *n)
{
        struct breader r = breader_of(n->in, n->have_bytes);
        n->info.size_bytes = breader_be64(&r);
        n->info.transmission_flags = breader_be16(&r);
        n->info.has_export = true;
        check_export(n);
}

void negotiate_received(struct negotiate *n, size_t bytes)
{
        assert(bytes <= n->want_bytes - n->have_bytes);
        n->have_bytes += bytes;
        if (n->verdict != NEGOTIATE_GOING || n->have_bytes < n->want_bytes)
                return;
        switch (n->step) {
        case STEP_GREETING:
                take_greeting(n);
                return;
        case STEP_REPLY_HEADER:
                take_reply_header(n);
                return;
        case STEP_REPLY_DATA:
                take_reply(n);
                return;
        case STEP_EXPORT_NAME:
                take_export_name(n);
                return;
        }
}

void negotiate_closed(struct negotiate *n)
{
        if (n->verdict != NEGOTIATE_GOING)
                return;
        if (n->step == STEP_EXPORT_NAME)
                finish(n, NEGOTIATE_REFUSED,
                       "the server has no export '%s' (it closed the connection); list what it has with nbdc --list "
                       "HOST PORT",
                       n->name);
        else if (n->step == STEP_GREETING && n->have_bytes == 0)
                finish(n, NEGOTIATE_LATER,
                       "the server closed the connection before it said anything; it may be full or going down");
        else
                finish(n, NEGOTIATE_LATER,
                       "the server closed the connection in the middle of the handshake; see its log");
}

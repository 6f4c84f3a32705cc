/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Option haggling: "Newstyle negotiation" and "Option types" of doc/proto.md.
 *
 * INFO and GO share one path, so that they must agree ("NBD_OPT_INFO"). Options that this server does not offer (EXTENDED_HEADERS, and
 * STARTTLS without keys) get ERR_UNSUP, which every client takes as "go on without".
 */
#include "nbdd/session_internal.h"

#include <stdlib.h>
#include <string.h>

#define REPLY_MAX (NBD_OPTION_REPLY_BYTES + 4 + NBD_STRING_MAX)

static void reply(struct session *s, uint32_t type, const void *data, size_t size_bytes)
{
        uint8_t buffer[REPLY_MAX];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);

        nbd_option_reply_encode(&w, s->option, type, data, size_bytes);
        if (w.bad)
                s->out_of_memory = true;
        else
                session_write(s, buffer, w.offset_bytes);
}

static void reply_text(struct session *s, uint32_t type, const char *text)
{
        size_t n = text ? strlen(text) : 0;
        reply(s, type, text, n > NBD_STRING_MAX ? NBD_STRING_MAX : n);
}

/* "Transmission flags": SEND_DF goes with structured replies, not with the export. */
static struct nbd_export_info as_negotiated(const struct session *s, const struct nbd_export_info *export)
{
        struct nbd_export_info info = *export;
        if (s->structured_replies)
                info.transmission_flags |= NBD_TFLAG_SEND_DF;
        return info;
}

static void send_info(struct session *s, const struct nbd_export_info *export)
{
        uint8_t buffer[REPLY_MAX];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        const struct nbd_export_info info = as_negotiated(s, export);

        nbd_info_export_encode(&w, s->option, &info);
        if (s->wants_block_size)
                nbd_info_block_size_encode(&w, s->option, &info);
        if (s->wants_name && info.name[0])
                nbd_info_name_encode(&w, s->option, info.name, strlen(info.name));
        if (s->wants_description && info.description[0])
                nbd_info_description_encode(&w, s->option, info.description);
        session_write(s, buffer, w.offset_bytes);
        reply(s, NBD_REP_ACK, NULL, 0);
}

/* "Metadata contexts": the id is 0 where it means nothing. */
static void send_contexts(struct session *s)
{
        if (s->meta_matched) {
                uint8_t buffer[REPLY_MAX];
                struct bwriter w = bwriter_of(buffer, sizeof buffer);
                nbd_rep_meta_context_encode(&w, s->option, s->option == NBD_OPT_SET_META_CONTEXT ? SESSION_CONTEXT_ALLOCATION : 0,
                                            NBD_CONTEXT_ALLOCATION);
                session_write(s, buffer, w.offset_bytes);
        }
        reply(s, NBD_REP_ACK, NULL, 0);
}

void session_described(struct session *s, const struct nbd_export_info *info)
{
        s->phase = SESSION_PHASE_OPTIONS;
        if (s->option == NBD_OPT_INFO)
                send_info(s, info);
        else
                send_contexts(s);
}

static void forget_context(struct session *s)
{
        free(s->context_export);
        s->context_export = NULL;
        s->context_export_bytes = 0;
}

void session_attached(struct session *s, const struct nbd_export_info *info)
{
        s->info = as_negotiated(s, info);
        forget_context(s);
        if (s->option == NBD_OPT_EXPORT_NAME) {
                uint8_t buffer[NBD_EXPORT_NAME_REPLY_BYTES + NBD_EXPORT_NAME_ZEROES];
                struct bwriter w = bwriter_of(buffer, sizeof buffer);
                /* NO_ZEROES concerns this option only. */
                nbd_export_name_reply_encode(&w, &s->info, s->client_flags & NBD_HANDSHAKE_NO_ZEROES);
                session_write(s, buffer, w.offset_bytes);
        } else {
                send_info(s, info);
        }
        s->phase = SESSION_PHASE_TRANSMISSION;
}

void session_refused(struct session *s, uint32_t rep_error, const char *text)
{
        if (s->option == NBD_OPT_EXPORT_NAME) {
                s->phase = SESSION_PHASE_CLOSED;
                return;
        }
        if (s->option == NBD_OPT_SET_META_CONTEXT)
                forget_context(s);
        reply_text(s, rep_error, text);
        s->phase = SESSION_PHASE_OPTIONS;
}

void session_list_entry(struct session *s, const char *name, const char *description)
{
        uint8_t buffer[REPLY_MAX];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);

        nbd_rep_server_encode(&w, name, strlen(name), description);
        session_write(s, buffer, w.offset_bytes);
}

void session_list_end(struct session *s)
{
        reply(s, NBD_REP_ACK, NULL, 0);
}

void session_list_refused(struct session *s, const char *text)
{
        reply_text(s, NBD_REP_ERR_POLICY, text);
}

/* "NBD_OPT_SET_META_CONTEXT": a selection holds for the export that it named, and for no other. */
static void want_attach(struct session *s, const char *name, size_t name_bytes, struct session_event *ret)
{
        s->block_status = s->context_export && s->context_export_bytes == name_bytes &&
                          memcmp(s->context_export, name, name_bytes) == 0;
        ret->name = name;
        ret->name_bytes = name_bytes;
        ret->type = SESSION_ATTACH;
        s->phase = SESSION_PHASE_ATTACHING;
}

/* "Metadata querying": "base:" is a wildcard in LIST only; other namespaces, and what has none, are ignored. */
static bool query_matches(uint32_t option, const char *query, size_t query_bytes)
{
        static const char wildcard[] = "base:";
        if (query_bytes == sizeof NBD_CONTEXT_ALLOCATION - 1 && memcmp(query, NBD_CONTEXT_ALLOCATION, query_bytes) == 0)
                return true;
        return option == NBD_OPT_LIST_META_CONTEXT && query_bytes == sizeof wildcard - 1 && memcmp(query, wildcard, query_bytes) == 0;
}

static void meta_option(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        struct nbd_option_meta meta;
        const char *query;
        size_t query_bytes;

        if (s->option == NBD_OPT_SET_META_CONTEXT)
                forget_context(s); /* it replaces the selection even when it fails */
        if (!s->structured_replies) {
                reply_text(s, NBD_REP_ERR_INVALID, "meta contexts need structured replies first");
                return;
        }
        if (nbd_option_meta_decode(data, size_bytes, &meta) < 0) {
                reply_text(s, NBD_REP_ERR_INVALID, "the option's lengths do not add up");
                return;
        }
        /* Without queries LIST means all, SET none. */
        s->meta_matched = meta.query_count == 0 && s->option == NBD_OPT_LIST_META_CONTEXT;
        while (nbd_option_meta_next(&meta, &query, &query_bytes))
                s->meta_matched |= query_matches(s->option, query, query_bytes);
        if (s->meta_matched && s->option == NBD_OPT_SET_META_CONTEXT) {
                s->context_export = malloc(meta.name_bytes + 1);
                if (!s->context_export) {
                        s->out_of_memory = true;
                        return;
                }
                memcpy(s->context_export, meta.name, meta.name_bytes);
                s->context_export_bytes = meta.name_bytes;
        }
        ret->name = meta.name;
        ret->name_bytes = meta.name_bytes;
        ret->type = SESSION_INFO;
        s->phase = SESSION_PHASE_ATTACHING;
}

static void go_option(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        struct nbd_option_go go;

        if (nbd_option_go_decode(data, size_bytes, &go) < 0) {
                reply_text(s, NBD_REP_ERR_INVALID, "the option's lengths do not add up");
                return;
        }
        s->wants_block_size = s->wants_name = s->wants_description = false;
        for (size_t i = 0; i < go.info_count; i++) {
                s->wants_block_size |= go.infos[i] == NBD_INFO_BLOCK_SIZE;
                s->wants_name |= go.infos[i] == NBD_INFO_NAME;
                s->wants_description |= go.infos[i] == NBD_INFO_DESCRIPTION;
        }
        if (s->option == NBD_OPT_GO) {
                want_attach(s, go.name, go.name_bytes, ret);
                return;
        }
        ret->name = go.name;
        ret->name_bytes = go.name_bytes;
        ret->type = SESSION_INFO;
        s->phase = SESSION_PHASE_ATTACHING;
}

/* "NBD_OPT_STARTTLS" */
static void starttls_option(struct session *s, size_t size_bytes, struct session_event *ret)
{
        if (size_bytes)
                reply_text(s, NBD_REP_ERR_INVALID, "STARTTLS has no data");
        else if (s->secure)
                reply_text(s, NBD_REP_ERR_INVALID, "this connection has TLS already");
        else if (s->tls == SESSION_TLS_NONE)
                reply(s, NBD_REP_ERR_UNSUP, NULL, 0);
        else if (s->tls == SESSION_TLS_OFF)
                reply_text(s, NBD_REP_ERR_POLICY, "TLS is switched off on this address");
        else {
                reply(s, NBD_REP_ACK, NULL, 0);
                s->phase = SESSION_PHASE_STARTTLS;
                ret->type = SESSION_STARTTLS;
        }
}

void session_secured(struct session *s)
{
#ifndef MUTANT_options_survive_starttls
        s->structured_replies = s->block_status = s->wants_block_size = s->meta_matched = false;
        forget_context(s);
#endif
        s->secure = true;
        s->phase = SESSION_PHASE_OPTIONS;
}

/* "FORCEDTLS": before TLS there are two options only. */
static bool wants_tls_first(const struct session *s)
{
#ifdef MUTANT_tls_not_forced
        return false;
#endif
        return s->tls == SESSION_TLS_REQUIRED && !s->secure && s->option != NBD_OPT_STARTTLS && s->option != NBD_OPT_ABORT;
}

/* One whole option; `size_bytes` of data are there. */
static void one_option(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        switch (s->option) {
        case NBD_OPT_EXPORT_NAME:
                want_attach(s, (const char *)data, size_bytes, ret);
                break;
        case NBD_OPT_STARTTLS:
                starttls_option(s, size_bytes, ret);
                break;
        case NBD_OPT_ABORT:
                reply(s, NBD_REP_ACK, NULL, 0);
                s->phase = SESSION_PHASE_CLOSED;
                ret->type = SESSION_DISCONNECT;
                break;
        case NBD_OPT_LIST:
                if (size_bytes)
                        reply_text(s, NBD_REP_ERR_INVALID, "LIST has no data");
                else
                        ret->type = SESSION_LIST;
                break;
        case NBD_OPT_INFO:
        case NBD_OPT_GO:
                go_option(s, data, size_bytes, ret);
                break;
        case NBD_OPT_LIST_META_CONTEXT:
        case NBD_OPT_SET_META_CONTEXT:
                meta_option(s, data, size_bytes, ret);
                break;
        case NBD_OPT_STRUCTURED_REPLY:
                if (size_bytes) {
                        reply_text(s, NBD_REP_ERR_INVALID, "STRUCTURED_REPLY has no data");
                } else {
                        s->structured_replies = true;
                        reply(s, NBD_REP_ACK, NULL, 0);
                }
                break;
        default:
                reply(s, NBD_REP_ERR_UNSUP, NULL, 0);
                break;
        }
}

static size_t client_flags(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        struct breader r = breader_of(data, size_bytes);

        if (size_bytes < NBD_CLIENT_FLAGS_BYTES)
                return 0;
        (void)nbd_client_flags_decode(&r, &s->client_flags); /* the four bytes are there */
        /* "Client flags": unknown ones mean a client that we would misunderstand. */
        if (s->client_flags & ~(NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES))
                return session_drop(s, ret, "an unknown client flag");
        s->phase = SESSION_PHASE_OPTIONS;
        return NBD_CLIENT_FLAGS_BYTES;
}

size_t session_input_option(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret)
{
        size_t taken = 0;

        if (s->phase == SESSION_PHASE_OPTION_SKIP) { /* the caller has discarded the data */
                reply_text(s, NBD_REP_ERR_TOO_BIG, "the option is longer than this server takes");
                s->phase = SESSION_PHASE_OPTIONS;
        }
        if (s->phase == SESSION_PHASE_CLIENT_FLAGS) {
                taken = client_flags(s, data, size_bytes, ret);
                if (s->phase != SESSION_PHASE_OPTIONS)
                        return taken;
        }
        for (;;) {
                struct breader r = breader_of(data + taken, size_bytes - taken);
                struct nbd_option_header h;

                if (size_bytes - taken < NBD_OPTION_HEADER_BYTES)
                        return taken;
                if (nbd_option_header_decode(&r, &h) < 0) {
                        (void)session_drop(s, ret, "an option without the option magic");
                        return taken;
                }
                if (s->option_count >= SESSION_OPTIONS_MAX) {
                        (void)session_drop(s, ret, "too many options");
                        return taken;
                }
                s->option = h.option;
                if (h.length_bytes > NBD_OPTION_MAX || (h.option == NBD_OPT_EXPORT_NAME && h.length_bytes > NBD_STRING_MAX)) {
                        if (h.option == NBD_OPT_EXPORT_NAME) {
                                (void)session_drop(s, ret, "an export name longer than 4096 bytes");
                                return taken;
                        }
                        s->option_count++;
                        s->skip_bytes = h.length_bytes;
                        s->phase = SESSION_PHASE_OPTION_SKIP;
                        return taken + NBD_OPTION_HEADER_BYTES;
                }
                if (breader_left(&r) < h.length_bytes)
                        return taken;
                s->option_count++;
                if (!wants_tls_first(s))
                        one_option(s, r.data + r.offset_bytes, h.length_bytes, ret);
                else if (s->option == NBD_OPT_EXPORT_NAME) /* has no reply that says no */
                        (void)session_drop(s, ret, "a client without TLS, which is required here");
                else
                        reply_text(s, NBD_REP_ERR_TLS_REQD, "this server wants TLS: STARTTLS first");
                taken += NBD_OPTION_HEADER_BYTES + h.length_bytes;
#ifndef MUTANT_plaintext_behind_starttls
                /* Whoever put bytes behind it did not wait for the answer: they would be taken for the client's own words inside TLS. */
                if (ret->type == SESSION_STARTTLS && taken < size_bytes)
                        (void)session_drop(s, ret, "plain bytes behind STARTTLS");
#endif
                if (ret->type != SESSION_MORE)
                        return taken;
        }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/tokens.h"

#include "base/statefile.h"
#include "hamon/api/json_take.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define TOKENS_OWNER "hamon-tokens"
#define TOKEN_PREFIX "hamon_"

enum { TOKENS_VERSION = 1, SECRET_BYTES = 32, HASH_TEXT_SIZE = 65 };

struct token {
        char name[TOKEN_NAME_SIZE], hash[HASH_TEXT_SIZE];
        enum access role;
        int64_t created_s; /* since 1970 */
        uint64_t uses;     /* since the start of hamon */
};

struct tokens {
        char path[512];
        pthread_mutex_t lock;   /* guards what follows */
        pthread_mutex_t writer; /* one change at a time; taken first */
        int broken; /* the file cannot be used, and is not overwritten: nobody has a token */
        unsigned count;
        struct token at[TOKENS_MAX];
};

static const char *role_text(enum access role)
{
        return role == ACCESS_OPERATOR ? "operator" : "viewer";
}

static void hex_of(const uint8_t *bytes, size_t count, char *ret)
{
        for (size_t i = 0; i < count; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]); /* the caller has room */
}

static bool hash_of(const char *secret, char ret[HASH_TEXT_SIZE])
{
        uint8_t hash[32];
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, strlen(secret), hash) < 0)
                return false;
        hex_of(hash, sizeof hash, ret);
        return true;
}

/* -- The file ----------------------------------------------------------------------------------------------------------------------- */

static int read_one(const json_t *j, struct token *ret)
{
        struct json_take t = json_take_from(j);
        const char *name = json_take_string(&t, "name"), *role = json_take_string(&t, "role"), *hash = json_take_string(&t, "hash");
        int64_t created_s = json_take_int(&t, "created", 0, INT64_MAX);
        if (json_take_end(&t) < 0 || strlen(name) >= sizeof ret->name || strlen(hash) != HASH_TEXT_SIZE - 1)
                return -EBADMSG;
        *ret = (struct token){.role = strcmp(role, "operator") == 0 ? ACCESS_OPERATOR : ACCESS_VIEWER, .created_s = created_s};
        (void)strcpy(ret->name, name);
        (void)strcpy(ret->hash, hash);
        return 0;
}

static int load(struct tokens *t)
{
        unsigned version;
        char *text;
        size_t size, i;
        int r = statefile_read(t->path, TOKENS_OWNER, TOKENS_VERSION, &version, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        json_t *list = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL), *one;
        free(text);
        if (!json_is_array(list) || json_array_size(list) > TOKENS_MAX)
                r = -EBADMSG;
        json_array_foreach(list, i, one)
                if (r == 0)
                        r = read_one(one, &t->at[t->count++]);
        json_decref(list);
        return r;
}

static int save(const char *path, const struct token *at, unsigned count)
{
        json_t *list = json_array();
        for (unsigned i = 0; i < count; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "name", at[i].name, "role", role_text(at[i].role), "hash", at[i].hash,
                                                      "created", (json_int_t)at[i].created_s));
        char *text = json_dumps(list, JSON_COMPACT);
        int r = text ? statefile_write(path, TOKENS_OWNER, TOKENS_VERSION, text, strlen(text)) : -ENOMEM;
        free(text);
        json_decref(list);
        return r;
}

/* Durable first, then in force. The caller holds `writer`. */
static int replace(struct tokens *t, const struct token *at, unsigned count)
{
        int r = save(t->path, at, count);
        if (r < 0)
                return r;
        pthread_mutex_lock(&t->lock);
        memcpy(t->at, at, count * sizeof *at);
        t->count = count;
        pthread_mutex_unlock(&t->lock);
        return 0;
}

int tokens_open(const char *state_directory, struct tokens **ret)
{
        struct tokens *t = calloc(1, sizeof *t);
        if (!t)
                return -ENOMEM;
        pthread_mutex_init(&t->lock, NULL);
        pthread_mutex_init(&t->writer, NULL);
        int n = snprintf(t->path, sizeof t->path, "%s/tokens", state_directory);
        t->broken = n < 0 || (size_t)n >= sizeof t->path ? -ENAMETOOLONG : load(t);
        if (t->broken < 0)
                t->count = 0;
        *ret = t;
        return 0;
}

int tokens_error(const struct tokens *t)
{
        return t->broken;
}

void tokens_free(struct tokens *t)
{
        if (!t)
                return;
        pthread_mutex_destroy(&t->lock);
        pthread_mutex_destroy(&t->writer);
        free(t);
}

/* -- Use ---------------------------------------------------------------------------------------------------------------------------- */

enum access tokens_check(struct tokens *t, const char *secret, char *ret_name)
{
        char hash[HASH_TEXT_SIZE];
        enum access role = ACCESS_PUBLIC;
        if (!t || !hash_of(secret, hash))
                return ACCESS_PUBLIC;
        pthread_mutex_lock(&t->lock);
        for (unsigned i = 0; i < t->count; i++)
                if (gnutls_memcmp(t->at[i].hash, hash, HASH_TEXT_SIZE) == 0) {
                        role = t->at[i].role;
                        t->at[i].uses++;
                        memcpy(ret_name, t->at[i].name, TOKEN_NAME_SIZE);
                }
        pthread_mutex_unlock(&t->lock);
        return role;
}

int tokens_create(struct tokens *t, const char *name, enum access role, char *ret_secret)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
        uint8_t bytes[SECRET_BYTES];
        char secret[TOKEN_TEXT_SIZE] = TOKEN_PREFIX;
        struct token at[TOKENS_MAX], new = {.role = role, .created_s = (int64_t)time(NULL)};
        if (!*name || strlen(name) >= sizeof new.name || name[strspn(name, letters)] != '\0')
                return -EINVAL;
        (void)strcpy(new.name, name);
        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
                return -EIO;
        hex_of(bytes, sizeof bytes, secret + strlen(TOKEN_PREFIX));
        if (!hash_of(secret, new.hash))
                return -EIO;
        pthread_mutex_lock(&t->writer);
        unsigned count = t->count;
        int r = t->broken ? t->broken : count == TOKENS_MAX ? -ENOSPC : 0;
        for (unsigned i = 0; i < count; i++)
                if (strcmp(t->at[i].name, name) == 0)
                        r = -EEXIST;
        if (r == 0) {
                memcpy(at, t->at, sizeof at);
                at[count] = new;
                r = replace(t, at, count + 1);
        }
        pthread_mutex_unlock(&t->writer);
        if (r == 0)
                memcpy(ret_secret, secret, sizeof secret);
        explicit_bzero(secret, sizeof secret);
        explicit_bzero(bytes, sizeof bytes);
        return r;
}

int tokens_revoke(struct tokens *t, const char *name)
{
        struct token at[TOKENS_MAX];
        unsigned kept = 0;
        pthread_mutex_lock(&t->writer);
        for (unsigned i = 0; i < t->count; i++)
                if (strcmp(t->at[i].name, name) != 0)
                        at[kept++] = t->at[i];
        int r = t->broken ? t->broken : kept == t->count ? -ENOENT : replace(t, at, kept);
        pthread_mutex_unlock(&t->writer);
        return r;
}

json_t *tokens_json(struct tokens *t)
{
        json_t *list = json_array();
        pthread_mutex_lock(&t->lock);
        for (unsigned i = 0; i < t->count; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "name", t->at[i].name, "role", role_text(t->at[i].role), "created",
                                                      (json_int_t)t->at[i].created_s, "uses", (json_int_t)t->at[i].uses));
        pthread_mutex_unlock(&t->lock);
        return list;
}

/* Of names and roles: the hashes of all that is in the file. */
void tokens_revision(struct tokens *t, char ret[ETAG_SIZE])
{
        char hash[HASH_TEXT_SIZE] = "", all[TOKENS_MAX * 9 + 1] = "";
        pthread_mutex_lock(&t->lock);
        for (unsigned i = 0; i < t->count; i++)
                (void)snprintf(all + 9 * i, 10, "%.8s ", t->at[i].hash); /* fits */
        pthread_mutex_unlock(&t->lock);
        (void)hash_of(all, hash); /* "" is a revision, too: of a library that fails */
        (void)snprintf(ret, ETAG_SIZE, "t%.16s", hash); /* fits */
}
